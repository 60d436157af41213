import { randomUUID } from 'node:crypto';
import { Writable } from 'node:stream';
import { createLogger, nestLogger } from '../../src/logging.ts';
import { startApp, type Answer, type Person, type RunningApp } from '../support/running-app.ts';
import { report, serviceDeployed } from './outside-reports.ts';
import { ok, PROBLEMS, problemOf, Stage, step, STEPS } from './stage.ts';

/** A bound on what hangs, for tests of dozens of requests on a machine that is shared. */
const MANY_REQUESTS_MS = 240_000;

/** What a request may be made of. Each attack stands beside the request like it that must be accepted. */
describe('requests that are built to do harm', () => {
  let app: RunningApp;
  let stage: Stage;
  /** Has every role, so that nothing is refused for want of one. */
  let all: Person;
  const artifact = (name: string, version = '1.0.0') => ({
    name,
    version,
    purl: `pkg:npm/${name}@${version}`,
    digest: { algorithm: 'sha256', value: 'a'.repeat(64) },
    authors: [],
  });
  const register = (who: Person, body: unknown, key?: string): Promise<Answer> =>
    who.post('/v1/artifacts/artifacts', body, key === undefined ? {} : { 'idempotency-key': key });
  const head = async (): Promise<string> => String(await app.plimsoll.infrastructure.log.head());
  const commandIdsOf = async (answer: Answer): Promise<string[]> =>
    (await stage.stream(answer.body.stream as string)).map(({ metadata }) => metadata.commandId);

  beforeAll(async () => {
    app = await startApp(STEPS);
    stage = await Stage.on(app);
    const roles = 'developer release-manager approver deployer policy-editor sre tester service auditor identity-admin';
    all = await app.person('everybody', ...roles.split(' '));
  });
  afterAll(() => app.stop());

  describe('an idempotency key', () => {
    it('used for another body is refused, and the same body gets the same answer', async () => {
      const key = randomUUID();
      const first = await register(stage.ada, artifact('key-body'), key);
      ok(first);
      const before = await head();
      expect(problemOf(await register(stage.ada, artifact('key-body', '2.0.0'), key))).toBe('idempotency-key-reused');
      expect((await register(stage.ada, artifact('key-body'), key)).text).toBe(first.text);
      expect(await head()).toBe(before);
    });

    it('used for another route is refused, and a key of its own is not', async () => {
      const key = randomUUID();
      const { id } = ok(await register(stage.ada, artifact('key-route'), key));
      const compose = (headers: Record<string, string>): Promise<Answer> =>
        stage.ada.post('/v1/planning/releases', { product: 'key-route', artifactIds: [id] }, headers);
      expect(problemOf(await compose({ 'idempotency-key': key }))).toBe('idempotency-key-reused');
      ok(await compose({ 'idempotency-key': randomUUID() }));
    });

    it('used by another person is another key: nobody gets, or blocks, what somebody else asked', async () => {
      const key = randomUUID();
      const bob = await app.person('bob', 'developer');
      const ada = await register(stage.ada, artifact('key-ada'), key);
      const other = await register(bob, artifact('key-bob'), key);
      ok(ada);
      ok(other);
      expect(other.headers.get('idempotency-replayed')).toBeNull();
      expect(await commandIdsOf(other)).not.toEqual(await commandIdsOf(ada));
      expect((await register(bob, artifact('key-bob'), key)).text).toBe(other.text);
    });

    it('that is remembered no more hides nothing: events have ids of their own, and every denial is on record', async () => {
      const key = randomUUID();
      const refused = async (version: string): Promise<Answer> =>
        await register(stage.ada, { ...artifact('key-denied', version), digest: { algorithm: 'sha256', value: 'b'.repeat(64) } }, key);
      const ids: string[] = [];
      for (const version of ['1.0.0', '2.0.0']) {
        const answer = await register(stage.ada, artifact('key-forgotten', version), key);
        ids.push((await stage.stream(ok(answer).stream))[0]!.id);
        ok(await register(stage.ada, artifact('key-denied', version)));
        // As a day later.
        await app.plimsoll.infrastructure.pool.query('delete from idempotency');
      }
      expect(new Set(ids).size).toBe(2);
      const positions: (string | null)[] = [];
      for (const version of ['1.0.0', '2.0.0']) {
        const answer = await refused(version);
        expect(problemOf(answer)).toBe('second-digest');
        positions.push(answer.headers.get('plimsoll-position'));
        await app.plimsoll.infrastructure.pool.query('delete from idempotency');
      }
      expect(positions.every((position) => position !== null)).toBe(true);
      expect(new Set(positions).size).toBe(2);
    });
  });

  describe('on every route that takes a body', () => {
    let routes: readonly string[];
    /** Reports and events are read as they stream in, by readers of their own. */
    const streamed = ['/v1/events', '/v1/evidence/junit'];
    const deep = (levels: number): string => `${'{"a":'.repeat(levels)}1${'}'.repeat(levels)}`;

    beforeAll(async () => {
      const { paths } = (await app.get('/openapi.json')).body as { paths: Record<string, Record<string, unknown>> };
      routes = Object.entries(paths).flatMap(([path, operations]) =>
        'post' in operations ? [path.replaceAll(/\{\w+\}/g, randomUUID())] : [],
      );
    });

    it.each([
      ['prototype pollution', '{"__proto__":{"polluted":true}}'],
      ['prototype pollution through a constructor', '{"a":{"constructor":{"prototype":{"polluted":true}}}}'],
      ['prototype pollution in a list', '[{"name":"a"},{"__proto__":{"polluted":true}}]'],
      ['prototype pollution by an escaped key', '{"\\u005f_proto__":{"polluted":true}}'],
      ['a key that is there twice', '{"name":"a","name":"b"}'],
      ['a key that is there twice, once escaped', '{"name":"a","n\\u0061me":"b"}'],
      ['deep nesting', deep(2000)],
      ['deep lists', `${'['.repeat(5000)}${']'.repeat(5000)}`],
      ['an integer that a double loses', '{"n":9007199254740993}'],
      ['half a surrogate pair', '{"n":"\\ud800"}'],
      ['a comment', '{"n":1/**/}'],
    ])('%s is refused, and leaves nothing', async (_what, body) => {
      expect(routes.length).toBeGreaterThan(30);
      const taken: string[] = [];
      for (const route of routes) {
        const answer = await all.post(route, body);
        const refusedAsJson = answer.status === 400 && answer.body.type === `${PROBLEMS}malformed-json`;
        const refusedByItsReader = streamed.includes(route) && answer.status >= 400 && answer.status < 500;
        if (!refusedAsJson && !refusedByItsReader) taken.push(`${route} ${answer.status} ${answer.text.slice(0, 80)}`);
      }
      expect(taken).toEqual([]);
      expect(({} as { polluted?: boolean }).polluted).toBeUndefined();
      ok(await register(stage.ada, artifact(`body-${randomUUID()}`)));
    });

    it('and as deep as is allowed is accepted', async () => {
      const release = await stage.planned('deep');
      const input = JSON.parse(deep(40)) as object;
      ok(await stage.plan(release, [step('a', input)]));
    });
  });

  it(
    'a list, or nothing, where an object belongs, and a list in a list, are refused with what would be accepted',
    async () => {
      const name = 'shapes';
      const release = await stage.planned(name);
      const gates = [{ gate: 'artifacts-registered' }];
      const policy = { policyId: 'p-shapes-2', title: name, gates, rollbackGates: gates };
      const period = { from: '2026-01-01T00:00:00Z', to: '2026-02-01T00:00:00Z' };
      const role = { role: 'tester', until: new Date(Date.now() + 86_400_000).toISOString() };
      const hold = { holdId: 'h-shapes', reason: 'A case.' };
      const calendar = { calendarId: 'c-shapes', title: name, kind: 'freeze', zone: 'UTC', justification: 'The books are closed.' };
      const window = { kind: 'one-off', start: '2030-01-01T00:00', end: '2030-01-02T00:00' };
      const ida = await app.person('ida', 'identity-admin');
      const rex = await app.person('rex', 'records-manager');
      const roles = `/v1/governance/persons/${randomUUID()}/roles`;
      const hostile: readonly (readonly [Person, string, object, string])[] = [
      [stage.max, '/v1/governance/policies/p-shapes/backtests', period, 'draft'],
      [stage.max, '/v1/governance/policies/p-shapes/backtests', { ...period, draft: [] }, 'draft'],
      [stage.max, '/v1/governance/policies', { ...policy, clauses: [{ gates }] }, 'clauses[0].when'],
      [stage.max, '/v1/governance/policies', { ...policy, clauses: [{ when: [], gates }] }, 'clauses[0].when'],
      [stage.max, '/v1/governance/policies', { ...policy, clauses: [[]] }, 'clauses[0]'],
      [stage.max, '/v1/governance/policies', { ...policy, gates: [{ gate: 'approved', groups: [[]] }] }, 'gates[0].groups[0]'],
      [stage.max, '/v1/governance/policies', { ...policy, gates: [{ gate: 'duties-separated', apart: [[]] }] }, 'gates[0].apart[0]'],
      [ida, roles, { ...role, scope: [] }, 'scope'],
      [ida, roles, role, 'scope'],
      [rex, '/v1/governance/legal-holds', { ...hold, scope: [] }, 'scope'],
      [rex, '/v1/governance/retention-policies', { title: name, rules: [[]], justification: 'So it is.' }, 'rules[0]'],
      [stage.rita, '/v1/governance/calendars', { ...calendar, scope: {}, window: [] }, 'window'],
      [stage.rita, '/v1/governance/calendars', { ...calendar, window }, 'scope'],
      [stage.ada, '/v1/artifacts/artifacts', { ...artifact(name), digest: [] }, 'digest'],
      [stage.ada, `/v1/planning/releases/${release.releaseId}/plan`, { environment: release.environment, steps: [[]] }, 'steps[0]'],
      [stage.ada, `/v1/planning/releases/${release.releaseId}/plan`, { environment: release.environment, steps: [step('a')], smoke: [] }, 'smoke'],
      [all, '/v1/observability/metric-samples', { environment: release.environment, service: name, source: name, samples: [[]] }, 'samples[0]'],
    ]; // prettier-ignore
      for (const [who, route, body, path] of hostile) {
        const answer = await who.post(route, body);
        const said = (answer.body.errors as { path: string; problems: string[] }[] | undefined)?.find((error) => error.path === path);
        expect([route, path, answer.status, said?.problems]).toEqual([route, path, 400, [expect.stringMatching(/JSON object.*fields/i)]]);
      }
      ok(
        await stage.max.post('/v1/governance/policies', {
          ...policy,
          clauses: [{ when: { regimes: ['SOX'] }, gates: [{ gate: 'tests-passed' }] }],
        }),
      );
      ok(await rex.post('/v1/governance/legal-holds', { ...hold, scope: { kind: 'product', id: name } }));
      ok(await stage.rita.post('/v1/governance/calendars', { ...calendar, scope: { environment: 'elsewhere' }, window }));
      ok(await stage.max.post('/v1/governance/policies/p-shapes/backtests', { ...period, draft: { gates, rollbackGates: gates } }));
      expect((await app.get('/health/ready')).body).toMatchObject({ status: 'ready' });
    },
    MANY_REQUESTS_MS,
  );

  it(
    'a time that readers could read differently is refused, and an instant is not',
    async () => {
      const samples = (at: string): object => ({
        environment: 'e-times',
        service: 'times',
        source: 'times',
        samples: [{ at, seconds: 60, requests: 5, errors: 1 }],
      });
      const policy = (effectiveFrom: string): object => ({
        policyId: 'p-times',
        title: 'x',
        gates: [{ gate: 'artifacts-registered' }],
        rollbackGates: [{ gate: 'rollback-target-ran' }],
        effectiveFrom,
      });
      const role = (until: string): object => ({ role: 'tester', scope: { kind: 'organisation', id: '*' }, until });
      const built = (claimedOccurredAt: string): object => ({ ...artifact('times'), claimedOccurredAt });
      const ida = await app.person('ida', 'identity-admin');
      const roles = `/v1/governance/persons/${randomUUID()}/roles`;
      const odd = [
        '2027-W08',
        '2027-W08-1',
        '2027-050',
        '20270201T100000Z',
        '2027-02-01',
        '2027-02-01T10:00:00',
        '2027-02-31T00:00:00Z',
        '2027-02-01T24:00:00Z',
        '12027-02-01T10:00:00Z',
      ];
      for (const at of odd) {
        const answers = [
          await all.post('/v1/observability/metric-samples', samples(at)),
          await stage.max.post('/v1/governance/policies', policy(at)),
          await ida.post(roles, role(at)),
          await stage.ada.post('/v1/artifacts/artifacts', built(at)),
        ];
        expect([at, answers.map(({ status }) => status)]).toEqual([at, [400, 400, 400, 400]]);
        for (const { body } of answers)
          expect(body.detail).toContain('must be an instant with its offset, from 1970 to 2999, such as 2026-03-02T10:00:00Z');
        const asked = await stage.max.get(`/v1/governance/who-could?action=StartDeployment&at=${at}`);
        expect([asked.status, asked.body.detail]).toEqual([422, expect.stringContaining('such as 2026-03-02T10:00:00Z')]);
      }
      ok(await all.post('/v1/observability/metric-samples', samples(new Date().toISOString())));
      ok(await stage.max.post('/v1/governance/policies', policy('2127-02-28T00:00:00+01:00')));
      ok(await stage.ada.post('/v1/artifacts/artifacts', built('2026-02-28T00:00:00.123456-08:00')));
      ok(await stage.max.get('/v1/governance/who-could?action=StartDeployment&at=2027-02-01T10:00:00Z'));
    },
    MANY_REQUESTS_MS,
  );

  it('names that every object has are names like others: calendars, environments, groups, steps, sources', async () => {
    const name = 'constructor';
    const ida = await app.person('ida', 'identity-admin');
    ok(await ida.post('/v1/governance/groups', { group: name, title: name }));
    ok(await ida.post(`/v1/governance/groups/${name}/members`, { person: randomUUID() }));
    const at = (hours: number): string => new Date(Date.now() + hours * 3_600_000).toISOString().slice(0, 16);
    for (const calendarId of [name, 'a-freeze', name]) {
      const calendar = { calendarId, title: `Freeze ${calendarId}`, kind: 'freeze', scope: { environment: 'elsewhere' }, zone: 'UTC' };
      const window = { kind: 'one-off', start: at(1), end: at(2) };
      ok(await stage.rita.post('/v1/governance/calendars', { ...calendar, window, justification: 'The books are closed.' }));
    }
    expect(ok(await all.get(`/v1/governance/calendars/${name}`)).versions).toHaveLength(1);
    expect(problemOf(await all.get('/v1/governance/calendars/valueOf'))).toBe('calendar-unknown');
    expect(problemOf(await stage.otto.post(`/v1/governance/bypasses/${name}/review`, { outcome: 'approved', findings: 'None.' }))).toBe(
      'bypass-unknown',
    );
    expect(problemOf(await all.get(`/v1/governance/who-could?action=${name}&at=2026-03-01T00:00:00Z`))).toBe('action-unknown');
    expect(problemOf(await all.get(`/v1/governance/who-could?action=__proto__&at=2026-03-01T00:00:00Z`))).toBe('action-unknown');
    const samples = [{ at: new Date().toISOString(), seconds: 60, requests: 5, errors: 1 }];
    const measured = await all.post('/v1/observability/metric-samples', {
      environment: 'e-names',
      service: name,
      source: '__proto__',
      samples,
    });
    expect(ok(measured).revision).toBe(0);

    // All gates are still judged, and what has a plan runs; what has none is refused for that.
    const release = await stage.planned('names', { gates: [{ gate: 'artifacts-registered' }] });
    const input = { toString: 'y', valueOf: { hasOwnProperty: [{ toString: 1 }] }, 'a.b': null };
    for (const lost of [{ constructor: 'x' }, { nested: [{ constructor: { a: 1 } }] }, { prototype: {} }])
      expect(problemOf(await stage.plan(release, [step(name, { ...input, ...lost })]))).toBe('validation');
    ok(await stage.plan(release, [step(name, input)]));
    const { id } = ok(await stage.start(stage.dan, release));
    expect(await stage.ended(id)).toContain('DeploymentSucceeded');
    const [started] = await stage.stream(`deployment-${id}`);
    expect((started?.data as { steps: object[] }).steps).toEqual([step(name, input)]);
    ok(await stage.rita.post('/v1/environments/environments', { environment: name, class: 'production', policyId: 'p-names' }));
    const unplanned = await stage.start(stage.dan, { ...release, environment: name });
    expect(unplanned.body.reasons.map((reason: { code: string }) => reason.code)).toContain('no-plan');
    await report(stage, serviceDeployed(name, release.purl, new Date().toISOString(), '__proto__'));
    expect(ok(await stage.view(`/v1/environments/map/${name}`)).environment).toBe(name);
    expect((await app.get('/metrics')).text).toContain('DeclareCalendar');
  });

  it('regex denial of service: a megabyte that patterns would stumble over is refused, and the program answers', async () => {
    const long = 400_000;
    const hostile: readonly (readonly [string, object])[] = [
      ['/v1/environments/environments', { environment: `${'a-'.repeat(long)}!`, class: 'production', policyId: 'p' }],
      ['/v1/governance/policies', { policyId: 'p', title: '\u200b'.repeat(long / 2), gates: [], rollbackGates: [] }],
      ['/v1/artifacts/artifacts', { ...artifact('x'), purl: `pkg:npm/${'%41'.repeat(long / 2)}@` }],
      ['/v1/artifacts/artifacts', { ...artifact('x'), version: `1.${'0'.repeat(long)}.x` }],
      ['/v1/planning/versions', { releaseId: randomUUID(), product: 'x', version: `1.0.0-${'a.'.repeat(long)}` }],
      ['/v1/governance/bypasses', { releaseId: randomUUID(), environment: 'e', gates: ['approved'], justification: '\u3164 '.repeat(long / 2) }],
      ['/v1/governance/bypasses', { releaseId: randomUUID(), environment: 'e', gates: ['approved'], justification: 'x', reviewDueAt: `2026-01-01T00:00:00.${'0'.repeat(long)}` }],
      ['/v1/governance/calendars', { calendarId: 'c', title: 'c', kind: 'freeze', scope: {}, zone: 'Z'.repeat(long), window: { kind: 'recurring', start: '2026-01-01T00:00', durationMinutes: 1, rule: `FREQ=DAILY;${'BYDAY=MO,'.repeat(40_000)}` }, justification: 'x' }],
    ]; // prettier-ignore
    for (const [route, body] of hostile) {
      const answer = await all.post(route, body);
      expect([route, [400, 413, 422].includes(answer.status)]).toEqual([route, true]);
    }
    // Lists and authorisation take patterns of their own.
    expect((await all.get(`/v1/governance/denials?person=${'a'.repeat(7000)}`)).status).toBeLessThan(500);
    expect((await app.get('/health/live')).status).toBe(200);
    ok(await register(stage.ada, { ...artifact('x-1'), version: '1.0.0-alpha.1' }));
  });

  it.each([
    ['a formula', '=HYPERLINK("http://evil","click")'],
    ['a formula behind a space', ' =1+1'],
    ['a formula behind what nobody sees', '\u200b=1+1'],
    ['an addition', '+1+1'],
    ['a command', '@SUM(A1:A9)'],
    ['a formula in full width', '\uff1d1+1'],
  ])('formula injection: %s is text in every CSV, and other text stays as it is', async (_what, text) => {
    const environment = `csv-${randomUUID().slice(0, 8)}`;
    await report(stage, serviceDeployed(environment, text, new Date().toISOString(), text));
    await report(stage, serviceDeployed(environment, 'pkg:npm/shop@1.0.0'));
    const csv = await stage.view(`/v1/environments/unauthorised-deployments.csv?environment=${environment}`);
    ok(csv);
    const lines = csv.text.split('\r\n').slice(1, 3);
    expect(lines).toHaveLength(2);
    // Newest first.
    expect(lines[0]).toContain(',shop,pkg:npm/shop@1.0.0,');
    const quoted = text.includes('"') ? `"'${text.replaceAll('"', '""')}"` : `'${text}`;
    expect(lines[1]).toContain(`,${quoted},${quoted},`);
  });

  it('log injection: line breaks and terminal controls in names make no line and no colour, and letters of other languages stay', () => {
    const written: string[] = [];
    const sink = new Writable({
      write: (chunk: Buffer, _encoding, done) => {
        written.push(chunk.toString());
        done();
      },
    });
    const logger = nestLogger(createLogger('debug', sink));
    const hostile = 'shop\r\n{"level":30,"msg":"forged"}\u001b[2J\u001b]0;owned\u0007\u009b31m\u2028\u202e\u0085';
    for (const level of ['log', 'error', 'warn', 'debug'] as const) logger[level]?.(`POST /v1/x ${hostile}`, `stack ${hostile}`, 'Problem');
    logger.error(new Error(hostile), 'Problem');
    logger.log('Zürich, Ζυρίχη, チューリッヒ', 'Names');
    const lines = written.join('').split('\n').filter(Boolean);
    expect(lines).toHaveLength(6);
    // Neither the controls of C0 nor those of C1, and nothing that breaks a line or turns it round.
    for (const line of lines) expect(line).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/); // eslint-disable-line no-control-regex
    expect(lines.filter((line) => (JSON.parse(line) as { msg: string }).msg === 'forged')).toEqual([]);
    expect((JSON.parse(lines[0]!) as { msg: string }).msg).toContain(hostile);
    expect(lines.at(-1)).toContain('Zürich, Ζυρίχη, チューリッヒ');
  });
});
