// Files that are whole or absent, whenever the program that writes them is killed.
import { randomBytes } from 'node:crypto';
import { closeSync, fsyncSync, linkSync, openSync, readFileSync, renameSync, unlinkSync, writeSync } from 'node:fs';

/** The JSON of a file; undefined where there is none. */
export function readJson(path) {
  try {
    return JSON.parse(readFileSync(path, 'utf8'));
  } catch (error) {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  }
}

/** Replaces a file's JSON in one move: a reader sees the old or the new, never half. */
export function writeJson(path, value) {
  renameSync(writeBeside(path, JSON.stringify(value)), path);
}

/** Creates a file, whole, unless it exists. @returns {boolean} whether this call created it: of several at once, exactly one did */
export function createOnce(path, text) {
  const written = writeBeside(path, text);
  try {
    linkSync(written, path);
    return true;
  } catch (error) {
    if (error.code === 'EEXIST') return false;
    throw error;
  } finally {
    unlinkSync(written);
  }
}

function writeBeside(path, text) {
  const beside = `${path}.${process.pid}.${randomBytes(4).toString('hex')}.tmp`;
  const file = openSync(beside, 'wx', 0o600);
  try {
    writeSync(file, text);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
  return beside;
}
