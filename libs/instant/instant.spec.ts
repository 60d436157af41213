import fc from 'fast-check';
import { validateSync } from 'class-validator';
import { IsInstant, parseInstant } from './index.ts';

class Fields {
  @IsInstant() at: unknown;
  @IsInstant({ utc: true }) utc: unknown;
}
const problemsOf = (at: unknown, utc: unknown = '2026-03-02T10:00:00Z'): string[] =>
  validateSync(Object.assign(new Fields(), { at, utc })).flatMap((error) => Object.values(error.constraints ?? {}));

describe('an instant', () => {
  it.each([
    ['2026-03-02T10:00:00Z', '2026-03-02T10:00:00.000Z'],
    ['2026-03-02T10:00:00.5Z', '2026-03-02T10:00:00.500Z'],
    ['2026-03-02T10:00:00.123456789Z', '2026-03-02T10:00:00.123Z'],
    ['2026-03-02T10:00:00+05:45', '2026-03-02T04:15:00.000Z'],
    ['2026-03-02T00:00:00+14:00', '2026-03-01T10:00:00.000Z'],
    ['2024-02-29T23:59:59-08:00', '2024-03-01T07:59:59.000Z'],
    ['1970-01-01T00:00:00Z', '1970-01-01T00:00:00.000Z'],
    ['2999-12-31T23:59:59Z', '2999-12-31T23:59:59.000Z'],
  ])('%s is %s', (text, instant) => {
    expect(parseInstant(text)).toBe(instant);
    expect(problemsOf(text)).toEqual([]);
  });

  it.each([
    ['a week', '2027-W08'],
    ['a day of a week', '2027-W08-1'],
    ['a time of a day of a week', '2027-W08-1T10:00:00Z'],
    ['a day of the year', '2027-050'],
    ['the basic format', '20270201T100000Z'],
    ['a date', '2027-02-01'],
    ['no offset', '2027-02-01T10:00:00'],
    ['no seconds', '2027-02-01T10:00Z'],
    ['a space for T', '2027-02-01 10:00:00Z'],
    ['small letters', '2027-02-01t10:00:00z'],
    ['31 February', '2027-02-31T00:00:00Z'],
    ['29 February of no leap year', '2100-02-29T00:00:00Z'],
    ['31 April', '2026-04-31T00:00:00Z'],
    ['month 13', '2027-13-01T00:00:00Z'],
    ['hour 24', '2027-02-01T24:00:00Z'],
    ['minute 60', '2027-02-01T10:60:00Z'],
    ['a leap second', '2016-12-31T23:59:60Z'],
    ['an offset without a colon', '2027-02-01T10:00:00+0100'],
    ['an offset of a day', '2027-02-01T10:00:00+24:00'],
    ['an offset of 60 minutes', '2027-02-01T10:00:00+01:60'],
    ['a name of a zone', '2027-02-01T10:00:00[Europe/Zurich]'],
    ['a comma', '2027-02-01T10:00:00,5Z'],
    ['no digits behind the point', '2027-02-01T10:00:00.Z'],
    ['the year 0000', '0000-01-01T00:00:00Z'],
    ['the year 1969', '1969-12-31T23:59:59Z'],
    ['the year 3000', '3000-01-01T00:00:00Z'],
    ['an extended year', '+012027-02-01T10:00:00Z'],
    ['a line break after it', '2027-02-01T10:00:00Z\n'],
    ['other digits', '２０２７-02-01T10:00:00Z'],
    ['nothing', ''],
    ['words', 'tomorrow'],
  ])('is not %s', (_what, text) => {
    expect(parseInstant(text)).toBeUndefined();
    expect(problemsOf(text)).toEqual(['at must be an instant with its offset, from 1970 to 2999, such as 2026-03-02T10:00:00Z']);
  });

  it.each([[1772445600000], [['2026-03-02T10:00:00Z']], [null], [undefined], [new Date()]])('is not what is no text: %j', (value) => {
    expect(problemsOf(value)).toHaveLength(1);
  });

  it('in UTC ends in Z, where that is asked', () => {
    expect(problemsOf('2026-03-02T10:00:00Z', '2026-03-02T10:00:00+00:00')).toEqual([
      'utc must be an instant with its offset, from 1970 to 2999, such as 2026-03-02T10:00:00Z, in UTC: it ends in Z',
    ]);
  });

  it('that Date writes is read as the same', () => {
    fc.assert(
      fc.property(fc.date({ min: new Date(0), max: new Date('2999-12-31T23:59:59.999Z'), noInvalidDate: true }), (date) => {
        expect(parseInstant(date.toISOString())).toBe(date.toISOString());
      }),
    );
  });
});
