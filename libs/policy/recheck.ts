import { tzdataVersion } from '#libs/calendar';
import { plimsollCodec, type DecisionReceipt } from '#libs/contracts';
import { NO_STREAM, streamName, type Aggregate, type DomainEvent, type Loaded, type StoredEvent } from '#libs/event-sourcing';
import { evaluateExpression } from './expressions/index.ts';
import { ENGINES, traitsOf } from './engines.ts';
import { evaluateGates } from './gates.ts';
import { canonicalJson } from './hash.ts';
import { readJudgedFacts, TIMED_OUT, type Evaluate } from './judge-expressions.ts';

/** All events of a stream, as stored, in order; none where there is no such stream. */
export type ReadStream = (stream: string) => Promise<readonly StoredEvent[]> | readonly StoredEvent[];

export type Recheck =
  /** The same bytes came out. */
  | { readonly outcome: 'same'; readonly receipt: DecisionReceipt }
  /** Other bytes came out: where, each as a sentence. */
  | { readonly outcome: 'different'; readonly differences: readonly string[]; readonly receipt?: DecisionReceipt }
  /** It can't be executed again, and why: never a proof of anything. */
  | { readonly outcome: 'unknowable'; readonly why: string };

/** Expressions at hand, without a worker: their cost was bounded before they were published. */
export const evaluateAtHand: Evaluate = async (expressions, facts) => expressions.map((text) => evaluateExpression(text, facts));

/**
 * Executes a receipt again, offline: every stream is cut at the revision that the receipt cites, the facts are folded anew and the gates
 * judged on them. Reads nothing but what is cited; a stream that the decision needs and the receipt does not cite is a difference.
 */
export async function recheckReceipt(receipt: DecisionReceipt, read: ReadStream): Promise<Recheck> {
  const { subject, engine, evaluatedAt, gates } = receipt;
  if (!subject || !engine) return { outcome: 'unknowable', why: 'The receipt is from before receipts named their engine and subject.' };
  if (!Object.hasOwn(ENGINES, engine)) {
    return { outcome: 'unknowable', why: `It was made by ${engine}; here are ${Object.keys(ENGINES).join(' and ')}.` };
  }
  if (gates.some((gate) => gate.detail === TIMED_OUT)) {
    return { outcome: 'unknowable', why: 'An expression was stopped for taking too long then: that depends on the machine.' };
  }
  const reckoned = gates.flatMap((gate) => gate.evidence.filter((ref) => ref.startsWith('tzdata:')))[0];
  if (reckoned !== undefined && reckoned !== `tzdata:${tzdataVersion()}` && reckoned !== 'tzdata:none') {
    return { outcome: 'unknowable', why: `Calendars were reckoned with ${reckoned}; this is tzdata:${tzdataVersion()}.` };
  }
  const cited = citedIn(receipt.inputs);
  if (!cited) return { outcome: 'different', differences: ['An input is not of the form stream@revision.'] };
  const codec = plimsollCodec();
  const differences: string[] = [];
  const unread = new Set(cited.keys());

  const readCut = async <S, E extends DomainEvent>(aggregate: Aggregate<S, E>, id: string): Promise<Loaded<S>> => {
    const stream = streamName(aggregate.category, id);
    const upTo = cited.get(stream);
    unread.delete(stream);
    if (upTo === undefined) differences.push(`The decision reads ${stream}, which the receipt does not cite.`);
    const events = (await read(stream)).filter((e) => e.revision <= (upTo ?? NO_STREAM)).map((e) => codec.upcast(e));
    const revision = events.at(-1)?.revision ?? NO_STREAM;
    if (upTo !== undefined && (revision !== upTo || events.length !== upTo + 1)) {
      differences.push(`The receipt cites ${stream}@${upTo}; what is there has ${events.length} events, the last at ${revision}.`);
    }
    const state = events.reduce((s, e) => aggregate.evolve(s, e as unknown as E), aggregate.initial);
    return { id, stream, state, revision, exists: revision !== NO_STREAM, ref: `${stream}@${revision}`, events };
  };

  const { clock } = traitsOf(engine);
  const evaluate: Evaluate = async (expressions, values) => expressions.map((text) => evaluateExpression(text, values, true, clock));
  const facts = await readJudgedFacts(readCut, subject, evaluatedAt, evaluate, engine);
  const { deployer, deployedBefore, startedAs } = subject;
  const request = { deployer, ...(deployedBefore ? { deployedBefore } : {}), now: evaluatedAt, ...(startedAs ? { startedAs } : {}) };
  const again = evaluateGates(facts, request, subject.kind, engine);
  for (const stream of unread) differences.push(`The receipt cites ${stream}, which the decision does not read.`);
  if (differences.length === 0 && canonicalJson(again) === canonicalJson(receipt)) return { outcome: 'same', receipt: again };
  for (const key of new Set([...Object.keys(receipt), ...Object.keys(again)]) as Set<keyof DecisionReceipt>) {
    const [then, now] = [canonicalJson(receipt[key] ?? null), canonicalJson(again[key] ?? null)];
    if (then !== now) differences.push(`${key} was ${clip(then)} and is ${clip(now)}.`);
  }
  return { outcome: 'different', differences, receipt: again };
}

function citedIn(inputs: readonly string[]): Map<string, number> | undefined {
  const cited = new Map<string, number>();
  for (const input of inputs) {
    const [, stream, revision] = /^(.+)@(-1|\d{1,15})$/.exec(input) ?? [];
    if (stream === undefined || cited.has(stream)) return undefined;
    cited.set(stream, Number(revision));
  }
  return cited;
}

function clip(text: string): string {
  return text.length <= 300 ? text : `${text.slice(0, 300)}…`;
}
