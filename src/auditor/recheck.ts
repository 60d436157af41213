import type { DecisionReceipt, DeploymentEvent } from '#libs/contracts';
import type { StoredEvent } from '#libs/event-sourcing';
import { recheckReceipt } from '#libs/policy';

/** What came of executing a decision once more. */
export interface Rechecked {
  /** `stream@revision` of the event that has the receipt. */
  readonly where: string;
  readonly event: string;
  readonly outcome: 'same' | 'differs' | 'unknowable';
  /** Why it is not the same; empty where it is. */
  readonly detail: string;
}

type WithReceipt = StoredEvent<
  Extract<DeploymentEvent, { readonly type: 'DeploymentStarted' | 'DeploymentConfirmed' | 'DeploymentHalted' }>
>;

/**
 * Executes every decision receipt once more, on the events that came before it and nothing else: streams are read up to the revisions that the
 * receipt cites, the facts are gathered anew, hashed and judged, and the receipt must come out the same, byte for byte. Keeps all events in memory.
 */
export async function* recheckReceipts(batches: AsyncIterable<readonly StoredEvent[]>): AsyncIterable<Rechecked> {
  const streams = new Map<string, StoredEvent[]>();
  for await (const batch of batches) {
    for (const event of batch) {
      const receipt = receiptOf(event);
      if (receipt) yield await recheck(event as WithReceipt, receipt, streams);
      const stream = streams.get(event.stream);
      if (stream) stream.push(event);
      else streams.set(event.stream, [event]);
    }
  }
}

function receiptOf(event: StoredEvent): DecisionReceipt | undefined {
  const { type, data } = event as WithReceipt;
  return type === 'DeploymentStarted' || type === 'DeploymentConfirmed' || type === 'DeploymentHalted' ? data.receipt : undefined;
}

async function recheck(
  event: WithReceipt,
  receipt: DecisionReceipt,
  streams: ReadonlyMap<string, readonly StoredEvent[]>,
): Promise<Rechecked> {
  const about = { where: `${event.stream}@${event.revision}`, event: event.type };
  const lacking = receipt.inputs.filter((input) => lacks(streams, input));
  if (lacking.length > 0)
    return { ...about, outcome: 'unknowable', detail: `The export does not hold all that was judged: ${lacking.join(', ')}.` };
  const again = await recheckReceipt(receipt, (stream) => streams.get(stream) ?? []);
  if (again.outcome === 'unknowable') return { ...about, outcome: 'unknowable', detail: again.why };
  const differences = [...(again.outcome === 'different' ? again.differences : []), ...notOfThisEvent(event, receipt)];
  return differences.length === 0
    ? { ...about, outcome: 'same', detail: '' }
    : { ...about, outcome: 'differs', detail: differences.join(' ') };
}

/** `stream@revision` of which the export does not have every event from the first on. */
function lacks(streams: ReadonlyMap<string, readonly StoredEvent[]>, input: string): boolean {
  const at = input.lastIndexOf('@');
  const revision = Number(input.slice(at + 1));
  const there = (streams.get(input.slice(0, at)) ?? []).filter((event) => event.revision <= revision);
  return there.length !== revision + 1;
}

/** A good receipt of another decision is no receipt of this one. */
function notOfThisEvent({ type, data }: WithReceipt, { subject, verdict }: DecisionReceipt): string[] {
  const wrong: string[] = [];
  if (subject && subject.releaseId !== data.releaseId) wrong.push(`The receipt is of release ${subject.releaseId}.`);
  if (subject && subject.environment !== data.environment) wrong.push(`The receipt is for ${subject.environment}.`);
  if (subject && 'deployer' in data && subject.deployer !== data.deployer) wrong.push(`The receipt lets ${subject.deployer} deploy.`);
  if (type !== 'DeploymentHalted' && verdict !== 'pass') wrong.push('It went on although the gates did not pass.');
  return wrong;
}
