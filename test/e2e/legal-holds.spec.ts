import { eventually, startApp, type Person, type RunningApp } from '../support/running-app.ts';

describe('legal holds over REST', () => {
  let app: RunningApp;
  let lena: Person;
  let rita: Person;
  const hold = { holdId: 'lawsuit-17', scope: { kind: 'product', id: 'shop' }, reason: 'Smith against the bank.' };

  beforeAll(async () => {
    app = await startApp({ PLIMSOLL_ROLES: 'api,projector' });
    lena = await app.person('lena', 'records-manager');
    rita = await app.person('rita', 'auditor');
  });
  afterAll(() => app.stop());

  it('are placed by one person and released by another, and both ends are on record', async () => {
    const placed = await lena.post('/v1/governance/legal-holds', hold);
    expect(placed.status).toBe(201);
    expect(placed.body).toMatchObject({ id: 'lawsuit-17', stream: 'legalhold-register', revision: 0 });

    const own = await lena.post('/v1/governance/legal-holds/lawsuit-17/release', { reason: 'It was settled.' });
    expect([own.status, own.body.type]).toEqual([403, expect.stringContaining('released-by-another')]);
    const denial = await eventually('the denial', async () => {
      const { body } = await app.get('/v1/governance/denials?command=ReleaseLegalHold');
      return body.items[0] as { refusal: string } | undefined;
    });
    expect(denial.refusal).toBe('released-by-another');

    const released = await rita.post('/v1/governance/legal-holds/lawsuit-17/release', { reason: 'It was settled.' });
    expect(released.status).toBe(200);
    const { body } = await lena.get('/v1/governance/legal-holds?status=released', {
      'plimsoll-min-position': released.headers.get('plimsoll-position')!,
    });
    expect(body.items).toMatchObject([{ holdId: 'lawsuit-17', kind: 'product', about: 'shop', releaseReason: 'It was settled.' }]);
    expect((await app.get('/v1/governance/legal-holds/lawsuit-17')).body).toMatchObject({ released: { reason: 'It was settled.' } });
    expect((await app.get('/v1/governance/legal-holds/lawsuit-18')).status).toBe(404);
  });

  it.each([
    ['without a reason that can be seen', { ...hold, holdId: 'other', reason: '\u200b' }, 400],
    ['over no known kind of thing', { ...hold, holdId: 'other', scope: { kind: 'tenant', id: 'x' } }, 400],
    ['in the name of another', { ...hold, holdId: 'other', placedBy: 'rita' }, 400],
    ['over everything by a name', { ...hold, holdId: 'other', scope: { kind: 'everything', id: 'shop' } }, 422],
  ])('are refused %s', async (_how, body, status) => {
    expect((await lena.post('/v1/governance/legal-holds', body)).status).toBe(status);
  });

  it('are for records managers and auditors', async () => {
    const dora = await app.person('dora', 'developer');
    expect((await dora.post('/v1/governance/legal-holds', { ...hold, holdId: 'other' })).status).toBe(403);
  });
});
