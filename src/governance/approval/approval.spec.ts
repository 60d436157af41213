import type { ApprovalEvent } from '#libs/contracts';
import { isRefusal } from '#libs/event-sourcing';
import { issued, scenario } from '#libs/event-sourcing/testing';
import { evaluateGates } from '#libs/policy';
import { gateFacts } from '#libs/policy/testing';
import { approval } from './approval.ts';
import { grantApproval, GrantApproval, rejectApproval, RejectApproval } from './grant-approval.ts';
import { requestApproval, RequestApproval } from './request-approval.ts';
import { withdrawApproval, WithdrawApproval } from './withdraw-approval.ts';
import { expireApproval, ExpireApproval, voidApprovalIfChanged, VoidApprovalIfChanged } from './void-approval.ts';

const approvals = scenario(approval);
// Authors come from the artifacts' streams, the requester from the approval's own.
const facts = gateFacts({ approval: { approvers: [], requester: 'rita' } });
const request = issued(RequestApproval, { releaseId: 'release-1', environment: 'production' }, 'approval-1', { person: 'rita' });
const requested = firstOf(approvals.given().when(requestApproval, request, facts).decision);
if (requested.type !== 'ApprovalRequested') throw new Error('not requested');
const { tupleHash } = requested.data;
const vote = (person: string, hash = tupleHash, now?: string) =>
  issued(GrantApproval, { tupleHash: hash }, 'approval-1', { person, ...(now ? { now } : {}) });
const granted = (person: string): ApprovalEvent => ({
  type: 'ApprovalGranted',
  data: { approvalId: 'approval-1', releaseId: 'release-1', environment: 'production', round: 1, person, tupleHash },
});

function firstOf(decision: ReturnType<typeof requestApproval>): ApprovalEvent {
  if (isRefusal(decision) || !decision[0]) throw new Error('no event');
  return decision[0];
}

describe('requesting an approval', () => {
  it('binds the digests, the environment, the plan, the policy and an expiry', () => {
    expect(requested.data).toMatchObject({
      round: 1,
      quorum: 2,
      requester: 'rita',
      tuple: {
        artifactDigests: ['sha256:aa'],
        environment: 'production',
        planHash: 'plan-hash',
        policyId: 'bank',
        policyVersion: 1,
        expiresAt: '2026-03-05T10:00:00.000Z',
      },
    });
  });

  it('is the same request while it is open and nothing has changed', () => {
    approvals.given(requested).when(requestApproval, request, facts).thenNothing();
  });

  it('supersedes the older round by an event, when the contents have changed, and votes on it count no more', () => {
    const changed = gateFacts({ plan: { steps: [], planHash: 'other' } });
    const events = approvals.given(requested, granted('anna')).when(requestApproval, request, changed).decision as ApprovalEvent[];
    expect(events).toMatchObject([
      { type: 'ApprovalVoided', data: { round: 1, reason: 'Request 2 supersedes it.', because: 'superseded' } },
      { type: 'ApprovalRequested', data: { round: 2 } },
    ]);
    const both = [requested, granted('anna'), ...events] as const;
    approvals
      .given(...both)
      .when(requestApproval, request, changed)
      .thenNothing();
    approvals
      .given(...both)
      .when(grantApproval, vote('otto'), { now: changed })
      .thenRefused('tuple-changed');
    approvals
      .given(...both)
      .when(withdrawApproval, issued(WithdrawApproval, { tupleHash, reason: 'Why not.' }, 'approval-1', { person: 'anna' }), {})
      .thenRefused('tuple-changed');
    expect(both.reduce(approval.evolve, approval.initial)).toMatchObject({ round: 2, approvers: [], outcome: 'open' });
  });

  it('says that an older round had expired, where the timer has not said so yet', () => {
    const later = issued(RequestApproval, { releaseId: 'release-1', environment: 'production' }, 'approval-1', {
      person: 'rita',
      now: '2026-03-05T10:00:00.000Z',
    });
    expect(approvals.given(requested).when(requestApproval, later, facts).decision).toMatchObject([
      { type: 'ApprovalVoided', data: { round: 1, because: 'expired' } },
      { type: 'ApprovalRequested', data: { round: 2 } },
    ]);
  });

  it('refuses what is not planned, not known or needs no approval', () => {
    const { plan: _plan, ...unplanned } = facts;
    approvals.given().when(requestApproval, request, unplanned).thenRefused('not-planned');
    const { product: _product, ...unknown } = facts;
    approvals.given().when(requestApproval, request, unknown).thenRefused('release-unknown');
    approvals
      .given()
      .when(requestApproval, request, gateFacts({ policy: { ...facts.policy, gates: [{ gate: 'tests-passed' }] } }))
      .thenRefused('approval-not-needed');
    approvals
      .given()
      .when(requestApproval, request, gateFacts({ policy: { ...facts.policy, version: 0 } }))
      .thenRefused('no-policy');
  });
});

describe('granting an approval', () => {
  it('counts a person who has no other duty', () => {
    approvals.given(requested).when(grantApproval, vote('anna'), { now: facts }).then(granted('anna'));
  });

  it('counts a person once, also by another account of the same person', () => {
    approvals.given(requested, granted('anna')).when(grantApproval, vote('anna'), { now: facts }).thenNothing();
  });

  it('refuses the person who requested it', () => {
    approvals.given(requested).when(grantApproval, vote('rita'), { now: facts }).thenRefused('duties-not-separated');
  });

  it('refuses a person who wrote it, and cites where that is written', () => {
    const refusal = approvals.given(requested).when(grantApproval, vote('ada'), { now: facts }).thenRefused('duties-not-separated');
    expect(refusal.reasons).toMatchObject([{ code: 'separation-of-duties', evidence: ['release-1@3'] }]);
  });

  it.each([
    ['artifacts', gateFacts({ artifacts: [{ ...facts.artifacts[0]!, digest: 'sha256:bb' }] })],
    ['plan', gateFacts({ plan: { steps: [], planHash: 'other' } })],
    ['policy', gateFacts({ policy: { ...facts.policy, version: 2 } })],
  ])('refuses when the %s changed after the request', (_what, now) => {
    approvals.given(requested).when(grantApproval, vote('anna'), { now }).thenRefused('tuple-changed');
  });

  it('refuses a vote on another tuple than the open one', () => {
    approvals
      .given(requested)
      .when(grantApproval, vote('anna', 'f'.repeat(64)), { now: facts })
      .thenRefused('tuple-changed');
  });

  it('refuses at the instant of expiry, and not a millisecond before', () => {
    approvals
      .given(requested)
      .when(grantApproval, vote('anna', tupleHash, '2026-03-05T09:59:59.999Z'), { now: facts })
      .then(granted('anna'));
    approvals
      .given(requested)
      .when(grantApproval, vote('anna', tupleHash, '2026-03-05T10:00:00.000Z'), { now: facts })
      .thenRefused('approval-expired');
  });

  it('refuses where nothing was requested', () => {
    approvals.given().when(grantApproval, vote('anna'), {}).thenRefused('approval-unknown');
  });
});

describe('rejecting an approval', () => {
  const reject = issued(RejectApproval, { tupleHash, reason: 'The migration locks a table.' }, 'approval-1', { person: 'anna' });

  it('closes the round for everybody; doing it twice is nothing new', () => {
    const rejected = approvals.given(requested).when(rejectApproval, reject, { now: facts }).decision as ApprovalEvent[];
    expect(rejected).toMatchObject([{ type: 'ApprovalRejected', data: { person: 'anna' } }]);
    approvals
      .given(requested, ...rejected)
      .when(rejectApproval, reject, { now: facts })
      .thenNothing();
    approvals
      .given(requested, ...rejected)
      .when(grantApproval, vote('otto'), { now: facts })
      .thenRefused('approval-not-open');
  });
});

describe('voiding an approval', () => {
  const check = issued(VoidApprovalIfChanged, { releaseId: 'release-1', environment: 'production' }, 'approval-1');

  it('happens when the tuple has changed, with what changed, and once', () => {
    const changed = gateFacts({ plan: { steps: [], planHash: 'other' } });
    const voided = approvals.given(requested, granted('anna')).when(voidApprovalIfChanged, check, changed).decision as ApprovalEvent[];
    expect(voided).toMatchObject([{ type: 'ApprovalVoided', data: { round: 1, reason: 'The deployment plan has changed since.' } }]);
    approvals
      .given(requested, granted('anna'), ...voided)
      .when(voidApprovalIfChanged, check, changed)
      .thenNothing();
    approvals
      .given(requested, ...voided)
      .when(grantApproval, vote('otto'), { now: changed })
      .thenRefused('approval-not-open');
  });

  it('does not happen while the tuple is what was asked for', () => {
    approvals.given(requested).when(voidApprovalIfChanged, check, facts).thenNothing();
  });

  it.each<[string, Parameters<typeof gateFacts>[0], string]>([
    ['policy', { policy: { ...facts.policy, id: 'lax' } }, 'The policy is now lax version 1, not bank version 1.'],
    ['regimes', { regimes: ['SOX'] }, 'production is now under SOX, not under no regime.'],
    ['class', { environmentClass: 'test' }, 'production is now of class test, not production.'],
  ])('happens when the environment was defined anew with another %s, and stays when it is defined as it was', (_what, more, reason) => {
    const redefined = gateFacts(more);
    const open = approvals.given(requested, granted('anna'), granted('otto'));
    const voided = open.when(voidApprovalIfChanged, check, redefined).decision as ApprovalEvent[];
    expect(voided).toMatchObject([{ type: 'ApprovalVoided', data: { round: 1, reason, because: 'changed' } }]);
    // Before the event is there, the start is refused by what is different; after it, by the event, whatever the environment is then.
    const judged = (of: typeof facts, ...events: ApprovalEvent[]) => {
      const state = [requested, ...events].reduce(approval.evolve, approval.initial);
      const closed = state.outcome === 'open' ? {} : { closed: state.outcome };
      const round = { tuple: requested.data.tuple, tupleHash, approvers: ['anna', 'otto'], ...closed };
      const { gates } = evaluateGates({ ...of, approval: round }, { deployer: 'dan', now: '2026-03-02T10:00:00.000Z' });
      return gates.find(({ gate }) => gate === 'approved')?.verdict;
    };
    expect([judged(facts), judged(redefined), judged(facts, ...voided)]).toEqual(['pass', 'stale', 'fail']);
  });
});

describe('the expiry of an approval', () => {
  const expire = (now: string, round = 1) => issued(ExpireApproval, { round }, 'approval-1', { now });
  const due = '2026-03-05T10:00:00.000Z';
  const expired: ApprovalEvent = {
    type: 'ApprovalVoided',
    data: {
      approvalId: 'approval-1',
      releaseId: 'release-1',
      environment: 'production',
      round: 1,
      reason: `It expired at ${due}.`,
      because: 'expired',
    },
  };

  it('is on record from its instant on, once, and of no other round', () => {
    approvals.given(requested, granted('anna')).when(expireApproval, expire(due), {}).then(expired);
    approvals.given(requested).when(expireApproval, expire('2026-03-05T09:59:59.999Z'), {}).thenNothing();
    approvals.given(requested, expired).when(expireApproval, expire(due), {}).thenNothing();
    approvals.given(requested).when(expireApproval, expire(due, 2), {}).thenNothing();
    approvals.given().when(expireApproval, expire(due), {}).thenNothing();
  });

  it('takes no more votes, lets none be taken back, and makes way for a new request', () => {
    approvals
      .given(requested, expired)
      .when(grantApproval, vote('otto', tupleHash, due), { now: facts })
      .thenRefused('approval-expired');
    approvals
      .given(requested, granted('anna'), expired)
      .when(withdrawApproval, issued(WithdrawApproval, { tupleHash, reason: 'Late.' }, 'approval-1', { person: 'anna' }), {})
      .thenRefused('approval-not-open');
    expect(approvals.given(requested, expired).when(requestApproval, request, facts).decision).toMatchObject([
      { type: 'ApprovalRequested', data: { round: 2 } },
    ]);
  });
});

describe('withdrawing one\u2019s own approval', () => {
  const withdraw = (person: string, hash = tupleHash) =>
    issued(WithdrawApproval, { tupleHash: hash, reason: 'The canary looks worse.' }, 'approval-1', { person });
  const withdrawn: ApprovalEvent = {
    type: 'ApprovalWithdrawn',
    data: {
      approvalId: 'approval-1',
      releaseId: 'release-1',
      environment: 'production',
      round: 1,
      person: 'anna',
      reason: 'The canary looks worse.',
    },
  };

  it('takes it back until the deployment starts, once, and it may be given again', () => {
    approvals.given(requested, granted('anna')).when(withdrawApproval, withdraw('anna'), {}).then(withdrawn);
    approvals.given(requested, granted('anna'), withdrawn).when(withdrawApproval, withdraw('anna'), {}).thenNothing();
    approvals.given(requested, granted('anna'), withdrawn).when(grantApproval, vote('anna'), { now: facts }).then(granted('anna'));
  });

  it('is refused once the deployment holds the environment, and says what to do instead', () => {
    const refusal = approvals
      .given(requested, granted('anna'))
      .when(withdrawApproval, withdraw('anna'), { deploymentId: 'd-1', ref: 'environment-production@4' })
      .thenRefused('deployment-started');
    expect(refusal.reasons).toMatchObject([{ evidence: ['environment-production@4'], unblockedBy: 'Have deployment d-1 rolled back.' }]);
  });

  it('is nobody else\u2019s, and of nothing else', () => {
    approvals.given(requested, granted('anna')).when(withdrawApproval, withdraw('otto'), {}).thenRefused('not-approved');
    approvals
      .given(requested, granted('anna'))
      .when(withdrawApproval, withdraw('anna', 'f'.repeat(64)), {})
      .thenRefused('tuple-changed');
    approvals.given().when(withdrawApproval, withdraw('anna'), {}).thenRefused('approval-unknown');
  });
});

describe('an approval by groups', () => {
  const rule = {
    gate: 'approved' as const,
    quorum: 2,
    groups: [
      { group: 'risk', quorum: 1 },
      { group: 'security', quorum: 1 },
    ],
  };
  const byGroups = gateFacts({
    policy: { ...facts.policy, gates: [rule] },
    approval: { approvers: [], requester: 'rita' },
    groups: { risk: ['anna', 'ada'], security: ['anna', 'sven'] },
  });
  const asked = firstOf(approvals.given().when(requestApproval, request, byGroups).decision);

  it('asks for them, and notes of whom each approver is one', () => {
    expect(asked.data).toMatchObject({ quorum: 2, groups: rule.groups });
    expect(approvals.given(asked).when(grantApproval, vote('anna'), { now: byGroups }).decision).toMatchObject([
      { data: { person: 'anna', groups: ['risk', 'security'] } },
    ]);
  });

  it('refuses who is in none of them, and says who can', () => {
    const refusal = approvals.given(asked).when(grantApproval, vote('zoe'), { now: byGroups }).thenRefused('not-in-approving-group');
    expect(refusal.reasons[0]?.unblockedBy).toBe(
      '1 more of group risk must approve (anna can). 1 more of group security must approve (anna, sven can).',
    );
  });
});
