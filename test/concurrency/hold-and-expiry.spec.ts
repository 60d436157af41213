import * as fc from 'fast-check';
import { HOLD_REGISTER, ORGANISATION, plimsollCodec, type PlimsollEvent } from '#libs/contracts';
import { recordName, sha256, type Archive, type RecordStore } from '#libs/archive';
import { issue, RefusedError, transact, type AnyCommandDefinition, type EventLog } from '#libs/event-sourcing';
import { MemoryEventLog } from '#libs/event-sourcing/memory';
import { metaOf } from '#libs/event-sourcing/testing';
import { stepLogRecordId } from '#libs/retention';
import { expire, type ArchivedHere } from '../../src/archive/expire.ts';
import { ExpireRecord, expireRecordCommand } from '../../src/archive/record/expire-record.ts';
import { placeLegalHoldCommand } from '../../src/governance/legal-hold/place-legal-hold.ts';
import { releaseLegalHoldCommand } from '../../src/governance/legal-hold/release-legal-hold.ts';
import { publishRetentionPolicyCommand } from '../../src/governance/retention-policy/publish-retention-policy.ts';
import { history } from '../support/history.ts';
import { Interleaving, seeded } from '../support/interleaving-log.ts';

const codec = plimsollCodec();
const RELEASE = '7b0f3a52-0000-4000-8000-000000000001';
const DEPLOYMENT = '7b0f3a52-0000-4000-8000-000000000002';
const LATER = '2027-06-01T00:00:00.000Z';
const body = Buffer.from('what the step printed\n');
const recordId = stepLogRecordId(DEPLOYMENT, 'a', 1);
const of = { deploymentId: DEPLOYMENT, releaseId: RELEASE, environment: 'test' };
const before: readonly { stream: string; event: PlimsollEvent }[] = [
  {
    stream: 'environment-test',
    event: { type: 'EnvironmentDefined', data: { environment: 'test', class: 'test', policyId: 'open', regimes: ['PCI'] } },
  },
  {
    stream: `release-${RELEASE}`,
    event: { type: 'ReleaseComposed', data: { releaseId: RELEASE, product: 'shop', artifacts: [], authors: [] } },
  },
  {
    stream: `deployment-${DEPLOYMENT}`,
    event: {
      type: 'StepSucceeded',
      data: {
        ...of,
        step: 'a',
        attempt: 1,
        fencingToken: 1,
        compensating: false,
        summary: 'Done.',
        logDigest: '0'.repeat(64),
        durationMs: 1,
        kept: { recordId, sha256: sha256(body), bytes: body.length },
      },
    },
  },
];
const manifest = Buffer.from('{}');
const at: ArchivedHere = {
  recordId,
  stream: `deployment-${DEPLOYMENT}`,
  revision: 0,
  manifest: 'records/manifests/m.json',
  manifestSha256: sha256(manifest),
};

/** Holds in memory, whose contents a test may spoil. */
class World {
  readonly log = new MemoryEventLog();
  readonly archived = new Map<string, Buffer>();
  readonly atHand = new Map<string, Buffer>([[recordId, body]]);
  readonly archive: Archive = {
    kind: 'folder',
    location: 'memory',
    put: async (name, bytes) => {
      this.archived.set(name, Buffer.from(bytes));
      return { stored: true };
    },
    get: async (name) => this.archived.get(name),
    list: async function* () {
      yield* [];
    },
  };
  readonly store: RecordStore = {
    put: async () => ({ sha256: '', bytes: 0 }),
    get: async (id) => this.atHand.get(id),
    has: async (id) => this.atHand.has(id),
    remove: async (id) => this.atHand.delete(id),
  };
  private commands = 0;

  async begin(): Promise<this> {
    for (const event of history(before)) await this.log.append(event.stream, event.revision - 1, [event]);
    return this;
  }

  archiveIt(): void {
    this.archived.set(recordName(recordId), body);
    this.archived.set(at.manifest, manifest);
  }

  async send(log: EventLog, definition: AnyCommandDefinition, target: string, fields: object, person: string, now = LATER): Promise<void> {
    const meta = metaOf({ commandId: `00000000-0000-4000-8000-${String(++this.commands).padStart(12, '0')}`, person, now });
    try {
      await transact({ log, codec }, definition, issue(Object.assign(new definition.type(), fields), target, meta));
    } catch (error) {
      if (!(error instanceof RefusedError)) throw error;
    }
  }

  ports(log: EventLog = this.log) {
    return { log, codec, archive: this.archive, store: this.store };
  }

  place = (holdId: string, log: EventLog = this.log): Promise<void> =>
    this.send(log, placeLegalHoldCommand, HOLD_REGISTER, { holdId, scope: { kind: 'product', id: 'shop' }, reason: 'Smith.' }, 'lena');
  lift = (holdId: string): Promise<void> =>
    this.send(this.log, releaseLegalHoldCommand, HOLD_REGISTER, { holdId, reason: 'Over.' }, 'rita');

  async positions(type: string): Promise<readonly bigint[]> {
    const all = await this.log.readAll({ after: -1n, maxCount: 1000 });
    return all.filter((e) => e.type === type).map((e) => e.position);
  }
}

/** What the archiver would do if it did not read the legal holds again. */
async function carelessly({ log, store }: ReturnType<World['ports']>): Promise<void> {
  const asked = {
    stream: at.stream,
    revision: 0,
    manifest: at.manifest,
    manifestSha256: at.manifestSha256,
    verifiedSha256: sha256(body),
    verifiedAt: LATER,
  };
  try {
    await transact(
      { log, codec },
      expireRecordCommand,
      issue(Object.assign(new ExpireRecord(), asked), recordId, metaOf({ person: 'x', now: LATER })),
    );
    await store.remove(recordId);
  } catch (error) {
    if (!(error instanceof RefusedError)) throw error;
  }
}

type End = 'kept' | 'removed before the hold' | 'removed though held';

async function race(seed: number, how: 'as it is' | 'carelessly'): Promise<End> {
  const world = await new World().begin();
  world.archiveIt();
  const random = seeded(seed);
  const turns = new Interleaving(world.log, random);
  const idle = Math.floor(random() * 12);
  await turns.run(
    async () => {
      if (how === 'carelessly') await carelessly(world.ports(turns.log));
      else await expire(world.ports(turns.log), at, LATER);
    },
    async () => {
      for (let i = 0; i < idle; i++) await turns.log.readStream('nothing');
      await world.place('case-1', turns.log);
    },
  );
  if (world.atHand.has(recordId)) return 'kept';
  const [expired = -1n] = (await world.positions('RecordExpired')).slice(-1);
  const [held = -1n] = await world.positions('LegalHoldPlaced');
  return expired < held ? 'removed before the hold' : 'removed though held';
}

const SEEDS = Array.from({ length: 400 }, (_, n) => n + 1);

describe('a legal hold that is placed while a record expires', () => {
  it('keeps it at hand wherever the log has the hold before the expiry, in whatever order things happen', async () => {
    const ends = new Set<End>();
    for (const seed of SEEDS) ends.add(await race(seed, 'as it is'));
    expect([...ends].sort()).toEqual(['kept', 'removed before the hold']);
  });

  it('would not, if the holds were not read again after the expiry is on record', async () => {
    const ends: End[] = [];
    for (const seed of SEEDS) ends.push(await race(seed, 'carelessly'));
    expect(ends).toContain('removed though held');
  });
});

describe('whatever is done in whatever order', () => {
  type Step = 'archive' | 'spoil' | 'mend' | 'hold' | 'lift' | 'expire-early' | 'expire' | 'longer';
  const step = fc.constantFrom<Step>('archive', 'spoil', 'mend', 'hold', 'lift', 'expire-early', 'expire', 'longer');

  it('nothing goes from hand that is not in the archive as it was, is too young, or is held; and what may go does', async () => {
    const seen = { removed: 0, kept: 0 };
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 25 }), async (steps) => {
        const world = await new World().begin();
        let holds = 0;
        let open: string[] = [];
        let keptFor = 92;
        for (const what of steps) {
          const there = world.atHand.has(recordId);
          const sound = world.archived.get(recordName(recordId))?.equals(body) === true && world.archived.has(at.manifest);
          if (what === 'archive' && !world.archived.has(recordName(recordId))) world.archiveIt();
          if (what === 'spoil' && world.archived.size > 0) world.archived.set(recordName(recordId), Buffer.from('something else'));
          if (what === 'mend' && world.archived.size > 0) world.archiveIt();
          if (what === 'hold') {
            open = [...open, `case-${++holds}`];
            await world.place(open.at(-1)!);
          }
          if (what === 'lift' && open.length > 0) await world.lift(open.pop()!);
          if (what === 'longer' && keptFor === 92) {
            const rules = [{ regime: 'PCI', atHandDays: 400, keepDays: 400 }];
            await world.send(
              world.log,
              publishRetentionPolicyCommand,
              ORGANISATION,
              { title: 'Longer', rules, justification: 'More.' },
              'lena',
              '2026-03-03T00:00:00.000Z',
            );
            keptFor = 400;
          }
          if (what !== 'expire' && what !== 'expire-early') {
            expect(world.atHand.has(recordId)).toBe(there);
            continue;
          }
          // 91 days after it was kept, and 455.
          const now = what === 'expire' ? LATER : '2026-06-01T00:00:00.000Z';
          const outcome = await expire(world.ports(), at, now);
          if (!there) {
            // What has gone stays gone, and is said to be, whatever came since.
            expect(outcome).toEqual({ removed: true });
            continue;
          }
          const may = sound && open.length === 0 && what === 'expire';
          expect(outcome.removed).toBe(may);
          expect(world.atHand.has(recordId)).toBe(!may);
          if (may) seen.removed++;
          else seen.kept++;
        }
        const expiries = await world.positions('RecordExpired');
        expect(expiries.length).toBe(world.atHand.has(recordId) ? 0 : 1);
      }),
      { numRuns: 300, seed: 7 },
    );
    expect(seen.removed).toBeGreaterThan(20);
    expect(seen.kept).toBeGreaterThan(100);
  });

  it('a crash between the expiry and the removal is gone on from, and a hold that came meanwhile is found', async () => {
    const world = await new World().begin();
    world.archiveIt();
    const dying = { ...world.ports(), store: { ...world.store, remove: () => Promise.reject(new Error('killed')) } };
    await expect(expire(dying, at, LATER)).rejects.toThrow('killed');
    expect(world.atHand.has(recordId)).toBe(true);
    await world.place('case-1');
    expect(await expire(world.ports(), at, LATER)).toMatchObject({ removed: false, refusal: 'legal-hold' });
    expect([world.atHand.has(recordId), (await world.positions('RecordExpiryStayed')).length]).toEqual([true, 1]);
    await world.lift('case-1');
    expect(await expire(world.ports(), at, LATER)).toEqual({ removed: true });
    expect(await expire(world.ports(), at, LATER)).toEqual({ removed: true });
    expect(await world.positions('RecordExpired')).toHaveLength(2);
  });
});
