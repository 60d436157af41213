import { parse } from '@bufbuild/cel';
import { declarationOf, declaredFacts, MAX_LIST } from './facts.ts';

/**
 * Gate expressions are CEL (https://github.com/google/cel-spec) in a profile that can be judged before it is published: declared facts,
 * checked types, no maps or messages, and a bound on what an evaluation can cost.
 */
export const LIMITS = {
  /** Characters. */
  length: 2000,
  /** Brackets within brackets, seen before anything is parsed; levels of the parsed expression. */
  depth: 32,
  nodes: 400,
  /** Steps that an evaluation may take, with lists of the greatest length. */
  cost: 10_000,
  /** Entries of a list that is written out. */
  list: 100,
  /** Characters of a regular expression (RE2: its time is linear in what it reads). */
  pattern: 200,
} as const;

export interface ExpressionProblem {
  /** Stable, kebab-case. */
  readonly code:
    | 'expression-too-long'
    | 'expression-too-deep'
    | 'expression-too-large'
    | 'expression-too-costly'
    | 'expression-malformed'
    | 'fact-unknown'
    | 'expression-type'
    | 'expression-unsupported'
    | 'value-impossible'
    | 'expression-constant'
    | 'gate-unsatisfiable'
    | 'expression-undecided';
  readonly detail: string;
}

export interface CheckedExpression {
  /** Facts that it speaks of, sorted. */
  readonly facts: readonly string[];
  /** `bool`: true passes and false fails. `string`: one of the four verdicts. */
  readonly type: 'bool' | 'string';
  readonly cost: number;
  /** Constants that facts are compared with, by fact. */
  readonly constants: Readonly<Record<string, readonly (string | number)[]>>;
  /** Patterns, instants, durations and zones, as they are written out, by the function that takes them. */
  readonly written: readonly (readonly [string, string])[];
  /** It says nothing but how single facts compare with constants: trying those constants and their neighbours decides what it can be. */
  readonly simple: boolean;
}

export const VERDICTS: readonly string[] = ['pass', 'fail', 'inconclusive', 'stale'];

type Expr = ReturnType<typeof parse>['expr'];
type Type = string;

class Problem extends Error {
  constructor(readonly problem: ExpressionProblem) {
    super(problem.detail);
  }
}

function fail(code: ExpressionProblem['code'], detail: string): never {
  throw new Problem({ code, detail });
}

/** Parses and types an expression. Pure and total: whatever comes in, a result or a problem comes out. */
export function checkExpression(text: string): CheckedExpression | ExpressionProblem {
  try {
    return check(text);
  } catch (error) {
    if (error instanceof Problem) return error.problem;
    return { code: 'expression-malformed', detail: `The expression can't be read: ${firstLine(error)}` };
  }
}

export function isProblem(result: CheckedExpression | ExpressionProblem): result is ExpressionProblem {
  return 'code' in result;
}

function firstLine(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).split('\n')[0]!.slice(0, 300);
}

function check(text: string): CheckedExpression {
  if (text.length > LIMITS.length) {
    fail('expression-too-long', `The expression has ${text.length} characters; at most ${LIMITS.length} are taken.`);
  }
  if (bracketDepth(text) > LIMITS.depth) {
    fail('expression-too-deep', `Brackets are nested ${bracketDepth(text)} deep; at most ${LIMITS.depth} levels are taken.`);
  }
  const walk = new Walk();
  const { type, cost } = walk.expr(parse(text).expr, new Map(), 1);
  if (type !== 'bool' && !(type === 'string' && walk.verdictLeaves)) {
    fail('expression-type', `The expression yields ${type}: it must be true or false, or one of ${VERDICTS.join(', ')} in every case.`);
  }
  if (cost > LIMITS.cost) {
    fail(
      'expression-too-costly',
      `The expression may take ${cost} steps with lists of ${MAX_LIST}; at most ${LIMITS.cost} are taken. Leave out loops within loops.`,
    );
  }
  if (walk.facts.size === 0) fail('expression-constant', 'The expression speaks of no fact: it would always say the same.');
  return {
    facts: [...walk.facts].sort(),
    type,
    cost,
    constants: Object.fromEntries([...walk.constants].map(([fact, values]) => [fact, [...values]])),
    written: walk.written,
    simple: walk.simple,
  };
}

/** The deepest nesting of brackets outside of strings; a parser that recurses never sees more. */
function bracketDepth(text: string): number {
  let depth = 0;
  let deepest = 0;
  let quote = '';
  for (let i = 0; i < text.length; i++) {
    const c = text[i]!;
    if (quote) {
      if (c === '\\') i++;
      else if (c === quote) quote = '';
    } else if (c === '"' || c === "'") quote = c;
    else if ('([{'.includes(c)) deepest = Math.max(deepest, ++depth);
    else if (')]}'.includes(c)) depth--;
  }
  return deepest;
}

interface Typed {
  readonly type: Type;
  readonly cost: number;
}

const COMPARED = ['int', 'double', 'string', 'timestamp', 'duration'];
const TIME_PARTS = [
  'getFullYear',
  'getMonth',
  'getDate',
  'getDayOfMonth',
  'getDayOfWeek',
  'getDayOfYear',
  'getHours',
  'getMinutes',
  'getSeconds',
];

/** `types` of target and arguments → type of the result; undefined where there is no such function. */
function resultOf(name: string, types: readonly Type[]): Type | undefined {
  const is = (...wanted: readonly Type[]): boolean => types.length === wanted.length && types.every((t, i) => t === wanted[i]);
  const [a = '', b = ''] = types;
  switch (name) {
    case '_&&_':
    case '_||_':
      return is('bool', 'bool') ? 'bool' : undefined;
    case '!_':
    case '@not_strictly_false':
      return is('bool') ? 'bool' : undefined;
    case '_==_':
    case '_!=_':
      return types.length === 2 && unified(a, b) ? 'bool' : undefined;
    case '_<_':
    case '_<=_':
    case '_>_':
    case '_>=_':
      return a === b && COMPARED.includes(a) ? 'bool' : undefined;
    case '_+_':
      if (a.startsWith('list<')) return unified(a, b);
      if (is('timestamp', 'duration') || is('duration', 'timestamp')) return 'timestamp';
      return a === b && ['int', 'double', 'string', 'duration'].includes(a) ? a : undefined;
    case '_-_':
      if (is('timestamp', 'timestamp')) return 'duration';
      if (is('timestamp', 'duration')) return 'timestamp';
      return a === b && ['int', 'double', 'duration'].includes(a) ? a : undefined;
    case '_*_':
    case '_/_':
    case '_%_':
      return is('int', 'int') ? 'int' : undefined;
    case '-_':
      return is('int') || is('double') ? a : undefined;
    case '@in':
      return b === `list<${a}>` ? 'bool' : undefined;
    case 'size':
      return types.length === 1 && (a === 'string' || a.startsWith('list<')) ? 'int' : undefined;
    case 'startsWith':
    case 'endsWith':
    case 'contains':
    case 'matches':
      return is('string', 'string') ? 'bool' : undefined;
    case 'timestamp':
    case 'duration':
      return is('string') ? name : undefined;
    default:
      return TIME_PARTS.includes(name) && (is('timestamp') || is('timestamp', 'string')) ? 'int' : undefined;
  }
}

/** The type that both are; an empty list is a list of anything. */
function unified(a: Type, b: Type): Type | undefined {
  if (a === b || b === 'list<?>') return a.startsWith('list<') || a === b ? a : undefined;
  return a === 'list<?>' && b.startsWith('list<') ? b : undefined;
}

const SHOWN: Readonly<Record<string, string>> = { '@in': 'in', '_?_:_': '? :' };
const shown = (name: string): string => SHOWN[name] ?? name.replaceAll('_', '');

class Walk {
  readonly facts = new Set<string>();
  readonly constants = new Map<string, Set<string | number>>();
  readonly written: [string, string][] = [];
  simple = true;
  verdictLeaves = true;
  private nodes = 0;
  private readonly lengths = new Map<Expr, number>();

  /** `leaf`: what is in this place is what the whole expression yields. */
  expr(expr: Expr, scope: ReadonlyMap<string, Type>, depth: number, leaf = true): Typed {
    if (++this.nodes > LIMITS.nodes) fail('expression-too-large', `The expression has more than ${LIMITS.nodes} parts.`);
    if (depth > LIMITS.depth) fail('expression-too-deep', `The expression is nested deeper than ${LIMITS.depth} levels.`);
    const { case: kind, value } = expr.exprKind;
    switch (kind) {
      case 'constExpr':
        return this.constant(expr, leaf);
      case 'identExpr':
      case 'selectExpr':
        if (leaf) this.verdictLeaves = false;
        return this.named(expr, scope);
      case 'callExpr':
        return this.call(value, scope, depth, leaf);
      case 'listExpr': {
        if (value.elements.length > LIMITS.list) fail('expression-too-large', `A list has more than ${LIMITS.list} entries.`);
        const entries = value.elements.map((e) => this.expr(e, scope, depth + 1, false));
        const [first] = entries;
        if (entries.some((e) => e.type !== first?.type)) fail('expression-type', 'A list has entries of several types.');
        this.lengths.set(expr, entries.length);
        return { type: `list<${first?.type ?? '?'}>`, cost: 1 + total(entries) };
      }
      case 'comprehensionExpr': {
        this.simple = false;
        if (leaf) this.verdictLeaves = false;
        const range = value.iterRange ? this.expr(value.iterRange, scope, depth + 1, false) : undefined;
        const element = /^list<(.+)>$/.exec(range?.type ?? '')?.[1];
        if (!range || !element || value.iterVar2) fail('expression-type', 'Only lists can be gone through, entry by entry.');
        if (declarationOf(value.iterVar) || Object.keys(declaredFacts).some((fact) => fact.startsWith(`${value.iterVar}.`))) {
          fail('expression-unsupported', `${value.iterVar} is a fact: call what you go through something else.`);
        }
        const part = (of: Expr | undefined, inside: ReadonlyMap<string, Type>): Typed => {
          if (!of) return fail('expression-malformed', 'A loop lacks a part.');
          return this.expr(of, inside, depth + 1, false);
        };
        const start = part(value.accuInit, scope);
        const inside = new Map(scope).set(value.iterVar, element).set(value.accuVar, start.type);
        const condition = part(value.loopCondition, inside);
        const step = part(value.loopStep, inside);
        const carried = unified(start.type, step.type) ?? fail('expression-type', `A loop turns ${start.type} into ${step.type}.`);
        const result = part(value.result, new Map(scope).set(value.accuVar, carried));
        const rounds = (value.iterRange && this.lengths.get(value.iterRange)) ?? MAX_LIST;
        return { type: result.type, cost: range.cost + start.cost + result.cost + rounds * (condition.cost + step.cost) };
      }
      default:
        return fail('expression-unsupported', 'Maps and messages are not among what gates may say.');
    }
  }

  private constant(expr: Expr, leaf: boolean): Typed {
    const constant = constantOf(expr);
    if (constant === undefined) return fail('expression-unsupported', 'Constants are texts, whole numbers, true and false.');
    if (leaf && !(typeof constant === 'string' && VERDICTS.includes(constant))) this.verdictLeaves = false;
    const type = { string: 'string', number: 'int', boolean: 'bool' }[typeof constant as 'string'];
    return { type, cost: 1 };
  }

  private named(expr: Expr, scope: ReadonlyMap<string, Type>): Typed {
    const { name, testOnly } = nameOf(expr);
    const inScope = name === undefined ? undefined : scope.get(name);
    if (inScope !== undefined) {
      this.simple = false;
      return { type: inScope, cost: 1 };
    }
    const declaration = name === undefined ? undefined : declarationOf(name);
    if (name === undefined || !declaration) {
      const near = name === undefined ? undefined : nearest(name, Object.keys(declaredFacts));
      return fail(
        'fact-unknown',
        `There is no fact ${name ?? 'of that form'}${near ? `: is it ${near}?` : '.'} Facts are ${Object.keys(declaredFacts).join(', ')}.`,
      );
    }
    this.facts.add(name);
    // Of what may be missing, no value that is tried says so.
    if (testOnly || !['bool', 'int', 'string'].includes(declaration.type)) this.simple = false;
    return { type: testOnly ? 'bool' : declaration.type, cost: 2 };
  }

  private call(
    call: Extract<Expr['exprKind'], { case: 'callExpr' }>['value'],
    scope: ReadonlyMap<string, Type>,
    depth: number,
    leaf: boolean,
  ): Typed {
    const { function: name, target, args } = call;
    if (name === '_?_:_') {
      const [condition, yes, no] = args.map((arg, i) => this.expr(arg, scope, depth + 1, leaf && i > 0)) as [Typed, Typed, Typed];
      const type = unified(yes.type, no.type);
      if (condition.type !== 'bool' || !type) {
        return fail('expression-type', `? : takes true or false, and yields one type, not ${yes.type} and ${no.type}.`);
      }
      return { type, cost: 1 + total([condition, yes, no]) };
    }
    if (leaf) this.verdictLeaves = false;
    const operands = target ? [target, ...args] : args;
    const typed = operands.map((operand) => this.expr(operand, scope, depth + 1, false));
    const type = resultOf(
      name,
      typed.map((t) => t.type),
    );
    if (!type) {
      fail('expression-type', `${shown(name)} is not among what gates may say of ${typed.map((t) => t.type).join(' and ') || 'nothing'}.`);
    }
    this.constantsOnly(name, operands);
    this.compared(name, operands, typed);
    return { type, cost: 1 + total(typed) + (name === 'matches' ? 20 : 0) };
  }

  /** What is compiled or looked up must be written out, so that it is known to be right when it is published. */
  private constantsOnly(name: string, operands: readonly Expr[]): void {
    const written = ['timestamp', 'duration'].includes(name)
      ? operands[0]
      : name === 'matches' || TIME_PARTS.includes(name)
        ? operands[1]
        : undefined;
    if (!written) return;
    const constant = constantOf(written);
    if (typeof constant !== 'string') fail('expression-type', `${name} takes a text that is written out.`);
    if (name === 'matches' && constant.length > LIMITS.pattern) {
      fail('expression-too-large', `A pattern has ${constant.length} characters; at most ${LIMITS.pattern} are taken.`);
    }
    this.written.push([name, constant]);
  }

  private compared(name: string, operands: readonly Expr[], typed: readonly Typed[]): void {
    if (!['_==_', '_!=_', '_<_', '_<=_', '_>_', '_>=_', '@in'].includes(name)) {
      if (!['_&&_', '_||_', '!_'].includes(name)) this.simple = false;
      return;
    }
    const [left, right] = operands.map((o) => nameOf(o).name);
    const fact = name !== '@in' && right !== undefined && declarationOf(right) ? right : left;
    const other = fact === left ? operands[1] : operands[0];
    const values = other ? constantsIn(other) : undefined;
    if (fact === undefined || !declarationOf(fact) || !values || typed.some((t) => ['timestamp', 'duration'].includes(t.type))) {
      this.simple = false;
      return;
    }
    const possible = declarationOf(fact)?.values;
    const impossible = possible && values.find((v) => typeof v === 'string' && !possible.includes(v));
    if (impossible !== undefined) {
      fail('value-impossible', `${fact} is never ${JSON.stringify(impossible)}: it is ${possible!.join(', ')}.`);
    }
    const known = this.constants.get(fact) ?? new Set();
    for (const v of values) if (typeof v !== 'boolean') known.add(v);
    this.constants.set(fact, known);
  }
}

function total(parts: readonly Typed[]): number {
  return parts.reduce((sum, part) => sum + part.cost, 0);
}

function nameOf(expr: Expr): { readonly name?: string; readonly testOnly?: boolean } {
  if (expr.exprKind.case === 'identExpr') return { name: expr.exprKind.value.name };
  if (expr.exprKind.case !== 'selectExpr') return {};
  const { operand, field, testOnly } = expr.exprKind.value;
  const of = operand ? nameOf(operand).name : undefined;
  return of === undefined ? {} : { name: `${of}.${field}`, testOnly };
}

function constantOf(expr: Expr): string | number | boolean | undefined {
  if (expr.exprKind.case !== 'constExpr') return undefined;
  const { case: kind, value } = expr.exprKind.value.constantKind;
  switch (kind) {
    case 'stringValue':
    case 'boolValue':
      return value;
    case 'int64Value':
      return Number.isSafeInteger(Number(value)) ? Number(value) : undefined;
    default:
      return undefined;
  }
}

/** What an expression says, as parts that must all be true for it to pass; of each whether it is denied. Equal parts have equal texts. */
interface Part {
  readonly text: string;
  readonly denied: boolean;
}

/**
 * Whether what must all be true has a part and its opposite in it, so that it never is, whatever the facts: of `x` and `!x`, `==` and `!=`, `<`
 * and `>=`. Looks at how they are written alone: true is certain, false says nothing.
 */
export function hasOpposites(texts: readonly string[]): boolean {
  const parts = texts.flatMap((text): readonly Part[] => {
    try {
      return text.length <= LIMITS.length && bracketDepth(text) <= LIMITS.depth ? partsOf(parse(text).expr, false) : [];
    } catch {
      return [];
    }
  });
  const denied = new Set(parts.filter((part) => part.denied).map((part) => part.text));
  return parts.some((part) => !part.denied && denied.has(part.text));
}

function partsOf(expr: Expr, denied: boolean): readonly Part[] {
  if (expr.exprKind.case !== 'callExpr') return [{ text: written(expr), denied }];
  const { function: name, args } = expr.exprKind.value;
  const [left, right] = args;
  if (name === '!_' && left) return partsOf(left, !denied);
  if (name === (denied ? '_||_' : '_&&_')) return args.flatMap((arg) => partsOf(arg, denied));
  const said = left && right && Object.hasOwn(AS_OTHER, name) ? AS_OTHER[name] : undefined;
  if (!left || !right || !said) return [{ text: written(expr), denied }];
  const [other, swapped, negated] = said;
  const [a, b] = swapped ? [written(right), written(left)] : [written(left), written(right)];
  return [{ text: `${a} ${other} ${b}`, denied: denied !== negated }];
}

/** Each comparison as `==` or `<`: whether its sides change places, and whether it is denied then. */
const AS_OTHER: Readonly<Record<string, readonly [string, boolean, boolean]>> = {
  '_==_': ['==', false, false],
  '_!=_': ['==', false, true],
  '_<_': ['<', false, false],
  '_>=_': ['<', false, true],
  '_>_': ['<', true, false],
  '_<=_': ['<', true, true],
};

/** The same for the same expression, however it was spaced. */
function written(expr: Expr): string {
  return JSON.stringify(expr, (key, value: unknown) => (key === 'id' ? undefined : typeof value === 'bigint' ? `${value}n` : value));
}

function constantsIn(expr: Expr): readonly (string | number | boolean)[] | undefined {
  const one = constantOf(expr);
  if (one !== undefined) return [one];
  if (expr.exprKind.case !== 'listExpr') return undefined;
  const all = expr.exprKind.value.elements.map(constantOf);
  return all.every((c) => c !== undefined) ? all : undefined;
}

/** The name that is a slip of the pen away, if there is one. */
export function nearest(name: string, names: readonly string[]): string | undefined {
  const [best] = names.map((n) => [n, distance(name, n)] as const).sort((a, b) => a[1] - b[1]);
  return best && best[1] <= Math.max(1, Math.floor(name.length / 4)) ? best[0] : undefined;
}

/** Levenshtein; the names are short. */
function distance(a: string, b: string): number {
  if (a.length > 100) return Infinity;
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) next.push(Math.min(row[j]! + 1, next[j - 1]! + 1, row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1)));
    row = next;
  }
  return row[b.length]!;
}
