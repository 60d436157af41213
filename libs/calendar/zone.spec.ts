import { instantsOf, isZone, localOf, timesShown, tzdataVersion, wallClock } from '#libs/calendar';

const at = (text: string): number => Date.parse(text);
const HOUR = 3_600_000;
const local = (text: string): number => at(`${text}Z`);
const shown = (zone: string, from: string, until: string): string[] =>
  instantsOf(zone, { from: local(from), until: local(until) }).map(
    (i) => `${new Date(i.from).toISOString()}/${new Date(i.until).toISOString()}`,
  );

describe('a zone', () => {
  it.each(['Europe/Zurich', 'America/Argentina/Buenos_Aires', 'Etc/GMT+3', 'America/Port-au-Prince', 'UTC'])('is %s', (zone) => {
    expect(isZone(zone)).toBe(true);
  });

  it.each([
    '',
    'Z',
    '+02:00',
    '-05:00',
    '02:00',
    'Nowhere/Land',
    'Europe/Zürich',
    ' Europe/Zurich',
    'Europe/Zurich ',
    'Europe/Zurich\n',
    `Europe/${'x'.repeat(60)}`,
  ])('is not %j', (zone) => expect(isZone(zone)).toBe(false));
});

describe('the clocks of a zone', () => {
  it('show the time there, to the second', () => {
    expect(wallClock('Europe/Zurich', at('2026-01-01T00:00:59.900Z'))).toBe(local('2026-01-01T01:00:59'));
    expect(wallClock('Europe/Zurich', at('2026-07-01T22:00:00Z'))).toBe(local('2026-07-02T00:00:00'));
    expect(wallClock('Asia/Kathmandu', at('2026-01-01T00:00:00Z'))).toBe(local('2026-01-01T05:45:00'));
    expect(localOf('Europe/Zurich', at('2026-01-01T00:00:59.900Z'))).toBe(local('2026-01-01T01:00:59.900'));
    expect(localOf('America/New_York', at('2026-07-01T00:00:00.001Z'))).toBe(local('2026-06-30T20:00:00.001'));
  });

  it('are put forward and back at the very second', () => {
    // Zurich: at 01:00 UTC on 29 March and 25 October 2026.
    expect(localOf('Europe/Zurich', at('2026-03-29T00:59:59.999Z'))).toBe(local('2026-03-29T01:59:59.999'));
    expect(localOf('Europe/Zurich', at('2026-03-29T01:00:00.000Z'))).toBe(local('2026-03-29T03:00:00.000'));
    expect(localOf('Europe/Zurich', at('2026-10-25T00:59:59.999Z'))).toBe(local('2026-10-25T02:59:59.999'));
    expect(localOf('Europe/Zurich', at('2026-10-25T01:00:00.000Z'))).toBe(local('2026-10-25T02:00:00.000'));
    expect(shown('Europe/Zurich', '2026-03-29T01:00', '2026-03-29T04:00')).toEqual(['2026-03-29T00:00:00.000Z/2026-03-29T02:00:00.000Z']);
    expect(shown('Europe/Zurich', '2026-03-29T01:59:59', '2026-03-29T03:00:01')).toEqual([
      '2026-03-29T00:59:59.000Z/2026-03-29T01:00:01.000Z',
    ]);
    expect(shown('Europe/Zurich', '2026-10-25T02:59:59', '2026-10-25T03:00')).toEqual([
      '2026-10-25T00:59:59.000Z/2026-10-25T01:00:00.000Z',
      '2026-10-25T01:59:59.000Z/2026-10-25T02:00:00.000Z',
    ]);
  });

  it('show an interval once, twice, or not at all', () => {
    expect(shown('Europe/Zurich', '2026-06-01T02:00', '2026-06-01T03:00')).toEqual(['2026-06-01T00:00:00.000Z/2026-06-01T01:00:00.000Z']);
    expect(shown('Europe/Zurich', '2026-03-29T02:00', '2026-03-29T03:00')).toEqual([]);
    expect(shown('Europe/Zurich', '2026-10-25T02:00', '2026-10-25T03:00')).toEqual(['2026-10-25T00:00:00.000Z/2026-10-25T02:00:00.000Z']);
    expect(shown('Europe/Zurich', '2026-10-25T01:30', '2026-10-25T02:30')).toEqual([
      '2026-10-24T23:30:00.000Z/2026-10-25T00:30:00.000Z',
      '2026-10-25T01:00:00.000Z/2026-10-25T01:30:00.000Z',
    ]);
    expect(shown('Europe/Zurich', '2026-06-01T02:00', '2026-06-01T02:00')).toEqual([]);
  });

  it('show what goes over the turn of a year, or over years, as one', () => {
    expect(shown('Pacific/Kiritimati', '2025-12-31T00:00', '2026-01-02T00:00')).toEqual([
      '2025-12-30T10:00:00.000Z/2026-01-01T10:00:00.000Z',
    ]);
    expect(shown('Asia/Tokyo', '2025-12-31T00:00', '2028-01-02T00:00')).toEqual(['2025-12-30T15:00:00.000Z/2028-01-01T15:00:00.000Z']);
    expect(shown('America/New_York', '2025-12-31T23:30', '2026-01-01T00:30')).toEqual([
      '2026-01-01T04:30:00.000Z/2026-01-01T05:30:00.000Z',
    ]);
    // Samoa left out the 30th of December 2011.
    expect(shown('Pacific/Apia', '2011-12-29T12:00', '2012-01-01T00:00')).toEqual(['2011-12-29T22:00:00.000Z/2011-12-31T10:00:00.000Z']);
  });

  it('show a time twice where they are put back over it, and never where they are put forward', () => {
    const times = (text: string, zone = 'Europe/Zurich'): number => timesShown(zone, local(text));
    expect(['01:59', '02:00', '02:59', '03:00'].map((t) => times(`2026-03-29T${t}`))).toEqual([1, 0, 0, 1]);
    expect(['01:59', '02:00', '02:59', '03:00'].map((t) => times(`2026-10-25T${t}`))).toEqual([1, 2, 2, 1]);
    // Half an hour, on Lord Howe.
    expect(['01:29', '01:30', '01:59', '02:00'].map((t) => times(`2026-04-05T${t}`, 'Australia/Lord_Howe'))).toEqual([1, 2, 2, 1]);
    expect(['23:59', '00:00', '00:59', '01:00'].map((t, n) => times(`2026-09-0${n === 0 ? 5 : 6}T${t}`, 'America/Santiago'))).toEqual([
      1, 0, 0, 1,
    ]);
    expect(times('2011-12-30T12:00', 'Pacific/Apia')).toBe(0);
  });

  it('are found also where they change twice within weeks', () => {
    // Morocco turns its clocks back for Ramadan.
    const zone = 'Africa/Casablanca';
    const changes: string[] = [];
    for (let hour = at('2026-01-01T00:00Z'); hour < at('2027-01-01T00:00Z'); hour += HOUR) {
      if (localOf(zone, hour + HOUR) - localOf(zone, hour) !== HOUR) changes.push(new Date(hour + HOUR).toISOString());
    }
    expect(changes).toHaveLength(2);
    const [back = '', forth = ''] = changes;
    expect(shown(zone, '2026-01-01T00:00', '2026-12-31T00:00')).toHaveLength(1);
    expect(timesShown(zone, localOf(zone, at(back)) + 1)).toBe(2);
    expect(timesShown(zone, localOf(zone, at(forth)) - 1)).toBe(0);
  });

  it('are those of a named edition of the database', () => {
    const { tz } = process.versions;
    expect(tzdataVersion()).toBe(tz);
    const versions = process.versions;
    for (const [icu, expected] of [
      ['76.1', 'icu-76.1'],
      [undefined, 'icu-unknown'],
    ] as const) {
      // prettier-ignore
      Object.defineProperty(process, 'versions', { value: { ...versions, tz: undefined, icu }, configurable: true });
      try {
        expect(tzdataVersion()).toBe(expected);
      } finally {
        Object.defineProperty(process, 'versions', { value: versions, configurable: true });
      }
    }
  });
});

describe('the name of a zone', () => {
  it('is one by itself, whatever else a platform takes for a zone', () => {
    // Newer ones take offsets, and this one takes anything.
    const format = jest.spyOn(Intl, 'DateTimeFormat').mockImplementation(() => ({}) as Intl.DateTimeFormat);
    try {
      expect(['Europe/Zurich', 'Etc/GMT+3', 'UTC'].map(isZone)).toEqual([true, true, true]);
      expect(
        ['+02:00', '+0200', '-05', ' Europe/Zurich', '+Europe/Zurich', 'Europe/Zurich ', 'Europe/Zurich\n', 'Z', ''].filter(isZone),
      ).toEqual([]);
      expect([64, 65].map((length) => isZone('x'.repeat(length)))).toEqual([true, false]);
    } finally {
      format.mockRestore();
    }
  });
});
