import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readConfiguration } from '../../src/configuration.ts';
import { startPlimsoll, type Plimsoll } from '../../src/plimsoll.ts';
import { freshDatabase } from './database.ts';

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- answers of many shapes, read where they are used
  readonly body: any;
}

/** Asks in one name. A body that is no text or bytes is sent as JSON. */
export interface Person {
  post(path: string, body: unknown, headers?: Readonly<Record<string, string>>): Promise<Answer>;
  get(path: string, headers?: Readonly<Record<string, string>>): Promise<Answer>;
}

export interface RunningApp {
  readonly url: string;
  readonly plimsoll: Plimsoll;
  /** Asks as a person or service with these roles; a body that is no text or bytes is sent as JSON. */
  post(path: string, body: unknown, as: readonly string[], headers?: Readonly<Record<string, string>>): Promise<Answer>;
  get(path: string, headers?: Readonly<Record<string, string>>): Promise<Answer>;
  /** A person with an account at the embedded issuer. */
  person(subject: string, ...roles: readonly string[]): Promise<Person>;
  /** Whoever has this token, good or bad. */
  bearer(token: string): Person;
  stop(): Promise<void>;
}

/**
 * The whole program on loopback, in every role unless `PLIMSOLL_ROLES` says otherwise, with a database of its own unless `DATABASE_URL` names one.
 *
 * @param clock server time, where a test has it pass
 */
export async function startApp(environment: Readonly<Record<string, string>> = {}, clock?: () => Date): Promise<RunningApp> {
  const { DATABASE_URL: shared } = environment;
  const database = shared ? { url: shared, drop: async () => undefined } : await freshDatabase();
  const folder = await mkdtemp(join(tmpdir(), 'plimsoll-app-'));
  const discard = async (): Promise<void> => {
    await database.drop();
    await rm(folder, { recursive: true, force: true });
  };
  try {
    const plimsoll = await startPlimsoll(
      readConfiguration({ PLIMSOLL_DATA_DIR: folder, DATABASE_URL: database.url, PORT: '0', LOG_LEVEL: 'silent', ...environment }),
      clock ? { clock } : {},
    );
    const { url, infrastructure } = plimsoll;
    const bearer = (token: string): Person => ({
      post: async (path, body, headers = {}) => {
        const raw = typeof body === 'string' || body instanceof Uint8Array;
        return await answerOf(
          await fetch(url + path, {
            method: 'POST',
            body: raw ? (body as string) : JSON.stringify(body),
            headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json', ...headers },
          }),
        );
      },
      get: async (path, headers = {}) =>
        await answerOf(await fetch(url + path, { headers: { authorization: `Bearer ${token}`, ...headers } })),
    });
    const person = async (subject: string, ...roles: readonly string[]): Promise<Person> =>
      bearer((await infrastructure.issuer!.issue({ subject, roles })).token);
    return {
      url,
      plimsoll,
      person,
      bearer,
      post: async (path, body, as, headers) => await (await person(as.join('-') || 'reader', ...as)).post(path, body, headers),
      get: async (path, headers) => await (await person('reader')).get(path, headers),
      stop: async () => {
        await plimsoll.stop();
        await discard();
      },
    };
  } catch (error) {
    await discard();
    throw error;
  }
}

async function answerOf(response: Response): Promise<Answer> {
  const text = await response.text();
  const json = response.headers.get('content-type')?.includes('json') ?? false;
  return { status: response.status, headers: response.headers, text, body: json ? (JSON.parse(text) as unknown) : text };
}

/** Polls until there is something; fails loudly when there is not within the time. */
export async function eventually<T>(what: string, look: () => Promise<T | undefined>, timeoutMs = 20_000): Promise<T> {
  const deadline = Date.now() + timeoutMs;
  for (;;) {
    const found = await look();
    if (found !== undefined) return found;
    if (Date.now() > deadline) throw new Error(`${what}: not within ${timeoutMs} ms.`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
