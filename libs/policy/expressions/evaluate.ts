import { celEnv, isCelError, parse, plan, type CelInput } from '@bufbuild/cel';
import { checkExpression, hasOpposites, isProblem, VERDICTS, type CheckedExpression, type ExpressionProblem } from './check.ts';
import { clockMethods } from './clock.ts';
import { declarationOf, declaredFacts, MAX_LIST, type FactValues } from './facts.ts';

export interface ExpressionOutcome {
  readonly verdict: 'pass' | 'fail' | 'inconclusive' | 'stale';
  /** Why it is inconclusive. */
  readonly why?: string;
  /** The first instant after `now`, ISO 8601 to the minute, at which it would pass if nothing but the time changed; within `LOOK_AHEAD_DAYS`. */
  readonly opensAt?: string;
}

export const LOOK_AHEAD_DAYS = 14;
/** What is looked ahead with must be cheap: it is tried for every hour. */
const LOOK_AHEAD_COST = 60;

interface Compiled {
  readonly checked: CheckedExpression;
  readonly run: (bindings: Record<string, CelInput>) => unknown;
}

/** Who says what day and hour it is: this program, or CEL's library, by which the receipts of earlier engines were made. */
export type Clock = 'own' | 'library';

const env = celEnv({ funcs: clockMethods });
const envs: Readonly<Record<Clock, typeof env>> = { own: env, library: celEnv() };
const instant = plan(env, parse('timestamp(text)'));
const compiled: Readonly<Record<Clock, Map<string, Compiled | ExpressionProblem>>> = { own: new Map(), library: new Map() };

function compile(text: string, clock: Clock = 'own'): Compiled | ExpressionProblem {
  const known = compiled[clock].get(text);
  if (known) return known;
  const checked = checkExpression(text);
  const made = isProblem(checked) ? checked : { checked, run: plan(envs[clock], parse(text)) as Compiled['run'] };
  // Policies have few expressions: more than these is somebody trying.
  if (compiled[clock].size >= 1000) compiled[clock].clear();
  compiled[clock].set(text, made);
  return made;
}

/**
 * Judges an expression on facts. Pure: the same text and facts give the same outcome.
 *
 * @param advise false where nobody asks when it would pass
 */
export function evaluateExpression(text: string, facts: FactValues, advise = true, clock: Clock = 'own'): ExpressionOutcome {
  const made = compile(text, clock);
  if ('code' in made) return { verdict: 'inconclusive', why: made.detail };
  const { checked } = made;
  const long = checked.facts.find((name) => lengthOf(facts, name) > MAX_LIST);
  if (long)
    return { verdict: 'inconclusive', why: `${long} has ${lengthOf(facts, long)} entries; an expression judges at most ${MAX_LIST}.` };
  const outcome = verdictOf(made, facts);
  if (outcome.verdict === 'pass' || !advise || !checked.facts.includes('now') || checked.cost > LOOK_AHEAD_COST) return outcome;
  const opensAt = nextPass(made, facts);
  return opensAt === undefined ? outcome : { ...outcome, opensAt };
}

function verdictOf({ checked, run }: Compiled, facts: FactValues): ExpressionOutcome {
  const value = run(bindingsOf(checked.facts, facts));
  if (value === true) return { verdict: 'pass' };
  if (value === false) return { verdict: 'fail' };
  if (typeof value === 'string' && VERDICTS.includes(value)) {
    return { verdict: value as ExpressionOutcome['verdict'] };
  }
  const absent = checked.facts.filter((name) => facts[name as keyof FactValues] === undefined);
  if (absent.length > 0) return { verdict: 'inconclusive', why: `Not known: ${absent.join(', ')}.` };
  return { verdict: 'inconclusive', why: `It has no value here: ${isCelError(value) ? value.message : 'another type came out'}.` };
}

/** Hour by hour, then minute by minute in the hour before: times of day and days of the week begin at minutes. */
function nextPass(made: Compiled, facts: FactValues): string | undefined {
  const now = Date.parse(String(facts.now));
  if (Number.isNaN(now)) return undefined;
  const MINUTE = 60_000;
  const from = Math.floor(now / MINUTE) * MINUTE;
  const at = (time: number): string => new Date(time).toISOString();
  const passes = (time: number): boolean => verdictOf(made, { ...facts, now: at(time) }).verdict === 'pass';
  for (let hour = 1; hour <= LOOK_AHEAD_DAYS * 24; hour++) {
    if (!passes(from + hour * 60 * MINUTE)) continue;
    for (let minute = 1; minute <= 60; minute++) {
      const time = from + ((hour - 1) * 60 + minute) * MINUTE;
      if (passes(time)) return at(time);
    }
  }
  return undefined;
}

function lengthOf(facts: FactValues, name: string): number {
  const value = facts[name as keyof FactValues];
  return Array.isArray(value) ? value.length : 0;
}

/** `a.b` becomes a map `a` with a key `b`: an absent fact is an absent key, which CEL makes an error unless another operand decides. */
function bindingsOf(names: readonly string[], facts: FactValues): Record<string, CelInput> {
  const bindings: Record<string, CelInput> = {};
  for (const name of names) {
    const [head = '', field] = name.split('.');
    if (field !== undefined) bindings[head] ??= new Map();
    const value = facts[name as keyof FactValues];
    if (value === undefined) continue;
    const input = inputOf(name, value);
    if (field === undefined) bindings[head] = input;
    else (bindings[head] as Map<string, CelInput>).set(field, input);
  }
  return bindings;
}

function inputOf(name: string, value: boolean | number | string | readonly string[]): CelInput {
  if (declarationOf(name)?.type === 'timestamp') return instant({ text: String(value) }) as CelInput;
  if (typeof value === 'number') return BigInt(value);
  return typeof value === 'object' ? [...value] : value;
}

/** Most combinations of values that are tried to see whether expressions can pass together. */
const MAX_TRIES = 20_000;
/** Most that are tried for a whole policy: what is left undecided then is taken. */
const MAX_TRIES_IN_ALL = 100_000;

/** What is known of facts beforehand: a list of the values that one can have, or the least that a number is. */
export type KnownFacts = Readonly<Record<string, readonly (string | number | boolean)[] | { readonly atLeast: number }>>;

/** What may still be tried, over several questions: whoever asks many of them waits for an answer, too. */
export interface Tries {
  left: number;
}

/**
 * Whether expressions can all pass at once. Those that only compare facts with constants are decided by trying those constants and what lies
 * between them, which is complete, fact by fact that they share. Of others it is known only where one says the opposite of another;
 * else they are taken.
 */
export function canPassTogether(texts: readonly string[], known: KnownFacts = {}, tries: Tries = { left: Infinity }): boolean | 'unknown' {
  if (hasOpposites(texts)) return false;
  const sound = texts.map((text) => compile(text)).filter((c): c is Compiled => 'run' in c);
  const simple = sound.filter((c) => c.checked.simple);
  const parts = sharingFacts(simple).map((part) => canPassSimple(part, known, tries));
  if (parts.includes(false)) return false;
  return simple.length === texts.length && !parts.includes('unknown') ? true : 'unknown';
}

/** Parts that have no fact in common pass or fail each by itself. */
function sharingFacts(all: readonly Compiled[]): readonly (readonly Compiled[])[] {
  const parts: { facts: Set<string>; of: Compiled[] }[] = [];
  for (const one of all) {
    const touched = parts.filter(({ facts }) => one.checked.facts.some((fact) => facts.has(fact)));
    const facts = new Set([...one.checked.facts, ...touched.flatMap((part) => [...part.facts])]);
    const joined = { facts, of: [...touched.flatMap((part) => part.of), one] };
    parts.splice(0, parts.length, ...parts.filter((part) => !touched.includes(part)), joined);
  }
  return parts.map(({ of }) => of);
}

function canPassSimple(all: readonly Compiled[], known: KnownFacts, tries: Tries): boolean | 'unknown' {
  const names = [...new Set(all.flatMap((c) => c.checked.facts))];
  const domains = names.map((name) =>
    domainOf(
      name,
      all.flatMap((c) => c.checked.constants[name] ?? []),
      known,
    ),
  );
  const most = domains.reduce((product, d) => product * d.length, 1);
  if (most > MAX_TRIES || most > tries.left) return 'unknown';
  const attempt = (index: number, facts: Record<string, unknown>): boolean => {
    if (index === names.length) {
      tries.left--;
      return all.every((c) => verdictOf(c, facts as FactValues).verdict === 'pass');
    }
    return domains[index]!.some((value) => attempt(index + 1, { ...facts, [names[index]!]: value }));
  };
  return attempt(0, {});
}

function domainOf(name: string, constants: readonly (string | number)[], known: KnownFacts): readonly unknown[] {
  const given = known[name];
  if (Array.isArray(given)) return given;
  const declaration = declaredFacts[name as keyof typeof declaredFacts];
  if ('values' in declaration) return declaration.values;
  if (declaration.type === 'bool') return [true, false];
  if (declaration.type === 'int') {
    const least = given && 'atLeast' in given ? given.atLeast : 0;
    const near = constants.flatMap((c) => [Number(c) - 1, Number(c), Number(c) + 1]);
    return [...new Set([least, ...near.filter((n) => n >= least)])];
  }
  // Texts are ordered too: something before, between and after.
  return ['', ...constants.flatMap((c) => [String(c), `${c}\u0000`]), '\u{10FFFF}'];
}

export interface CheckAsked {
  readonly texts: readonly string[];
  /** Which of the texts must be able to pass together, and what is known of the facts there. */
  readonly together: readonly { readonly texts: readonly string[]; readonly known: KnownFacts; readonly where: string }[];
}

/** Every problem of a policy's expressions, by text, and of those that can't pass together. */
export function checkAll({ texts, together }: CheckAsked): readonly (ExpressionProblem & { readonly text: string })[] {
  const problems: (ExpressionProblem & { text: string })[] = [];
  for (const text of texts) {
    const made = compile(text);
    if ('code' in made) problems.push({ text, ...made });
    else {
      const wrong = brokenConstant(made);
      if (wrong) problems.push({ text, code: 'expression-malformed', detail: wrong });
    }
  }
  if (problems.length > 0) return problems;
  const tries: Tries = { left: MAX_TRIES_IN_ALL };
  for (const { texts: set, known, where } of together) {
    if (set.length > 0 && canPassTogether(set, known, tries) === false) {
      problems.push({ text: set.join(' && '), code: 'gate-unsatisfiable', detail: `Nothing can satisfy ${where}: ${set.join(' && ')}.` });
    }
  }
  return problems;
}

/** What is wrong with a pattern, instant, duration or zone that is written out. */
function brokenConstant({ checked }: Compiled): string | undefined {
  for (const [name, text] of checked.written) {
    const source =
      name === 'matches' ? '"".matches(text)' : ['timestamp', 'duration'].includes(name) ? `${name}(text)` : `${EPOCH}.${name}(text)`;
    const value = plan(env, parse(source))({ text });
    if (isCelError(value)) return `${name} can't take ${JSON.stringify(text)}: ${value.message.slice(0, 300)}.`;
  }
  return undefined;
}

const EPOCH = 'timestamp("1970-01-01T00:00:00Z")';
