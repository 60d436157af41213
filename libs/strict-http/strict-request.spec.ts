import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { httpsOrLoopback, loopbackOnly, strictRequest, StrictRequestError, type StrictRequest } from './index.ts';

const servers: Server[] = [];

async function serve(listener: RequestListener): Promise<URL> {
  const server = createServer(listener);
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
}

afterEach(async () => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
});

const usual: StrictRequest = { method: 'GET', timeoutMs: 2_000, maxBytes: 1_000, allow: loopbackOnly };

async function failureOf(url: URL, options: Partial<StrictRequest> = {}): Promise<string> {
  const error = await strictRequest(url, { ...usual, ...options }).catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(StrictRequestError);
  return (error as StrictRequestError).failure;
}

describe('a strict outbound request', () => {
  it('brings back status, headers and body', async () => {
    const url = await serve((request, response) => {
      request.setEncoding('utf8').on('data', (text: string) => response.setHeader('x-got', text));
      request.on('end', () => response.writeHead(201).end('made'));
    });
    const answer = await strictRequest(url, { ...usual, method: 'POST', body: 'hello' });
    expect(answer).toMatchObject({ status: 201, truncated: false });
    expect(answer.headers['x-got']).toBe('hello');
    expect(answer.body.toString()).toBe('made');
  });

  it('never follows a redirect', async () => {
    let asked = 0;
    const url = await serve((_, response) => {
      asked += 1;
      response.writeHead(302, { location: '/elsewhere' }).end();
    });
    expect((await strictRequest(url, usual)).status).toBe(302);
    expect(asked).toBe(1);
  });

  it('keeps no more of a body than its cap', async () => {
    const url = await serve((_, response) => response.end('x'.repeat(100_000)));
    const answer = await strictRequest(url, usual);
    expect(answer.truncated).toBe(true);
    expect(answer.body).toHaveLength(1_000);
  });

  it('has one deadline for the whole answer, even where bytes keep trickling in', async () => {
    const url = await serve((request, response) => {
      const drip = setInterval(() => response.write('.'), 10);
      request.on('close', () => clearInterval(drip));
    });
    expect(await failureOf(url, { timeoutMs: 150 })).toBe('timeout');
  });

  it('is given up when its signal says so', async () => {
    const url = await serve(() => undefined);
    const controller = new AbortController();
    const failed = failureOf(url, { signal: controller.signal });
    controller.abort();
    expect(await failed).toBe('aborted');
  });

  it('tells a server that is not there from one that broke off', async () => {
    const gone = await serve(() => undefined);
    await new Promise((resolve) => servers.pop()!.close(resolve));
    expect(await failureOf(gone)).toBe('connection-refused');

    const rude = await serve((request) => request.socket.destroy());
    expect(await failureOf(rude)).toBe('network');
  });

  it.each([
    ['another scheme', 'ftp://127.0.0.1/'],
    ['a file', 'file:///etc/passwd'],
    ['credentials in the URL', 'http://me:secret@127.0.0.1/'],
    ['an address that is not allowed', 'http://169.254.169.254/latest/meta-data/'],
    ['a name that only looks local', 'http://127.0.0.1.example.org/'],
    ['the name localhost, which a resolver may answer otherwise', 'http://localhost/'],
  ])('refuses %s', async (_, url) => {
    expect(await failureOf(new URL(url))).toBe('refused-url');
  });

  it('sees through other spellings of loopback, and through those that are not', () => {
    expect(loopbackOnly(new URL('http://2130706433/'))).toBe(true);
    expect(loopbackOnly(new URL('http://[::ffff:10.0.0.1]/'))).toBe(false);
    expect(loopbackOnly(new URL('http://0.0.0.0/'))).toBe(false);
    expect(httpsOrLoopback(new URL('https://deployer.example/'))).toBe(true);
    expect(httpsOrLoopback(new URL('http://deployer.example/'))).toBe(false);
  });
});
