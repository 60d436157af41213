import type { DecisionReceipt, DeploymentEvent } from '#libs/contracts';
import {
  NO_STREAM,
  streamName,
  type Aggregate,
  type DomainEvent,
  type EventCodec,
  type Loaded,
  type StoredEvent,
} from '#libs/event-sourcing';
import { canonicalJson } from '#libs/ledger';
import { evaluateGates, readGateFacts } from '#libs/policy';

/** What came of executing a decision once more. */
export interface Rechecked {
  /** `stream@revision` of the event that has the receipt. */
  readonly where: string;
  readonly event: string;
  readonly outcome: 'same' | 'differs' | 'unknowable';
  /** Why it is not the same; empty where it is. */
  readonly detail: string;
}

/** The receipt needs what the export does not hold, or cites less than it must have read. */
class Unknowable extends Error {}

/**
 * Executes every decision receipt once more, on the events that came before it and nothing else: streams are read up to the revisions that the receipt
 * cites, the facts are gathered anew, hashed and judged, and the receipt must come out the same, byte for byte. Keeps all events in memory.
 */
export async function* recheckReceipts(batches: AsyncIterable<readonly StoredEvent[]>, codec: EventCodec): AsyncIterable<Rechecked> {
  const streams = new Map<string, StoredEvent[]>();
  for await (const batch of batches) {
    for (const stored of batch) {
      const event = codec.upcast(stored);
      const decision = decisionOf(event, streams);
      if (decision) yield await recheck(event, decision, streams);
      const stream = streams.get(event.stream);
      if (stream) stream.push(event);
      else streams.set(event.stream, [event]);
    }
  }
}

interface Decision {
  readonly receipt: DecisionReceipt;
  readonly releaseId: string;
  readonly environment: string;
  /** Undefined where the deployment's start is not in the export. */
  readonly start: Pick<Extract<DeploymentEvent, { type: 'DeploymentStarted' }>['data'], 'deployer' | 'rollbackOf'> | undefined;
}

function decisionOf(event: StoredEvent, streams: ReadonlyMap<string, readonly StoredEvent[]>): Decision | undefined {
  const { type, data } = event as DeploymentEvent;
  if (type !== 'DeploymentStarted' && type !== 'DeploymentConfirmed' && type !== 'DeploymentHalted') return undefined;
  const { receipt, releaseId, environment } = data;
  if (!receipt) return undefined;
  if (type === 'DeploymentStarted') return { receipt, releaseId, environment, start: data };
  const started = (streams.get(event.stream) ?? []).find((e) => e.type === 'DeploymentStarted');
  return {
    receipt,
    releaseId,
    environment,
    start: started && (started as StoredEvent<Extract<DeploymentEvent, { type: 'DeploymentStarted' }>>).data,
  };
}

async function recheck(event: StoredEvent, decision: Decision, streams: ReadonlyMap<string, readonly StoredEvent[]>): Promise<Rechecked> {
  const about = { where: `${event.stream}@${event.revision}`, event: event.type };
  try {
    const again = await executeAgain(decision, streams);
    const differing = differingParts(decision.receipt, again);
    return differing.length === 0
      ? { ...about, outcome: 'same', detail: '' }
      : { ...about, outcome: 'differs', detail: `Executed again, it differs in ${differing.join(', ')}.` };
  } catch (error) {
    if (!(error instanceof Unknowable)) throw error;
    return { ...about, outcome: 'unknowable', detail: error.message };
  }
}

async function executeAgain(
  { receipt, releaseId, environment, start }: Decision,
  streams: ReadonlyMap<string, readonly StoredEvent[]>,
): Promise<DecisionReceipt> {
  if (!start) throw new Unknowable('The start of the deployment, which says who deploys, is not in the export.');
  const facts = await readGateFacts(readerAt(receipt.inputs, streams), releaseId, environment);
  return evaluateGates(facts, { deployer: start.deployer, now: receipt.evaluatedAt }, start.rollbackOf ? 'rollback' : 'deployment');
}

/** Reads aggregates as they were at the revisions cited (`stream@revision`). */
function readerAt(inputs: readonly string[], streams: ReadonlyMap<string, readonly StoredEvent[]>) {
  const revisions = new Map(inputs.map((ref) => [ref.slice(0, ref.lastIndexOf('@')), Number(ref.slice(ref.lastIndexOf('@') + 1))]));
  return async <S, E extends DomainEvent>(aggregate: Aggregate<S, E>, id: string): Promise<Loaded<S>> => {
    const stream = streamName(aggregate.category, id);
    const revision = revisions.get(stream);
    if (revision === undefined) throw new Unknowable(`The receipt does not cite ${stream}, which its gates read.`);
    const events = (streams.get(stream) ?? []).filter((event) => event.revision <= revision);
    if (events.length !== revision + 1)
      throw new Unknowable(`Of ${stream}@${revision} the export holds ${events.length} of ${revision + 1} events.`);
    const state = events.reduce((s, e) => aggregate.evolve(s, e as unknown as E), aggregate.initial);
    return { id, stream, state, revision, exists: revision !== NO_STREAM, ref: `${stream}@${revision}`, events };
  };
}

/** Members of the receipt that came out differently; of the gates each by name. */
function differingParts(receipt: DecisionReceipt, again: DecisionReceipt): string[] {
  const text = (value: unknown): string => (value === undefined ? '' : canonicalJson(JSON.parse(JSON.stringify(value))));
  const names = [...new Set([...Object.keys(receipt), ...Object.keys(again)])] as (keyof DecisionReceipt)[];
  return names
    .filter((name) => text(receipt[name]) !== text(again[name]))
    .flatMap((name) => {
      if (name !== 'gates') return [name];
      const gates = [...new Set([...receipt.gates, ...again.gates].map(({ gate }) => gate))];
      const of = (one: DecisionReceipt, gate: string): string => text(one.gates.filter((g) => g.gate === gate));
      const differing = gates.filter((gate) => of(receipt, gate) !== of(again, gate)).map((gate) => `gate ${gate}`);
      return differing.length > 0 ? differing : ['the order of its gates'];
    });
}
