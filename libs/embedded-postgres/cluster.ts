import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import type { Binaries } from './binaries.ts';
import { chooseIdentity, handOver } from './identity.ts';

/** The superuser's name. */
export const SUPERUSER = 'postgres';
const MAJOR = '18';
const PASSWORD_FILE = 'plimsoll.password';

/**
 * Makes a data folder where there is none: in a folder of another name, renamed when all is done, so that a crash
 * in the middle never leaves half of one.
 *
 * @param durable false leaves out the flush to disk at the end; for tests only
 * @returns the superuser's password
 * @throws Error when the folder holds something else, or data of another major version
 */
export async function ensureCluster(binaries: Binaries, dataDir: string, durable: boolean): Promise<string> {
  const inside = existsSync(dataDir) ? readdirSync(dataDir) : [];
  if (!inside.includes('PG_VERSION')) {
    if (inside.length > 0) throw new Error(`${dataDir} is not empty, yet holds no Postgres data. Choose another data folder.`);
    await create(binaries, dataDir, durable);
  }
  const version = readFileSync(join(dataDir, 'PG_VERSION'), 'utf8').trim();
  if (version !== MAJOR) {
    throw new Error(
      `${dataDir} holds data of PostgreSQL ${version}; this program brings ${MAJOR}. Move it over with pg_dump, or give a server by DATABASE_URL.`,
    );
  }
  return readPassword(dataDir);
}

/** The superuser's. @throws Error there is none that this user may read */
export function readPassword(dataDir: string): string {
  try {
    return readFileSync(join(dataDir, PASSWORD_FILE), 'utf8').trim();
  } catch (cause) {
    const why =
      (cause as NodeJS.ErrnoException).code === 'EACCES'
        ? `a password file ${PASSWORD_FILE} that you may not read: run this as the user who runs Plimsoll`
        : `no password file ${PASSWORD_FILE} of ours: its data was made by something else`;
    throw new Error(`${dataDir} has ${why}.`, { cause });
  }
}

async function create(binaries: Binaries, dataDir: string, durable: boolean): Promise<void> {
  const parent = dirname(dataDir);
  for (const left of readdirSync(parent).filter((name) => name.startsWith(`${basename(dataDir)}.new-`))) {
    rmSync(join(parent, left), { recursive: true, force: true });
  }
  const draft = `${dataDir}.new-${process.pid}`;
  const passwordFile = `${draft}.password`;
  mkdirSync(draft, { mode: 0o700 });
  writeFileSync(passwordFile, `${randomBytes(24).toString('base64url')}\n`, { mode: 0o600 });
  const identity = chooseIdentity(dataDir);
  handOver(identity, draft);
  handOver(identity, passwordFile);

  const options = [
    '--auth=scram-sha-256',
    '--encoding=UTF8',
    '--locale-provider=builtin',
    '--builtin-locale=C.UTF-8',
    '--locale=C',
    '--data-checksums',
  ];
  const command = [
    ...identity.prefix,
    binaries.initdb,
    '-D',
    draft,
    '-U',
    SUPERUSER,
    `--pwfile=${passwordFile}`,
    '--no-instructions',
    ...options,
  ];
  if (!durable) command.push('--no-sync');
  const { uid, gid } = identity;
  const initdb = spawn(command[0]!, command.slice(1), {
    uid,
    gid,
    stdio: ['ignore', 'ignore', 'pipe'],
    env: { ...process.env, LC_ALL: 'C', TZ: 'UTC' },
  });
  let said = '';
  initdb.stderr.setEncoding('utf8').on('data', (text: string) => (said += text));
  const code = await new Promise<number | null>((resolve, reject) => initdb.on('error', reject).on('close', resolve)).catch(
    (error: Error) => {
      said += error.message;
      return null;
    },
  );
  if (code !== 0) {
    rmSync(draft, { recursive: true, force: true });
    rmSync(passwordFile, { force: true });
    throw new Error(
      `A data folder for the embedded Postgres could not be made in ${dataDir}: ${said.trim() || `initdb ended with ${code}`}`,
    );
  }
  renameSync(passwordFile, join(draft, PASSWORD_FILE));
  renameSync(draft, dataDir);
}
