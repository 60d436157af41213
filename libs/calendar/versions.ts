import type { CalendarContents } from '#libs/contracts';

/** A version of a calendar as its stream has it; without contents it is a withdrawal. */
export interface CalendarVersion {
  readonly calendarId: string;
  readonly version: number;
  /** ISO 8601, UTC. */
  readonly effectiveFrom: string;
  readonly contents?: CalendarContents;
}

/** A version and while it counts, ISO 8601 UTC, half-open. */
export interface CalendarInForce extends CalendarContents {
  readonly calendarId: string;
  readonly version: number;
  readonly from: string;
  readonly until?: string;
}

/**
 * While which version of one calendar counts: at every moment the highest that is effective. A version that is superseded before it
 * begins never counts. What came later never changes what counted before it was recorded.
 */
export function inForce(versions: readonly CalendarVersion[]): readonly CalendarInForce[] {
  return versions.flatMap(({ calendarId, version, effectiveFrom, contents }, i) => {
    const later = versions.slice(i + 1).map((v) => v.effectiveFrom);
    const until = later.length > 0 ? later.reduce((a, b) => (a < b ? a : b)) : undefined;
    if (!contents || (until !== undefined && until <= effectiveFrom)) return [];
    return [{ ...contents, calendarId, version, from: effectiveFrom, ...(until === undefined ? {} : { until }) }];
  });
}
