import { ArrayMaxSize, ArrayMinSize, ArrayUnique, IsArray, IsString, IsUUID, Matches } from 'class-validator';
import { digestText, type ArtifactEvent, type ReleaseArtifact, type ReleaseEvent } from '#libs/contracts';
import { defineCommand, refuse, type Aggregate, type Decision, type Issued, type ReadAggregate } from '#libs/event-sourcing';
import { release, type Release } from './release.ts';

export class ComposeRelease {
  @IsString()
  @Matches(/^[a-z0-9][a-z0-9-]{0,62}$/, { message: 'product must be a slug: a-z, 0-9 and hyphens, at most 63 characters' })
  product: string;
  @IsArray() @ArrayMinSize(1) @ArrayMaxSize(200) @ArrayUnique() @IsUUID(undefined, { each: true }) artifactIds: string[];
}

export class AmendRelease {
  @IsArray() @ArrayMinSize(1) @ArrayMaxSize(200) @ArrayUnique() @IsUUID(undefined, { each: true }) artifactIds: string[];
}

/** What was found in the artifacts' own streams, in the order asked. */
export interface ComposeFacts {
  readonly found: readonly { readonly artifactId: string; readonly artifact?: ReleaseArtifact; readonly authors: readonly string[] }[];
}

/** A release is composed of registered artifacts only; what it contains is their digests. */
export function composeRelease(command: Issued<ComposeRelease>, state: Release, facts: ComposeFacts): Decision<ReleaseEvent> {
  const missing = missingArtifacts(facts);
  if (missing) return missing;
  const { artifacts, authors } = composition(facts);
  if (state.product) {
    return state.product === command.product && sameArtifacts(state, artifacts)
      ? []
      : refuse('conflict', 'release-exists', 'This release was composed before. Amend it instead.');
  }
  return [{ type: 'ReleaseComposed', data: { releaseId: command.target, product: command.product, artifacts, authors } }];
}

/** An amendment changes the approved tuple: approvals given before it are voided by an event of their own. */
export function amendRelease(command: Issued<AmendRelease>, state: Release, facts: ComposeFacts): Decision<ReleaseEvent> {
  if (!state.product) return refuse('not-found', 'release-unknown', `There is no release ${command.target}.`);
  const missing = missingArtifacts(facts);
  if (missing) return missing;
  const { artifacts, authors } = composition(facts);
  if (sameArtifacts(state, artifacts)) return [];
  return [{ type: 'ReleaseAmended', data: { releaseId: command.target, artifacts, authors } }];
}

function missingArtifacts(facts: ComposeFacts): ReturnType<typeof refuse> | undefined {
  const missing = facts.found.filter((f) => !f.artifact).map((f) => f.artifactId);
  if (missing.length === 0) return undefined;
  return refuse('meaning', 'artifact-unknown', `Not registered: ${missing.join(', ')}.`, [
    { code: 'artifact-unknown', detail: 'A release contains registered artifacts only.', unblockedBy: 'Register the artifacts first.' },
  ]);
}

function composition(facts: ComposeFacts): { artifacts: readonly ReleaseArtifact[]; authors: readonly string[] } {
  return {
    artifacts: facts.found.flatMap((f) => (f.artifact ? [f.artifact] : [])),
    authors: [...new Set(facts.found.flatMap((f) => f.authors))].sort(),
  };
}

function sameArtifacts(state: Release, artifacts: readonly ReleaseArtifact[]): boolean {
  const digests = (list: readonly ReleaseArtifact[]): string =>
    list
      .map((a) => a.digest)
      .sort()
      .join();
  return digests(state.artifacts) === digests(artifacts);
}

/** What planning needs to know of another area's artifact, from the artifact's own stream. */
const registeredArtifact: Aggregate<{ readonly artifact?: ReleaseArtifact; readonly authors: readonly string[] }, ArtifactEvent> = {
  category: 'artifact',
  initial: { authors: [] },
  evolve: (state, { type, data }) =>
    type === 'ArtifactAuthorsAdded'
      ? { ...state, authors: [...state.authors, ...data.authors] }
      : {
          artifact: {
            artifactId: data.artifactId,
            name: data.name,
            version: data.version,
            purl: data.purl,
            digest: digestText(data.digest),
          },
          authors: data.authors,
        },
};

async function composeFacts(read: ReadAggregate, command: { readonly artifactIds: readonly string[] }): Promise<ComposeFacts> {
  return {
    found: await Promise.all(
      command.artifactIds.map(async (artifactId) => ({ artifactId, ...(await read(registeredArtifact, artifactId)).state })),
    ),
  };
}

export const composeReleaseCommand = defineCommand({
  type: ComposeRelease,
  aggregate: release,
  decide: composeRelease,
  facts: composeFacts,
  governed: (command) => ({ releaseId: command.target }),
});

export const amendReleaseCommand = defineCommand({
  type: AmendRelease,
  aggregate: release,
  decide: amendRelease,
  facts: composeFacts,
  governed: (command) => ({ releaseId: command.target }),
});
