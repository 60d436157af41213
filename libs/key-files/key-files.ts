import { randomUUID } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import { link, mkdir, open, unlink } from 'node:fs/promises';
import { dirname } from 'node:path';

/** A file with a key can't be used as it is; the message never repeats what is in it. */
export class UnusableKeyFile extends Error {
  override readonly name = 'UnusableKeyFile';
}

/**
 * The text of a file that only its owner can read, without white space around it.
 *
 * @param mostBytes a larger file is not read
 * @throws UnusableKeyFile others can read it, or it is too large; or what the file system says
 */
export function readKeyFile(path: string, mostBytes: number): string {
  const { mode, size } = statSync(path);
  if ((mode & 0o077) !== 0) throw new UnusableKeyFile(`Others can read the key in ${path}: chmod it to 0600 if nobody has read it.`);
  if (size > mostBytes) throw new UnusableKeyFile(`${path} has ${size} bytes, and a key has at most ${mostBytes}.`);
  return readFileSync(path, 'utf8').trim();
}

/**
 * What `read` makes of the file; where there is no file, it is made first, for its owner alone. Written whole under another name and then
 * linked: of several processes one wins, and nobody reads half a key. On the disk before anything is signed or sealed with it.
 *
 * @param make the text of a new key
 * @throws what `read` and the file system throw
 */
export async function openKeyFile<Key>(path: string, read: (path: string) => Key, make: () => string | Promise<string>): Promise<Key> {
  try {
    return read(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
  const folder = dirname(path);
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const draft = `${path}.${randomUUID()}`;
  await synced(draft, 'wx', `${await make()}\n`);
  try {
    await link(draft, path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  } finally {
    await unlink(draft);
  }
  await synced(folder, 'r');
  return read(path);
}

async function synced(path: string, flags: 'wx' | 'r', text?: string): Promise<void> {
  const file = await open(path, flags, 0o600);
  try {
    if (text !== undefined) await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
}
