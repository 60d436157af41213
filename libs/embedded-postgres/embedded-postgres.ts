import { spawn, type ChildProcess } from 'node:child_process';
import { mkdirSync, realpathSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { basename, dirname, join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { locateBinaries, type Binaries } from './binaries.ts';
import { claim } from './claim.ts';
import { ensureCluster, SUPERUSER } from './cluster.ts';
import { chooseIdentity } from './identity.ts';
import { clearAway, pidFilePath, readPidFile, stopServer } from './pid-file.ts';
import { until } from './processes.ts';

/** Names and values of postgresql.conf. */
type Settings = Readonly<Record<string, string | number>>;

export interface EmbeddedPostgresOptions {
  /** Where the data lives; made where it is missing. Two files beside it begin with its name. */
  readonly dataDir: string;
  /** On 127.0.0.1; a free one unless told. */
  readonly port?: number;
  /** Settings of postgresql.conf, over our own. `fsync: 'off'` is for servers of unit tests alone: a crash may corrupt the data. */
  readonly settings?: Settings;
  /** Told every line that the server logs, and what the supervisor does. */
  readonly onLog?: (line: string) => void;
}

export interface EmbeddedPostgres {
  /** `postgres://…` of the superuser on the database `postgres`. It stays the same when the server is restarted after a crash. */
  readonly url: string;
  readonly port: number;
  /** Of the server's first process; changes when it is restarted after a crash. */
  readonly pid: number;
  /** Fast shutdown, data flushed; resolves when the server is gone. May be called again. */
  stop(): Promise<void>;
}

const OWN_SETTINGS = {
  listen_addresses: '127.0.0.1',
  unix_socket_directories: '',
  max_connections: 200,
  timezone: 'UTC',
  log_timezone: 'UTC',
  log_checkpoints: 'off',
};
/** Crash recovery may replay a lot of log before the server is ready. */
const START_PATIENCE_MS = 120_000;
const LONGEST_BACKOFF_MS = 5_000;

/**
 * Starts the PostgreSQL server that npm brought, on 127.0.0.1, and looks after it: it is restarted on the same port when it dies,
 * and stopped when this process ends in whichever way, kill -9 included. Works as root.
 *
 * @throws Error with a sentence on what is in the way: no binaries for the platform, folder in use, port taken
 */
export async function startEmbeddedPostgres(options: EmbeddedPostgresOptions): Promise<EmbeddedPostgres> {
  const log = options.onLog ?? (() => undefined);
  const settings: Settings = { ...OWN_SETTINGS, ...options.settings };
  const binaries = locateBinaries();
  mkdirSync(dirname(resolve(options.dataDir)), { recursive: true });
  const dataDir = realFolder(options.dataDir);
  const release = claim(dataDir);
  try {
    const password = await ensureCluster(binaries, dataDir, settings.fsync !== 'off');
    const server = await startOnSomePort(binaries, dataDir, options.port, settings, log);
    return supervise(server, (port) => start(binaries, dataDir, port, settings, log), password, release, log);
  } catch (error) {
    release();
    throw error;
  }
}

interface Server {
  readonly pid: number;
  readonly port: number;
  readonly child: ChildProcess;
  /** Ends the watchdog. */
  readonly dismissWatchdog: () => void;
}

function supervise(
  first: Server,
  restart: (port: number) => Promise<Server>,
  password: string,
  release: () => void,
  log: (line: string) => void,
): EmbeddedPostgres {
  let server = first;
  let stopping: Promise<void> | undefined;
  let restarting: Promise<void> | undefined;

  const look = (): void => {
    server.child.once('exit', () => {
      server.dismissWatchdog();
      if (!stopping) restarting = bringBack();
    });
  };
  const bringBack = async (): Promise<void> => {
    for (let attempt = 0; !stopping; attempt++) {
      log(`The embedded Postgres ended unexpectedly; starting it again (attempt ${attempt + 1}).`);
      try {
        server = await restart(first.port);
        return look();
      } catch (error) {
        log((error as Error).message);
        await until(() => stopping !== undefined, Math.min(100 * 2 ** attempt, LONGEST_BACKOFF_MS));
      }
    }
  };
  const stop = async (): Promise<void> => {
    await restarting;
    await halt(server);
    release();
  };

  look();
  return {
    url: urlOf(password, first.port),
    port: first.port,
    get pid() {
      return server.pid;
    },
    stop: () => (stopping ??= stop()),
  };
}

/** Where the data really lies: a server is known by that. */
export function realFolder(dataDir: string): string {
  const path = resolve(dataDir);
  return join(realpathSync(dirname(path)), basename(path));
}

export function urlOf(password: string, port: number): string {
  return `postgres://${SUPERUSER}:${password}@127.0.0.1:${port}/postgres`;
}

async function halt({ child, pid, dismissWatchdog }: Server): Promise<void> {
  const ended = (): boolean => child.exitCode !== null || child.signalCode !== null;
  if (!ended()) await stopServer(pid, ended);
  dismissWatchdog();
}

async function startOnSomePort(
  binaries: Binaries,
  dataDir: string,
  port: number | undefined,
  settings: Settings,
  log: (line: string) => void,
): Promise<Server> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await start(binaries, dataDir, port ?? (await freePort()), settings, log);
    } catch (error) {
      // Between our look and the server's start somebody else may have taken the port; leftovers of a dead server need a moment to go.
      const passing = port === undefined ? /Address already in use|in use|lock file/ : /shared memory|lock file/;
      if (attempt >= 20 || !passing.test((error as Error).message)) throw error;
      await new Promise((resolve) => setTimeout(resolve, 50 * attempt));
    }
  }
}

async function start(binaries: Binaries, dataDir: string, port: number, settings: Settings, log: (line: string) => void): Promise<Server> {
  await clearAway(dataDir);
  const { prefix, uid, gid } = chooseIdentity(dataDir);
  const set = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
  const command = [...prefix, binaries.postgres, '-D', dataDir, '-p', String(port), ...set];
  const child = spawn(command[0]!, command.slice(1), {
    uid,
    gid,
    // In a session of its own: Ctrl-C in the terminal is for us to hear, who stop the server when we are done with it.
    detached: true,
    stdio: ['ignore', 'ignore', 'pipe'],
    env: { ...process.env, LC_ALL: 'C', TZ: 'UTC' },
  });
  const said: string[] = [];
  let failed: Error | undefined;
  let ready = false;
  child.on('error', (error) => (failed = error));
  createInterface({ input: child.stderr }).on('line', (line) => {
    if (!ready) said.push(line);
    log(line);
  });

  const ended = (): boolean => failed !== undefined || child.exitCode !== null || child.signalCode !== null;
  const isReady = (): boolean => {
    const file = readPidFile(dataDir);
    return file?.status === 'ready' && file.pid === child.pid;
  };
  await until(() => ended() || isReady(), START_PATIENCE_MS);
  if (ended() || !isReady() || child.pid === undefined) {
    if (!ended() && child.pid !== undefined) await stopServer(child.pid, ended);
    throw new Error(`The embedded Postgres in ${dataDir} did not start: ${failed?.message ?? whatWentWrong(said)}`);
  }
  ready = true;
  // Neither the server nor its log keeps this process from ending.
  child.unref();
  (child.stderr as unknown as { unref(): void }).unref();
  return { pid: child.pid, port, child, dismissWatchdog: watch(child.pid, dataDir) };
}

/** A shell that outlives us: when our end of its pipe closes, be it by kill -9, it stops the server, if it is still that one. */
function watch(pid: number, dataDir: string): () => void {
  const script = `trap '' INT TERM HUP; read -r word; [ "$word" = dismissed ] || { read -r holder < "$1"; [ "$holder" = "$2" ] && kill -INT "$2"; }`;
  const shell = spawn('/bin/sh', ['-c', script, 'plimsoll-postgres-watchdog', pidFilePath(dataDir), String(pid)], {
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  shell.on('error', () => undefined);
  shell.stdin.on('error', () => undefined);
  shell.unref();
  (shell.stdin as unknown as { unref(): void }).unref();
  return () => shell.stdin.end('dismissed\n');
}

function whatWentWrong(said: readonly string[]): string {
  const telling = said.filter((line) => /FATAL|PANIC|ERROR|HINT|could not/.test(line));
  return (telling.length > 0 ? telling : said.slice(-3)).join(' ') || 'it said nothing.';
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.on('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as AddressInfo;
      server.close(() => resolve(port));
    });
  });
}
