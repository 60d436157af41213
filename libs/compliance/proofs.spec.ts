import {
  canonicalReport,
  computeReport,
  MOST_PROVED,
  MOST_PROVED_LEAVES,
  ProofDoesNotHold,
  wrongProofs,
  type ChangeProof,
  type ComplianceReport,
  type Prove,
} from '#libs/compliance';
import { plimsollCodec } from '#libs/contracts';
import type { StoredEvent } from '#libs/event-sourcing';
import { eventLeafHash, inclusionProof, rootOfLeaves, streamedProofs, verifyInclusion, type Hash } from '#libs/ledger';
import { complianceYear } from '../../test/support/compliance-year.ts';
import { complianceCsv } from './formats/tables.ts';
import { leavesOf } from './proofs.ts';
import { aChange } from './testing/index.ts';

const year = complianceYear({ seed: 11, changes: 320, each: 1 });
const events = [...year.batches()].flat();
const hashes = events.map(eventLeafHash);
const root = rootOfLeaves(hashes);
const checkpoint = { origin: 'ledger.example/plimsoll', size: events.length, root: root.toString('base64') };
const query = { from: year.from, to: year.to, seed: 's', sample: 4 };

async function* told<T>(given: readonly T[]): AsyncIterable<readonly T[]> {
  yield given;
}
const from =
  (leaves: readonly Hash[]): Prove =>
  async (wanted, size) => {
    const found = await streamedProofs(
      told(leaves),
      wanted.map(({ sequence }) => sequence),
      size,
    );
    return wanted.map(({ sequence }) => found.get(sequence)!);
  };
const reportOf = (more: object = {}, given: readonly StoredEvent[] = events): Promise<ComplianceReport> =>
  computeReport(told(given), { ...query, ...more }, { codec: plimsollCodec(), checkpoint, prove: from(hashes) });

describe('inclusion proofs of sampled changes', () => {
  let report: ComplianceReport;
  let proofs: readonly ChangeProof[];
  beforeAll(async () => {
    report = await reportOf();
    proofs = report.proofs!;
  });

  it('are of what the report says of each: that it was asked for, approved, started, took effect and ended', () => {
    expect(proofs.map(({ changeId }) => changeId)).toEqual(report.sample?.changeIds);
    for (const { changeId, leaves, omitted } of proofs) {
      const change = report.changes.find(({ id }) => id === changeId)!;
      const places = [change.requested, ...change.approvals, change.started, change.effect, change.ended].flatMap((at) => at ?? []);
      for (const { ref, sequence } of places) expect(leaves).toContainEqual(expect.objectContaining({ ref, sequence }));
      expect(leaves.map(({ sequence }) => sequence)).toEqual([...new Set(leaves.map(({ sequence }) => sequence))].sort((a, b) => a - b));
      expect(omitted).toBe(0);
      // The event that the report names is the leaf that is proved.
      for (const { ref, sequence, leafHash, path } of leaves) {
        const event = events[sequence]!;
        expect(`${event.stream}@${event.revision}`).toBe(ref);
        expect(leafHash).toBe(eventLeafHash(event).toString('base64'));
        expect(path).toEqual(inclusionProof(hashes, sequence).map((hash) => hash.toString('base64')));
        const way = path.map((hash) => Buffer.from(hash, 'base64'));
        expect(verifyInclusion(Buffer.from(leafHash, 'base64'), sequence, events.length, way, root)).toBe(true);
      }
    }
    expect([...complianceCsv(report, 'proofs')].join('').split('\r\n')).toHaveLength(proofs.flatMap(({ leaves }) => leaves).length + 2);
  });

  it('have the decision on a change, too, where it rests on one', async () => {
    const all = await reportOf({ sample: MOST_PROVED });
    const board = all.changeRecords.find(({ route, changeIds }) => route === 'board' && changeIds.length > 0)!;
    const { leaves } = all.proofs!.find(({ changeId }) => changeId === board.changeIds[0]) ?? { leaves: [] };
    if (leaves.length > 0) expect(leaves.map(({ ref }) => ref)).toEqual(expect.arrayContaining([board.ref, board.decided?.ref]));
    expect(all.proofs!.flatMap((p) => p.leaves.map(({ of }) => of))).toEqual(expect.arrayContaining(['change', 'decision']));
  });

  it('are none where nothing was sampled, and none where nothing is signed', async () => {
    const { sample: _sample, seed: _seed, ...period } = query;
    const options = { codec: plimsollCodec(), prove: from(hashes) };
    expect(await computeReport(told(events), period, { ...options, checkpoint })).not.toHaveProperty('proofs');
    expect(await computeReport(told(events), query, options)).not.toHaveProperty('proofs');
  });

  it('are of so many changes, and of so many leaves of each, that a report stays one', async () => {
    expect((await reportOf({ sample: 300 })).proofs).toHaveLength(MOST_PROVED);
    const many = Array.from({ length: 50 }, (_, n) => ({
      at: '',
      ref: `approval-1@${n}`,
      sequence: 100_000 + n,
      person: `p${n}`,
      counted: true,
    }));
    const { leaves, omitted } = leavesOf(aChange(1, { approvals: many }), undefined);
    expect([leaves.length, omitted]).toEqual([MOST_PROVED_LEAVES, 54 - MOST_PROVED_LEAVES]);
    expect(leaves.map(({ of }) => of)).toEqual(expect.arrayContaining(['requested', 'started', 'effect', 'ended']));
  });

  it('are refused where what is found does not lead to the signed root', async () => {
    const first = proofs[0]!.leaves[0]!;
    const edited = hashes.map((hash, i) => (i === first.sequence ? Buffer.alloc(32, 7) : hash));
    const computed = computeReport(told(events), query, { codec: plimsollCodec(), checkpoint, prove: from(edited) });
    await expect(computed).rejects.toThrow(ProofDoesNotHold);
    await expect(computed).rejects.toThrow(first.ref);
  });

  describe('in a report that somebody hands over', () => {
    const given = (): ComplianceReport => JSON.parse(canonicalReport(report).bytes.toString('utf8')) as ComplianceReport;
    type Open<T> = { -readonly [K in keyof T]: T[K] extends object ? Open<T[K]> : T[K] };
    const changed = (change: (list: Open<ChangeProof>[]) => void): unknown => {
      const { proofs: list } = given();
      change(list as Open<ChangeProof>[]);
      return list;
    };

    it('hold as they were given', () => {
      expect(wrongProofs(given().proofs, report)).toEqual([]);
    });

    it.each<[string, (list: Open<ChangeProof>[]) => void, RegExp]>([
      ['another leaf', (list) => (list[1]!.leaves[2]!.leafHash = Buffer.alloc(32, 1).toString('base64')), /is not what the log has/],
      [
        'another hash on the way',
        (list) => (list[1]!.leaves[2]!.path[3] = Buffer.alloc(32, 1).toString('base64')),
        /does not lead to the signed root/,
      ],
      ['a way that is too short', (list) => list[1]!.leaves[2]!.path.splice(0, 1), /does not lead to the signed root/],
      ['a way that is no way', (list) => (list[1]!.leaves[2]!.path = 'x' as never), /does not lead to the signed root/],
      [
        'a hash that is written in another way',
        (list) => (list[1]!.leaves[2]!.path[0] = `${list[1]!.leaves[2]!.path[0]}=`),
        /does not lead/,
      ],
      ['another event', (list) => (list[1]!.leaves[2]!.ref = 'approval-x@0'), /it says approval-x@0/],
      ['no leaf', (list) => list[1]!.leaves.splice(2, 1), /no proof of leaf/],
      ['a leaf of something else', (list) => (list[1]!.leaves[2]!.sequence = 0), /no proof of leaf|of nothing/],
      ['no proofs of a change', (list) => list.splice(1, 1), /no proof of leaf/],
    ])('are named with %s', (_what, change, detail) => {
      const found = wrongProofs(changed(change), report);
      expect(found.length).toBeGreaterThan(0);
      expect(found[0]?.detail).toMatch(detail);
      expect(found.every(({ where }) => where.startsWith(`change ${proofs[1]!.changeId}`))).toBe(true);
    });

    it('are named, and break nothing, where they are anything else', () => {
      const count = proofs.flatMap(({ leaves }) => leaves).length;
      for (const nonsense of [undefined, null, 'x', {}, [null], [{ leaves: 7 }], [{ changeId: {}, leaves: [null] }]])
        expect(wrongProofs(nonsense, report).length).toBeGreaterThanOrEqual(count);
      expect(wrongProofs(Array(MOST_PROVED + 1).fill({}), report)).toHaveLength(1);
    });
  });
});
