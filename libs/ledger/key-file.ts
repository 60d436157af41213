import { randomBytes } from 'node:crypto';
import { openKeyFile, readKeyFile } from '#libs/key-files';
import { formatSigner, parseSigner, type KeyKind, type Signer } from './keys.ts';

const MOST_BYTES = 4096;

/** Reads a signing key from a file that only its owner can read. @throws UnusableKeyFile, MalformedKey, or what the file system says */
export function readSignerFile(path: string): Signer {
  return parseSigner(readKeyFile(path, MOST_BYTES));
}

/** Reads the key in a file, or makes one where there is none. @throws as `readSignerFile` */
export async function openSignerFile(path: string, name: () => string, kind: KeyKind = 'ed25519'): Promise<Signer> {
  return openKeyFile(path, readSignerFile, () => formatSigner(name(), kind, randomBytes(32)));
}
