import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { plimsollCodec, type DecisionReceipt } from '#libs/contracts';
import { load, type StoredEvent } from '#libs/event-sourcing';
import { MemoryEventLog } from '#libs/event-sourcing/memory';
import {
  canonicalJson,
  ENGINE,
  ENGINES,
  evaluateAtHand,
  evaluateGates,
  readJudgedFacts,
  recheckReceipt,
  traitsOf,
  traitsThen,
} from '#libs/policy';

/** What an earlier engine decided, and the streams that it read: never edited. Anna recorded the test report, and approved. */
const engine4 = JSON.parse(readFileSync(join(__dirname, 'testing/receipts/engine-4.json'), 'utf8')) as {
  readonly receipt: DecisionReceipt;
  readonly events: readonly StoredEvent[];
};
const streamOf = (stream: string): readonly StoredEvent[] => engine4.events.filter((e) => e.stream === stream);
/** The same as engine 6 judged it, with a risk and a builder that it did not look at yet, and a clause for what is of high risk. */
const engine6 = JSON.parse(readFileSync(join(__dirname, 'testing/receipts/engine-6.json'), 'utf8')) as typeof engine4;

/** What is decided today on the events of an earlier decision. */
async function today({ receipt: { subject, evaluatedAt: now }, events }: typeof engine4): Promise<DecisionReceipt> {
  const log = new MemoryEventLog();
  for (const { stream, revision, position: _position, ...event } of events) await log.append(stream, revision - 1, [event]);
  if (!subject) throw new Error('no subject');
  const facts = await readJudgedFacts((aggregate, id) => load(log, plimsollCodec(), aggregate, id), subject, now, evaluateAtHand);
  return evaluateGates(facts, { deployer: subject.deployer, now });
}

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
    const receipt = await today(engine4);
    expect(receipt).toMatchObject({ engine: ENGINE, verdict: 'fail' });
    expect(receipt.gates.filter((gate) => gate.verdict !== 'pass')).toMatchObject([
      { gate: 'duties-separated', detail: expect.stringContaining('is tester and approver') },
    ]);
    expect(await recheckReceipt(receipt, streamOf)).toMatchObject({ outcome: 'same' });
  });
});

describe('a receipt of an engine that knew neither risks nor builders', () => {
  const streamOf6 = (stream: string): readonly StoredEvent[] => engine6.events.filter((e) => e.stream === stream);
  const approvedOf = ({ gates }: DecisionReceipt) => gates.find(({ gate }) => gate === 'approved');

  it('comes out the same, byte for byte: a clause that names a risk counted at every one, and nobody asked who built it', async () => {
    const again = await recheckReceipt(engine6.receipt, streamOf6);
    expect(again.outcome === 'same' && canonicalJson(again.receipt)).toBe(canonicalJson(engine6.receipt));
    expect(engine6.receipt).not.toHaveProperty('risk');
    expect(approvedOf(engine6.receipt)?.detail).toBe('2 of 3 persons approved.');
  });

  it('would be another today: it says what it was judged to risk, and is asked for no more than that', async () => {
    const receipt = await today(engine6);
    expect(receipt.risk).toEqual({ declared: 'low', floor: 'none', effective: 'low', detail: 'Its risk was declared low.' });
    expect(approvedOf(receipt)?.detail).toBe('2 of 2 persons approved.');
    expect(receipt.inputs.length).toBeGreaterThan(engine6.receipt.inputs.length);
    expect(await recheckReceipt(receipt, streamOf6)).toMatchObject({ outcome: 'same' });
    const lied = { ...receipt, risk: { ...receipt.risk!, declared: 'high' as const } };
    expect(await recheckReceipt(lied, streamOf6)).toMatchObject({
      outcome: 'different',
      differences: [expect.stringMatching(/^risk was/)],
    });
  });
});

/**
 * What engine 7 let pass: one approver's role was revoked since, and the other one was taken out of the group and into it again. Never edited.
 */
const engine7 = JSON.parse(readFileSync(join(__dirname, 'testing/receipts/engine-7.json'), 'utf8')) as typeof engine4;

describe('a receipt of the engine that did not ask by virtue of what somebody approved', () => {
  const streamOf7 = (stream: string): readonly StoredEvent[] => engine7.events.filter((e) => e.stream === stream);

  it('comes out the same, byte for byte: both approvals counted', async () => {
    const again = await recheckReceipt(engine7.receipt, streamOf7);
    expect(again).toMatchObject({ outcome: 'same', receipt: { engine: 'plimsoll-gates/7 cel/0.6.1', verdict: 'pass' } });
    expect(again.outcome === 'same' && canonicalJson(again.receipt)).toBe(canonicalJson(engine7.receipt));
  });

  it('would be another today, which says whose approval counts no more and why, and comes out the same itself', async () => {
    const receipt = await today(engine7);
    expect(receipt.verdict).toBe('fail');
    expect(receipt.gates[0]).toMatchObject({
      gate: 'approved',
      verdict: 'inconclusive',
      detail:
        '1 of 2 persons approved, 0 of 1 of group risk. Approvals given in a role that was revoked since count no more: person-bert.' +
        ' For group risk these do not count, having been out of it since: person-anna.',
    });
    expect(await recheckReceipt(receipt, streamOf7)).toMatchObject({ outcome: 'same' });
    const uncited = { ...receipt, inputs: receipt.inputs.filter((input) => !input.startsWith('rolegrants-')) };
    expect(await recheckReceipt(uncited, streamOf7)).toMatchObject({ outcome: 'different' });
  });
});

/**
 * What the engine decided that took a plan's word for its class, and let a change go before one that it depends on: the latter, and an
 * emergency that nothing bears, in an environment whose policy asks normal changes alone for tests. Never edited.
 */
const inAnyOrder = JSON.parse(readFileSync(join(__dirname, 'testing/receipts/engine-6-changes.json'), 'utf8')) as {
  readonly receipts: readonly DecisionReceipt[];
  readonly events: readonly StoredEvent[];
};

describe('receipts of the engine that took plans at their word and changes in any order', () => {
  const stream = (name: string): readonly StoredEvent[] => inAnyOrder.events.filter((e) => e.stream === name);

  it.each(inAnyOrder.receipts)('come out the same, byte for byte', async (receipt) => {
    expect(receipt).toMatchObject({ engine: 'plimsoll-gates/6 cel/0.6.1', verdict: 'pass' });
    const again = await recheckReceipt(receipt, stream);
    expect(again).toMatchObject({ outcome: 'same' });
    expect(again.outcome === 'same' && canonicalJson(again.receipt)).toBe(canonicalJson(receipt));
  });

  it('would be others today: nobody declared a risk, and a class is borne or is normal', async () => {
    const log = new MemoryEventLog();
    for (const { stream: name, revision, position: _position, ...event } of inAnyOrder.events)
      await log.append(name, revision - 1, [event]);
    const today = await Promise.all(
      inAnyOrder.receipts.map(async ({ subject, evaluatedAt: now }) => {
        if (!subject) throw new Error('no subject');
        const facts = await readJudgedFacts((aggregate, id) => load(log, plimsollCodec(), aggregate, id), subject, now, evaluateAtHand);
        const receipt = evaluateGates(facts, { deployer: subject.deployer, now });
        expect(await recheckReceipt(receipt, stream)).toMatchObject({ outcome: 'same' });
        return receipt;
      }),
    );
    expect(today).toMatchObject([
      {
        verdict: 'fail',
        gates: [
          {
            gate: 'change-approved',
            verdict: 'fail',
            detail: expect.stringMatching(/^It was decided on as of low risk, and is judged as high\./),
          },
        ],
      },
      {
        verdict: 'fail',
        gates: [
          { gate: 'version-assigned', verdict: 'pass' },
          { gate: 'tests-passed', verdict: 'inconclusive' },
        ],
      },
    ]);
  });
});

describe('engines', () => {
  const before = [4, 5, 6, 7, 8].map((n) => `plimsoll-gates/${n} cel/0.6.1`);

  it('are this one and those whose receipts are out there', () => {
    const older = {
      risk: false,
      builders: false,
      inOrder: false,
      classBorne: false,
      dutiesAlways: false,
      countsAgain: false,
      clock: 'library',
      stayed: false,
      entitled: false,
      reckonsCounting: false,
    };
    expect(Object.keys(ENGINES)).toEqual([...before, ENGINE]);
    const all = {
      everyDuty: true,
      everyHand: true,
      risk: true,
      builders: true,
      inOrder: true,
      classBorne: true,
      dutiesAlways: true,
      countsAgain: true,
      clock: 'own',
      stayed: true,
      entitled: true,
      reckonsCounting: true,
    };
    expect(traitsOf(ENGINE)).toEqual(all);
    expect(before.map(traitsOf)).toEqual([
      { everyDuty: false, everyHand: false, ...older },
      { everyDuty: true, everyHand: false, ...older },
      { everyDuty: true, everyHand: true, ...older },
      { ...all, entitled: false, reckonsCounting: false },
      { ...all, reckonsCounting: false },
    ]);
    expect(() => traitsOf('plimsoll-gates/1')).toThrow(`There is no engine plimsoll-gates/1; known are ${[...before, ENGINE].join(', ')}.`);
    expect(() => traitsOf('constructor')).toThrow('There is no engine');
  });

  it('that are not known are taken for the newest where somebody only looks back, and none at all for the oldest', () => {
    expect(traitsThen(before[1])).toEqual(traitsOf(before[1] ?? ''));
    expect(traitsThen(undefined)).toEqual(traitsOf(before[0] ?? ''));
    for (const engine of ['plimsoll-gates/99 cel/9', 'constructor']) expect(traitsThen(engine)).toEqual(traitsOf(ENGINE));
  });

  it('that are not known here leave a receipt unknowable', async () => {
    for (const engine of ['plimsoll-gates/1', 'constructor'])
      expect(await recheckReceipt({ ...engine4.receipt, engine }, streamOf)).toMatchObject({ outcome: 'unknowable' });
  });
});
