import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import ts from 'typescript';
import { attacks, CLASSES, type Attack } from './attacks.ts';
import { weakenings } from './weakened/weakenings.ts';

/** A test as its source has it. */
interface Test {
  readonly title: string;
  /** The test with its table of cases. */
  readonly text: string;
}

const sources = new Map<string, ts.SourceFile>();
function sourceOf(spec: string): ts.SourceFile {
  const known = sources.get(spec);
  if (known) return known;
  const parsed = ts.createSourceFile(spec, readFileSync(join(__dirname, spec), 'utf8'), ts.ScriptTarget.ES2023, true);
  sources.set(spec, parsed);
  return parsed;
}

/** The tests of a spec that run: `it('…')` and `it.each(…)('…')`, and nothing that is skipped. */
function testsIn(spec: string): readonly Test[] {
  const found: Test[] = [];
  const visit = (node: ts.Node): void => {
    if (ts.isCallExpression(node) && isTest(node.expression)) {
      const [title] = node.arguments;
      if (title && ts.isStringLiteralLike(title)) found.push({ title: title.text, text: node.getText() });
    }
    ts.forEachChild(node, visit);
  };
  visit(sourceOf(spec));
  return found;
}

function isTest(called: ts.Expression): boolean {
  if (ts.isIdentifier(called)) return called.text === 'it';
  return ts.isCallExpression(called) && called.expression.getText() === 'it.each';
}

/** Functions and constants of a spec by name, and tests by title: where a legitimate request may be made for several tests. */
function partsOf(spec: string): ReadonlyMap<string, string> {
  const parts = new Map(testsIn(spec).map(({ title, text }) => [title, text]));
  const visit = (node: ts.Node): void => {
    if ((ts.isVariableDeclaration(node) || ts.isFunctionDeclaration(node)) && node.name) parts.set(node.name.getText(), node.getText());
    ts.forEachChild(node, visit);
  };
  visit(sourceOf(spec));
  return parts;
}

/** How specs here say that something was accepted, or came out clean. */
const ACCEPTS =
  /\bok\(|acceptedAt\(|\.legitimate\(|toBe\(20[01]\)|commander\([^)]*\)\([^;]*\)\)\.toBeUndefined\(\)|differingCount: 0|not\.toContain\('(rollback|fork|edit)'\)|toContain\('Zürich|verdict: 'pass'|repeated: true/;

const TABLE = join(__dirname, 'README.md');
const weakenedOf = ({ case: name, spec }: Attack) =>
  spec.startsWith('weakened/') ? weakenings.find(({ attack }) => attack === name) : undefined;

describe('the table of attacks', () => {
  it.each(attacks.map((attack) => [attack.id, attack] as const))(
    '%s is shown by a test that runs, beside what is accepted',
    (_id, attack) => {
      const { spec, title, case: which, acceptedIn } = attack;
      const test = testsIn(spec).find((one) => one.title === title);
      expect({ spec, title, found: test !== undefined }).toEqual({ spec, title, found: true });
      if (spec.startsWith('weakened/')) expect(weakenings.map(({ attack: name }) => name)).toContain(which);
      else if (which !== undefined)
        expect(test?.text).toMatch(new RegExp(`['"\`]${which.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&')}['"\`]`));
      const legitimate =
        acceptedIn === undefined || spec.startsWith('weakened/') ? test?.text : `${test?.text} ${partsOf(spec).get(acceptedIn) ?? ''}`;
      expect(legitimate).toMatch(ACCEPTS);
    },
  );

  it('has every class and each of its parts, and nothing of another', () => {
    const missing = Object.entries(CLASSES).flatMap(([of, parts]) => {
      const own = attacks.filter((attack) => attack.of === of);
      const shown = own.flatMap((attack) => attack.parts ?? []);
      return [...(own.length === 0 ? [of] : []), ...parts.filter((part) => !shown.includes(part)).map((part) => `${of}: ${part}`)];
    });
    expect(missing).toEqual([]);
    const strange = attacks.filter(
      ({ of, parts = [] }) => !Object.hasOwn(CLASSES, of) || parts.some((part) => !CLASSES[of]?.includes(part)),
    );
    expect(strange.map(({ id }) => id)).toEqual([]);
    expect(new Set(attacks.map(({ id }) => id)).size).toBe(attacks.length);
  });

  it('has every attack of the weakened builds', () => {
    const named = attacks.filter(({ spec }) => spec.startsWith('weakened/')).map(({ case: name }) => name);
    expect([...named].sort()).toEqual(weakenings.map(({ attack }) => attack).sort());
  });

  it('is what README.md beside it says', () => {
    const text = tableText();
    if (process.env['WRITE_ATTACKS']) writeFileSync(TABLE, text);
    expect({ text: readFileSync(TABLE, 'utf8'), advice: 'WRITE_ATTACKS=1 npx jest test/adversarial/attacks writes it.' }).toEqual({
      text,
      advice: 'WRITE_ATTACKS=1 npx jest test/adversarial/attacks writes it.',
    });
  });
});

function tableText(): string {
  const rows = Object.keys(CLASSES).flatMap((of) =>
    attacks
      .filter((attack) => attack.of === of)
      .map((attack, n) => {
        const weakening = weakenedOf(attack);
        const shown = `[${attack.spec}](${attack.spec}): ${attack.title.replace('%s', attack.case ?? '%s').replace('%j', attack.case ?? '%j')}`;
        const cells = [n === 0 ? of : '', attack.does, attack.accepted, shown, weakening ? weakening.without : ''];
        return `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
      }),
  );
  return `# Attacks

What is tried here, what must be accepted beside it, and where it is shown. \`attacks.ts\` is the table, and \`attacks.spec.ts\` holds it against the tests.
Where the last column says something, the attack is also played, by the same function, on a build of the product without that one check, where it succeeds:
[weakened/](weakened) takes the check out of the source as it is compiled, and fails aloud where it is no longer there exactly once.

| class | the attack | accepted beside it | shown by | succeeds without |
|---|---|---|---|---|
${rows.join('\n')}

## What is not withstood

- **Whoever has the password of the log's database, or the right to append to EventStoreDB,** can append a well-formed event with made-up metadata: it is a leaf
  of the ledger from then on, under the time at which it came, and nothing tells it from one of ours. It can't change or take away what was there, and a vote that
  is forged so is judged like every other. What has no metadata of a command is named by \`plimsoll-audit verify\`.
- **The end of a stream,** taken away without anything after it, looks like the stream as it was before. The ledger notices where the event was a leaf already:
  \`verify\` names it, and nothing more is signed once the last leaf is gone.
- **Tenants.** A deployment of Plimsoll is of one organisation: everybody with a token of its issuer may read everything that is not behind a role. Roles and their
  scopes are about acting. Organisations that must not see each other get a deployment each.
- **A log and all its checkpoints, set back together,** can't be told from one that never went on by who has kept no checkpoint: keep one, or have a witness.
`;
}
