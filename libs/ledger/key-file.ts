import { randomBytes, randomUUID } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import { link, mkdir, open, unlink } from 'node:fs/promises';
import { dirname } from 'node:path';
import { formatSigner, MalformedKey, parseSigner, type KeyKind, type Signer } from './keys.ts';

/** Reads a signing key from a file that only its owner can read. @throws MalformedKey, or what the file system says */
export function readSignerFile(path: string): Signer {
  const { mode, size } = statSync(path);
  if ((mode & 0o077) !== 0) throw new MalformedKey(`Others can read the signing key ${path}: chmod it to 0600 if nobody has read it.`);
  if (size > 4096) throw new MalformedKey(`${path} is too large for a signing key.`);
  return parseSigner(readFileSync(path, 'utf8').trim());
}

/** Reads the key in a file, or makes one where there is none: of several processes one wins, and nobody reads half a key. */
export async function openSignerFile(path: string, name: () => string, kind: KeyKind = 'ed25519'): Promise<Signer> {
  try {
    return readSignerFile(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  const draft = `${path}.${randomUUID()}`;
  const file = await open(draft, 'wx', 0o600);
  try {
    await file.writeFile(`${formatSigner(name(), kind, randomBytes(32))}\n`);
    await file.sync();
  } finally {
    await file.close();
  }
  try {
    await link(draft, path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  } finally {
    await unlink(draft);
  }
  return readSignerFile(path);
}
