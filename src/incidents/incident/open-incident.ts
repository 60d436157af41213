import { IsBoolean, IsIn, IsOptional, IsString, IsUUID, Matches, MaxLength } from 'class-validator';
import { SAYS_SOMETHING, type IncidentEvent } from '#libs/contracts';
import { defineCommand, refuse, type Decision, type Issued } from '#libs/event-sourcing';
import { incident, type Incident } from './incident.ts';

export class OpenIncident {
  @IsUUID() deploymentId: string;
  @IsString() releaseId: string;
  @IsString() environment: string;
  @IsString() @MaxLength(200) title: string;
  @IsIn(['critical', 'major', 'minor']) severity: 'critical' | 'major' | 'minor';
  @IsString() @MaxLength(2000) cause: string;
}

export class ReportIncidentDelivery {
  @IsString() @MaxLength(100) channel: string;
  @IsBoolean() delivered: boolean;
  /** The other side's own id or link, or why it was not delivered. */
  @IsOptional() @IsString() @MaxLength(2000) detail?: string;
}

export class ResolveIncident {
  @IsString() @Matches(SAYS_SOMETHING, { message: 'resolution must say something' }) @MaxLength(2000) resolution: string;
}

/** However often it is asked for, a deployment has one incident: its stream's name is derived from the deployment. */
export function openIncident(command: Issued<OpenIncident>, state: Incident): Decision<IncidentEvent> {
  if (state.status !== 'none') return [];
  const { deploymentId, releaseId, environment, title, severity, cause, target } = command;
  return [
    {
      type: 'IncidentOpened',
      data: {
        incidentId: target,
        deploymentId,
        releaseId,
        environment,
        deduplicationKey: `plimsoll-incident-${target}`,
        title,
        severity,
        cause,
      },
    },
  ];
}

export function reportIncidentDelivery(command: Issued<ReportIncidentDelivery>, state: Incident): Decision<IncidentEvent> {
  const { deploymentId, releaseId, environment, deduplicationKey } = state;
  if (!deploymentId || !releaseId || !environment || !deduplicationKey)
    return refuse('not-found', 'incident-unknown', `There is no incident ${command.target}.`);
  const { channel, delivered, detail, target } = command;
  if (state.delivered.includes(channel)) return [];
  const of = { incidentId: target, deploymentId, releaseId, environment, channel };
  return delivered
    ? [{ type: 'IncidentDelivered', data: { ...of, deduplicationKey, ...(detail ? { reference: detail } : {}) } }]
    : [{ type: 'IncidentDeliveryFailed', data: { ...of, reason: detail ?? 'unknown' } }];
}

export function resolveIncident(command: Issued<ResolveIncident>, state: Incident): Decision<IncidentEvent> {
  const { deploymentId, releaseId, environment } = state;
  if (!deploymentId || !releaseId || !environment)
    return refuse('not-found', 'incident-unknown', `There is no incident ${command.target}.`);
  if (state.status === 'resolved') return [];
  return [
    {
      type: 'IncidentResolved',
      data: { incidentId: command.target, deploymentId, releaseId, environment, resolution: command.resolution },
    },
  ];
}

export const openIncidentCommand = defineCommand({
  type: OpenIncident,
  personal: ['title', 'cause'],
  aggregate: incident,
  decide: openIncident,
});
export const reportIncidentDeliveryCommand = defineCommand({
  type: ReportIncidentDelivery,
  aggregate: incident,
  decide: reportIncidentDelivery,
});
export const resolveIncidentCommand = defineCommand({
  type: ResolveIncident,
  personal: ['resolution'],
  aggregate: incident,
  decide: resolveIncident,
  governed: ({ target }, { releaseId, environment }) => ({
    incidentId: target,
    ...(releaseId ? { releaseId } : {}),
    ...(environment ? { environment } : {}),
  }),
});
