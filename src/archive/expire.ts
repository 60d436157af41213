import { randomUUID } from 'node:crypto';
import { recordName, sha256, type Archive, type RecordStore } from '#libs/archive';
import {
  issue,
  readerOf,
  RefusedError,
  transact,
  type CommandMeta,
  type EventCodec,
  type EventLog,
  type Transacted,
} from '#libs/event-sourcing';
import { heldBy, readRecordFacts } from '#libs/retention';
import { ExpireRecord, expireRecordCommand } from './record/expire-record.ts';
import { record } from './record/record.ts';
import { StayExpiry, stayExpiryCommand } from './record/stay-expiry.ts';

export const ARCHIVER = { person: 'system:archiver', principal: 'plimsoll|system:archiver', roles: [] };

export interface ExpiryPorts {
  readonly log: EventLog;
  readonly codec: EventCodec;
  readonly archive: Archive;
  readonly store: RecordStore;
}

/** A record that was archived, and the event that tells of it. */
export interface ArchivedHere {
  readonly recordId: string;
  readonly stream: string;
  readonly revision: number;
  readonly manifest: string;
  readonly manifestSha256: string;
}

/** What came of it: removed, or the type of refusal and its sentence. */
export type Expired = { readonly removed: true } | { readonly removed: false; readonly refusal: string; readonly detail: string };

/**
 * Lets a record go from hand: reads it back from the archive, puts its expiry on record, reads the legal holds once more, and removes it. Called
 * again after a crash it goes on where it was; what was held meanwhile stays.
 */
export async function expire(ports: ExpiryPorts, at: ArchivedHere, now: string): Promise<Expired> {
  const { log, codec, archive, store } = ports;
  const { recordId, stream, revision, manifest, manifestSha256 } = at;
  const read = readerOf(log, codec);
  if (!(await store.has(recordId))) {
    const { state } = await read(record, recordId);
    if (state.status === 'expired') return { removed: true };
    return { removed: false, refusal: 'not-at-hand', detail: `Record ${recordId} is not at hand, and nothing says why.` };
  }
  const archived = await archive.get(recordName(recordId));
  const listed = await archive.get(manifest);
  if (!archived || !listed || sha256(listed) !== manifestSha256)
    return { removed: false, refusal: 'not-archived', detail: `The archive does not give back record ${recordId} and its manifest.` };
  const asked = { stream, revision, manifest, manifestSha256, verifiedSha256: sha256(archived), verifiedAt: now };
  try {
    await transact({ log, codec }, expireRecordCommand, issue(Object.assign(new ExpireRecord(), asked), recordId, metaOf(recordId, now)));
    // Read after the expiry is on record: a hold that the log has before it is seen.
    const facts = await readRecordFacts(read, { recordId, stream, revision, now });
    const holds = facts ? heldBy(facts.holds, facts.subject) : [];
    if (!facts) return { removed: false, refusal: 'record-unknown', detail: `No event tells of record ${recordId} any more.` };
    if (holds.length > 0) {
      const stay = Object.assign(new StayExpiry(), { stream, revision });
      const stayed: Transacted = await transact({ log, codec }, stayExpiryCommand, issue(stay, recordId, metaOf(recordId, now)));
      const detail = `Legal hold ${holds.map(({ holdId }) => holdId).join(', ')} came before it was removed (${stayed.stream}@${stayed.revision}).`;
      return { removed: false, refusal: 'legal-hold', detail };
    }
    if ((await read(record, recordId)).state.status !== 'expired')
      return { removed: false, refusal: 'stayed', detail: 'Its expiry was stayed.' };
    await store.remove(recordId);
    return { removed: true };
  } catch (error) {
    if (!(error instanceof RefusedError)) throw error;
    return { removed: false, refusal: error.refusal.type, detail: error.refusal.detail };
  }
}

function metaOf(recordId: string, now: string): CommandMeta {
  return { commandId: randomUUID(), actor: ARCHIVER, correlationId: recordId, causationId: 'archiver', now };
}
