import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Webhook } from 'standardwebhooks';
import { httpDriver, type HttpTarget, type StepRun } from './index.ts';

const SECRET = `whsec_${Buffer.from('a secret of thirty-two bytes....').toString('base64')}`;

interface Received {
  readonly method: string;
  readonly path: string;
  readonly headers: Record<string, string>;
  readonly body: string;
}
type Answer = (request: Received, response: ServerResponse, count: number) => void;

let server: Server;
let base: string;
let received: Received[];
let answer: Answer;

beforeEach(async () => {
  received = [];
  server = createServer((request: IncomingMessage, response) => {
    let body = '';
    request.setEncoding('utf8').on('data', (text: string) => (body += text));
    request.on('end', () => {
      const seen = { method: request.method ?? '', path: request.url ?? '', headers: request.headers as Record<string, string>, body };
      received.push(seen);
      answer(seen, response, received.length);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterEach(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

const step: StepRun = {
  deploymentId: 'deployment-1',
  step: 'switch',
  attempt: 2,
  idempotencyKey: 'deployment-1/switch',
  fencingToken: 7,
  action: 'edge/switch',
  input: { slot: 'green' },
};
const quick: Omit<HttpTarget, 'url'> = { secret: SECRET, retryMs: 5, pollMs: 5, timeoutMs: 4_000, requestTimeoutMs: 1_000, sends: 3 };
const run = (more: Partial<HttpTarget> = {}, changed: Partial<StepRun> = {}, signal = new AbortController().signal) =>
  httpDriver({ targets: { edge: { url: `${base}/steps`, ...quick, ...more } } }).run({ ...step, ...changed }, signal);
const json = (response: ServerResponse, value: unknown, status = 200, headers: Record<string, string> = {}) =>
  response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(value));

describe('the http driver', () => {
  it('posts the step, signed so that the target can verify it', async () => {
    answer = (_, response) => json(response, { outcome: 'succeeded', summary: 'Switched.', output: { slot: 'green' } });
    expect(await run()).toMatchObject({ outcome: 'succeeded', summary: 'Switched.', output: { slot: 'green' } });
    const [request] = received as [Received];
    expect(request).toMatchObject({ method: 'POST', path: '/steps' });
    expect(new Webhook(SECRET).verify(request.body, request.headers)).toMatchObject({
      type: 'plimsoll.step.run',
      data: { ...step, action: 'switch' },
    });
    expect(() => new Webhook(SECRET).verify(request.body.replace('green', 'blue'), request.headers)).toThrow();
  });

  it('retries with the same Idempotency-Key and webhook-id, so that a target does it once', async () => {
    const done = new Set<string>();
    let effects = 0;
    answer = (request, response, count) => {
      const key = request.headers['idempotency-key'] ?? '';
      if (!done.has(key)) effects += 1;
      done.add(key);
      if (count === 1)
        response.destroy(); // done, but the answer is lost
      else if (count === 2) json(response, {}, 503, { 'retry-after': '0' });
      else json(response, { outcome: 'succeeded' });
    };
    expect(await run()).toMatchObject({ outcome: 'succeeded' });
    expect(received).toHaveLength(3);
    expect(effects).toBe(1);
    expect(new Set(received.map(({ headers }) => `${headers['idempotency-key']} ${headers['webhook-id']}`)).size).toBe(1);
  });

  it('asks the Location of a 202 until the step is done', async () => {
    answer = (request, response, count) => {
      if (request.method === 'POST') response.writeHead(202, { location: '/steps/1' }).end();
      else if (count < 4) response.writeHead(count === 2 ? 503 : 202).end();
      else json(response, { outcome: 'failed', summary: 'The region is full.' });
    };
    expect(await run()).toMatchObject({ outcome: 'failed', summary: 'The region is full.' });
    expect(received.map(({ method, path }) => `${method} ${path}`)).toEqual([
      'POST /steps',
      'GET /steps/1',
      'GET /steps/1',
      'GET /steps/1',
    ]);
    expect(() => new Webhook(SECRET).verify('', received[1]!.headers, { jsonParse: false })).not.toThrow();
  });

  it.each([
    ['on another origin', { location: 'http://127.0.0.1:1/steps/1' }, 'another origin'],
    ['on another scheme', { location: 'file:///etc/passwd' }, 'another origin'],
    ['that hides another host', { location: '//169.254.169.254/latest' }, 'another origin'],
    ['that is absent', {}, 'no Location'],
  ])('does not ask a Location %s: the outcome is unknown', async (_, headers, why) => {
    answer = (_request, response) => response.writeHead(202, headers).end();
    expect(await run()).toMatchObject({ outcome: 'unknown', summary: expect.stringContaining(why) });
    expect(received).toHaveLength(1);
  });

  it('follows no redirect', async () => {
    answer = (_, response) => response.writeHead(307, { location: `${base}/elsewhere` }).end();
    expect(await run()).toMatchObject({ outcome: 'failed', summary: expect.stringContaining('redirects are not followed') });
    expect(received).toHaveLength(1);
  });

  it('takes a refusal for final and brings its sentence', async () => {
    answer = (_, response) => json(response, { detail: 'The slot is locked.' }, 409, { 'content-type': 'application/problem+json' });
    expect(await run()).toMatchObject({ outcome: 'failed', summary: 'The slot is locked.' });
    expect(received).toHaveLength(1);
  });

  it.each([
    ['no body', ''],
    ['a page for people', '<html>Welcome</html>'],
    ['JSON without an outcome', '{"ok":true}'],
    ['an outcome of its own invention', '{"outcome":"fine"}'],
    ['an endless body', `{"outcome":"succeeded","pad":"${'x'.repeat(70_000)}"}`],
  ])('does not take a 200 with %s for success', async (_, body) => {
    answer = (_request, response) => response.end(body);
    expect(await run()).toMatchObject({ outcome: 'unknown' });
  });

  it('leaves the outcome unknown where every try is lost', async () => {
    answer = (_, response) => response.writeHead(500).end();
    expect(await run()).toMatchObject({ outcome: 'unknown', summary: expect.stringContaining('3 tries') });
    expect(received).toHaveLength(3);
  });

  it('has a deadline for the whole step, and can be given up', async () => {
    answer = (request, response) => response.writeHead(202, { location: '/steps/1' }).end();
    expect(await run({ timeoutMs: 100 })).toMatchObject({ outcome: 'unknown', summary: expect.stringContaining('within 100 ms') });

    const controller = new AbortController();
    answer = (request, response) => {
      if (request.method === 'GET') controller.abort();
      response.writeHead(202, { location: '/steps/1' }).end();
    };
    expect(await run({}, {}, controller.signal)).toMatchObject({ outcome: 'unknown', summary: expect.stringContaining('given up') });
  });

  it('masks secrets that a target sends back', async () => {
    answer = (_, response) => json(response, { outcome: 'failed', summary: 'password=hunter2', output: { apiKey: 'hunter2' } });
    expect(JSON.stringify(await run())).not.toContain('hunter2');
  });

  it('goes to configured targets only: neither an unknown name nor a URL for an action is sent anywhere', async () => {
    answer = (_, response) => json(response, { outcome: 'succeeded' });
    for (const action of ['other/switch', 'edge', 'http://127.0.0.1/', 'edge/../x', 'edge/a/b', '__proto__/x', 'constructor/x']) {
      expect(await run({}, { action })).toMatchObject({ outcome: 'failed' });
    }
    expect(received).toHaveLength(0);
  });

  it('is not configured with plain http beyond this machine', () => {
    expect(() => httpDriver({ targets: { edge: { url: 'http://deployer.example/', secret: SECRET } } })).toThrow(
      'neither https nor on loopback',
    );
    expect(() => httpDriver({ targets: { edge: { url: 'https://deployer.example/', secret: SECRET } } })).not.toThrow();
  });
});
