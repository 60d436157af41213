import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { runSmoke, type SmokeCheck } from './index.ts';

const DIGEST = `sha512:${'ab'.repeat(64)}`;
const OTHER = `sha256:${'cd'.repeat(32)}`;

let server: Server;
let base: string;
let answer: RequestListener;
let asked: string[];

beforeEach(async () => {
  asked = [];
  answer = (_, response) => response.setHeader('x-plimsoll-digest', DIGEST).end('the Harbour shop');
  server = createServer((request, response) => {
    asked.push(`${request.method} ${request.url}`);
    answer(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterEach(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

const front: SmokeCheck = { name: 'front page', method: 'GET', path: '/', expectStatus: 200 };

describe('a smoke suite', () => {
  it('passes where every check does, and says which digest answered', async () => {
    const checks: SmokeCheck[] = [
      { ...front, expectBodyIncludes: 'Harbour', expectHeader: { name: 'X-Plimsoll-Digest', value: DIGEST } },
      { name: 'head', method: 'HEAD', path: '/a?b=c', expectStatus: 200 },
    ];
    const result = await runSmoke(base, checks);
    expect(result).toMatchObject({ outcome: 'pass', reason: 'All 2 checks passed.', observedDigest: DIGEST, observedDigests: [DIGEST] });
    expect(result.checks.map(({ name, outcome }) => `${name}: ${outcome}`)).toEqual(['front page: pass', 'head: pass']);
    expect(asked).toEqual(['GET /', 'HEAD /a?b=c']);
  });

  it.each<[string, Partial<SmokeCheck>, string]>([
    ['another status', { expectStatus: 204 }, 'The status is 200 instead of 204.'],
    ['a body without the text', { expectBodyIncludes: 'Airport' }, 'The body lacks the expected text.'],
    ['an absent header', { expectHeader: { name: 'x-absent', value: '' } }, 'The header x-absent is absent.'],
    ['another header value', { expectHeader: { name: 'x-plimsoll-digest', value: 'x' } }, 'The header x-plimsoll-digest is another.'],
    ['a path that is none', { path: 'shop' }, 'The path does not begin'],
    ['a path that hides another host', { path: '//169.254.169.254/latest' }, 'The path does not begin'],
    ['a path that hides it behind a backslash', { path: '/\\169.254.169.254/latest' }, 'The path does not begin'],
    ['a method that could change something', { method: 'POST' as 'GET' }, 'A check is a GET or a HEAD.'],
  ])('fails on %s, and asks the rest nevertheless', async (_, changed, detail) => {
    const result = await runSmoke(base, [{ ...front, name: 'broken', ...changed }, front]);
    expect(result).toMatchObject({
      outcome: 'fail',
      checks: [{ outcome: 'fail', detail: expect.stringContaining(detail) }, { outcome: 'pass' }],
    });
    expect(result.reason).toContain('1 of 2 checks: fail; first "broken"');
  });

  it('takes a redirect for what it is, and does not go there', async () => {
    answer = (_, response) => response.writeHead(302, { location: '/login' }).end();
    expect(await runSmoke(base, [front])).toMatchObject({ outcome: 'fail' });
    expect(await runSmoke(base, [{ ...front, expectStatus: 302 }])).toMatchObject({ outcome: 'pass' });
    expect(asked).toEqual(['GET /', 'GET /']);
  });

  it('says so where several versions answer, or none says which it is', async () => {
    answer = (_, response) => response.setHeader('x-plimsoll-digest', asked.length % 2 ? DIGEST : OTHER).end();
    const mixed = await runSmoke(base, [front, front]);
    expect(mixed.observedDigests).toEqual([OTHER, DIGEST]);
    expect(mixed).not.toHaveProperty('observedDigest');
    answer = (_, response) => response.setHeader('x-plimsoll-digest', 'latest; drop table').end();
    expect(await runSmoke(base, [front])).toMatchObject({ outcome: 'pass', observedDigests: [] });
  });

  it('fails where nobody answers, and does not throw', async () => {
    const gone = base;
    await new Promise((resolve) => server.close(resolve));
    expect(await runSmoke(gone, [front])).toMatchObject({ outcome: 'fail', checks: [{ detail: expect.stringContaining('ECONNREFUSED') }] });
  });

  it('fails a check that takes too long, while others go on', async () => {
    answer = (request, response) => (request.url === '/slow' ? undefined : response.end());
    const result = await runSmoke(base, [{ ...front, path: '/slow' }, front], { checkTimeoutMs: 100 });
    expect(result.checks.map(({ outcome }) => outcome)).toEqual(['fail', 'pass']);
  });

  it('is inconclusive where its own time is over before everything was asked', async () => {
    answer = (request, response) => (request.url === '/slow' ? undefined : response.end());
    const result = await runSmoke(base, [front, { ...front, path: '/slow' }, front], { deadlineMs: 200 });
    expect(result.outcome).toBe('inconclusive');
    expect(result.checks.map(({ outcome }) => outcome)).toEqual(['pass', 'inconclusive', 'inconclusive']);
    expect(asked).toEqual(['GET /', 'GET /slow']);

    const failed = await runSmoke(
      base,
      [
        { ...front, expectStatus: 500 },
        { ...front, path: '/slow' },
      ],
      { deadlineMs: 200 },
    );
    expect(failed.outcome).toBe('fail');
    expect(await runSmoke(base, [front], { signal: AbortSignal.abort() })).toMatchObject({ outcome: 'inconclusive' });
  });

  it('asks nobody whom the configuration does not allow', async () => {
    for (const url of ['http://169.254.169.254', 'https://example.org', 'http://localhost:1', 'file:///etc/passwd', 'no URL']) {
      expect(await runSmoke(url, [front])).toMatchObject({ outcome: 'inconclusive', checks: [] });
    }
    const port = new URL(base).port;
    expect(await runSmoke(base, [front], { allow: (url) => url.port !== port })).toMatchObject({ outcome: 'inconclusive' });
    expect(await runSmoke(base, [front], { allow: (url) => url.port === port })).toMatchObject({ outcome: 'pass' });
    expect(asked).toHaveLength(1);
  });

  it('without checks says nothing, which is not success', async () => {
    expect(await runSmoke(base, [])).toMatchObject({ outcome: 'inconclusive' });
    expect(await runSmoke(base, Array<SmokeCheck>(101).fill(front))).toMatchObject({ outcome: 'inconclusive' });
  });
});
