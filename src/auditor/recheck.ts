import type { DecisionReceipt } from '#libs/contracts';
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

/** Events that have the receipt of the decision that they record: what was let pass, what was stopped, and what was refused. */
const DECISIONS: ReadonlySet<string> = new Set([
  'DeploymentStarted',
  'DeploymentConfirmed',
  'DeploymentHalted',
  'DeploymentResumed',
  'CommandDenied',
]);

/**
 * Executes every decision receipt once more, on the events that came before it and nothing else: streams are read up to the revisions that the
 * receipt cites, the facts are gathered anew, hashed and judged, and the receipt must come out the same, byte for byte. Keeps all events in memory.
 */
export async function* recheckReceipts(batches: AsyncIterable<readonly StoredEvent[]>): AsyncIterable<Rechecked> {
  const streams = new Map<string, StoredEvent[]>();
  for await (const batch of batches) {
    for (const event of batch) {
      const receipt = receiptOf(event);
      if (receipt) yield await recheck(event, receipt, streams);
      const stream = streams.get(event.stream);
      if (stream) stream.push(event);
      else streams.set(event.stream, [event]);
    }
  }
}

function receiptOf(event: StoredEvent): DecisionReceipt | undefined {
  // A receipt goes with its decision alone; what is not one is found out when it is executed.
  return DECISIONS.has(event.type) ? (event.data as { readonly receipt?: DecisionReceipt }).receipt : undefined;
}

async function recheck(
  event: StoredEvent,
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
function notOfThisEvent(event: StoredEvent, { subject, verdict }: DecisionReceipt): string[] {
  const denied = event.type === 'CommandDenied';
  const data = event.data as Partial<Record<'releaseId' | 'environment' | 'deployer', string>> & { about?: Record<string, string> };
  // A rollback names what it withdraws; the release that it goes back to is the gates' affair.
  const { releaseId, environment } = denied ? (subject?.kind === 'rollback' ? {} : (data.about ?? {})) : data;
  const deployer = denied ? event.metadata.actor : data.deployer;
  const wrong: string[] = [];
  const differs = (was: string | undefined, said: string | undefined): said is string =>
    was !== undefined && said !== undefined && was !== said;
  if (differs(releaseId, subject?.releaseId)) wrong.push(`The receipt is of release ${subject?.releaseId}.`);
  if (differs(environment, subject?.environment)) wrong.push(`The receipt is for ${subject?.environment}.`);
  if (differs(deployer, subject?.deployer)) wrong.push(`The receipt lets ${subject?.deployer} deploy.`);
  if (denied && verdict === 'pass') wrong.push('It was refused although the gates passed.');
  if (!denied && event.type !== 'DeploymentHalted' && verdict !== 'pass') wrong.push('It went on although the gates did not pass.');
  return wrong;
}
