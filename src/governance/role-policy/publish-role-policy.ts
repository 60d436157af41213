import { ArrayMaxSize, IsArray, IsString, Matches, MaxLength, MinLength } from 'class-validator';
import { MAX_POLICY_TEXT, policySetHash, policySetProblems, unreachableActions } from '#libs/authorization';
import type { RolePolicyEvent } from '#libs/contracts';
import { defineCommand, refuse, type Decision, type Issued } from '#libs/event-sourcing';
import { GRANTABLE_ROLES } from '#libs/identity';
import { isFirstHand, readFirstHands, whoDid, type FirstHands } from '#libs/policy';
import { rolePolicy, type RolePolicy } from './role-policy.ts';

/** What comes in. */
export class ProposeRolePolicy {
  @IsString() @MinLength(1) @MaxLength(200) title: string;
  /** Cedar policies over `principal.roles`, `principal.bot`, `resource.environment`, `resource.service`, `resource.team`, `context.now`. */
  @IsString() @MinLength(1) @MaxLength(MAX_POLICY_TEXT) policies: string;
}

export class ProposeRolePolicyForActions extends ProposeRolePolicy {
  /** Every action there is, as this program knows them: a policy on another one is a misspelling. */
  @IsArray() @ArrayMaxSize(1000) @IsString({ each: true }) actions: readonly string[];
  /** Those of them by which one person vouches for another: `Action::"Confirming"` is their group. */
  @IsArray() @ArrayMaxSize(1000) @IsString({ each: true }) vouching: readonly string[];
}

export class ConfirmRolePolicy {
  /** SHA-256 (hex) of the policies that you have read. */
  @Matches(/^[0-9a-f]{64}$/, { message: 'hash must be the SHA-256 (hex) of the proposed policies' }) hash: string;
}

/** Actions without which nothing could be put right again. */
const NEEDED = ['ProposeRolePolicy', 'ConfirmRolePolicy', 'ConfirmRole'];

/** Policies with a mistake in them are not even proposed (principle 6). */
export function proposeRolePolicy(command: Issued<ProposeRolePolicyForActions>, state: RolePolicy): Decision<RolePolicyEvent> {
  const { title, policies, actions, vouching, meta } = command;
  const hash = policySetHash(policies);
  if (state.proposed?.hash === hash && state.proposed.title === title) return [];
  if (state.inForce?.hash === hash && !state.proposed) return [];
  const problems = policySetProblems(policies, actions, vouching);
  if (problems.length > 0) {
    return refuse(
      'meaning',
      'role-policy-invalid',
      `The policies have ${problems.length} ${problems.length === 1 ? 'mistake' : 'mistakes'}.`,
      problems.map((detail) => ({ code: 'policy-invalid', detail, unblockedBy: 'Put it right and propose again.' })),
    );
  }
  const locked = unreachableActions(
    policies,
    NEEDED.filter((a) => actions.includes(a)),
    GRANTABLE_ROLES,
  );
  if (locked.length > 0) {
    return refuse('meaning', 'role-policy-locks-out', `Nobody could ever ${locked.join(' or ')} again: permit it to some role.`);
  }
  return [{ type: 'RolePolicyProposed', data: { version: state.version + 1, title, policies, hash, proposedBy: meta.actor.person } }];
}

/** It takes a second person, who names what she has read. */
export function confirmRolePolicy(command: Issued<ConfirmRolePolicy>, state: RolePolicy, hands: FirstHands): Decision<RolePolicyEvent> {
  const { hash, meta } = command;
  const { proposed } = state;
  if (!proposed) {
    if (state.inForce?.hash === hash) return [];
    return refuse('not-found', 'role-policy-not-proposed', 'No policies on roles were proposed.');
  }
  if (proposed.hash !== hash) return refuse('conflict', 'role-policy-changed', `What is proposed is ${proposed.hash}: read it again.`);
  if (isFirstHand(meta.actor, hands, proposed.proposedBy)) {
    return refuse('duty', 'confirmed-by-another', 'Who proposed the policies does not confirm them.', [
      {
        code: 'two-persons',
        detail: `${proposed.proposedBy} proposed them.`,
        evidence: hands.persons.refs,
        unblockedBy: 'Another policy editor confirms them.',
      },
    ]);
  }
  return [{ type: 'RolePolicyPublished', data: { ...proposed, confirmedBy: meta.actor.person } }];
}

const about = (command: Issued<object>): Record<string, string> => ({ rolePolicy: command.target });

export const proposeRolePolicyCommand = defineCommand({
  type: ProposeRolePolicyForActions,
  action: 'ProposeRolePolicy',
  aggregate: rolePolicy,
  decide: proposeRolePolicy,
  governed: about,
});
export const confirmRolePolicyCommand = defineCommand({
  type: ConfirmRolePolicy,
  vouches: true,
  aggregate: rolePolicy,
  decide: confirmRolePolicy,
  facts: async (read, { target, meta }) =>
    readFirstHands(
      read,
      meta.actor,
      (await whoDid(read, rolePolicy.category, target, ({ type }) => type === 'RolePolicyProposed')).slice(-1),
    ),
  governed: about,
});
