import { execFileSync } from 'node:child_process';
import { chownSync, existsSync, lchownSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';

/** Whom Postgres runs as. It refuses to run as root, which is what we often are in a container. */
export interface Identity {
  /** Put before the command line. */
  readonly prefix: readonly string[];
  readonly uid?: number;
  readonly gid?: number;
}

const NOBODY = 65534;
const USER_NAMESPACE = ['unshare', '--user', `--map-user=${NOBODY}`, `--map-group=${NOBODY}`];

/**
 * As root: the owner of the data where that is somebody else, else a user namespace of its own (files stay root's),
 * else the user 65534, who is then made the owner of the data.
 */
export function chooseIdentity(dataDir: string): Identity {
  if (process.getuid?.() !== 0) return { prefix: [] };
  const owner = existsSync(dataDir) ? statSync(dataDir) : undefined;
  if (owner && owner.uid !== 0) return { prefix: [], uid: owner.uid, gid: owner.gid };
  if (namespacesWork()) return { prefix: [...USER_NAMESPACE, '--'] };
  const identity = { prefix: [], uid: NOBODY, gid: NOBODY };
  if (owner) handOver(identity, dataDir);
  return identity;
}

/** Makes an identity with a uid of its own the owner of a file, or of a folder and all in it. */
export function handOver({ uid, gid }: Identity, path: string): void {
  if (uid === undefined || gid === undefined) return;
  if (statSync(path).isDirectory()) {
    for (const entry of readdirSync(path, { recursive: true, encoding: 'utf8' })) lchownSync(join(path, entry), uid, gid);
  }
  chownSync(path, uid, gid);
}

function namespacesWork(): boolean {
  try {
    execFileSync(USER_NAMESPACE[0]!, [...USER_NAMESPACE.slice(1), 'true'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}
