import { Type } from 'class-transformer';
import { IsIn, IsOptional, IsString, Matches, MaxLength, ValidateNested } from 'class-validator';
import type { RoleGrantEvent, RoleScope } from '#libs/contracts';
import { defineCommand, derivedId, refuse, type Decision, type Issued, type ReadAggregate, type Refusal } from '#libs/event-sourcing';
import { GRANTABLE_ROLES, ROLE_SETS, roleSetConflict, type HeldRole } from '#libs/identity';
import { IsInstant } from '#libs/instant';
import { isFirstHand, readFirstHands, whoDid, type Act, type FirstHands } from '#libs/policy';
import { bootstrap, BOOTSTRAP_ID } from '../bootstrap/identity-bootstrap.ts';
import { asksAgain, readAsker, refuseUnknownAsker, type AskerFacts } from '../person/asker.ts';
import { person, type Person } from '../person/person.ts';
import { heldRoles, roleGrants, type RoleGrants } from './role-grants.ts';

/** The longest time that a role is granted for, milliseconds: a year and a day. */
const LONGEST = 366 * 86_400_000;

export class ScopeField implements RoleScope {
  @IsIn(['organisation', 'team', 'service', 'environment']) kind: 'organisation' | 'team' | 'service' | 'environment';
  @Matches(/^(?:\*|[a-z0-9@][a-z0-9._/@-]{0,199})$/, { message: 'id must be a name in lower case, or * for the organisation' }) id: string;
}

export class RequestRole {
  @IsIn(GRANTABLE_ROLES) role: string;
  @ValidateNested() @Type(() => ScopeField) scope: ScopeField;
  /** From when; now unless told, and never back in time. */
  @IsOptional() @IsInstant() from?: string;
  /** Until when, at most 366 days later: every role ends. */
  @IsInstant() until: string;
}

export class ConfirmRole {
  @Matches(/^[0-9a-f-]{36}$/, { message: 'grantId must be the id of the request' }) grantId: string;
}

export class RevokeRole {
  @Matches(/^[0-9a-f-]{36}$/, { message: 'grantId must be the id of the request or grant' }) grantId: string;
  @IsString() @Matches(/[\p{L}\p{N}]/u, { message: 'reason must say something' }) @MaxLength(500) reason: string;
}

/** Sent when a person leaves. */
export class EndRoles {
  @IsString() reason: string;
}

export interface GrantFacts extends AskerFacts {
  readonly person: Person;
  /** What the person holds without a grant: the first administrator. */
  readonly besides: readonly HeldRole[];
}

export type ConfirmFacts = GrantFacts & FirstHands;

/** Anybody may ask for a role, also for herself; nothing is granted by asking. */
export function requestRole(command: Issued<RequestRole>, state: RoleGrants, facts: GrantFacts): Decision<RoleGrantEvent> {
  const { role, scope, meta, target } = command;
  const from = instant(command.from ?? meta.now);
  const until = instant(command.until);
  if (!facts.person.registered) return refuse('not-found', 'person-unknown', `There is no person ${target}: register the person first.`);
  if (facts.person.left) return refuse('conflict', 'person-left', `${target} has left.`);
  if ((scope.kind === 'organisation') !== (scope.id === '*')) {
    return refuse('meaning', 'scope-invalid', 'The organisation has the id *, and a team, service or environment a name.');
  }
  const unknown = refuseUnknownAsker(facts);
  if (unknown) return unknown;
  if (from < meta.now) return refuse('meaning', 'from-past', `A role is not granted back in time: it is ${meta.now}.`);
  if (until <= from || Date.parse(until) - Date.parse(from) > LONGEST) {
    return refuse('meaning', 'until-invalid', 'until must be later than from, and at most 366 days later.');
  }
  const same = Object.values(state.pending).some(
    (p) => p.role === role && p.scope.kind === scope.kind && p.scope.id === scope.id && p.until === until && asksAgain(p.requestedBy, meta),
  );
  if (same) return [];
  const held = refuseTogether(state, facts, { role, scope, from, until });
  if (held) return held;
  return [
    {
      type: 'RoleRequested',
      data: {
        grantId: derivedId('grant', meta.commandId),
        person: target,
        role,
        scope: { kind: scope.kind, id: scope.id },
        from,
        until,
        requestedBy: meta.actor.person,
      },
    },
  ];
}

/** Neither who asked nor who would hold it confirms a role; nor does anyone confirm what may not be held together. */
export function confirmRole(command: Issued<ConfirmRole>, state: RoleGrants, facts: ConfirmFacts): Decision<RoleGrantEvent> {
  const { grantId, target, meta } = command;
  const confirmer = meta.actor.person;
  if (state.granted[grantId]) return [];
  const asked = state.pending[grantId];
  if (!asked) return refuse('not-found', 'grant-unknown', `Nobody asked for a role ${grantId} for ${target}, or it was withdrawn.`);
  if (isFirstHand(meta.actor, facts, asked.requestedBy, target)) {
    return refuse('duty', 'confirmed-by-another', 'A role is confirmed by somebody who neither asked for it nor would hold it.', [
      {
        code: 'two-persons',
        detail: `${asked.requestedBy} asked for the role ${asked.role} for ${target}.`,
        evidence: facts.persons.refs,
        unblockedBy: 'Another administrator of identities confirms it.',
      },
    ]);
  }
  const unknown = refuseUnknownAsker(facts);
  if (unknown) return unknown;
  if (facts.person.left) return refuse('conflict', 'person-left', `${target} has left.`);
  if (asked.until <= meta.now) return refuse('conflict', 'grant-over', `It would have ended at ${asked.until}. Ask for it anew.`);
  // Nothing counts from before it was confirmed.
  const from = asked.from < meta.now ? meta.now : asked.from;
  const held = refuseTogether(state, facts, { ...asked, from });
  if (held) return held;
  return [{ type: 'RoleGranted', data: { grantId, person: target, ...asked, from, confirmedBy: confirmer } }];
}

/** One person is enough to take a role away, or to withdraw a request. */
export function revokeRole(command: Issued<RevokeRole>, state: RoleGrants): Decision<RoleGrantEvent> {
  const { grantId, reason, target } = command;
  const known = state.granted[grantId] ?? state.pending[grantId];
  if (!known) return refuse('not-found', 'grant-unknown', `There is no role ${grantId} of ${target}.`);
  if (state.granted[grantId]?.revoked) return [];
  return [{ type: 'RoleRevoked', data: { grantId, person: target, role: known.role, reason } }];
}

/** Ends everything a person holds or is asked to hold. */
export function endRoles(command: Issued<EndRoles>, state: RoleGrants): Decision<RoleGrantEvent> {
  const open = [...Object.entries(state.pending), ...Object.entries(state.granted).filter(([, g]) => !g.revoked)];
  return open.map(([grantId, { role }]) => ({
    type: 'RoleRevoked',
    data: { grantId, person: command.target, role, reason: command.reason },
  }));
}

function refuseTogether(state: RoleGrants, { besides }: GrantFacts, further: HeldRole): Refusal | undefined {
  const found = roleSetConflict([...heldRoles(state), ...besides], further, ROLE_SETS);
  if (!found) return undefined;
  const { rule, roles, at } = found;
  return refuse('duty', 'roles-not-separated', `Nobody holds ${roles.join(' and ')} at once.`, [
    {
      code: 'static-separation',
      detail: `The rule ${rule.id} allows ${rule.atMost} of ${rule.roles.join(', ')}; from ${at} on it would be ${roles.length}.`,
      unblockedBy: 'Revoke the other role first, or give this one to somebody else.',
    },
  ]);
}

function instant(text: string): string {
  return new Date(text).toISOString();
}

async function grantFacts(read: ReadAggregate, command: Issued<object>): Promise<GrantFacts> {
  const [known, first] = await Promise.all([read(person, command.target), read(bootstrap, BOOTSTRAP_ID)]);
  const isFirst = first.state.person === command.target && !first.state.ended;
  const always: HeldRole = { role: 'identity-admin', scope: { kind: 'organisation', id: '*' }, from: '', until: '9' };
  return { person: known.state, besides: isFirst ? [always] : [] };
}

const about = (command: Issued<object>): Record<string, string> => ({ person: command.target });

export const requestRoleCommand = defineCommand({
  type: RequestRole,
  aggregate: roleGrants,
  decide: requestRole,
  facts: async (read, command): Promise<GrantFacts> => ({
    ...(await grantFacts(read, command)),
    ...(await readAsker(read, command.meta, command.meta.actor)),
  }),
  governed: about,
});
export const confirmRoleCommand = defineCommand({
  type: ConfirmRole,
  vouches: true,
  aggregate: roleGrants,
  decide: confirmRole,
  facts: async (read, command): Promise<ConfirmFacts> => {
    const { target, grantId, meta } = command;
    const asked = ({ type, data }: Act): boolean => type === 'RoleRequested' && data['grantId'] === grantId;
    const hands = await readFirstHands(read, meta.actor, await whoDid(read, roleGrants.category, target, asked));
    return { ...(await grantFacts(read, command)), ...hands, ...(await readAsker(read, meta, hands.first[0])) };
  },
  governed: about,
});
export const revokeRoleCommand = defineCommand({
  type: RevokeRole,
  personal: ['reason'],
  about: (command) => [command.target],
  aggregate: roleGrants,
  decide: revokeRole,
  governed: about,
});
export const endRolesCommand = defineCommand({
  type: EndRoles,
  personal: ['reason'],
  about: (command) => [command.target],
  aggregate: roleGrants,
  decide: endRoles,
});
