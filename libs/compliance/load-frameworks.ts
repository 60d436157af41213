import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { frameworkSet, MalformedFramework, parseFramework, type Framework } from './framework.ts';

const MOST_BYTES = 256 * 1024;

/** The mappings that come with Plimsoll: whatever JSON lies in `frameworks/` beside this file. */
export function builtInFrameworks(): string {
  return fileURLToPath(new URL('./frameworks', import.meta.url));
}

/**
 * Reads every `*.json` of a folder as a mapping: to add a framework is to put a file there.
 *
 * @throws MalformedFramework with the file's name; an error of the file system as it is
 */
export async function loadFrameworks(folder: string = builtInFrameworks()): Promise<readonly Framework[]> {
  const names = (await readdir(folder)).filter((name) => name.endsWith('.json')).sort();
  return frameworkSet(await Promise.all(names.map((name) => loadFramework(join(folder, name)))));
}

/** Reads one mapping. @throws MalformedFramework with the file's name; an error of the file system as it is */
export async function loadFramework(file: string): Promise<Framework> {
  if ((await stat(file)).size > MOST_BYTES) throw new MalformedFramework(file, [`It is larger than ${MOST_BYTES} bytes.`]);
  let value: unknown;
  try {
    value = JSON.parse(await readFile(file, 'utf8'));
  } catch (error) {
    if (error instanceof SyntaxError) throw new MalformedFramework(file, ['It is no JSON.']);
    throw error;
  }
  return parseFramework(value, file);
}
