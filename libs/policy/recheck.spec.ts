import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { plimsollCodec, type DecisionReceipt } from '#libs/contracts';
import { load, type StoredEvent } from '#libs/event-sourcing';
import { MemoryEventLog } from '#libs/event-sourcing/memory';
import { canonicalJson, ENGINE, ENGINES, evaluateAtHand, evaluateGates, readJudgedFacts, recheckReceipt, traitsOf } from '#libs/policy';

/** What an earlier engine decided, and the streams that it read: never edited. Anna recorded the test report, and approved. */
const engine4 = JSON.parse(readFileSync(join(__dirname, 'testing/receipts/engine-4.json'), 'utf8')) as {
  readonly receipt: DecisionReceipt;
  readonly events: readonly StoredEvent[];
};
const streamOf = (stream: string): readonly StoredEvent[] => engine4.events.filter((e) => e.stream === stream);

describe('a receipt of an earlier engine', () => {
  it('comes out the same, byte for byte, as that engine judged it', async () => {
    const again = await recheckReceipt(engine4.receipt, streamOf);
    expect(again).toMatchObject({ outcome: 'same' });
    expect(again.outcome === 'same' && canonicalJson(again.receipt)).toBe(canonicalJson(engine4.receipt));
  });

  it('is found out where it was changed', async () => {
    const forged = { ...engine4.receipt, verdict: 'fail' as const };
    expect(await recheckReceipt(forged, streamOf)).toMatchObject({ outcome: 'different' });
    const otherwise = { ...engine4.receipt, engine: ENGINE };
    expect(await recheckReceipt(otherwise, streamOf)).toMatchObject({ outcome: 'different' });
  });

  it('would be another today: who tested does not approve', async () => {
    const log = new MemoryEventLog();
    for (const { stream, revision, position: _position, ...event } of engine4.events) await log.append(stream, revision - 1, [event]);
    const { subject, evaluatedAt: now } = engine4.receipt;
    if (!subject) throw new Error('no subject');
    const facts = await readJudgedFacts((aggregate, id) => load(log, plimsollCodec(), aggregate, id), subject, now, evaluateAtHand);
    const receipt = evaluateGates(facts, { deployer: subject.deployer, now });
    expect(receipt).toMatchObject({ engine: ENGINE, verdict: 'fail' });
    expect(receipt.gates.filter((gate) => gate.verdict !== 'pass')).toMatchObject([
      { gate: 'duties-separated', detail: expect.stringContaining('is tester and approver') },
    ]);
    expect(await recheckReceipt(receipt, streamOf)).toMatchObject({ outcome: 'same' });
  });
});

describe('engines', () => {
  it('are this one and those whose receipts are out there', () => {
    const before = ['plimsoll-gates/4 cel/0.6.1', 'plimsoll-gates/5 cel/0.6.1'];
    expect(Object.keys(ENGINES)).toEqual([...before, ENGINE]);
    expect(traitsOf(ENGINE)).toEqual({ everyDuty: true, everyHand: true });
    expect(before.map(traitsOf)).toEqual([
      { everyDuty: false, everyHand: false },
      { everyDuty: true, everyHand: false },
    ]);
    expect(() => traitsOf('plimsoll-gates/1')).toThrow(`There is no engine plimsoll-gates/1; known are ${[...before, ENGINE].join(', ')}.`);
    expect(() => traitsOf('constructor')).toThrow('There is no engine');
  });

  it('that are not known here leave a receipt unknowable', async () => {
    for (const engine of ['plimsoll-gates/1', 'constructor'])
      expect(await recheckReceipt({ ...engine4.receipt, engine }, streamOf)).toMatchObject({ outcome: 'unknowable' });
  });
});
