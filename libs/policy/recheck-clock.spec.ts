import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { plimsollCodec, type DecisionReceipt } from '#libs/contracts';
import { load, type StoredEvent } from '#libs/event-sourcing';
import { MemoryEventLog } from '#libs/event-sourcing/memory';
import { ENGINE, evaluateExpression, evaluateGates, readJudgedFacts, recheckReceipt, traitsOf } from '#libs/policy';

const engine4 = JSON.parse(readFileSync(join(__dirname, 'testing/receipts/engine-4.json'), 'utf8')) as {
  readonly receipt: Required<DecisionReceipt>;
  readonly events: readonly StoredEvent[];
};
const own = { gate: 'expression:weekdays', expression: 'now.getDayOfWeek("Europe/Zurich") in [1, 2, 3, 4, 5]' };
/** The same story, under a policy that lets nothing out at weekends. */
const events = engine4.events.map((event): StoredEvent => {
  const { gates, ...data } = event.data as { readonly gates?: readonly object[] };
  return event.type === 'PolicyPublished' ? { ...event, data: { ...data, gates: [...(gates ?? []), own] } } : event;
});
const streamOf = (stream: string): readonly StoredEvent[] => events.filter((e) => e.stream === stream);
const { subject } = engine4.receipt;
/** Half past midnight on a Sunday in Zurich: CEL's library takes it for Monday. */
const now = '2026-03-07T23:30:00.000Z';

async function decide(engine: string): Promise<DecisionReceipt> {
  const log = new MemoryEventLog();
  for (const { stream, revision, position: _position, ...event } of events) await log.append(stream, revision - 1, [event]);
  const facts = await readJudgedFacts(
    (aggregate, id) => load(log, plimsollCodec(), aggregate, id),
    subject,
    now,
    async (texts, values) => texts.map((text) => evaluateExpression(text, values, true, traitsOf(engine).clock)),
    engine,
  );
  return evaluateGates(facts, { deployer: subject.deployer, now }, subject.kind, engine);
}

const weekdays = ({ gates }: DecisionReceipt): string | undefined => gates.find((g) => g.gate === own.gate)?.verdict;

describe('a gate that goes by the day of the week', () => {
  it('fails on Sunday from midnight on', async () => {
    const receipt = await decide(ENGINE);
    expect(weekdays(receipt)).toBe('fail');
    expect(await recheckReceipt(receipt, streamOf)).toMatchObject({ outcome: 'same' });
  });

  it('comes out as it was judged then where an earlier engine took that hour for Monday', async () => {
    const receipt = await decide('plimsoll-gates/6 cel/0.6.1');
    expect(weekdays(receipt)).toBe('pass');
    expect(await recheckReceipt(receipt, streamOf)).toMatchObject({ outcome: 'same' });
    expect(await recheckReceipt({ ...receipt, engine: ENGINE }, streamOf)).toMatchObject({ outcome: 'different' });
  });
});
