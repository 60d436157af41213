import { startApp, type RunningApp } from '../support/running-app.ts';

const digest = `sha256:${'a1'.repeat(32)}`;
const passing = '<testsuite name="unit" tests="2"><testcase name="adds"/><testcase name="subtracts"/></testsuite>';
const failing =
  '<testsuite name="unit"><testcase name="adds"><failure message="1 is not 2"/></testcase><testcase name="ends"/></testsuite>';
const XML = { 'content-type': 'application/xml' };

describe('evidence over HTTP', () => {
  let app: RunningApp;
  let releaseId: string;
  const upload = (report: string | Uint8Array, as = ['service'], headers: Record<string, string> = XML, about = {}) => {
    const query = new URLSearchParams({ releaseId, artifactDigest: digest, suite: 'unit', ...about });
    return app.post(`/v1/evidence/junit?${query}`, report, as, headers);
  };
  const recorded = async () => (await app.plimsoll.infrastructure.log.readStream(`testreport-${releaseId}`)).events;

  beforeAll(async () => {
    app = await startApp({ PLIMSOLL_ROLES: 'api' });
    const artifact = { name: 'shop', version: '1.0.0', purl: 'pkg:npm/shop@1.0.0', authors: ['test|ann'] };
    const registered = await app.post('/v1/artifacts/artifacts', { ...artifact, digest: { algorithm: 'sha256', value: 'a1'.repeat(32) } }, [
      'service',
    ]);
    const composed = await app.post('/v1/planning/releases', { product: 'shop', artifactIds: [registered.body.id] }, ['release-manager']);
    releaseId = composed.body.id;
  }, 60_000);
  afterAll(() => app.stop());

  it('takes a JUnit report about an artifact of a release, and the same report again is nothing', async () => {
    const first = await upload(passing);
    expect(first).toMatchObject({ status: 201, body: { stream: `testreport-${releaseId}`, revision: 0, repeated: false } });
    expect(await upload(passing, ['tester'])).toMatchObject({ body: { revision: 0, repeated: true } });
    expect(await recorded()).toMatchObject([{ type: 'TestReportRecorded', data: { outcome: 'pass', tests: 2, failed: [] } }]);
  });

  it('keeps which tests failed', async () => {
    await upload(failing, ['developer'], { 'content-type': 'text/xml; charset=utf-8' });
    expect((await recorded()).at(-1)).toMatchObject({ data: { outcome: 'fail', failures: 1, failed: ['unit: adds: 1 is not 2'] } });
  });

  it.each([
    [
      'is not XML by its content type',
      () => upload(passing, ['service'], { 'content-type': 'application/json' }),
      415,
      'unsupported-media-type',
    ],
    ['is no XML', () => upload('not xml'), 422, 'report-refused'],
    ['has a DOCTYPE', () => upload(`<!DOCTYPE a [<!ENTITY b "c">]>${passing}`), 422, 'report-refused'],
    ['says that it tested another digest', () => upload(withDigest(`sha256:${'b'.repeat(64)}`)), 422, 'report-of-another-digest'],
    ['is over 10 MiB', () => upload(new Uint8Array(10 * 1024 * 1024 + 1)), 413, 'body-too-large'],
    [
      'is about a digest that is not in the release',
      () => upload(passing, ['service'], XML, { artifactDigest: `sha256:${'c'.repeat(64)}` }),
      422,
      'digest-not-in-release',
    ],
    ['is about no release', () => upload(passing, ['service'], XML, { releaseId: 'nobodys' }), 404, 'release-unknown'],
    ['names no suite', () => upload(passing, ['service'], XML, { suite: '' }), 400, 'validation'],
    ['comes from somebody without the role', () => upload(passing, ['approver']), 403, 'role-missing'],
  ])('refuses a report that %s', async (_what, ask, status, type) => {
    const before = (await recorded()).length;
    expect(await ask()).toMatchObject({ status, body: { type: `https://plimsoll.dev/problems/${type}` } });
    expect(await recorded()).toHaveLength(before);
  });

  it('takes a report that names the digest it is sent for', async () => {
    expect(await upload(withDigest(digest))).toMatchObject({ status: 200 });
  });

  it('does not know a smoke run that never was', async () => {
    expect(await app.get('/v1/validation/smoke-runs/none')).toMatchObject({ status: 404 });
  });
});

function withDigest(value: string): string {
  return `<testsuite name="unit"><properties><property name="plimsoll.digest" value="${value}"/></properties><testcase name="adds"/></testsuite>`;
}
