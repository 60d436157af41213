/** Ed25519 keys as C2SP signed notes write them: `name+hash+base64` for who verifies, `PRIVATE+KEY+name+hash+base64` for who signs. */
import { createPrivateKey, createPublicKey, hash, sign, verify, type KeyObject } from 'node:crypto';

/** What a key signs: a note itself, or a note together with the time (C2SP tlog-cosignature, which witnesses use). */
export type KeyKind = 'ed25519' | 'cosignature/v1';
const ALGORITHMS: Readonly<Record<KeyKind, number>> = { ed25519: 0x01, 'cosignature/v1': 0x04 };

export interface Verifier {
  /** Of a log: its origin. */
  readonly name: string;
  /** The first four bytes of SHA-256(name ‖ 0x0A ‖ algorithm ‖ public key), as eight hex digits. */
  readonly keyHash: string;
  readonly kind: KeyKind;
  /** As others are told of it. */
  readonly text: string;
  verify(message: Buffer, signature: Buffer): boolean;
}

export interface Signer {
  readonly verifier: Verifier;
  sign(message: Buffer): Buffer;
}

export class MalformedKey extends Error {
  override readonly name = 'MalformedKey';
}

/** DER before the 32 bytes of an Ed25519 key (RFC 8410). */
const PUBLIC_DER = Buffer.from('302a300506032b6570032100', 'hex');
const PRIVATE_DER = Buffer.from('302e020100300506032b657004220420', 'hex');
const PRIVATE_PREFIX = 'PRIVATE+KEY+';
/** No spaces, no plus (it separates), nothing unprintable; and short. */
const NAME = /^[^\s+\p{Cc}\p{Cs}]{1,200}$/u;

/** @throws MalformedKey */
export function parseVerifier(text: string): Verifier {
  const { name, keyHash, kind, key } = parseKey(text);
  const verifier = verifierOf(name, kind, createPublicKey({ key: Buffer.concat([PUBLIC_DER, key]), format: 'der', type: 'spki' }));
  if (verifier.keyHash !== keyHash) throw new MalformedKey('The hash in the key is not that of its name and public key.');
  return verifier;
}

/** @throws MalformedKey whose message never repeats the key */
export function parseSigner(text: string): Signer {
  if (!text.startsWith(PRIVATE_PREFIX)) throw new MalformedKey(`A signing key begins with ${PRIVATE_PREFIX}.`);
  const { name, keyHash, kind, key } = parseKey(text.slice(PRIVATE_PREFIX.length));
  const privateKey = privateKeyOf(key);
  const verifier = verifierOf(name, kind, createPublicKey(privateKey));
  if (verifier.keyHash !== keyHash) throw new MalformedKey('The hash in the key is not that of its name and public key.');
  return { verifier, sign: (message) => sign(null, message, privateKey) };
}

/**
 * Writes a signing key.
 *
 * @param name of the log (its origin: a URL without its scheme) or of the witness; 1 to 200 characters without spaces and plus
 * @param seed 32 random bytes: the secret (RFC 8032)
 * @throws MalformedKey
 */
export function formatSigner(name: string, kind: KeyKind, seed: Buffer): string {
  if (!NAME.test(name)) throw new MalformedKey('A name has 1 to 200 characters, without spaces and without +.');
  if (seed.length !== 32) throw new MalformedKey('A seed has 32 bytes.');
  const { keyHash } = verifierOf(name, kind, createPublicKey(privateKeyOf(seed)));
  return `${PRIVATE_PREFIX}${name}+${keyHash}+${Buffer.concat([Buffer.from([ALGORITHMS[kind]]), seed]).toString('base64')}`;
}

function parseKey(text: string): { name: string; keyHash: string; kind: KeyKind; key: Buffer } {
  // The base64 may hold a plus itself; name and hash may not.
  const [, name, keyHash, encoded] = /^([^+]+)\+([0-9a-f]{8})\+([A-Za-z0-9+/]{44})$/.exec(text) ?? [];
  if (!name || !keyHash || !encoded || !NAME.test(name))
    throw new MalformedKey('A key is written name+hash+base64, with eight hex digits.');
  const bytes = Buffer.from(encoded, 'base64');
  const kind = (Object.keys(ALGORITHMS) as KeyKind[]).find((k) => ALGORITHMS[k] === bytes[0]);
  if (!kind || bytes.length !== 33) throw new MalformedKey('The key is of no algorithm that is known here: Ed25519 and cosignature/v1.');
  return { name, keyHash, kind, key: bytes.subarray(1) };
}

function privateKeyOf(seed: Buffer): KeyObject {
  return createPrivateKey({ key: Buffer.concat([PRIVATE_DER, seed]), format: 'der', type: 'pkcs8' });
}

function verifierOf(name: string, kind: KeyKind, key: KeyObject): Verifier {
  const bytes = Buffer.concat([Buffer.from([ALGORITHMS[kind]]), key.export({ format: 'der', type: 'spki' }).subarray(-32)]);
  const keyHash = hash('sha256', Buffer.concat([Buffer.from(`${name}\n`), bytes]), 'hex').slice(0, 8);
  return {
    name,
    keyHash,
    kind,
    text: `${name}+${keyHash}+${bytes.toString('base64')}`,
    verify: (message, signature) => signature.length === 64 && verify(null, message, key, signature),
  };
}
