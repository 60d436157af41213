import { IsIn, IsISO8601, IsString, MaxLength } from 'class-validator';
import type { EnvironmentEvent } from '#libs/contracts';
import { defineCommand, type Decision, type Issued } from '#libs/event-sourcing';
import { environment, type Environment } from './environment.ts';

export class ReportRunningVersion {
  @IsString() @MaxLength(200) service: string;
  @IsString() @MaxLength(1000) artifact: string;
  @IsIn(['deployed', 'upgraded', 'rolledback', 'removed', 'published']) change:
    'deployed' | 'upgraded' | 'rolledback' | 'removed' | 'published';
  @IsString() @MaxLength(1000) reportedBy: string;
  @IsISO8601({ strict: true }) claimedOccurredAt: string;
}

/** A report from outside is a fact about what was seen, also in an environment that nobody has defined: it is never laundered into an authorised deployment. */
export function reportRunningVersion(command: Issued<ReportRunningVersion>, state: Environment): Decision<EnvironmentEvent> {
  const { target, service, artifact, change, reportedBy, claimedOccurredAt, meta } = command;
  if (state.running[service] === `${change} ${artifact} ${claimedOccurredAt}`) return [];
  const skewSeconds = Math.round((Date.parse(claimedOccurredAt) - Date.parse(meta.now)) / 1000);
  return [
    {
      type: 'RunningVersionReported',
      data: { environment: target, service, artifact, change, reportedBy, claimedOccurredAt, skewSeconds },
    },
  ];
}

export const reportRunningVersionCommand = defineCommand({
  type: ReportRunningVersion,
  aggregate: environment,
  decide: reportRunningVersion,
});
