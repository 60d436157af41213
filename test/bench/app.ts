import { fork } from 'node:child_process';
import { once } from 'node:events';
import { HttpClient } from './http-client.ts';
import { mustBeDurable } from './database.ts';

/** What the program says of itself when it is ready. */
export interface Ready {
  readonly url: string;
  readonly databaseUrl: string;
  /** Subscriptions of all views that it keeps. */
  readonly subscriptions: readonly string[];
}

export interface App extends Ready {
  readonly client: HttpClient;
  /** A token of the embedded issuer. */
  token(subject: string, ...roles: readonly string[]): Promise<string>;
  stop(): Promise<void>;
}

/** The whole of Plimsoll with all its roles, on its embedded default, in a process of its own. */
export async function startApp(dataDir: string, more: Readonly<Record<string, string>> = {}): Promise<App> {
  const child = fork(new URL('./app.program.js', import.meta.url), {
    env: { ...process.env, PLIMSOLL_DATA_DIR: dataDir, PORT: '0', LOG_LEVEL: 'error', PLIMSOLL_EXEC_FOLDER: 'off', ...more },
    // Standard output is for the report.
    stdio: ['ignore', process.stderr, process.stderr, 'ipc'],
    // Flags for this process (a profiler, say) are not for that one, which has its own.
    execArgv: process.env.BENCH_APP_FLAGS?.split(' ') ?? [],
  });
  const ended = once(child, 'exit');
  const [ready] = (await Promise.race([
    once(child, 'message'),
    ended.then(([code]) => {
      throw new Error(`Plimsoll ended before it was ready, with code ${String(code)}.`);
    }),
  ])) as [Ready];
  const client = new HttpClient(ready.url);
  const stop = async (): Promise<void> => {
    client.close();
    if (child.connected) child.disconnect();
    await ended;
  };
  try {
    await mustBeDurable(ready.databaseUrl);
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    ...ready,
    client,
    token: async (subject, ...roles) => {
      const { body } = await client.post('/v1/dev/token', { subject, roles, ttlSeconds: 86_400 });
      return (JSON.parse(body) as { token: string }).token;
    },
    stop,
  };
}
