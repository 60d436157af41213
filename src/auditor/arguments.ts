import { readFile, stat } from 'node:fs/promises';
import { MalformedKey, parseVerifier } from '#libs/ledger';

/** Wrong arguments, as a sentence. */
export class Usage extends Error {}

const MOST_KNOWN_BYTES = 64 * 1024;

/** A key is text with two plus signs; anything else names a file that holds one. @throws Usage */
export async function keyFrom(option: string, given: string): Promise<string> {
  const inText = /^[^+]+\+[0-9a-f]{8}\+/.test(given);
  const text = inText ? given : (await smallFile(option, given)).trim();
  try {
    return parseVerifier(text).text;
  } catch (error) {
    if (!(error instanceof MalformedKey)) throw error;
    throw new Usage(`${inText ? option : `The file ${given} of ${option}`} is no verifier key (name+hash+base64): ${error.message}`);
  }
}

/** A key or checkpoint. @throws Usage */
export async function smallFile(option: string, path: string): Promise<string> {
  await mustBe('file', option, path);
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    throw new Usage(`${option} names ${path}, which can't be read: ${error.code ?? error.message}.`);
  });
  if (text.length > MOST_KNOWN_BYTES) throw new Usage(`${path} is larger than any key or checkpoint.`);
  return text;
}

/** @throws Usage it is not there, or something else */
export async function mustBe(what: 'file' | 'folder', option: string, path: string): Promise<void> {
  const found = await stat(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT' || error.code === 'ENOTDIR') throw new Usage(`${option} should name a ${what}, and there is no ${path}.`);
    throw new Usage(`${option} names ${path}, which can't be read: ${error.code ?? error.message}.`);
  });
  if (!(what === 'file' ? found.isFile() : found.isDirectory())) throw new Usage(`${option} should name a ${what}; ${path} is none.`);
}

/** @throws Usage */
export function postgresUrl(option: string, given: string): string {
  if (!/^postgres(ql)?:$/.test(URL.parse(given)?.protocol ?? ''))
    throw new Usage(`${option} should be the URL of a Postgres database, such as postgres://user:password@host:5432/plimsoll.`);
  return given;
}

/** With several hosts it is no URL, so that only how it begins is looked at. @throws Usage */
export function eventStoreUrl(given: string): string {
  if (!/^(esdb|kurrentdb)(\+discover)?:\/\//.test(given))
    throw new Usage('--eventstore should be a connection string such as esdb://user:password@host:2113?tls=true.');
  return given;
}

/** What went wrong, as far as it says so itself: a connection that was tried at several addresses has no message of its own. */
export function sentenceOf(error: unknown): string {
  if (error instanceof AggregateError && !error.message) return error.errors.map(sentenceOf).join('; ');
  return error instanceof Error ? error.message || error.name : String(error);
}
