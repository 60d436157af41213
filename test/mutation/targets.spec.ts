import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

const root = resolve(__dirname, '../..');
const targets = JSON.parse(readFileSync(join(__dirname, 'targets.json'), 'utf8')) as Record<string, { mutate: string[]; specs: string[] }>;
const files = (folder: string): string[] =>
  readdirSync(join(root, folder))
    .filter((name) => name.endsWith('.ts') && !name.endsWith('.spec.ts') && name !== 'index.ts')
    .map((name) => `${folder}/${name}`);

describe('what mutation testing is about', () => {
  it('is duties, gates with their expressions and changes, windows and the ledger', () => {
    expect(Object.keys(targets).sort()).toEqual(['changes', 'duties', 'expressions', 'gates', 'ledger', 'windows']);
    for (const { mutate, specs } of Object.values(targets)) {
      expect(mutate.length).toBeGreaterThan(0);
      expect(specs.length).toBeGreaterThan(0);
    }
  });

  it.each(Object.values(targets).flatMap(({ mutate, specs }) => [...mutate, ...specs]))('is there: %s', (file) => {
    // A file that is renamed must not drop out unseen: Stryker mutates nothing where a pattern matches nothing.
    expect(existsSync(join(root, file))).toBe(true);
  });

  it.each([
    ['the calendar', 'windows', 'libs/calendar', []],
    ['changes', 'changes', 'libs/policy/changes', []],
    // What is declared is data, and the worker is no rule.
    ['expressions', 'expressions', 'libs/policy/expressions', ['facts.ts', 'host.ts', 'worker.ts']],
  ])('is every rule of %s', (_what, group, folder, others) => {
    const rules = files(folder).filter((file) => !others.some((other) => file === `${folder}/${other}`));
    expect([...(targets[group]?.mutate ?? [])].sort()).toEqual(rules.sort());
  });

  it('is named once', () => {
    const all = Object.values(targets).flatMap(({ mutate }) => mutate);
    expect(all.filter((file, i) => all.indexOf(file) < i)).toEqual([]);
  });
});
