import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { readPassword } from './cluster.ts';
import { realFolder, startEmbeddedPostgres, urlOf } from './embedded-postgres.ts';
import { isServerOf, readPidFile, unseenServer } from './pid-file.ts';
import { until } from './processes.ts';

/** Of a server that is just starting or stopping. */
const PATIENCE_MS = 20_000;

/** Nothing is written where nobody asks for it, not even what Postgres tidies by itself. */
const READ_ONLY = { default_transaction_read_only: 'on', autovacuum: 'off' };

export interface ReadableServer {
  readonly url: string;
  /** Whether it was running before; then it is not stopped. */
  readonly wasRunning: boolean;
  stop(): Promise<void>;
}

/** Whether a folder holds the data of an embedded Postgres. */
export function holdsCluster(dataDir: string): boolean {
  return existsSync(join(dataDir, 'PG_VERSION'));
}

/**
 * The embedded Postgres of a data folder, for somebody who only reads: the server that runs, or else one of our own until `stop`, whose
 * transactions are read-only. Unlike Plimsoll's own start it makes no folder, stops nobody's server, and recovers nothing: a server that was not
 * stopped may run where it can't be seen from here, as in a container, and two servers in one folder would destroy it.
 *
 * @throws Error with a sentence on what is in the way
 */
export async function readEmbeddedPostgres(folder: string): Promise<ReadableServer> {
  if (!holdsCluster(folder)) throw new Error(`${folder} holds no embedded Postgres.`);
  const dataDir = realFolder(folder);
  const running = await runningServer(dataDir);
  if (running) {
    return { url: urlOf(readPassword(dataDir), running.port), wasRunning: true, stop: async () => undefined };
  }
  const unseen = unseenServer(dataDir);
  if (unseen !== undefined) {
    throw new Error(
      `The embedded Postgres in ${dataDir} was not stopped: it runs as process ${unseen} where it can't be seen from here (in a container?), or was killed. ` +
        'Export from where it runs; or start Plimsoll once, which recovers it.',
    );
  }
  const { url, stop } = await startEmbeddedPostgres({ dataDir, settings: READ_ONLY });
  return { url, wasRunning: false, stop };
}

async function runningServer(dataDir: string): Promise<{ readonly port: number } | undefined> {
  const alive = () => {
    const file = readPidFile(dataDir);
    return file && isServerOf(file.pid, dataDir) ? file : undefined;
  };
  const settled = (): boolean => {
    const file = alive();
    return !file || file.status === 'ready';
  };
  if (!(await until(settled, PATIENCE_MS)))
    throw new Error(`The embedded Postgres in ${dataDir} is starting or stopping; try again when it is done.`);
  return alive();
}
