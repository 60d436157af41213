import { IsIn, IsString, MaxLength } from 'class-validator';
import type { DeploymentEvent, EnvironmentEvent, ReleaseArtifact } from '#libs/contracts';
import { defineCommand, type Aggregate, type Decision, type Issued, type ReadAggregate } from '#libs/event-sourcing';
import { IsInstant } from '#libs/instant';
import { authorisationOf, isPutThere, type DeployedHere } from './authorisation.ts';
import { environment, type Environment } from './environment.ts';

export class ReportRunningVersion {
  @IsString() @MaxLength(200) service: string;
  @IsString() @MaxLength(1000) artifact: string;
  @IsIn(['deployed', 'upgraded', 'rolledback', 'removed', 'published']) change:
    'deployed' | 'upgraded' | 'rolledback' | 'removed' | 'published';
  @IsString() @MaxLength(1000) reportedBy: string;
  @IsInstant() claimedOccurredAt: string;
}

export interface ReportFacts {
  /** Deployments of ours that held the environment, the newest first. */
  readonly deployments: readonly DeployedHere[];
}

/**
 * A report from outside is a fact about what was seen, also in an environment that nobody has defined: it is never laundered into an authorised
 * deployment. Where none of ours accounts for it, that is a fact, too. The time it claims decides nothing (principle 10).
 */
export function reportRunningVersion(
  command: Issued<ReportRunningVersion>,
  state: Environment,
  { deployments }: ReportFacts,
): Decision<EnvironmentEvent> {
  const { target, service, artifact, change, reportedBy, claimedOccurredAt, meta } = command;
  if (state.running[service] === `${change} ${artifact} ${claimedOccurredAt}`) return [];
  const skewSeconds = Math.round((Date.parse(claimedOccurredAt) - Date.parse(meta.now)) / 1000);
  const reported = { environment: target, service, artifact, change, reportedBy, claimedOccurredAt, skewSeconds };
  if (!isPutThere(change)) return [{ type: 'RunningVersionReported', data: reported }];
  const { authorisedBy, violation } = authorisationOf(artifact, state.class !== undefined, deployments);
  if (violation) {
    return [
      { type: 'RunningVersionReported', data: reported },
      { type: 'UnauthorisedDeploymentObserved', data: { ...reported, change, ...violation } },
    ];
  }
  return [{ type: 'RunningVersionReported', data: { ...reported, ...(authorisedBy ? { authorisedBy } : {}) } }];
}

/** What of a deployment says what it put there. */
const deployedHere: Aggregate<Omit<DeployedHere, 'deploymentId' | 'ref'>, DeploymentEvent> = {
  category: 'deployment',
  initial: { artifacts: [] as readonly ReleaseArtifact[], confirmed: false, succeeded: false },
  evolve: (state, event) => {
    switch (event.type) {
      case 'DeploymentStarted':
        return { ...state, artifacts: event.data.artifacts };
      case 'DeploymentConfirmed':
        return { ...state, confirmed: true };
      case 'DeploymentSucceeded':
        return { ...state, succeeded: true };
      default:
        return state;
    }
  },
};

/** Most deployments that are looked back at: one that runs for longer than that many others is reported as never deployed. */
const LOOKED_BACK_AT = 500;

async function reportFacts(read: ReadAggregate, command: Issued<ReportRunningVersion>, state: Environment): Promise<ReportFacts> {
  if (!isPutThere(command.change)) return { deployments: [] };
  const ended = state.finished.map((round) => round.slice(0, round.lastIndexOf('#'))).reverse();
  const newest = [...new Set([...(state.heldBy ? [state.heldBy] : []), ...ended])].slice(0, LOOKED_BACK_AT);
  const deployments: DeployedHere[] = [];
  for (const deploymentId of newest) {
    const { state: found, ref } = await read(deployedHere, deploymentId);
    deployments.push({ deploymentId, ref, ...found });
    // The newest that is it is the one that counts; what lies before it says nothing.
    if (authorisationOf(command.artifact, true, deployments).recognised) break;
  }
  return { deployments };
}

export const reportRunningVersionCommand = defineCommand({
  type: ReportRunningVersion,
  aggregate: environment,
  decide: reportRunningVersion,
  facts: reportFacts,
});
