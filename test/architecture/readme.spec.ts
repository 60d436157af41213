import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { ROLES } from '../../src/configuration.ts';

const ROOT = resolve(__dirname, '../..');
const textOf = (path: string): string => readFileSync(join(ROOT, path), 'utf8');
const readme = textOf('README.md');
const manifest = JSON.parse(textOf('package.json')) as Record<string, Record<string, string> | undefined>;

/** The first cell of every row of the table that follows a heading. */
const firstCells = (heading: string): string[] => {
  const section = readme.split(/^## /m).find((s) => s.startsWith(`${heading}\n`)) ?? '';
  return [...section.matchAll(/^\| ([^|]+) \|/gm)].map((m) => m[1] ?? '').slice(1);
};
const namesIn = (cells: readonly string[]): string[] => cells.flatMap((cell) => [...cell.matchAll(/`([^`]+)`/g)].map((m) => m[1] ?? ''));

/** Values of variables, which look like names. */
const LOCKS = ['COMPLIANCE', 'GOVERNANCE'];

describe('README.md', () => {
  it('explains every variable of the configuration, and no other', () => {
    const text = textOf('src/configuration.ts') + textOf('libs/archive/open-archive.ts');
    const read = (text.match(/(?<=')[A-Z][A-Z0-9_]+(?=')/g) ?? []).filter((name) => !/^[A-Z]{2}\d+$/.test(name) && !LOCKS.includes(name));
    expect(namesIn(firstCells('Configuration')).sort()).toEqual([...new Set(read)].sort());
  });

  it('explains every role', () => {
    expect(namesIn(firstCells('Roles'))).toEqual(expect.arrayContaining([...ROLES]));
  });

  it('says of every dependency what it is for, and of no other', () => {
    const declared = ['dependencies', 'optionalDependencies', 'devDependencies'].flatMap((kind) => Object.keys(manifest[kind] ?? {}));
    expect(namesIn(firstCells('Dependencies')).sort()).toEqual(declared.sort());
  });

  it('says of each of the 48 capabilities whether it works', () => {
    const ids = Array.from({ length: 8 }, (_, m) => Array.from({ length: 6 }, (_, n) => `M${m + 1}.${n + 1}`)).flat();
    expect(firstCells('What works')).toEqual(ids);
    expect(readme.match(/^\| M\d\.\d \| [^|]+ \| (?:works|thin|not yet) \|.*\|$/gm)).toHaveLength(48);
  });

  it('names only files and scripts that are there', () => {
    const paths = [...readme.matchAll(/`((?:src|libs|deploy|test|migrations)\/[\w./-]+)`/g)].map((m) => m[1] ?? '');
    const example = ['src/planning/release/name-release.ts', 'libs/contracts/golden/ReleaseNamed.v1.json'];
    expect(paths.length).toBeGreaterThan(5);
    expect(paths.filter((path) => !existsSync(join(ROOT, path)) && !example.includes(path))).toEqual([]);
    const scripts = [...readme.matchAll(/npm run ([\w:-]+)/g)].map((m) => m[1] ?? '');
    expect(scripts.filter((name) => !Object.hasOwn(manifest.scripts ?? {}, name))).toEqual([]);
  });
});
