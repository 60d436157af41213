import { eventually, startApp, type Answer, type Person, type RunningApp } from '../support/running-app.ts';

describe('calendars over REST', () => {
  let app: RunningApp;
  let manager: Person;
  const ok = (answer: Answer): Answer => {
    if (answer.status >= 300) throw new Error(answer.text);
    return answer;
  };
  const utc = (hours: number): string => new Date(Date.now() + hours * 3_600_000).toISOString().slice(0, 16);
  const freeze = {
    calendarId: 'books',
    title: 'The books are closed',
    kind: 'freeze',
    scope: { environmentClass: 'production' },
    zone: 'UTC',
    justification: 'Year end.',
  };
  const until = utc(5);

  beforeAll(async () => {
    app = await startApp();
    manager = await app.person('rita', 'release-manager');
    const environment = { environment: 'production', class: 'production', policyId: 'open' };
    ok(await manager.post('/v1/environments/environments', environment));
    ok(await manager.post('/v1/governance/calendars', { ...freeze, window: { kind: 'one-off', start: utc(-1), end: until } }));
  });
  afterAll(() => app.stop());

  it('say whether it is open and when it is next, by environment and class of change, from the streams', async () => {
    const ask = async (what: string, query: string): Promise<Answer> => ok(await app.get(`/v1/governance/${what}?${query}`));
    expect((await ask('is-open', 'environment=production')).body).toMatchObject({
      open: false,
      blocks: [{ calendarId: 'books', version: 1, until: `${until}:00.000Z` }],
      tzdata: expect.stringMatching(/./),
      ref: 'calendar-organisation@0',
    });
    expect((await ask('is-open', 'environment=production&changeClass=emergency')).body).toMatchObject({ open: true, blocks: [] });
    expect((await ask('is-open', 'environment=elsewhere')).body).toMatchObject({ open: true });
    const next = (await ask('next-open', 'environment=production&changeClass=normal')).body as { nextOpen: string };
    expect(next.nextOpen).toBe(`${until}:00.000Z`);
    const now = (await ask('next-open', 'environment=production&changeClass=rollback')).body as { at: string; nextOpen: string };
    expect(now.nextOpen).toBe(now.at);
  });

  it.each(['is-open', 'is-open?environment=a&changeClass=magic', 'next-open?environment=a&at=2030-01-01', 'upcoming-freezes?days=732'])(
    'refuse %s',
    async (path) => {
      expect((await app.get(`/v1/governance/${path}`)).status).toBe(400);
    },
  );

  it('preview 24 months, with the starts that clocks skip or repeat flagged', async () => {
    const window = { kind: 'recurring', start: '2026-01-01T02:30', durationMinutes: 60, rule: 'FREQ=DAILY' };
    ok(await manager.post('/v1/governance/calendars', { ...freeze, calendarId: 'nightly', kind: 'window', zone: 'Europe/Zurich', window }));
    const { body } = ok(await app.get('/v1/governance/calendars/nightly/preview'));
    const { occurrences } = body as { occurrences: { start: string; flags: string[]; instants: unknown[] }[] };
    expect(occurrences.length).toBeGreaterThan(728);
    // Clocks change four times in any 24 months.
    const flagged = occurrences.filter((o) => o.flags.length > 0);
    expect(flagged.map((o) => o.flags[0]).sort()).toEqual(['start-repeated', 'start-repeated', 'start-skipped', 'start-skipped']);
    for (const { start } of flagged) expect(start).toMatch(/^20\d\d-(?:03|10)-\d\dT02:30$/);
  });

  it('show versions, what is coming up, and who changed what and why', async () => {
    const window = { kind: 'one-off', start: utc(24), end: utc(30) };
    const { calendarId: _calendarId, ...changed } = { ...freeze, title: 'Later', justification: 'Moved.', window };
    const answer = ok(await manager.post('/v1/governance/calendars/books/change', changed));
    expect((await manager.post('/v1/governance/calendars/books/change', changed)).body).toMatchObject({ repeated: true });
    const position = { 'plimsoll-min-position': answer.headers.get('plimsoll-position') ?? '' };
    const list = ok(await app.get('/v1/governance/calendars?kind=freeze', position));
    expect(list.body).toMatchObject({
      items: [{ calendarId: 'books', title: 'Later', version: 2, justification: 'Moved.', status: 'declared' }],
    });
    const upcoming = await eventually('the freeze that was moved', async () => {
      const { items } = ok(await app.get('/v1/governance/upcoming-freezes?days=7', position)).body as { items: { version: number }[] };
      return items.every((i) => i.version === 2) ? items : undefined;
    });
    expect(upcoming).toMatchObject([{ calendarId: 'books', version: 2, start: window.start, end: window.end, flags: [] }]);
    expect(ok(await app.get('/v1/governance/calendars/books')).body).toMatchObject({ versions: [{ version: 1 }, { version: 2 }] });
    // As it was before: then there was none, and what is no time is no answer.
    expect((await app.get('/v1/governance/calendars/books?asOf=2000-01-01T00:00:00Z')).status).toBe(404);
    expect((await app.get('/v1/governance/calendars/books?asOf=2999-01-01T00:00:00Z')).body).toMatchObject({
      versions: [{}, { version: 2 }],
    });
    expect((await app.get('/v1/governance/calendars/books?asOf=yesterday')).status).toBe(422);
    expect((await app.get('/v1/governance/calendars/nothing')).status).toBe(404);
    expect((await app.get('/v1/governance/calendars/nothing/preview')).status).toBe(404);
  });

  it('take a change only of what was seen, where If-Match says what that was', async () => {
    const body = { justification: 'Not needed.' };
    const stale = await manager.post('/v1/governance/calendars/books/withdraw', body, { 'if-match': '"0"' });
    expect(stale.status).toBe(412);
    ok(await manager.post('/v1/governance/calendars/books/withdraw', body));
    expect((await app.get('/v1/governance/next-open?environment=production&changeClass=emergency')).status).toBe(200);
  });
});
