import { buildMessage, ValidateBy, type ValidationOptions } from 'class-validator';

const SHAPE = /^(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(?:\.\d{1,9})?(?:Z|[+-](\d\d):(\d\d))$/;
const FIRST_YEAR = 1970;
const LAST_YEAR = 2999;

/** What is accepted, as the end of a sentence. */
export const AN_INSTANT = `an instant with its offset, from ${FIRST_YEAR} to ${LAST_YEAR}, such as 2026-03-02T10:00:00Z`;

/**
 * Reads an instant as RFC 3339 writes it: to the second or finer, with `Z` or an offset, of a day that there is, 1970 to 2999. A time without an
 * offset would be read in the zone of the server, a week or a day of the year by some readers only, and 31 February as a day of March by some.
 *
 * @returns ISO 8601, UTC, with milliseconds, what is finer cut off; undefined where the text is none
 */
export function parseInstant(text: string): string | undefined {
  const parts = SHAPE.exec(text);
  if (!parts) return undefined;
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0, offsetHour = 0, offsetMinute = 0] = parts
    .slice(1)
    .map((part) => Number(part ?? 0));
  if (year < FIRST_YEAR || year > LAST_YEAR || offsetHour > 23 || offsetMinute > 59) return undefined;
  // What comes back another way was no such day or time: Date counts on into the next one.
  const said = new Date(Date.UTC(year, month - 1, day, hour, minute, second));
  const same =
    said.getUTCFullYear() === year &&
    said.getUTCMonth() === month - 1 &&
    said.getUTCDate() === day &&
    said.getUTCHours() === hour &&
    said.getUTCMinutes() === minute &&
    said.getUTCSeconds() === second;
  if (!same) return undefined;
  const time = new Date(text);
  return Number.isNaN(time.getTime()) ? undefined : time.toISOString();
}

/** The field is an instant, see `parseInstant`. With `utc`, one that ends in `Z`: where texts are compared as they are. */
export function IsInstant(options: ValidationOptions & { readonly utc?: boolean } = {}): PropertyDecorator {
  const { utc = false, ...rest } = options;
  return ValidateBy(
    {
      name: 'isInstant',
      validator: {
        validate: (value: unknown) => typeof value === 'string' && parseInstant(value) !== undefined && (!utc || value.endsWith('Z')),
        defaultMessage: buildMessage((each) => `${each}$property must be ${AN_INSTANT}${utc ? ', in UTC: it ends in Z' : ''}`, rest),
      },
    },
    rest,
  );
}
