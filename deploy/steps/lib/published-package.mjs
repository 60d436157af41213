// What was published, as npm's lock file recorded it: the digest of a package is the SHA-512 of the tarball that npm verified on installing.
import { readFileSync } from 'node:fs';

const lockFile = new URL('../../../package-lock.json', import.meta.url);

/**
 * @param {string} alias the folder under node_modules: `sirv-cli-2`
 * @param {URL | string} [lock] the lock file
 * @returns {{ alias: string, name: string, version: string, purl: string, integrity: string, digest: string }}
 *   `purl` after the package URL specification, `digest` as `sha512:<128 hex digits>`
 * @throws where the lock file does not know the package, or has no SHA-512 of it
 */
export function publishedPackage(alias, lock = lockFile) {
  const packages = JSON.parse(readFileSync(lock, 'utf8')).packages ?? {};
  const entry = Object.hasOwn(packages, `node_modules/${alias}`) ? packages[`node_modules/${alias}`] : undefined;
  if (!entry) throw new Error(`The lock file has no package ${alias}.`);
  const sha512 = /^sha512-([A-Za-z0-9+/]{86}==)$/.exec(entry.integrity ?? '')?.[1];
  if (sha512 === undefined) throw new Error(`The lock file has no SHA-512 of ${alias}.`);
  const name = entry.name ?? alias;
  return {
    alias,
    name,
    version: entry.version,
    purl: `pkg:npm/${name.replace(/^@/, '%40')}@${entry.version}`,
    integrity: entry.integrity,
    digest: `sha512:${Buffer.from(sha512, 'base64').toString('hex')}`,
  };
}
