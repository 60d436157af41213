import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';

const root = resolve(import.meta.dirname, '../..');
const targets = JSON.parse(readFileSync(join(import.meta.dirname, 'targets.json'), 'utf8'));
const HELP = `Changes the rules one by one and looks whether a test notices (mutation testing, by Stryker).

Usage: npm run mutation -- [--only A,B] [--files A,B] [--specs A,B] [--folder DIR]

  --only     these groups of test/mutation/targets.json alone, of ${Object.keys(targets).join(', ')}
  --files    of one group, these files alone; of one of them, lines: a.ts:10-20
  --specs    of one group, these of its specs alone: quicker, and a lower bound of the score
  --folder   where reports and sandboxes go; a folder in the system's temporary one unless told

Exit code: 0 where every group has a score of at least ${85} %, 1 where one has not or the run failed, 2 for wrong usage.`;
const LEAST = 85;
/** How Stryker calls mutants that a test noticed; all others count against the score. */
const FOUND = ['Killed', 'Timeout'];
const UNNOTICED = ['Survived', 'NoCoverage'];

const { values } = parseArgs({
  options: {
    only: { type: 'string', default: Object.keys(targets).join(',') },
    files: { type: 'string' },
    specs: { type: 'string' },
    folder: { type: 'string', default: join(tmpdir(), 'plimsoll-mutation') },
    help: { type: 'boolean', default: false },
  },
});
const groups = values.only.split(',').map((name) => name.trim());
const unknown = groups.filter((name) => !Object.hasOwn(targets, name));
const strange =
  groups.length > 1 || unknown.length > 0 ? [] : (values.specs?.split(',') ?? []).filter((s) => !targets[groups[0]].specs.includes(s));
if (values.help || unknown.length > 0 || strange.length > 0 || ((values.files || values.specs) && groups.length > 1)) {
  if (unknown.length > 0) console.log(`There is no group ${unknown.join(', ')}.\n`);
  if (strange.length > 0) console.log(`Group ${groups[0]} has no spec ${strange.join(', ')}.\n`);
  console.log(HELP);
  process.exit(values.help ? 0 : 2);
}
mkdirSync(values.folder, { recursive: true });

/** The specs run in a copy of the repository: what lies beside it has to be named. */
const beside = {
  PLIMSOLL_JCS_DATA: resolve(root, '../shared/data/jcs/testdata'),
  PLIMSOLL_MERKLE_DATA: resolve(root, '../shared/data/merkle'),
};
const data = Object.fromEntries(Object.entries(beside).filter(([name, folder]) => !process.env[name] && existsSync(folder)));

let enough = true;
for (const group of groups) {
  const began = Date.now();
  const { status } = spawnSync(
    process.execPath,
    [join(root, 'node_modules/@stryker-mutator/core/bin/stryker.js'), 'run', 'test/mutation/stryker.config.mjs'],
    {
      cwd: root,
      stdio: 'inherit',
      env: {
        ...process.env,
        ...data,
        PLIMSOLL_MUTATION_GROUP: group,
        PLIMSOLL_MUTATION_FOLDER: resolve(values.folder),
        ...(values.files ? { PLIMSOLL_MUTATION_FILES: values.files } : {}),
        ...(values.specs ? { PLIMSOLL_MUTATION_SPECS: values.specs } : {}),
      },
    },
  );
  if (status !== 0) process.exit(1);
  const score = report(
    group,
    JSON.parse(readFileSync(join(values.folder, `${group}.json`), 'utf8')),
    Math.round((Date.now() - began) / 1000),
  );
  if (!(score >= LEAST)) enough = false;
}
process.exit(enough ? 0 : 1);

function report(group, { files }, seconds) {
  const all = [];
  for (const [file, { source, mutants }] of Object.entries(files).sort()) {
    const lines = source.split('\n');
    for (const mutant of mutants.filter(({ status }) => UNNOTICED.includes(status))) {
      const { line, column } = mutant.location.start;
      console.log(`${file}:${line}:${column} ${mutant.mutatorName}${mutant.status === 'NoCoverage' ? ' (no test comes here)' : ''}`);
      console.log(`  - ${lines[line - 1].trim()}\n  + ${mutant.replacement.split('\n').join(' ')}`);
    }
    console.log(`${file}: ${figures(mutants)}`);
    all.push(...mutants);
  }
  console.log(`${group}: ${figures(all)}, ${seconds} s\n`);
  return scoreOf(all);
}

function figures(mutants) {
  const count = (...of) => mutants.filter(({ status }) => of.includes(status)).length;
  const timeouts = count('Timeout') ? `, ${count('Timeout')} of them by not ending` : '';
  return `${scoreOf(mutants).toFixed(1)} %, ${count(...FOUND)} of ${count(...FOUND, ...UNNOTICED)} noticed${timeouts}`;
}

/** Of mutants that could run: one that does not even load says nothing of the tests. */
function scoreOf(mutants) {
  const found = mutants.filter(({ status }) => FOUND.includes(status)).length;
  return (100 * found) / (found + mutants.filter(({ status }) => UNNOTICED.includes(status)).length);
}
