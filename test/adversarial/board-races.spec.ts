import { artifactId, changeCalendarIds, changeId, plimsollCodec, type DecisionReceipt, type PlimsollEvent } from '#libs/contracts';
import { isRefusal, issue, RefusedError, transact, type AnyCommandDefinition, type EventLog, type StoredEvent } from '#libs/event-sourcing';
import { MemoryEventLog } from '#libs/event-sourcing/memory';
import { metaOf } from '#libs/event-sourcing/testing';
import { recheckReceipt, scheduledOf } from '#libs/policy';
import { boardContents } from '#libs/policy/testing';
import { startDeploymentCommand } from '../../src/deployments/deployment/start-deployment.ts';
import { voidChangeIfChangedCommand } from '../../src/governance/change/end-change.ts';
import { scheduleChangeCommand } from '../../src/governance/change/schedule-change.ts';
import { submitChangeCommand } from '../../src/governance/change/submit-change.ts';
import { openChangeVoteCommand, voteOnChangeCommand } from '../../src/governance/change/vote-on-change.ts';
import { amendReleaseCommand } from '../../src/planning/release/compose-release.ts';
import { Interleaving, seeded } from '../support/interleaving-log.ts';

const SEEDS = Array.from({ length: 100 }, (_, n) => n + 1);
const RELEASES = ['7b0f3a52-0000-5000-8000-000000000001', '7b0f3a52-0000-5000-8000-000000000002'] as const;
const DEPLOYMENT = '7b0f3a52-0000-5000-8000-000000000003';
const codec = plimsollCodec();
const digest = (c: string) => ({ algorithm: 'sha256' as const, value: c.repeat(64) });
const ids = { old: artifactId('shop', '1.0.0'), new: artifactId('shop', '1.0.1') };
const [RELEASE] = RELEASES;
const CHANGE = changeId(RELEASE, 'production');

let count = 0;
function commander(log: EventLog) {
  return async (definition: AnyCommandDefinition, target: string, person: string, fields: object): Promise<string | undefined> => {
    const commandId = `00000000-0000-4000-8000-${String(++count).padStart(12, '0')}`;
    const command = issue(Object.assign(new definition.type() as object, fields), target, metaOf({ person, commandId }));
    try {
      await transact({ log, codec }, definition, command);
      return undefined;
    } catch (error) {
      if (error instanceof RefusedError && isRefusal(error.refusal)) return error.refusal.type;
      throw error;
    }
  };
}
const eventsOf = async (log: EventLog, stream: string): Promise<readonly StoredEvent[]> => (await log.readStream(stream)).events;
const asked = (releaseId: string) => ({
  releaseId,
  environment: 'production',
  title: 'Shop',
  justification: 'Why.',
  riskLevel: 'high',
  riskAssessment: 'Little.',
  backout: 'Roll back.',
  from: '2026-03-02T09:00:00.000Z',
  until: '2026-03-02T12:00:00.000Z',
  boardId: 'cab',
});
interface Submitted {
  readonly round: number;
  readonly dossierHash: string;
  readonly dossier: Parameters<typeof scheduledOf>[0];
}
const submissionOf = async (log: EventLog, id: string): Promise<Submitted> =>
  (await eventsOf(log, `change-${id}`)).findLast((e) => e.type === 'ChangeSubmitted')?.data as Submitted;
/** What the process does about a submission. */
async function schedule(log: EventLog, id: string, send = commander(log)): Promise<void> {
  const { dossier, round } = await submissionOf(log, id);
  for (const week of changeCalendarIds('production', dossier.window)) {
    await send(scheduleChangeCommand, week, 'process:change_course', { ...scheduledOf(dossier), round, environment: 'production' });
  }
}

/** Two planned releases of one product, and a board of anna, otto and cora that decides on them. */
async function given(): Promise<MemoryEventLog> {
  const log = new MemoryEventLog();
  const put = async (stream: string, revision: number, { type, data }: PlimsollEvent): Promise<void> => {
    const { actor, ...meta } = metaOf({ person: 'ida' });
    const metadata = {
      ...meta,
      actor: actor.person,
      principal: actor.principal,
      commandHash: '0'.repeat(64),
      recordedAt: '2026-03-01T10:00:00.000Z',
      schemaVersion: codec.schemaVersion(type),
    };
    await log.append(stream, revision, [{ id: `${stream}/${revision}`, type, data, metadata }]);
  };
  await put('policy-bank', -1, {
    type: 'PolicyPublished',
    data: {
      policyId: 'bank',
      version: 1,
      title: 'Bank',
      gates: [{ gate: 'change-approved' }],
      rollbackGates: [],
      clauses: [],
      effectiveFrom: '1970-01-01T00:00:00.000Z',
    },
  });
  await put('environment-production', -1, {
    type: 'EnvironmentDefined',
    data: { environment: 'production', class: 'production', policyId: 'bank' },
  });
  await put('board-cab', -1, { type: 'BoardDefined', data: { boardId: 'cab', version: 1, ...boardContents, tzdata: '2025c' } });
  for (const [n, person] of ['anna', 'otto', 'cora'].entries())
    await put('group-cab', n - 1, { type: 'GroupMemberAdded', data: { group: 'cab', person } });
  for (const [version, id, c] of [
    ['1.0.0', ids.old, 'a'],
    ['1.0.1', ids.new, 'b'],
  ] as const) {
    await put(`artifact-${id}`, -1, {
      type: 'ArtifactRegistered',
      data: { artifactId: id, name: 'shop', version, purl: `pkg:npm/shop@${version}`, digest: digest(c), authors: ['test|ada'] },
    });
  }
  const artifacts = [
    { artifactId: ids.old, name: 'shop', version: '1.0.0', purl: 'pkg:npm/shop@1.0.0', digest: `sha256:${'a'.repeat(64)}` },
  ];
  for (const releaseId of RELEASES) {
    await put(`release-${releaseId}`, -1, {
      type: 'ReleaseComposed',
      data: { releaseId, product: 'shop', artifacts, authors: ['test|ada'] },
    });
    await put(`release-${releaseId}`, 0, {
      type: 'ReleasePlanned',
      data: { releaseId, environment: 'production', steps: [], stages: [], planHash: 'c'.repeat(64) },
    });
  }
  return log;
}

async function open(log: EventLog, releaseId: string = RELEASE): Promise<string> {
  const id = changeId(releaseId, 'production');
  const send = commander(log);
  expect(await send(submitChangeCommand, id, 'rita', asked(releaseId))).toBeUndefined();
  await schedule(log, id);
  const { dossierHash } = await submissionOf(log, id);
  expect(await send(openChangeVoteCommand, id, 'cora', { dossierHash, reason: 'Now.' })).toBeUndefined();
  return dossierHash;
}

describe('boards that race, in every order that 100 seeds give', () => {
  it('the last two votes at once: the board decides once, with its quorum, and nobody counts twice', async () => {
    const seen = { late: 0, taken: 0 };
    for (const seed of SEEDS) {
      const log = await given();
      const dossierHash = await open(log);
      expect(await commander(log)(voteOnChangeCommand, CHANGE, 'anna', { dossierHash, vote: 'for' })).toBeUndefined();
      const race = new Interleaving(log, seeded(seed));
      const send = commander(race.log);
      const vote = (person: string) => async () => {
        const refusal = await send(voteOnChangeCommand, CHANGE, person, { dossierHash, vote: 'for' });
        expect([undefined, 'change-not-open']).toContain(refusal);
        seen[refusal ? 'late' : 'taken']++;
      };
      await race.run(vote('otto'), vote('cora'), vote('otto'));
      const events = await eventsOf(log, `change-${CHANGE}`);
      const voters = events.filter((e) => e.type === 'ChangeVoteCast').map((e) => (e.data as { person: string }).person);
      expect(new Set(voters).size).toBe(voters.length);
      const decisions = events.filter((e) => e.type === 'ChangeDecided');
      expect(decisions).toHaveLength(1);
      expect((decisions[0]?.data as { tally: { for: string[] } }).tally.for).toEqual([...voters].sort());
    }
    expect(Object.values(seen).every((times) => times > 0)).toBe(true);
  });

  it('the deciding vote and an amendment: nothing starts on contents that the board has not seen, and some do start', async () => {
    const seen = { started: 0, stopped: 0 };
    for (const seed of SEEDS) {
      const log = await given();
      const dossierHash = await open(log);
      await commander(log)(voteOnChangeCommand, CHANGE, 'anna', { dossierHash, vote: 'for' });
      const race = new Interleaving(log, seeded(seed));
      const send = commander(race.log);
      await race.run(
        async () => {
          const refusal = await send(voteOnChangeCommand, CHANGE, 'otto', { dossierHash, vote: 'for' });
          expect([undefined, 'dossier-changed', 'change-not-open']).toContain(refusal);
          await send(startDeploymentCommand, DEPLOYMENT, 'dan', { releaseId: RELEASE, environment: 'production' });
        },
        async () => {
          for (let n = 0; n < seed % 60; n++) await race.log.readStream('environment-production');
          expect(await send(amendReleaseCommand, RELEASE, 'ada', { artifactIds: [ids.new] })).toBeUndefined();
          await send(voidChangeIfChangedCommand, CHANGE, 'process:change_guard', {});
        },
      );
      const [started] = await eventsOf(log, `deployment-${DEPLOYMENT}`);
      if (started) {
        const { receipt, artifacts } = started.data as { receipt: DecisionReceipt; artifacts: { digest: string }[] };
        expect(artifacts.map((a) => a.digest)).toEqual([`sha256:${'a'.repeat(64)}`]);
        expect(await recheckReceipt(receipt, (stream) => eventsOf(log, stream))).toMatchObject({
          outcome: 'same',
          receipt: { verdict: 'pass' },
        });
      }
      seen[started ? 'started' : 'stopped']++;
      expect(
        await commander(log)(startDeploymentCommand, '7b0f3a52-0000-5000-8000-000000000009', 'dan', {
          releaseId: RELEASE,
          environment: 'production',
        }),
      ).toBe('gates-not-passed');
    }
    expect(Object.entries(seen).filter(([, times]) => times === 0)).toEqual([]);
  });

  it('two changes of one service at once: at least one is decided on knowing of the other', async () => {
    const seen = { both: 0, one: 0 };
    for (const seed of SEEDS) {
      const log = await given();
      const race = new Interleaving(log, seeded(seed));
      const send = commander(race.log);
      const decide = (releaseId: string) => async (): Promise<void> => {
        const id = changeId(releaseId, 'production');
        for (let tries = 0; tries < 10; tries++) {
          await send(submitChangeCommand, id, 'rita', asked(releaseId));
          await schedule(race.log, id, send);
          const { dossierHash } = await submissionOf(race.log, id);
          await send(openChangeVoteCommand, id, 'cora', { dossierHash, reason: 'Now.' });
          const refusals: (string | undefined)[] = [];
          for (const person of ['anna', 'otto']) refusals.push(await send(voteOnChangeCommand, id, person, { dossierHash, vote: 'for' }));
          if (refusals.every((r) => r === undefined)) return;
        }
        throw new Error('The change was never decided on.');
      };
      await race.run(decide(RELEASES[0]), decide(RELEASES[1]));
      const knowing = await Promise.all(
        RELEASES.map(async (releaseId) => {
          const events = await eventsOf(log, `change-${changeId(releaseId, 'production')}`);
          const decided = events.find((e) => e.type === 'ChangeDecided')?.data as { outcome: string; conflicts: { kind: string }[] };
          expect(decided.outcome).toBe('approved');
          return decided.conflicts.length > 0;
        }),
      );
      expect(knowing).toContain(true);
      seen[knowing.every(Boolean) ? 'both' : 'one']++;
    }
    expect(seen.both + seen.one).toBe(SEEDS.length);
  });
});
