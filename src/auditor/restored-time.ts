import { createHash } from 'node:crypto';
import { canonicalText } from '#libs/ledger';

/** Milliseconds that are tried on one side; each costs some microseconds. */
const MOST_TRIES = 60_000;
const AROUND_MS = 1_000;
/** Bytes that one run may hash to find true times: some seconds' work, however many events were changed and however long they are. */
const MOST_BYTES = 3_000_000_000;
/** What a hash costs beside its bytes, in bytes. */
const COST_OF_ONE = 500;

/** What is left of it in a run. */
export interface TimeBudget {
  bytes: number;
}

export function timeBudget(): TimeBudget {
  return { bytes: MOST_BYTES };
}

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
 * @param budget what is left of the run's; nothing is found once it is spent
 */
export function restoredTime(
  line: string,
  hash: string,
  between: readonly [after: string | undefined, before: string | undefined],
  budget: TimeBudget,
): RestoredTime | undefined {
  // More was changed than a time where it is not even written as the ledger writes.
  if (budget.bytes <= 0 || !isCanonical(line)) return undefined;
  const created = /^\{"created":"([^"\\]{1,40})"/.exec(line)?.[1];
  const recordedAt = /,"recordedAt":"([^"\\]{1,40})","schemaVersion":/.exec(line.slice(line.indexOf(',"metadata":{')))?.[1];
  if (created === undefined || recordedAt === undefined) return undefined;
  const at = line.indexOf(',"metadata":{');
  const head = `{"created":"`;
  const from = at + line.slice(at).indexOf(`,"recordedAt":"${recordedAt}","schemaVersion":`) + ',"recordedAt":"'.length;
  const middle = line.slice(head.length + created.length, from);
  const tail = line.slice(from + recordedAt.length);
  const fits = (one: string, two: string): boolean => {
    budget.bytes -= line.length + COST_OF_ONE;
    return createHash('sha256').update('\0').update(`${head}${one}${middle}${two}${tail}`).digest('hex') === hash;
  };

  if (created !== recordedAt) {
    if (fits(recordedAt, recordedAt)) return { claimed: created, recorded: recordedAt };
    if (fits(created, created)) return { claimed: recordedAt, recorded: created };
  }
  for (const [from, to] of likelyTimes(Date.parse(created), Date.parse(between[0] ?? ''), Date.parse(between[1] ?? ''))) {
    for (let time = from; time <= to && budget.bytes > 0; time++) {
      const text = new Date(time).toISOString();
      if (fits(text, text)) return { claimed: created, recorded: text };
    }
  }
  return undefined;
}

function isCanonical(line: string): boolean {
  try {
    return canonicalText(line) === line;
  } catch {
    return false;
  }
}

/** Ranges of milliseconds to try: between the neighbours where that is not too much, else near them; and after what is claimed. */
function likelyTimes(claimed: number, after: number, before: number): (readonly [number, number])[] {
  const near = (time: number): readonly [number, number] => [time - AROUND_MS, time + MOST_TRIES];
  const upTo = (time: number): readonly [number, number] => [time - MOST_TRIES, time + AROUND_MS];
  const between: (readonly [number, number])[] =
    before - after <= 2 * MOST_TRIES ? [[after - AROUND_MS, before + AROUND_MS]] : [near(after), upTo(before)];
  return [...between, near(claimed)].filter(([from, to]) => Number.isFinite(from) && Number.isFinite(to));
}
