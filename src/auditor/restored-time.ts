import { createHash } from 'node:crypto';

/** Milliseconds that are tried on one side; each costs some microseconds. */
const MOST_TRIES = 60_000;
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
  for (const [from, to] of likelyTimes(Date.parse(created), Date.parse(between[0] ?? ''), Date.parse(between[1] ?? ''))) {
    for (let time = from; time <= to; time++) {
      const text = new Date(time).toISOString();
      if (fits(text, text)) return { claimed: created, recorded: text };
    }
  }
  return undefined;
}

/** Ranges of milliseconds to try: between the neighbours where that is not too much, else near them; and after what is claimed. */
function likelyTimes(claimed: number, after: number, before: number): (readonly [number, number])[] {
  const near = (time: number): readonly [number, number] => [time - AROUND_MS, time + MOST_TRIES];
  const upTo = (time: number): readonly [number, number] => [time - MOST_TRIES, time + AROUND_MS];
  const between: (readonly [number, number])[] =
    before - after <= 2 * MOST_TRIES ? [[after - AROUND_MS, before + AROUND_MS]] : [near(after), upTo(before)];
  return [...between, near(claimed)].filter(([from, to]) => Number.isFinite(from) && Number.isFinite(to));
}
