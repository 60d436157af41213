import { readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { transformSync, type Options } from '@swc/core';

// eslint-disable-next-line @typescript-eslint/no-require-imports -- it has no types
const { rootDir, transform } = require('../../../jest.config.cjs') as {
  readonly rootDir: string;
  readonly transform: Readonly<Record<string, readonly [string, Options]>>;
};

/** A change of one source file; `find` is there exactly once, or the file is not what whoever wrote this has seen. */
export interface Edit {
  /** From the root of the repository. */
  readonly file: string;
  readonly find: string;
  readonly replace: string;
}

/** The product's modules, as they are or with something changed. */
export interface Build {
  /** A module's exports; the same each time. @param path from the root of the repository, such as `src/plimsoll.ts` */
  load<T>(path: string): T;
}

/** The product as it is: the modules that every other spec has. */
export const trueBuild: Build = {
  // eslint-disable-next-line @typescript-eslint/no-require-imports -- which module it is, is known at run time
  load: <T>(path: string): T => require(join(rootDir, path)) as T,
};

type Module = { exports: unknown };
type Body = (exports: unknown, require: (specifier: string) => unknown, module: Module, filename: string, dirname: string) => void;

const options = transform['\\.ts$']![1];
/** What was compiled, by file: all builds but for their edits share it. */
const compiled = new Map<string, string>();

/**
 * The product with edits: every module of this repository anew, compiled as Jest compiles it, so that nothing of another build is in it; packages
 * are shared. Two builds can run side by side in one process.
 *
 * @throws Error where what an edit looks for is not there, or there more than once
 */
export function buildWith(edits: readonly Edit[]): Build {
  const sources = new Map<string, string>();
  for (const edit of edits) {
    const path = join(rootDir, edit.file);
    sources.set(path, edited(sources.get(path) ?? readFileSync(path, 'utf8'), edit));
  }
  const modules = new Map<string, Module>();

  const load = (path: string): unknown => {
    const known = modules.get(path);
    if (known) return known.exports;
    const module: Module = { exports: {} };
    // Before its body runs: modules that need each other get what is there so far, as in Node.
    modules.set(path, module);
    const code = sources.has(path) ? compile(path, sources.get(path)!) : (compiled.get(path) ?? kept(path));
    // A module is a function of its source, and this is the repository's own.
    const body = new Function('exports', 'require', 'module', '__filename', '__dirname', code) as Body;
    body(module.exports, (specifier) => required(specifier, path), module, path, dirname(path));
    return module.exports;
  };
  const required = (specifier: string, from: string): unknown => {
    if (specifier.startsWith('#libs/')) return load(join(rootDir, 'libs', specifier.slice('#libs/'.length), 'index.ts'));
    const path = specifier.startsWith('.') ? resolve(dirname(from), specifier) : specifier;
    // eslint-disable-next-line @typescript-eslint/no-require-imports -- packages, and files that are no TypeScript
    return path.startsWith('/') && path.endsWith('.ts') ? load(path) : (require(path) as unknown);
  };
  return { load: <T>(path: string) => load(join(rootDir, path)) as T };
}

function edited(source: string, { file, find, replace }: Edit): string {
  const times = source.split(find).length - 1;
  if (times !== 1) {
    throw new Error(
      `${file} has ${times} times what is to be changed, and must have it once: the check that the edit removes has moved. Find it again.\n${find}`,
    );
  }
  return source.replace(find, () => replace);
}

function kept(path: string): string {
  const code = compile(path, readFileSync(path, 'utf8'));
  compiled.set(path, code);
  return code;
}

function compile(path: string, source: string): string {
  return transformSync(source, { ...options, sourceMaps: false, filename: path, configFile: false, swcrc: false }).code;
}
