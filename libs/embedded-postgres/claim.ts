import { linkSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { inspectProcess } from './processes.ts';

/** Data folders that this very process holds. */
const held = new Set<string>();

/**
 * Claims a data folder for this process, by a file beside it: a second program in the same folder must be refused,
 * not take the first one's server for an orphan and stop it. A claim whose process is dead is void.
 *
 * @returns lets go of the claim
 * @throws Error naming the process that holds the folder
 */
export function claim(dataDir: string): () => void {
  const path = `${dataDir}.owner`;
  const mine = `${process.pid} ${inspectProcess(process.pid)?.started ?? ''}\n`;
  const draft = `${path}.${process.pid}`;
  if (held.has(dataDir)) throw inUse(dataDir, process.pid);
  writeFileSync(draft, mine, { mode: 0o600 });
  try {
    for (;;) {
      try {
        // A link is made whole or not at all, and never over another file.
        linkSync(draft, path);
        break;
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
      }
      const claimant = read(path);
      if (claimant && claimant.text !== mine && inspectProcess(claimant.pid)?.started === claimant.started)
        throw inUse(dataDir, claimant.pid);
      discard(path, claimant?.text);
    }
  } finally {
    rmSync(draft, { force: true });
  }
  held.add(dataDir);
  return () => {
    held.delete(dataDir);
    if (read(path)?.text === mine) rmSync(path, { force: true });
  };
}

/** Removes a void claim, unless somebody else has claimed in the meantime. */
function discard(path: string, text: string | undefined): void {
  const aside = `${path}.${process.pid}.void`;
  try {
    renameSync(path, aside);
    if (read(aside)?.text !== text) linkSync(aside, path);
  } catch (error) {
    if (!['ENOENT', 'EEXIST'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
  } finally {
    rmSync(aside, { force: true });
  }
}

function read(path: string): { text: string; pid: number; started: string } | undefined {
  try {
    const text = readFileSync(path, 'utf8');
    const [pid = '', ...started] = text.trim().split(' ');
    return { text, pid: Number(pid), started: started.join(' ') };
  } catch {
    return undefined;
  }
}

function inUse(dataDir: string, pid: number): Error {
  return new Error(`The embedded Postgres in ${dataDir} is in use by process ${pid}. Stop that first, or choose another data folder.`);
}
