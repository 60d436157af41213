import { randomUUID } from 'node:crypto';
import { startApp, type Answer, type Person, type RunningApp } from '../support/running-app.ts';
import { ok, personId, PROBLEMS, Stage, type Planned } from './stage.ts';

/** Headers that differ from one answer to the next whatever was asked. */
const OF_THE_MOMENT = ['date', 'x-request-id', 'plimsoll-view-position', 'plimsoll-view-lag', 'plimsoll-command-id', 'plimsoll-position'];

/** An answer without the id that was asked for, and without what is of the moment. */
function shapeOf(answer: Answer, id: string): object {
  const headers = [...answer.headers.entries()].filter(([name]) => !OF_THE_MOMENT.includes(name) && name !== 'content-length');
  return { status: answer.status, headers, text: answer.text.replaceAll(id, 'ID').replaceAll(encodeURIComponent(id), 'ID') };
}

/**
 * What an id tells whoever guesses it. One deployment of Plimsoll is of one organisation: everybody with a token of its issuer may read what is not
 * behind a role, and only acting takes roles and scopes. So there is no id that exists and is hidden; what is shown here is that an id of
 * something else, or of nothing, answers the same bytes everywhere, and that who may not act learns nothing from what the refusal says.
 */
describe('objects of others, and objects that are not there', () => {
  let app: RunningApp;
  let stage: Stage;
  let release: Planned;
  let nobody: Person;
  let beforeAny: object;
  /** Ids of things that are there, by the part of the path that they belong to. */
  let existing: Readonly<Record<string, string>>;
  let gets: readonly string[];
  let posts: readonly string[];
  const withId = (path: string, id: string): string => path.replace(/\{\w+\}/, id);

  beforeAll(async () => {
    app = await startApp();
    stage = await Stage.on(app);
    release = await stage.planned('objects');
    // While there is none of a kind, an id of it is told the same as later.
    const empty = randomUUID();
    beforeAny = shapeOf(await stage.max.get(`/v1/governance/bypasses/${empty}`), empty);
    const asked = await stage.request(release);
    ok(await stage.grant(stage.anna, asked));
    const { id: deploymentId } = ok(await stage.start(stage.dan, release));
    const { id: bypassId } = ok(
      await stage.dan.post('/v1/governance/bypasses', {
        releaseId: release.releaseId,
        environment: release.environment,
        gates: ['approved'],
        justification: 'Payments are down.',
      }),
    );
    existing = {
      artifacts: release.artifactIds[0]!,
      releases: release.releaseId,
      approvals: asked.id,
      deployments: deploymentId,
      bypasses: bypassId,
      persons: personId('anna'),
    };
    nobody = await app.person('nobody');
    const { paths } = (await app.get('/openapi.json')).body as { paths: Record<string, Record<string, unknown>> };
    const one = Object.entries(paths).filter(([path]) => path.split('{').length === 2);
    gets = one.flatMap(([path, operations]) => ('get' in operations && !path.endsWith('/live') ? [path] : []));
    posts = one.flatMap(([path, operations]) => ('post' in operations ? [path] : []));
  });
  afterAll(() => app.stop());

  it('an id of nothing and an id of something else answer the same bytes, on every route that reads by id', async () => {
    expect(gets.length).toBeGreaterThan(15);
    const told: string[] = [];
    const found: string[] = [];
    for (const path of gets) {
      const none = [randomUUID(), randomUUID()];
      const [first, second] = [await stage.max.get(withId(path, none[0]!)), await stage.max.get(withId(path, none[1]!))];
      const shape = JSON.stringify(shapeOf(first, none[0]!));
      // Twice something that is not there: what is compared below is no accident.
      expect(JSON.stringify(shapeOf(second, none[1]!))).toBe(shape);
      if (![400, 403, 404].includes(first.status)) {
        // A list under an id, such as the roles of a person whom nobody has registered: the same for all of them.
        expect([path, first.status]).toEqual([path, 200]);
        continue;
      }
      for (const [kind, id] of Object.entries(existing)) {
        const answer = await stage.max.get(withId(path, id));
        if (answer.status === 200) found.push(`${path} ${kind}`);
        else if (JSON.stringify(shapeOf(answer, id)) !== shape)
          told.push(`${path}: an id of ${kind}: ${answer.text} instead of ${first.text}`);
      }
      // And whoever asks: with a role or without one.
      const asNobody = await nobody.get(withId(path, none[0]!));
      if (JSON.stringify(shapeOf(asNobody, none[0]!)) !== shape && asNobody.status !== 403)
        told.push(`${path}: tells those with a role more`);
    }
    expect(told).toEqual([]);
    const later = randomUUID();
    expect(shapeOf(await stage.max.get(`/v1/governance/bypasses/${later}`), later)).toEqual(beforeAny);
    // What is there is found, by who asks for it where it is.
    ok(await stage.max.get(`/v1/planning/releases/${release.releaseId}`));
    expect(found.some((one) => one.startsWith('/v1/planning/releases/'))).toBe(true);
    expect(found.some((one) => one.startsWith('/v1/governance/approvals/'))).toBe(true);
  });

  it('who may not act is told the same, whether there is something to act on or not', async () => {
    expect(posts.length).toBeGreaterThan(10);
    const told: string[] = [];
    for (const path of posts) {
      const none = randomUUID();
      const shape = JSON.stringify(shapeOf(await nobody.post(withId(path, none), {}), none));
      for (const [kind, id] of Object.entries(existing)) {
        const answer = await nobody.post(withId(path, id), {});
        expect([path, answer.status]).not.toEqual([path, 200]);
        if (JSON.stringify(shapeOf(answer, id)) !== shape) told.push(`${path}: an id of ${kind}: ${answer.text}`);
      }
    }
    expect(told).toEqual([]);
    ok(await stage.plan(release));
  });

  it.each([
    ['../../etc/passwd', 'a path'],
    ['%2e%2e%2f%2e%2e%2fetc%2fpasswd', 'an encoded path'],
    ['a%00b', 'a null'],
    ['a%0d%0ab', 'a line break'],
    ['%F0%9F%92%A9', 'a symbol'],
    ['$all', 'the log itself'],
    ['%24all', 'the log itself, encoded'],
    ['a'.repeat(200), 'a name without end'],
    ["' or 1=1 --", 'a condition'],
    ['__proto__', 'a prototype'],
  ])('an id that is none is refused everywhere, and nothing is looked up by it: %s', async (id) => {
    const served: string[] = [];
    for (const path of gets) {
      const answer = await stage.max.get(withId(path, id.includes('%') ? id : encodeURIComponent(id)));
      if (![400, 403, 404, 414, 422].includes(answer.status)) served.push(`${path} ${answer.status} ${answer.text.slice(0, 120)}`);
    }
    expect(served).toEqual([]);
    ok(await stage.max.get(`/v1/planning/releases/${release.releaseId}`));
  });

  it('a tenant in query or header changes nothing: there is one organisation', async () => {
    const path = `/v1/planning/releases/${release.releaseId}`;
    const plain = await stage.max.get(path);
    ok(plain);
    for (const headers of [
      { 'x-tenant': 'other' },
      { 'x-organisation': 'other' },
      { 'x-forwarded-host': 'other.example' },
      { 'x-original-url': '/v1/governance/denials' },
    ])
      expect((await stage.max.get(path, headers as unknown as Record<string, string>)).text).toBe(plain.text);
    const asked = await stage.max.get(`${path}?tenant=other`);
    expect([200, 400]).toContain(asked.status);
    if (asked.status === 200) expect(asked.text).toBe(plain.text);
  });

  it('a leaf of the ledger is for auditors: whether there is one, others are not told', async () => {
    const [there, beyond] = [await nobody.get('/v1/ledger/leaves/0'), await nobody.get('/v1/ledger/leaves/99999999')];
    expect([there.status, there.body.type]).toEqual([403, `${PROBLEMS}role-missing`]);
    expect(shapeOf(beyond, '/v1/ledger/leaves/99999999')).toEqual(shapeOf(there, '/v1/ledger/leaves/0'));
    const audrey = await app.person('audrey', 'auditor');
    expect((await audrey.get('/v1/ledger/leaves/99999999')).status).toBe(404);
  });
});
