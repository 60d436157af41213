import { spawn } from 'node:child_process';
import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

export interface Server {
  readonly url: string;
  /** Where its step programs keep their state. */
  readonly stepsState: string;
  stop(): Promise<void>;
}

/** A running Plimsoll, where there is one at that address. */
export async function runningServer(url: string): Promise<Server | undefined> {
  try {
    const live = (await (await fetch(`${url}/health/live`, { signal: AbortSignal.timeout(1000) })).json()) as { status?: string };
    if (live.status !== 'live') return undefined;
  } catch {
    return undefined;
  }
  // As that one is configured, where the same is said to both.
  const { PLIMSOLL_STEPS_STATE: state, PLIMSOLL_DATA_DIR: dataDir } = process.env;
  return { url, stepsState: resolve(state ?? `${dataDir ?? '.plimsoll'}/steps`), stop: async () => undefined };
}

/** Starts a Plimsoll of our own on a free port, with its data in a folder that goes when it stops. */
export async function ownServer(env: Record<string, string>): Promise<Server> {
  const dataDir = mkdtempSync(join(tmpdir(), 'plimsoll-demo-'));
  const child = spawn(process.execPath, ['--enable-source-maps', 'dist/src/plimsoll.main.js'], {
    env: { ...process.env, PORT: '0', PLIMSOLL_DATA_DIR: dataDir, LOG_LEVEL: 'warn', ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
    // An interrupt at the terminal is the demonstration's to handle: it needs the server to clean up.
    detached: true,
  });
  const url = await new Promise<string>((resolve, reject) => {
    let said = '';
    child.stdout.on('data', (chunk: Buffer) => {
      said += chunk.toString();
      const found = /ready on (http:\S+)/.exec(said)?.[1];
      if (found) resolve(found);
    });
    child.once('exit', (code) => reject(new Error(`The server ended with code ${code}: ${said}`)));
  });
  return {
    url,
    stepsState: join(dataDir, 'steps'),
    stop: async () => {
      if (child.exitCode === null && child.signalCode === null) {
        const ended = new Promise((resolve) => child.once('exit', resolve));
        child.kill('SIGTERM');
        await ended;
      }
      rmSync(dataDir, { recursive: true, force: true });
    },
  };
}

export interface WebhookReceiver {
  readonly url: string;
  readonly secret: string;
  /** What came in with a good signature: its id and body. */
  readonly received: { readonly id: string; readonly body: string }[];
  /** How many came in with a bad one. */
  readonly refused: () => number;
  close(): void;
}

/** The other side of the incident outbox: a pager that verifies signatures as Standard Webhooks asks. */
export async function webhookReceiver(): Promise<WebhookReceiver> {
  const key = randomBytes(24);
  const received: { id: string; body: string }[] = [];
  let refused = 0;
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const body = Buffer.concat(chunks).toString();
      const id = String(request.headers['webhook-id']);
      const signed = createHmac('sha256', key)
        .update(`${id}.${String(request.headers['webhook-timestamp'])}.${body}`)
        .digest();
      const given = Buffer.from(String(request.headers['webhook-signature']).replace(/^v1,/, ''), 'base64');
      const good = given.length === signed.length && timingSafeEqual(given, signed);
      if (good) received.push({ id, body });
      else refused += 1;
      response.writeHead(good ? 200 : 401, { 'content-type': 'application/json' }).end(good ? '{"reference":"PAGER-1"}' : '{}');
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/incidents`,
    secret: `whsec_${key.toString('base64')}`,
    received,
    refused: () => refused,
    close: () => server.close(),
  };
}
