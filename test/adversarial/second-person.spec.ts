import { join } from 'node:path';
import { accountId, artifactId, BYPASS_REGISTER, HOLD_REGISTER, ownershipId } from '#libs/contracts';
import { changeModel } from '#libs/policy';
import { load, type AnyCommandDefinition, type Refusal } from '#libs/event-sourcing';
import { registerArtifactCommand } from '../../src/artifacts/artifact/register-artifact.ts';
import { environment } from '../../src/environments/environment/environment.ts';
import {
  confirmEnvironmentChangeCommand,
  proposeEnvironmentChangeCommand,
} from '../../src/environments/environment/propose-environment-change.ts';
import { confirmAccountLinkCommand, requestAccountLinkCommand } from '../../src/governance/account/link-account.ts';
import { bypasses } from '../../src/governance/bypass/bypass.ts';
import { recordBypassUseCommand } from '../../src/governance/bypass/record-bypass-use.ts';
import { requestBypassCommand } from '../../src/governance/bypass/request-bypass.ts';
import { reviewBypassCommand } from '../../src/governance/bypass/review-bypass.ts';
import { defineBoardCommand } from '../../src/governance/board/define-board.ts';
import { proposeChangeModelCommand } from '../../src/governance/change-model/propose-change-model.ts';
import { voteOnChangeModelCommand } from '../../src/governance/change-model/vote-on-change-model.ts';
import { confirmErasureCommand, requestErasureCommand } from '../../src/governance/erasure/erase-person.ts';
import { addGroupMemberCommand, confirmGroupMemberCommand } from '../../src/governance/group/change-members.ts';
import { defineGroupCommand } from '../../src/governance/group/define-group.ts';
import { placeLegalHoldCommand } from '../../src/governance/legal-hold/place-legal-hold.ts';
import { releaseLegalHoldCommand } from '../../src/governance/legal-hold/release-legal-hold.ts';
import { confirmOwnershipCommand, requestOwnershipCommand } from '../../src/governance/ownership/assign-ownership.ts';
import { personLeavesCommand, registerPersonCommand } from '../../src/governance/person/register-person.ts';
import { confirmRolePolicyCommand, proposeRolePolicyCommand } from '../../src/governance/role-policy/publish-role-policy.ts';
import { rolePolicy, ROLE_POLICY_ID } from '../../src/governance/role-policy/role-policy.ts';
import { confirmRoleCommand, requestRoleCommand } from '../../src/governance/role/request-role.ts';
import { roleGrants } from '../../src/governance/role/role-grants.ts';
import { amendReleaseCommand } from '../../src/planning/release/compose-release.ts';
import { readTree } from '../architecture/source-tree.ts';
import { GovernedLog } from '../support/governed-log.ts';

const ERIN = '5a1d0c52-0000-4000-8000-00000000e001';
const BEFORE = '5a1d0c52-0000-4000-8000-00000000b001';
const SHE = '5a1d0c52-0000-4000-8000-00000000a001';
const POLICIES = 'permit (principal, action, resource);';

/** What takes a second person: what the first one does, and what the second is to do. */
interface Case {
  readonly command: AnyCommandDefinition;
  /** What the first person does with her account `one`, before it is known whose it is. @returns target and fields of the command */
  readonly first: (log: GovernedLog) => Promise<{ readonly target: string; readonly fields: object }>;
  /** Type of the refusal of her other account. */
  readonly refused: string;
}

const state = async <S>(log: GovernedLog, aggregate: Parameters<typeof load<S, never>>[2], id: string): Promise<S> =>
  (await load<S, never>(log.log, log.codec, aggregate, id)).state;

/** A release with a bypass, as `one` requested it. */
const bypassed = async (log: GovernedLog, author = 'ada', requester = 'one'): Promise<{ releaseId: string; bypassId: string }> => {
  await log.publish('bank', { gates: [{ gate: 'tests-passed' }], rollbackGates: [{ gate: 'rollback-target-ran' }] });
  await log.environment('production', 'bank');
  const releaseId = await log.release('shop', 'production', { author });
  const fields = { releaseId, environment: 'production', gates: ['tests-passed'], justification: 'Payments are down.' };
  await log.do(requestBypassCommand, BYPASS_REGISTER, fields, requester);
  return { releaseId, bypassId: Object.keys(((await state(log, bypasses as never, BYPASS_REGISTER)) as { byId: object }).byId)[0] ?? '' };
};
const reviewOf = (bypassId: string): { target: string; fields: object } => ({
  target: BYPASS_REGISTER,
  fields: { bypassId, outcome: 'approved', findings: 'The outage was real.' },
});

const cases: Readonly<Record<string, Case>> = {
  'a role, by who asked for it': {
    command: confirmRoleCommand,
    refused: 'confirmed-by-another',
    first: async (log) => {
      await log.do(registerPersonCommand, ERIN, { person: ERIN }, 'ivy');
      const scope = { kind: 'organisation', id: '*' };
      await log.do(requestRoleCommand, ERIN, { role: 'developer', scope, until: '2026-09-01T00:00:00.000Z' }, 'one');
      const { pending } = (await state(log, roleGrants as never, ERIN)) as { pending: object };
      return { target: ERIN, fields: { grantId: Object.keys(pending)[0] } };
    },
  },
  'the team that owns a product, by who asked for it': {
    command: confirmOwnershipCommand,
    refused: 'confirmed-by-another',
    first: async (log) => {
      const fields = { product: 'shop', team: 'payments' };
      await log.do(requestOwnershipCommand, ownershipId('shop'), fields, 'one');
      return { target: ownershipId('shop'), fields };
    },
  },
  'policies on roles, by who proposed them': {
    command: confirmRolePolicyCommand,
    refused: 'confirmed-by-another',
    first: async (log) => {
      const actions = ['ProposeRolePolicy', 'ConfirmRolePolicy', 'ConfirmRole'];
      await log.do(proposeRolePolicyCommand, ROLE_POLICY_ID, { title: 'All', policies: POLICIES, actions, vouching: [] }, 'one');
      const { proposed } = (await state(log, rolePolicy as never, ROLE_POLICY_ID)) as { proposed: { hash: string } };
      return { target: ROLE_POLICY_ID, fields: { hash: proposed.hash } };
    },
  },
  'the link of an account, by who asked for it': {
    command: confirmAccountLinkCommand,
    refused: 'confirmed-by-another',
    first: async (log) => {
      await log.do(registerPersonCommand, ERIN, { person: ERIN }, 'ivy');
      const fields = { issuer: 'test', subject: 'erin', person: ERIN };
      await log.do(requestAccountLinkCommand, accountId('test', 'erin'), fields, 'one');
      return { target: accountId('test', 'erin'), fields };
    },
  },
  'a member of a group, by who asked for her': {
    command: confirmGroupMemberCommand,
    refused: 'confirmed-by-another',
    first: async (log) => {
      await log.do(registerPersonCommand, ERIN, { person: ERIN }, 'ivy');
      await log.do(defineGroupCommand, 'risk', { group: 'risk', title: 'Risk' }, 'ivy');
      // Known when she asks, as it is asked of her where roles are granted, and known as another since.
      await log.link('one', BEFORE);
      await log.do(addGroupMemberCommand, 'risk', { person: ERIN }, 'one', { personsOnRecord: true });
      return { target: 'risk', fields: { person: ERIN } };
    },
  },
  'a laxer policy for an environment, by who proposed it': {
    command: confirmEnvironmentChangeCommand,
    refused: 'confirmed-by-another',
    first: async (log) => {
      await log.environment('production', 'bank', ['SOX']);
      await log.do(proposeEnvironmentChangeCommand, 'production', { policyId: 'lax', reason: 'It is faster.' }, 'one');
      const { proposal } = (await state(log, environment as never, 'production')) as { proposal: { proposalId: string } };
      return { target: 'production', fields: { proposalId: proposal.proposalId } };
    },
  },
  'a change model, by who proposed it': {
    command: voteOnChangeModelCommand,
    refused: 'recused',
    first: async (log) => {
      await log.group('cab', 'third', 'fourth');
      await log.do(registerPersonCommand, SHE, { person: SHE }, 'ivy');
      await log.do(addGroupMemberCommand, 'cab', { person: SHE }, 'ivy');
      const meetings = { zone: 'UTC', start: '2026-03-04T14:00', durationMinutes: 60, rule: 'FREQ=WEEKLY' };
      const board = { boardId: 'cab', title: 'Board', group: 'cab', quorum: 2, chair: log.personOf('third'), meetings, cutoffHours: 24 };
      await log.do(defineBoardCommand, 'cab', board, 'max');
      const conditions = { products: ['shop'], actions: ['exec:noop'] };
      const proposal = { modelId: 'known', title: 'Known', boardId: 'cab', conditions, validUntil: '2026-09-01T00:00:00.000Z' };
      await log.do(proposeChangeModelCommand, 'known', proposal, 'one');
      const { versions } = (await state(log, changeModel as never, 'known')) as { versions: { contentsHash: string }[] };
      return { target: 'known', fields: { contentsHash: versions[0]?.contentsHash, vote: 'for' } };
    },
  },
  'a legal hold, by who placed it': {
    command: releaseLegalHoldCommand,
    refused: 'released-by-another',
    first: async (log) => {
      const scope = { kind: 'product', id: 'shop' };
      await log.do(placeLegalHoldCommand, HOLD_REGISTER, { holdId: 'lawsuit', scope, reason: 'A lawsuit.' }, 'one');
      return { target: HOLD_REGISTER, fields: { holdId: 'lawsuit', reason: 'It is settled.' } };
    },
  },
  'an erasure, by who asked for it': {
    command: confirmErasureCommand,
    refused: 'confirmed-by-another',
    first: async (log) => {
      await log.do(registerPersonCommand, ERIN, { person: ERIN }, 'ivy');
      await log.do(personLeavesCommand, ERIN, { reason: 'Moved on.' }, 'ivy');
      await log.do(requestErasureCommand, ERIN, {}, 'one');
      return { target: ERIN, fields: {} };
    },
  },
  'a bypass, by who requested it': {
    command: reviewBypassCommand,
    refused: 'review-by-another',
    first: async (log) => {
      const { bypassId } = await bypassed(log);
      log.later(241);
      return reviewOf(bypassId);
    },
  },
  'a bypass, by who deployed with it': {
    command: reviewBypassCommand,
    refused: 'review-by-another',
    first: async (log) => {
      const { releaseId, bypassId } = await bypassed(log, 'ada', 'rita');
      const started = await log.start(releaseId, 'production', bypassId, 'one');
      const deploymentId = started.refusal ? '' : started.deploymentId;
      const use = { bypassId, deploymentId, deployer: log.personOf('one'), at: log.now };
      await log.do(recordBypassUseCommand, BYPASS_REGISTER, use, 'process');
      return reviewOf(bypassId);
    },
  },
  'a bypass, by who wrote what it was for': {
    command: reviewBypassCommand,
    refused: 'review-by-another',
    first: async (log) => {
      const { bypassId } = await bypassed(log, 'one', 'rita');
      log.later(241);
      return reviewOf(bypassId);
    },
  },
  'a bypass, by who amended the release since so that it is no longer of what she wrote': {
    command: reviewBypassCommand,
    refused: 'review-by-another',
    first: async (log) => {
      const { releaseId, bypassId } = await bypassed(log, 'one', 'rita');
      const artifact = artifactId('other', '1.0.0');
      const fields = { name: 'other', version: '1.0.0', purl: 'pkg:npm/other@1.0.0', authors: ['test|ada'] };
      await log.do(registerArtifactCommand, artifact, { ...fields, digest: { algorithm: 'sha256', value: 'b'.repeat(64) } }, 'ada');
      await log.do(amendReleaseCommand, releaseId, { artifactIds: [artifact] }, 'ada');
      log.later(241);
      return reviewOf(bypassId);
    },
  },
};

/** Commands by which one vouches for another, that are shown to know who is who in other specs. */
const ELSEWHERE: Readonly<Record<string, string>> = {
  GrantApproval: 'identity.spec.ts, weakened/weakened.spec.ts: the duties of persons as known now',
  RejectApproval: 'whoever may approve may reject, once: it takes nobody else',
  VoteOnChange: 'board.spec.ts: one vote each',
  OpenChangeVote: 'board.spec.ts: by the chair alone, under the duties of a vote',
  ConfirmCondition: 'src/governance/change/change.spec.ts: the duties of persons as known now',
  ReviewChange: 'board.spec.ts: not by who deployed it',
  AddGroupMember: 'src/governance/group/group.spec.ts: nobody herself, and a second person where roles are granted',
  ProposeEnvironmentChange: 'identity.spec.ts: the first of two persons, and so no program',
  ClaimAddressByKeys: 'src/governance/address/address.spec.ts: nobody her own',
};

/** Who had a part before can't be the second person with another account: given events and a link made before, when she or another confirms. */
describe('what takes a second person', () => {
  const ok = (refusal: Refusal | undefined): void => {
    if (refusal) throw new Error(`${refusal.detail} ${JSON.stringify(refusal.reasons)}`);
  };

  it.each([
    'a role, by who asked for it',
    'the team that owns a product, by who asked for it',
    'policies on roles, by who proposed them',
    'the link of an account, by who asked for it',
    'a member of a group, by who asked for her',
    'a laxer policy for an environment, by who proposed it',
    'a change model, by who proposed it',
    'a legal hold, by who placed it',
    'an erasure, by who asked for it',
    'a bypass, by who requested it',
    'a bypass, by who deployed with it',
    'a bypass, by who wrote what it was for',
    'a bypass, by who amended the release since so that it is no longer of what she wrote',
  ])('is not done with the other account of the first: %s; and is by another person', async (name) => {
    const { command, first, refused } = cases[name]!;
    const log = new GovernedLog();
    const { target, fields } = await first(log);
    // Two others have both of her accounts linked to her, after the one acted and before the other does.
    for (const account of ['one', 'other']) await log.link(account, SHE);
    const refusal = await log.ask(command, target, fields, 'other');
    expect(refusal).toMatchObject({ kind: 'duty', type: refused });
    expect(refusal?.reasons.flatMap(({ evidence }) => evidence ?? [])).toContainEqual(
      expect.stringContaining(`account-${accountId('test', 'one')}@`),
    );
    ok(await log.ask(command, target, fields, 'third'));
  });

  it('has every command that is defined to vouch for another, or says where else it is shown', () => {
    const defined = readTree(join(__dirname, '../../src')).flatMap(({ text }) =>
      [...text.matchAll(/\btype: (\w+),\n(?:\s+action: '\w+',\n)?\s+vouches: true,/g)].map(([, name = '']) => name),
    );
    expect(Object.keys(cases)).toHaveLength(13);
    const here = Object.values(cases).map(({ command }) => command.type.name);
    expect([...new Set([...here, ...Object.keys(ELSEWHERE)])].sort()).toEqual([...defined].sort());
  });

  it('does not begin anew with another account: an overdue review blocks her next bypass, and nobody else’s', async () => {
    const log = new GovernedLog();
    await bypassed(log);
    log.later(73 * 60);
    await log.environment('staging', 'bank');
    const releaseId = await log.release('ledger', 'staging');
    const fields = { releaseId, environment: 'staging', gates: ['tests-passed'], justification: 'The ledger is down.' };
    for (const account of ['one', 'other']) await log.link(account, SHE);
    expect(await log.ask(requestBypassCommand, BYPASS_REGISTER, fields, 'other')).toMatchObject({ type: 'bypass-review-overdue' });
    ok(await log.ask(requestBypassCommand, BYPASS_REGISTER, fields, 'third'));
  });
});
