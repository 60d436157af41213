import { createHash } from 'node:crypto';

/** Times that are tried for one event; at a microsecond or two each. */
const MOST_TRIES = 400_000;
const AROUND_MS = 1_000;

export interface RestoredTime {
  /** What the line claims. */
  readonly claimed: string;
  /** What the ledger's hash says it was. */
  readonly recorded: string;
}

/**
 * The time with which a line would have the hash that the ledger signed, if nothing but its time was changed: that is proof of what it was.
 * An event's time stands twice in its line, as `created` and as the metadata's `recordedAt`; either or both may have been changed.
 *
 * @param between the times (ISO 8601) of the events before and after, between which the true time must have been
 */
export function restoredTime(
  line: string,
  hash: string,
  between: readonly [after: string | undefined, before: string | undefined],
): RestoredTime | undefined {
  const created = /^\{"created":"([^"\\]{1,40})"/.exec(line)?.[1];
  const recordedAt = /,"recordedAt":"([^"\\]{1,40})","schemaVersion":/.exec(line.slice(line.indexOf(',"metadata":{')))?.[1];
  if (created === undefined || recordedAt === undefined) return undefined;
  const at = line.indexOf(',"metadata":{');
  const head = `{"created":"`;
  const from = at + line.slice(at).indexOf(`,"recordedAt":"${recordedAt}","schemaVersion":`) + ',"recordedAt":"'.length;
  const middle = line.slice(head.length + created.length, from);
  const tail = line.slice(from + recordedAt.length);
  const fits = (one: string, two: string): boolean =>
    createHash('sha256').update('\0').update(`${head}${one}${middle}${two}${tail}`).digest('hex') === hash;

  if (created !== recordedAt) {
    if (fits(recordedAt, recordedAt)) return { claimed: created, recorded: recordedAt };
    if (fits(created, created)) return { claimed: recordedAt, recorded: created };
  }
  const after = Date.parse(between[0] ?? between[1] ?? created) - AROUND_MS;
  const before = Date.parse(between[1] ?? between[0] ?? created) + AROUND_MS;
  if (!(before - after <= MOST_TRIES)) return undefined;
  for (let time = after; time <= before; time++) {
    const text = new Date(time).toISOString();
    if (fits(text, text)) return { claimed: created, recorded: text };
  }
  return undefined;
}
