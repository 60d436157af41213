import type { ComplianceQuery } from './report.ts';

/** The longest period of one report: a year and a month. Days. */
export const MOST_DAYS = 400;
/** The largest sample. */
export const MOST_SAMPLED = 10_000;

const DAY = 86_400_000;
const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d{1,3})?)?(Z|[+-]\d\d:\d\d)$/;

/** What a query must be, as sentences by parameter; or the query. */
export type ParsedQuery = { readonly query: ComplianceQuery } | { readonly problems: Readonly<Record<string, string>> };

/**
 * Reads what was asked for from texts. Times are ISO 8601 with an offset, and a period is not over 400 days; the seed is 1 to 100 printable
 * characters of ASCII, so that nobody types another; the sample is a whole number from 1 to 10,000.
 */
export function parseQuery(given: Readonly<Record<'from' | 'to' | 'seed' | 'sample', string | undefined>>): ParsedQuery {
  const problems: Record<string, string> = {};
  const time = (name: 'from' | 'to'): number => {
    const at = TIME.test(given[name] ?? '') ? Date.parse(given[name] ?? '') : NaN;
    if (Number.isNaN(at)) problems[name] = 'This must be a time in ISO 8601 with its offset, for example 2026-01-01T00:00:00Z.';
    return at;
  };
  const [from, to] = [time('from'), time('to')];
  if (to <= from) problems['to'] = 'This must be after from: the period is half-open, from is in it and to is not.';
  if (to - from > MOST_DAYS * DAY) problems['to'] = `A period has at most ${MOST_DAYS} days.`;
  const { seed, sample } = given;
  if (seed !== undefined && !/^[\x20-\x7e]{1,100}$/.test(seed)) problems['seed'] = 'This must be 1 to 100 printable characters of ASCII.';
  if (sample !== undefined && !(/^[1-9]\d{0,4}$/.test(sample) && Number(sample) <= MOST_SAMPLED))
    problems['sample'] = `This must be a whole number from 1 to ${MOST_SAMPLED}.`;
  if ((seed === undefined) !== (sample === undefined))
    problems[seed === undefined ? 'seed' : 'sample'] = 'A sample takes both, a seed and a size.';
  if (Object.keys(problems).length > 0) return { problems };
  return {
    query: {
      from: new Date(from).toISOString(),
      to: new Date(to).toISOString(),
      ...(seed === undefined || sample === undefined ? {} : { seed, sample: Number(sample) }),
    },
  };
}
