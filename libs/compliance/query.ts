import { AN_INSTANT, parseInstant } from '#libs/instant';
import type { ComplianceQuery } from './report.ts';

/** The longest period of one report: a year and a month. Days. */
export const MOST_DAYS = 400;
/** The largest sample. */
export const MOST_SAMPLED = 10_000;

const DAY = 86_400_000;

/** What a query must be, as sentences by parameter; or the query. */
export type ParsedQuery = { readonly query: ComplianceQuery } | { readonly problems: Readonly<Record<string, string>> };

/**
 * Reads what was asked for from texts. Times are RFC 3339, and a period is not over 400 days; the seed is 1 to 100 printable
 * characters of ASCII, so that nobody types another; the sample is a whole number from 1 to 10,000.
 */
export function parseQuery(given: Readonly<Record<'from' | 'to' | 'seed' | 'sample', string | undefined>>): ParsedQuery {
  const problems: Record<string, string> = {};
  const time = (name: 'from' | 'to'): number => {
    const at = parseInstant(given[name] ?? '');
    if (at === undefined) problems[name] = `This must be ${AN_INSTANT}.`;
    return at === undefined ? NaN : Date.parse(at);
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
