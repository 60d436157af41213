import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

/** Of one group of targets; `mutation.mjs` says which, and where reports and sandboxes go. */
const { PLIMSOLL_MUTATION_GROUP: group, PLIMSOLL_MUTATION_FOLDER: folder, PLIMSOLL_MUTATION_FILES: files } = process.env;
const { mutate } = JSON.parse(readFileSync(new URL('targets.json', import.meta.url), 'utf8'))[group];

export default {
  mutate: files ? files.split(',') : mutate,
  ignorePatterns: ['/dist', '/.plimsoll', '/coverage', '/deploy', '*.md'],
  testRunner: 'jest',
  plugins: [resolve('node_modules/@stryker-mutator/jest-runner/dist/src/index.js')],
  jest: {
    configFile: 'test/mutation/jest.config.cjs',
    // The specs are named, so that a mutant is not killed by chance in a part of the product that happens to use it.
    config: { testMatch: ['<rootDir>/test/mutation/group.ts'] },
    enableFindRelatedTests: false,
  },
  coverageAnalysis: 'perTest',
  // Constants of a module count like all else.
  ignoreStatic: false,
  // Whatever Stryker can do is done: sentences are mutated, too, since a refusal owes its reader what would unblock it.
  mutator: { excludedMutations: [] },
  concurrency: 1,
  // On a machine that is shared a slow test is no killed mutant.
  timeoutMS: 60_000,
  timeoutFactor: 3,
  dryRunTimeoutMinutes: 30,
  // Stryker links real folders only, and node_modules may be a link itself.
  symlinkNodeModules: false,
  buildCommand: `ln -s ${resolve('node_modules').replaceAll(' ', '\\ ')} node_modules`,
  tempDirName: join(folder, 'sandboxes'),
  reporters: ['json', 'dots'],
  jsonReporter: { fileName: join(folder, `${group}.json`) },
  thresholds: { high: 95, low: 85, break: null },
  allowConsoleColors: false,
};
