import { IsInt, IsString, Min } from 'class-validator';
import type { RecordEvent } from '#libs/contracts';
import { defineCommand, type Decision, type Issued } from '#libs/event-sourcing';
import { heldBy, readRecordFacts, type RecordFacts } from '#libs/retention';
import { record, type KeptRecordState } from './record.ts';

/** Sent by the archiver between the expiry and the removal. The target is the record. */
export class StayExpiry {
  /** Of the event that tells of it. */
  @IsString() stream: string;
  @IsInt() @Min(0) revision: number;
}

/** The legal holds are read once more when the expiry is on record: one that came between keeps the record at hand. */
export function stayExpiry(command: Issued<StayExpiry>, state: KeptRecordState, facts: RecordFacts | undefined): Decision<RecordEvent> {
  if (state.status !== 'expired' || !facts) return [];
  const holds = heldBy(facts.holds, facts.subject).map(({ holdId }) => holdId);
  if (holds.length === 0) return [];
  return [{ type: 'RecordExpiryStayed', data: { recordId: command.target, holds, register: facts.holdsRef } }];
}

export const stayExpiryCommand = defineCommand({
  type: StayExpiry,
  aggregate: record,
  decide: stayExpiry,
  facts: (read, { target: recordId, stream, revision, meta: { now } }) => readRecordFacts(read, { recordId, stream, revision, now }),
});
