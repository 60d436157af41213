import { dirname } from 'node:path';
import ts from 'typescript';
import { importsOf, namesImportedFrom, packageOf, parse, relativeTarget, type SourceFile } from './source-tree.ts';

/** A rule of the house: what in a tree of files breaks it, each as a sentence. Empty where it is kept. */
export type Rule = (files: readonly SourceFile[]) => string[];

const isTypeScript = (f: SourceFile): boolean => f.path.endsWith('.ts');
const isSpec = (f: SourceFile): boolean => f.path.endsWith('.spec.ts');
const isTestPart = (f: SourceFile): boolean => isSpec(f) || f.path.includes('/testing/') || f.path.startsWith('test/');
const areaOf = (path: string): string | undefined => /^src\/([^/]+)\//.exec(path)?.[1];
const libOf = (path: string): string | undefined => /^libs\/([^/]+)\//.exec(path)?.[1];
const libImported = (specifier: string): string | undefined => /^#libs\/([^/]+)/.exec(specifier)?.[1];

/** Every import of every TypeScript file, judged one by one. */
function eachImport(judge: (file: SourceFile, specifier: string, target: string | undefined) => string | undefined): Rule {
  return (files) =>
    files
      .filter(isTypeScript)
      .flatMap((file) => importsOf(file).flatMap((specifier) => judge(file, specifier, relativeTarget(file, specifier)) ?? []));
}

export const areasKeepApart = eachImport((file, specifier, target) => {
  const from = areaOf(file.path);
  const to = target && areaOf(target);
  return from && to && from !== to
    ? `${file.path} imports ${specifier}: areas never import each other; share a vocabulary in libs/contracts.`
    : undefined;
});

export const libsNeverImportSrc = eachImport((file, specifier, target) =>
  libOf(file.path) && (target?.startsWith('src/') || specifier.startsWith('src/'))
    ? `${file.path} imports ${specifier}: libs never import src.`
    : undefined,
);

export const libsAreEnteredByName = eachImport((file, specifier, target) => {
  const to = target && libOf(target);
  // Jest's global setup runs before names can be mapped.
  return to && to !== libOf(file.path) && !file.path.startsWith('test/support/global-')
    ? `${file.path} imports ${specifier}: another lib is entered by its name, #libs/${to}, never by a path.`
    : undefined;
});

/** Which lib may build on which. A new edge is a decision: write it down here. */
export const LIB_EDGES: Readonly<Record<string, readonly string[]>> = {
  archive: ['audit-export', 'ledger'],
  'audit-export': ['event-sourcing', 'ledger', 'read-models'],
  authorization: [],
  calendar: ['contracts'],
  compliance: ['contracts', 'csv', 'event-sourcing', 'identity', 'instant', 'ledger', 'policy'],
  contracts: ['event-sourcing'],
  csv: [],
  cqrs: ['contracts', 'event-sourcing', 'http', 'instant', 'read-models', 'subscriptions'],
  deployers: ['secrets', 'strict-http'],
  'embedded-postgres': [],
  'event-sourcing': ['secrets'],
  evidence: ['strict-http'],
  http: ['csv', 'event-sourcing', 'identity', 'instant', 'privacy', 'secrets'],
  identity: ['event-sourcing', 'key-files'],
  instant: [],
  'key-files': [],
  ledger: ['event-sourcing', 'key-files'],
  messaging: ['event-sourcing', 'subscriptions'],
  policy: ['calendar', 'contracts', 'event-sourcing', 'identity'],
  privacy: ['event-sourcing', 'key-files'],
  processes: ['event-sourcing', 'subscriptions'],
  'read-models': ['event-sourcing', 'subscriptions'],
  retention: ['contracts', 'event-sourcing'],
  secrets: [],
  'strict-http': [],
  subscriptions: ['event-sourcing'],
};

export const libsStandAlone =
  (edges: Readonly<Record<string, readonly string[]>>): Rule =>
  (files) => {
    const wrong = eachImport((file, specifier) => {
      const from = libOf(file.path);
      const to = libImported(specifier);
      if (!from || !to || from === to || edges[from]?.includes(to)) return undefined;
      return `${file.path} imports ${specifier}: the edge ${from} → ${to} is not among LIB_EDGES.`;
    })(files);
    const circle = circleIn(edges);
    return circle ? [...wrong, `LIB_EDGES goes in a circle: ${circle.join(' → ')}.`] : wrong;
  };

function circleIn(edges: Readonly<Record<string, readonly string[]>>): readonly string[] | undefined {
  const done = new Set<string>();
  const visit = (name: string, way: readonly string[]): readonly string[] | undefined => {
    if (way.includes(name)) return [...way.slice(way.indexOf(name)), name];
    if (done.has(name)) return undefined;
    for (const next of edges[name] ?? []) {
      const circle = visit(next, [...way, name]);
      if (circle) return circle;
    }
    done.add(name);
    return undefined;
  };
  for (const name of Object.keys(edges)) {
    const circle = visit(name, []);
    if (circle) return circle;
  }
  return undefined;
}

/** What would make a rule or a fold give another answer the second time, as it is written in code. */
const IMPURE_NAMES = new Set(['process', 'fetch', 'randomUUID', 'randomBytes', 'setTimeout', 'setInterval', 'performance', 'globalThis']);
const PURE_BUILTINS = new Set(['node:crypto']);
/** Kills evaluations that take too long, and is what they run in; what is evaluated is in the files beside them, which are pure. */
const DEADLINES = new Set(['libs/policy/expressions/host.ts', 'libs/policy/expressions/worker.ts']);

/**
 * Rules and folds have no clock, no chance and no I/O. They are: the areas' files that define commands or folds and what these import
 * of their area, process managers, libs/policy and libs/retention.
 */
export const rulesArePure: Rule = (files) => {
  const product = files.filter((f) => isTypeScript(f) && !isTestPart(f));
  const inAreas = new Map(product.filter((f) => areaOf(f.path)).map((f) => [f.path, f]));
  const roots = product.filter(
    (f) =>
      (f.path.startsWith('libs/policy/') && !DEADLINES.has(f.path)) ||
      f.path.startsWith('libs/retention/') ||
      (areaOf(f.path) && (f.path.endsWith('.process.ts') || /\bdefineCommand\(|: Aggregate</.test(f.text))),
  );
  const pure = new Set<SourceFile>();
  const follow = (file: SourceFile): void => {
    if (pure.has(file)) return;
    pure.add(file);
    for (const specifier of importsOf(file)) {
      const next = inAreas.get(relativeTarget(file, specifier) ?? '');
      if (next) follow(next);
    }
  };
  roots.forEach(follow);
  return [...pure].flatMap((file) => [
    ...importsOf(file)
      .filter((specifier) => specifier.startsWith('node:') && !PURE_BUILTINS.has(specifier))
      .map((specifier) => `${file.path} imports ${specifier}: a rule does no I/O.`),
    ...impurities(file),
  ]);
};

function impurities(file: SourceFile): string[] {
  const found: string[] = [];
  const source = parse(file);
  const report = (node: ts.Node, what: string): void => {
    const line = source.getLineAndCharacterOfPosition(node.getStart(source)).line + 1;
    found.push(`${file.path}:${line} uses ${what}: it comes in command.meta or in facts.`);
  };
  const visit = (node: ts.Node): void => {
    if (ts.isNewExpression(node) && node.expression.getText(source) === 'Date' && !node.arguments?.length) report(node, 'new Date()');
    if (ts.isCallExpression(node) && node.expression.getText(source) === 'Date') report(node, 'Date()');
    if (ts.isPropertyAccessExpression(node) && ['Date.now', 'Math.random'].includes(node.getText(source)))
      report(node, node.getText(source));
    if (ts.isIdentifier(node) && IMPURE_NAMES.has(node.text) && !isMemberName(node)) report(node, node.text);
    ts.forEachChild(node, visit);
  };
  visit(source);
  return found;
}

/** `x.process` and `{ process: 1 }` only share the name. */
function isMemberName(node: ts.Identifier): boolean {
  const { parent } = node;
  return (
    (ts.isPropertyAccessExpression(parent) && parent.name === node) ||
    ((ts.isPropertyAssignment(parent) || ts.isPropertySignature(parent) || ts.isPropertyDeclaration(parent)) && parent.name === node)
  );
}

export const typeOrmStaysInItsPlace = eachImport((file, specifier) => {
  const name = packageOf(specifier);
  if (name !== 'typeorm' && name !== '@nestjs/typeorm') return undefined;
  return /\.(?:row|query)\.ts$/.test(file.path) ||
    file.path.startsWith('migrations/') ||
    file.path === 'src/app.module.ts' ||
    isTestPart(file)
    ? undefined
    : `${file.path} imports ${specifier}: TypeORM stays in *.row.ts, *.query.ts, migrations and src/app.module.ts.`;
});

/** What of @nestjs/cqrs is used; its EventBus and @Saga lose events when the process dies. */
const CQRS_NAMES = new Set([
  'Command',
  'CommandBus',
  'CommandHandler',
  'CqrsModule',
  'ICommandHandler',
  'IQueryHandler',
  'Query',
  'QueryBus',
  'QueryHandler',
]);

export const nestEventsAreNotUsed: Rule = (files) =>
  files
    .filter(isTypeScript)
    .filter((file) => importsOf(file).includes('@nestjs/cqrs'))
    .flatMap((file) =>
      namesImportedFrom(file, '@nestjs/cqrs')
        .filter((name) => !CQRS_NAMES.has(name))
        .map((name) => `${file.path} imports ${name} of @nestjs/cqrs: its events are lost in a crash; use a process of #libs/processes.`),
    );

/** Third-party packages that may change one day: each is imported from these places only. */
const HOMES: Readonly<Record<string, readonly string[]>> = {
  '@bufbuild/cel': ['libs/policy/expressions/'],
  '@cedar-policy/cedar-wasm': ['libs/authorization/'],
  '@eventstore/db-client': ['libs/event-sourcing/eventstoredb/', 'test/support/eventstore/'],
  '@fastify/helmet': ['libs/http/'],
  '@grpc/grpc-js': ['libs/event-sourcing/eventstoredb/', 'test/support/eventstore/'],
  canonicalize: ['libs/event-sourcing/transact.ts', 'libs/http/idempotency.ts', 'libs/policy/hash.ts', 'libs/ledger/jcs.ts'],
  'fast-xml-parser': ['libs/evidence/'],
  jose: ['libs/identity/'],
  'jsonc-parser': ['libs/http/', 'libs/ledger/jcs.ts'],
  kafkajs: ['libs/messaging/kafka/', 'test/support/kafka/'],
  pino: ['src/'],
  'prom-client': ['src/metrics.ts'],
  'rrule-temporal': ['libs/calendar/'],
  semver: ['src/planning/version-line/'],
  standardwebhooks: ['libs/strict-http/'],
  'temporal-polyfill': ['libs/calendar/'],
  uuid: ['libs/event-sourcing/ids.ts'],
};

export const packagesHaveOneHome = eachImport((file, specifier) => {
  const name = packageOf(specifier);
  const homes = name && Object.hasOwn(HOMES, name) ? HOMES[name] : undefined;
  return !homes || isTestPart(file) || homes.some((home) => file.path.startsWith(home))
    ? undefined
    : `${file.path} imports ${specifier}: only ${homes.join(', ')} may.`;
});

/** The product runs on dependencies alone, and has none that it does not import. */
export const dependenciesAreImported: Rule = (files) => {
  const manifest = JSON.parse(files.find((f) => f.path === 'package.json')?.text ?? '{}') as { dependencies?: Record<string, string> };
  const declared = new Set(Object.keys(manifest.dependencies ?? {}));
  const product = files.filter((f) => isTypeScript(f) && /^(?:src|libs|migrations)\//.test(f.path) && !isTestPart(f));
  const imported = new Map(product.flatMap((file) => importsOf(file).map((s) => [packageOf(s), file.path] as const)));
  return [
    ...[...imported].flatMap(([name, path]) =>
      name && !declared.has(name) ? [`${path} imports ${name}, which is not among the dependencies.`] : [],
    ),
    ...[...declared].filter((name) => !imported.has(name)).map((name) => `The dependency ${name} is imported nowhere.`),
  ];
};

/** `.npmrc` switches install scripts off, and npm then leaves out every script that would run before or after another. */
export const noScriptsAroundScripts: Rule = (files) => {
  const { scripts = {} } = JSON.parse(files.find((f) => f.path === 'package.json')?.text ?? '{}') as { scripts?: Record<string, string> };
  return Object.keys(scripts)
    .filter((name) => /^(?:pre|post)/.test(name) && Object.hasOwn(scripts, name.replace(/^(?:pre|post)/, '')))
    .map((name) => `package.json has the script ${name}, which npm never runs here (ignore-scripts): say it in the script itself.`);
};

export const commandsHaveSpecs: Rule = (files) => {
  const tested = new Set(files.filter(isSpec).map((f) => dirname(f.path)));
  return files
    .filter((f) => areaOf(f.path) && isTypeScript(f) && !isSpec(f) && f.text.includes('defineCommand('))
    .filter((f) => !tested.has(dirname(f.path)))
    .map((f) => `${f.path} defines a command, and no spec in its folder says what it does.`);
};

/** Names of what people write in their own words. */
const OWN_WORDS =
  /^(?:comment|reason|justification|findings|resolution|cause|changeReason|note|notes|remark|remarks|description|rationale|explanation)$/;
/** Sentences of the program's own. */
const NOT_OF_PERSONS = new Set(['src/ingestion/outside-event/reject-outside-event.ts RejectOutsideEvent.reason']);

/** Text that a person writes in a command is sealed with her key (principle 13): the command says so by `personal`. */
export const ownWordsAreSealed: Rule = (files) => {
  const commands = files.filter((f) => areaOf(f.path) && isTypeScript(f) && !isSpec(f) && !/\.(?:row|query)\.ts$/.test(f.path));
  const personal = (folder: string): ReadonlySet<string> =>
    new Set(
      commands
        .filter((f) => dirname(f.path) === folder)
        .flatMap((f) => [...f.text.matchAll(/\bpersonal: \[([^\]]*)\]/g)].flatMap(([, list = '']) => list.match(/\w+/g) ?? [])),
    );
  return commands
    .filter((file) => commands.some((f) => dirname(f.path) === dirname(file.path) && f.text.includes('defineCommand(')))
    .flatMap((file) => {
      const found: string[] = [];
      const source = parse(file);
      ts.forEachChild(source, (node) => {
        if (!ts.isClassDeclaration(node)) return;
        for (const member of node.members) {
          if (!ts.isPropertyDeclaration(member) || member.type?.kind !== ts.SyntaxKind.StringKeyword) continue;
          const name = member.name.getText(source);
          const place = `${file.path} ${node.name?.text ?? ''}.${name}`;
          if (!OWN_WORDS.test(name) || NOT_OF_PERSONS.has(place) || personal(dirname(file.path)).has(name)) continue;
          found.push(`${place} is somebody's own words: say so in the command's definition, personal: ['${name}'].`);
        }
      });
      return found;
    });
};

/** What a rule says where it asks for somebody else than who had a part before. */
const ASKS_FOR_ANOTHER = /\bisFirstHand\(|'[a-z]+(?:-[a-z]+)*-by-another'|'recused'|'own-membership'/;
/** Names of what one person does about what another one asked or did. */
const NAMED_AS_VOUCHING = /^(?:Grant|Confirm|Reject|Decline|Review|Vote|Approve|Release[A-Z]\w*Hold|Open\w*Vote)/;

/**
 * A command whose rule asks for a second person, or whose name says that one vouches for another, is defined with `vouches`, and its routes have
 * `@Vouches`, by which no program gets through; and no other route has it. Commands of processes are not governed: nobody asks for them.
 */
export const secondPersonsVouch: Rule = (files) => {
  const ours = files.filter((f) => areaOf(f.path) && isTypeScript(f) && !isSpec(f));
  const vouching = new Set<string>();
  const silent = ours.flatMap((file) => {
    const found: string[] = [];
    const source = parse(file);
    const rules = new Map<string, string>();
    ts.forEachChild(source, (node) => {
      if (ts.isFunctionDeclaration(node) && node.name) rules.set(node.name.text, node.getText(source));
    });
    const visit = (node: ts.Node): void => {
      if (ts.isCallExpression(node) && node.expression.getText(source) === 'defineCommand') {
        const [definition] = node.arguments;
        const says = new Map(
          definition && ts.isObjectLiteralExpression(definition)
            ? definition.properties.map((p) => [
                p.name?.getText(source) ?? '',
                ts.isPropertyAssignment(p) ? p.initializer.getText(source) : '',
              ])
            : [],
        );
        const name = says.get('type') ?? '';
        if (says.get('vouches') === 'true') vouching.add(name);
        else if (says.has('governed') && (NAMED_AS_VOUCHING.test(name) || ASKS_FOR_ANOTHER.test(rules.get(says.get('decide') ?? '') ?? '')))
          found.push(`${file.path} ${name} asks for a second person: say so in the command's definition, vouches: true.`);
      }
      ts.forEachChild(node, visit);
    };
    visit(source);
    return found;
  });
  const routes = ours
    .filter((f) => f.path.endsWith('.controller.ts'))
    .flatMap((file) => {
      const source = parse(file);
      const found: string[] = [];
      const visit = (node: ts.Node): void => {
        if (ts.isMethodDeclaration(node)) {
          const decorators = (ts.getDecorators(node) ?? []).map((d) => d.getText(source));
          const place = `${file.path} ${node.name.getText(source)}`;
          const commands = [...vouching].filter((name) => new RegExp(`\\b${name}\\b`).test(node.getText(source)));
          const says = decorators.includes('@Vouches()');
          if (commands.length > 0 && !says && decorators.some((d) => d.startsWith('@Post(')))
            found.push(`${place} issues ${commands.join(', ')}: its route needs @Vouches().`);
          if (commands.length === 0 && says) found.push(`${place} has @Vouches(), and issues no command that is defined with it.`);
        }
        ts.forEachChild(node, visit);
      };
      visit(source);
      return found;
    });
  return [...silent, ...routes];
};

// Put together from parts, so that this file is not what it looks for.
const MACHINE_PATH = new RegExp(`(?<![\\w.:/<$}-])/(?:${['work', 'root', 'Users', 'home'].join('|')})/[A-Za-z0-9._-]+`);
const REGISTRY = new RegExp(`https?://[^/\\s"'\`]*(?:${['registry', 'artifactory', 'nexus', 'verdaccio'].join('|')})[^\\s"'\`]*`, 'i');

export const nothingOfTheMachine: Rule = (files) =>
  files
    .filter((f) => !f.path.startsWith('test/architecture/fixtures/'))
    .flatMap((file) => {
      if (file.path === 'package-lock.json') {
        return file.text.includes('"resolved"') ? ['package-lock.json says where packages were fetched from ("resolved").'] : [];
      }
      return file.text.split('\n').flatMap((line, n) => {
        const found = MACHINE_PATH.exec(line)?.[0] ?? REGISTRY.exec(line)?.[0];
        return found ? [`${file.path}:${n + 1} names ${found}, which is of one machine.`] : [];
      });
    });
