import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import {
  areasKeepApart,
  commandsHaveSpecs,
  dependenciesAreImported,
  LIB_EDGES,
  libsAreEnteredByName,
  libsNeverImportSrc,
  libsStandAlone,
  nestEventsAreNotUsed,
  noScriptsAroundScripts,
  nothingOfTheMachine,
  ownWordsAreSealed,
  packagesHaveOneHome,
  rulesArePure,
  secondPersonsVouch,
  typeOrmStaysInItsPlace,
  type Rule,
} from './rules.ts';
import { parseTree, readTree } from './source-tree.ts';

const project = readTree(resolve(__dirname, '../..'));

/** The rule, the fixture that breaks it, and what is said of the fixture, in order. */
const rules: readonly [title: string, rule: Rule, fixture: string, said: readonly RegExp[]][] = [
  ['areas never import each other', areasKeepApart, 'areas', [/src\/planning\/release\/plan\.ts imports \.\.\/\.\.\/artifacts/]],
  ['libs never import src', libsNeverImportSrc, 'libs-import-src', [/libs\/policy\/gates\.ts imports .*src\/configuration/]],
  ['a lib is entered by its name', libsAreEnteredByName, 'libs-by-path', [/#libs\/event-sourcing, never by a path/, /src\/plimsoll\.ts/]],
  ['libs build on each other only as written down', libsStandAlone(LIB_EDGES), 'lib-edges', [/event-sourcing → http is not among/]],
  [
    'rules and folds have no clock, no chance and no I/O',
    rulesArePure,
    'purity',
    [
      /plan-release\.ts imports node:fs/,
      /plan-release\.ts:\d+ uses randomUUID/,
      /plan-release\.ts:\d+ uses new Date\(\)/,
      /plan-release\.ts:\d+ uses Math\.random/,
      /plan-release\.ts:\d+ uses process/,
      /plan-release\.ts:\d+ uses fetch/,
      /helper\.ts:\d+ uses Date\.now/,
      /release\.ts:\d+ uses performance/,
      /rollout\.process\.ts:\d+ uses setTimeout/,
      /libs\/policy\/gates\.ts:\d+ uses Date\(\)/,
    ],
  ],
  ['TypeORM stays in rows, queries and migrations', typeOrmStaysInItsPlace, 'typeorm', [/release\.ts imports typeorm/, /x\.module\.ts/]],
  ['events never go over Nest’s event bus', nestEventsAreNotUsed, 'nest-events', [/imports EventBus/, /imports Saga/, /imports \*/]],
  ['a package that may change is imported from one place', packagesHaveOneHome, 'homes', [/kafkajs/, /jose\/jwt/, /@eventstore/]],
  ['the product imports its dependencies, and only them', dependenciesAreImported, 'dependencies', [/imports left-pad/, /dependency pg/]],
  ['no script counts on running before or after another', noScriptsAroundScripts, 'scripts', [/prestart/, /postbuild/]],
  ['every command has a spec beside it', commandsHaveSpecs, 'specs', [/src\/planning\/release\/plan-release\.ts/]],
  ['what persons write is sealed', ownWordsAreSealed, 'own-words', [/grant\.ts Grant\.comment is somebody's own words/]],
  [
    'whatever takes a second person is no program’s to do',
    secondPersonsVouch,
    'vouching',
    [
      /grant\.ts GrantThing asks for a second person/,
      /end\.ts EndThing asks for a second person/,
      /controller\.ts confirm issues ConfirmThing: its route needs/,
      /controller\.ts ask has @Vouches\(\), and issues no command/,
    ],
  ],
  ['nothing names a machine', nothingOfTheMachine, 'machine', [/one\.ts:1 names/, /\.npmrc:1/, /package-lock\.json/]],
];

describe.each(rules)('the rule that %s', (_title, rule, fixture, said) => {
  it('is kept', () => {
    expect(rule(project)).toEqual([]);
  });

  it('would be seen to be broken', () => {
    const broken = parseTree(readFileSync(join(__dirname, 'fixtures', `${fixture}.txt`), 'utf8'));
    expect(rule(broken)).toEqual(said.map((pattern) => expect.stringMatching(pattern) as string));
  });
});

describe('the edges between libs', () => {
  it('go in no circle, which would be named', () => {
    expect(libsStandAlone({ a: ['b'], b: ['c'], c: ['b'] })([])).toEqual(['LIB_EDGES goes in a circle: b → c → b.']);
  });

  it('are written down for every lib there is, and for no other', () => {
    const libs = new Set(project.flatMap((f) => /^libs\/([^/]+)\/index\.ts$/.exec(f.path)?.[1] ?? []));
    expect(Object.keys(LIB_EDGES).sort()).toEqual([...libs].sort());
  });
});
