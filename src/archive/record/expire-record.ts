import { IsInt, IsString, Matches, Min } from 'class-validator';
import type { RecordEvent } from '#libs/contracts';
import { defineCommand, refuse, type Decision, type Issued } from '#libs/event-sourcing';
import { IsInstant } from '#libs/instant';
import { daysAfter, heldBy, heldInWords, readRecordFacts, type RecordFacts } from '#libs/retention';
import { record, type KeptRecordState } from './record.ts';

/** What was read back from the archive counts for so long, milliseconds. */
const FRESH_MS = 3_600_000;

/** Sent by the archiver with what it has just read back from the archive. The target is the record. */
export class ExpireRecord {
  /** Of the event that tells of it. */
  @IsString() stream: string;
  @IsInt() @Min(0) revision: number;
  @IsString() manifest: string;
  @Matches(/^[0-9a-f]{64}$/) manifestSha256: string;
  /** Digest of the bytes that the archive gave, and when. */
  @Matches(/^[0-9a-f]{64}$/) verifiedSha256: string;
  @IsInstant() verifiedAt: string;
}

/** Only what is archived, was read back, is past its floor, and is under no legal hold. */
export function expireRecord(command: Issued<ExpireRecord>, state: KeptRecordState, facts: RecordFacts | undefined): Decision<RecordEvent> {
  const { target, manifest, manifestSha256, verifiedSha256, verifiedAt, meta } = command;
  if (!facts) return refuse('not-found', 'record-unknown', `No event tells of a record ${target}: nobody knows what it is.`);
  if (state.status === 'expired') return [];
  const { rule, policyVersion, subject, holds, holdsRef } = facts;
  const { recordId, kind, sha256, bytes, event, keptAt } = facts.record;
  const age = Date.parse(meta.now) - Date.parse(verifiedAt);
  if (verifiedSha256 !== sha256 || !(age >= 0 && age <= FRESH_MS)) {
    const detail =
      verifiedSha256 === sha256
        ? `It was read back at ${verifiedAt}, and it is ${meta.now}.`
        : `The archive gives back sha256:${verifiedSha256}, and ${sha256} was kept.`;
    return refuse('conflict', 'not-archived', `Record ${target} was not read back from the archive as it was kept. ${detail}`, [
      { code: 'not-archived', detail, evidence: [event], unblockedBy: 'The archive gives back what was kept.' },
    ]);
  }
  const due = daysAfter(keptAt, rule.atHandDays);
  if (meta.now < due) {
    const detail = `Under ${rule.regimes.join(', ')} it is at hand for ${rule.atHandDays} days.`;
    return refuse('conflict', 'retention-floor', `Record ${target} is kept at hand until ${due}. ${detail}`, [
      { code: 'retention-floor', detail, evidence: [event], unblockedBy: `Time: ${due}.` },
    ]);
  }
  const binding = heldBy(holds, subject);
  if (binding.length > 0) {
    return refuse(
      'conflict',
      'legal-hold',
      `Record ${target} is under legal hold: ${binding.map(({ holdId }) => holdId).join(', ')}.`,
      binding.map(({ holdId, scope, reason }) => ({
        code: 'legal-hold',
        detail: `${holdId} holds ${heldInWords(scope)}: ${reason}`,
        evidence: [holdsRef],
        unblockedBy: `Another person than the one who placed it releases legal hold ${holdId}.`,
      })),
    );
  }
  const { regimes, atHandDays } = rule;
  return [
    {
      type: 'RecordExpired',
      data: {
        recordId,
        kind,
        sha256,
        bytes,
        event,
        keptAt,
        manifest,
        manifestSha256,
        verifiedAt,
        policyVersion,
        regimes,
        atHandDays,
        holds: holdsRef,
      },
    },
  ];
}

export const expireRecordCommand = defineCommand({
  type: ExpireRecord,
  aggregate: record,
  decide: expireRecord,
  facts: (read, { target: recordId, stream, revision, meta: { now } }) => readRecordFacts(read, { recordId, stream, revision, now }),
});
