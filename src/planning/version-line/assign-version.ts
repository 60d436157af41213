import { IsString, IsUUID, Matches, MaxLength } from 'class-validator';
import { gt, parse, type SemVer } from 'semver';
import type { VersionLineEvent } from '#libs/contracts';
import { defineCommand, refuse, type Decision, type Issued } from '#libs/event-sourcing';
import { release } from '../release/release.ts';
import { versionLine, type VersionLine } from './version-line.ts';

export class AssignVersion {
  @Matches(/^[a-z0-9][a-z0-9-]{0,62}$/, { message: 'product must be a slug: a-z, 0-9 and hyphens, at most 63 characters' }) product: string;
  @IsUUID() releaseId: string;
  @IsString() @MaxLength(100) version: string;
}

export interface AssignFacts {
  /** Product of the release; undefined where there is no such release. */
  readonly product?: string;
}

/** Versions of a product are SemVer 2.0.0, never go back and never repeat (M1.3). */
export function assignVersion(command: Issued<AssignVersion>, state: VersionLine, facts: AssignFacts): Decision<VersionLineEvent> {
  const { product, releaseId } = command;
  if (facts.product === undefined) return refuse('not-found', 'release-unknown', `There is no release ${releaseId}.`);
  if (facts.product !== product)
    return refuse('meaning', 'product-mismatch', `Release ${releaseId} is of ${facts.product}, not of ${product}.`);
  const version = parse(command.version);
  if (!version || textOf(version) !== command.version) {
    return refuse('meaning', 'not-semver', `${command.version} is no SemVer 2.0.0 version such as 2.1.0 or 2.1.0-rc.1.`);
  }
  const assigned = state.byRelease[releaseId];
  if (assigned === command.version) return [];
  if (assigned) return refuse('conflict', 'version-assigned', `Release ${releaseId} is ${assigned}; a release keeps its version.`);
  if (state.latest && !gt(version, state.latest)) {
    return refuse(
      'conflict',
      'version-goes-back',
      `${product} is at ${state.latest}; the next version must be higher than that, ${command.version} is not.`,
    );
  }
  return [{ type: 'VersionAssigned', data: { product, releaseId, scheme: 'semver', version: command.version } }];
}

/** The parser forgives spaces and a leading v; a version on record is exact. */
function textOf(version: SemVer): string {
  return version.build.length > 0 ? `${version.version}+${version.build.join('.')}` : version.version;
}

export const assignVersionCommand = defineCommand({
  type: AssignVersion,
  aggregate: versionLine,
  decide: assignVersion,
  facts: async (read, command): Promise<AssignFacts> => {
    const { product } = (await read(release, command.releaseId)).state;
    return product === undefined ? {} : { product };
  },
  governed: (command) => ({ releaseId: command.releaseId }),
});
