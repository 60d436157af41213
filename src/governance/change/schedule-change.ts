import { IsArray, IsIn, IsInt, IsObject, IsString, IsUUID, Min } from 'class-validator';
import type { ChangeCalendarEvent, ChangeHistoryEvent, PlannedWindow, ScheduledChange } from '#libs/contracts';
import { defineCommand, type Decision, type Issued } from '#libs/event-sourcing';
import { changeCalendar, changeHistory, hashOf, type ChangeCalendar, type ChangeHistory } from '#libs/policy';

/** Sent for every week that a planned window touches. */
export class ScheduleChange implements ScheduledChange {
  @IsString() changeId: string;
  @IsInt() @Min(1) round: number;
  @IsString() releaseId: string;
  @IsString() environment: string;
  @IsString() product: string;
  @IsObject() window: PlannedWindow;
  @IsArray() artifacts: readonly { readonly name: string; readonly digest: string }[];
}

export class UnscheduleChange {
  @IsString() changeId: string;
  @IsString() environment: string;
  @IsString() reason: string;
}

/** Sent when a deployment of a change has ended. */
export class NoteChangeOutcome {
  @IsString() product: string;
  @IsString() environment: string;
  @IsString() changeId: string;
  @IsUUID() deploymentId: string;
  @IsIn(['succeeded', 'failed', 'rolled-back']) outcome: 'succeeded' | 'failed' | 'rolled-back';
}

/** The newest round of a change is what others see of it. */
export function scheduleChange(command: Issued<ScheduleChange>, { planned }: ChangeCalendar): Decision<ChangeCalendarEvent> {
  const { changeId, round, releaseId, environment, product, window, artifacts } = command;
  const known = planned[changeId];
  const said = { changeId, round, releaseId, product, window, artifacts };
  if (known && (known.round > round || hashOf(known) === hashOf(said))) return [];
  return [{ type: 'ChangeScheduled', data: { ...said, environment } }];
}

export function unscheduleChange(command: Issued<UnscheduleChange>, { planned }: ChangeCalendar): Decision<ChangeCalendarEvent> {
  const { changeId, environment, reason } = command;
  return planned[changeId] ? [{ type: 'ChangeUnscheduled', data: { changeId, environment, reason } }] : [];
}

export function noteChangeOutcome(command: Issued<NoteChangeOutcome>, { noted }: ChangeHistory): Decision<ChangeHistoryEvent> {
  const { product, environment, changeId, deploymentId, outcome } = command;
  if (noted.includes(`${deploymentId}:${outcome}`)) return [];
  return [{ type: 'ChangeOutcomeNoted', data: { product, environment, changeId, deploymentId, outcome } }];
}

export const scheduleChangeCommand = defineCommand({ type: ScheduleChange, aggregate: changeCalendar, decide: scheduleChange });
export const unscheduleChangeCommand = defineCommand({ type: UnscheduleChange, aggregate: changeCalendar, decide: unscheduleChange });
export const noteChangeOutcomeCommand = defineCommand({ type: NoteChangeOutcome, aggregate: changeHistory, decide: noteChangeOutcome });
