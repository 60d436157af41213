import { approvalId, artifactId, BYPASS_REGISTER, plimsollCodec, type DecisionReceipt, type PlimsollEvent } from '#libs/contracts';
import { isRefusal, issue, RefusedError, transact, type AnyCommandDefinition, type EventLog, type StoredEvent } from '#libs/event-sourcing';
import { MemoryEventLog } from '#libs/event-sourcing/memory';
import { metaOf } from '#libs/event-sourcing/testing';
import { recheckReceipt } from '#libs/policy';
import { confirmDeploymentCommand } from '../../src/deployments/deployment/confirm-deployment.ts';
import { startDeploymentCommand } from '../../src/deployments/deployment/start-deployment.ts';
import { reserveEnvironmentCommand } from '../../src/environments/environment/reserve-environment.ts';
import { grantApprovalCommand } from '../../src/governance/approval/grant-approval.ts';
import { requestApprovalCommand } from '../../src/governance/approval/request-approval.ts';
import { voidApprovalIfChangedCommand } from '../../src/governance/approval/void-approval.ts';
import { withdrawApprovalCommand } from '../../src/governance/approval/withdraw-approval.ts';
import { requestBypassCommand } from '../../src/governance/bypass/request-bypass.ts';
import { amendReleaseCommand } from '../../src/planning/release/compose-release.ts';
import { Interleaving, seeded } from '../support/interleaving-log.ts';

const SEEDS = Array.from({ length: 150 }, (_, n) => n + 1);
const RELEASE = '7b0f3a52-0000-5000-8000-000000000001';
const DEPLOYMENT = '7b0f3a52-0000-5000-8000-000000000002';
const APPROVAL = approvalId(RELEASE, 'production');
const codec = plimsollCodec();
const digest = (c: string) => ({ algorithm: 'sha256' as const, value: c.repeat(64) });
const ids = { old: artifactId('shop', '1.0.0'), new: artifactId('shop', '1.0.1') };

/** The only way in: commands, each with an id of its own and in somebody's name. Answers the refusal's type, or undefined. */
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

/** A planned release with an approval by two that is asked for, and both artifacts that it may be made of. */
async function given(): Promise<{ log: MemoryEventLog; tupleHash: string }> {
  const log = new MemoryEventLog();
  const put = async (stream: string, revision: number, { type, data }: PlimsollEvent): Promise<void> => {
    const { actor, ...meta } = metaOf({ person: 'ada' });
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
      gates: [{ gate: 'approved', quorum: 2 }, { gate: 'duties-separated' }],
      rollbackGates: [{ gate: 'rollback-target-ran' }],
      clauses: [],
      effectiveFrom: '1970-01-01T00:00:00.000Z',
    },
  });
  await put('environment-production', -1, {
    type: 'EnvironmentDefined',
    data: { environment: 'production', class: 'production', policyId: 'bank' },
  });
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
  const composed = { releaseId: RELEASE, product: 'shop', artifacts, authors: ['test|ada'] };
  await put(`release-${RELEASE}`, -1, { type: 'ReleaseComposed', data: composed });
  await put(`release-${RELEASE}`, 0, {
    type: 'ReleasePlanned',
    data: { releaseId: RELEASE, environment: 'production', steps: [], stages: [], planHash: 'c'.repeat(64) },
  });
  expect(await commander(log)(requestApprovalCommand, APPROVAL, 'rita', { releaseId: RELEASE, environment: 'production' })).toBeUndefined();
  const [requested] = (await log.readStream(`approval-${APPROVAL}`)).events;
  return { log, tupleHash: (requested?.data as { tupleHash: string }).tupleHash };
}

const eventsOf = async (log: EventLog, stream: string): Promise<readonly StoredEvent[]> => (await log.readStream(stream)).events;

/** Nothing was let pass but on what its receipt cites, and that receipt can be executed again; and what runs is what was approved. */
async function judge(log: EventLog): Promise<{ started: boolean; confirmed: boolean }> {
  const events = await eventsOf(log, `deployment-${DEPLOYMENT}`);
  for (const { type, data } of events) {
    if (type !== 'DeploymentStarted' && type !== 'DeploymentConfirmed') continue;
    const { receipt } = data as { receipt: DecisionReceipt };
    expect(await recheckReceipt(receipt, (stream) => eventsOf(log, stream))).toMatchObject({
      outcome: 'same',
      receipt: { verdict: 'pass' },
    });
    if (type === 'DeploymentStarted') {
      const { artifacts, tuple } = data as { artifacts: { digest: string }[]; tuple: { artifactDigests: string[] } };
      expect(artifacts.map((a) => a.digest)).toEqual(tuple.artifactDigests);
    }
  }
  const votes = (await eventsOf(log, `approval-${APPROVAL}`)).filter((e) => e.type === 'ApprovalGranted');
  const voters = votes.map((e) => (e.data as { person: string }).person);
  expect(new Set(voters).size).toBe(voters.length);
  return { started: events.some((e) => e.type === 'DeploymentStarted'), confirmed: events.some((e) => e.type === 'DeploymentConfirmed') };
}

/**
 * The one order that two streams leave open: the withdrawal is written between the reading and the writing of the confirmation. Then the
 * record says so: the withdrawal's revision is higher than the one that the confirmation cites.
 */
async function withdrawalIsInTheOrderOfTheRecord(log: EventLog): Promise<void> {
  const stream = `approval-${APPROVAL}`;
  const withdrawal = (await eventsOf(log, stream)).find((e) => e.type === 'ApprovalWithdrawn');
  const confirmed = (await eventsOf(log, `deployment-${DEPLOYMENT}`)).find((e) => e.type === 'DeploymentConfirmed');
  const { inputs } = (confirmed?.data as { receipt: DecisionReceipt }).receipt;
  const cited = inputs.find((input) => input.startsWith(`${stream}@`)) ?? '';
  expect(withdrawal?.revision ?? Infinity).toBeGreaterThan(Number(cited.slice(stream.length + 1)));
}

const deployment = { releaseId: RELEASE, environment: 'production' };

describe('approvals that race, in every order that 150 seeds give', () => {
  it('the last two approvers at once are both counted, each once, and neither is lost', async () => {
    for (const seed of SEEDS) {
      const { log, tupleHash } = await given();
      const race = new Interleaving(log, seeded(seed));
      const send = commander(race.log);
      const grant = (person: string) => async () => {
        expect(await send(grantApprovalCommand, APPROVAL, person, { tupleHash })).toBeUndefined();
      };
      await race.run(grant('anna'), grant('otto'), grant('anna'), grant('otto'));
      const votes = (await eventsOf(log, `approval-${APPROVAL}`)).filter((e) => e.type === 'ApprovalGranted');
      expect(votes.map((e) => (e.data as { person: string }).person).sort()).toEqual(['anna', 'otto']);
      expect(await commander(log)(startDeploymentCommand, DEPLOYMENT, 'dan', deployment)).toBeUndefined();
      await judge(log);
    }
  });

  it('an approval and an amendment: nothing starts on contents that nobody approved, and some do start', async () => {
    const seen = { started: 0, refused: 0, granted: 0, late: 0 };
    for (const seed of SEEDS) {
      const { log, tupleHash } = await given();
      const race = new Interleaving(log, seeded(seed));
      const send = commander(race.log);
      await commander(log)(grantApprovalCommand, APPROVAL, 'anna', { tupleHash });
      await race.run(
        async () => {
          const refusal = await send(grantApprovalCommand, APPROVAL, 'otto', { tupleHash });
          expect([undefined, 'tuple-changed', 'approval-not-open']).toContain(refusal);
          seen[refusal ? 'late' : 'granted']++;
          await send(startDeploymentCommand, DEPLOYMENT, 'dan', deployment);
        },
        async () => {
          // A start has many more reads than an amendment, which would nearly always come first.
          for (let n = seed % 40; n > 0; n--) await race.log.readStream('nothing');
          expect(await send(amendReleaseCommand, RELEASE, 'ada', { artifactIds: [ids.new] })).toBeUndefined();
          await send(voidApprovalIfChangedCommand, APPROVAL, 'process:approval_guard', deployment);
        },
      );
      seen[(await judge(log)).started ? 'started' : 'refused']++;
      // Whatever came first: what is there now takes an approval of its own.
      expect(await commander(log)(grantApprovalCommand, APPROVAL, 'zoe', { tupleHash })).toMatch(/tuple-changed|approval-not-open/);
    }
    expect(Object.entries(seen).filter(([, times]) => times === 0)).toEqual([]);
  });

  it('an approval and its withdrawal: what is confirmed rests on approvals that stood when they were read', async () => {
    const seen = { confirmed: 0, stopped: 0, withdrawn: 0, tooLate: 0 };
    for (const seed of SEEDS) {
      const { log, tupleHash } = await given();
      for (const person of ['anna', 'otto']) await commander(log)(grantApprovalCommand, APPROVAL, person, { tupleHash });
      const race = new Interleaving(log, seeded(seed));
      const send = commander(race.log);
      await race.run(
        async () => {
          if (await send(startDeploymentCommand, DEPLOYMENT, 'dan', deployment)) return;
          await send(reserveEnvironmentCommand, 'production', 'process:rollout', {
            deploymentId: DEPLOYMENT,
            releaseId: RELEASE,
            round: 1,
          });
          await send(confirmDeploymentCommand, DEPLOYMENT, 'process:rollout', {});
        },
        async () => {
          // Early in some seeds, late in others.
          for (let n = 0; n < seed % 40; n++) await race.log.readStream('environment-production');
          const refusal = await send(withdrawApprovalCommand, APPROVAL, 'otto', { tupleHash, reason: 'The canary looks worse.' });
          expect([undefined, 'deployment-started']).toContain(refusal);
          seen[refusal ? 'tooLate' : 'withdrawn']++;
        },
      );
      const { confirmed } = await judge(log);
      if (confirmed) await withdrawalIsInTheOrderOfTheRecord(log);
      seen[confirmed ? 'confirmed' : 'stopped']++;
    }
    expect(Object.entries(seen).filter(([, times]) => times === 0)).toEqual([]);
  });

  it('two requests for a bypass at once by one person: one is on record, the other is told which', async () => {
    for (const seed of SEEDS) {
      const { log } = await given();
      const race = new Interleaving(log, seeded(seed));
      const send = commander(race.log);
      const refusals: (string | undefined)[] = [];
      const ask = async (): Promise<void> => {
        refusals.push(
          await send(requestBypassCommand, BYPASS_REGISTER, 'dan', {
            ...deployment,
            gates: ['approved'],
            justification: 'Payments are down.',
          }),
        );
      };
      await race.run(ask, ask);
      expect(refusals.sort()).toEqual(['bypass-open', undefined]);
      expect(await eventsOf(log, `bypass-${BYPASS_REGISTER}`)).toHaveLength(1);
    }
  });
});
