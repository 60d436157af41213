import { defaultPolicySet, mayAct, namesAction, policySetHash, type AccessDecision, type ActionTable } from '#libs/authorization';
import { formerNamesOf } from '#libs/contracts';
import type { Loaded, ReadAggregate } from '#libs/event-sourcing';
import { isInForce, covers, rolesFor, type HeldRole, type ScopedResource } from '#libs/identity';
import { bootstrap, BOOTSTRAP_ID, type Bootstrap } from '../bootstrap/identity-bootstrap.ts';
import { person, type Person } from '../person/person.ts';
import { heldRoles, roleGrants, type RoleGrants } from '../role/role-grants.ts';
import { rolePolicy, ROLE_POLICY_ID, type RolePolicy } from '../role-policy/role-policy.ts';

/** Where roles come from: out of the token, which is for trying things out, or from what two persons granted. */
export type RolesFrom = 'token' | 'grants';

/** The streams on which roles of a person rest, as they are or were. */
export interface Standing {
  readonly person: Loaded<Person>;
  readonly grants: Loaded<RoleGrants>;
  readonly bootstrap: Loaded<Bootstrap>;
  readonly policy: Loaded<RolePolicy>;
}

export async function standingOf(read: ReadAggregate, personId: string): Promise<Standing> {
  const [known, grants, first, policy] = await Promise.all([
    read(person, personId),
    read(roleGrants, personId),
    read(bootstrap, BOOTSTRAP_ID),
    read(rolePolicy, ROLE_POLICY_ID),
  ]);
  return { person: known, grants, bootstrap: first, policy };
}

const EVERYWHERE = { kind: 'organisation', id: '*' } as const;

/** Everything a person holds; the first administrator's role counts with the account of then alone, where an account is named. */
export function holdings(standing: Standing, personId: string, principal?: string): readonly HeldRole[] {
  const { state: first } = standing.bootstrap;
  const isFirst = first.person === personId && !first.ended && (principal === undefined || first.principal === principal);
  return [...heldRoles(standing.grants.state), ...(isFirst ? [{ role: 'identity-admin', scope: EVERYWHERE, from: '', until: '9' }] : [])];
}

export interface PoliciesInForce {
  /** 0 where none was ever published. */
  readonly version: number;
  readonly text: string;
  readonly hash: string;
}

/** The policies in force: those published last, else the program's own table. */
export function policiesIn(standing: Pick<Standing, 'policy'>, table: ActionTable): PoliciesInForce {
  const published = standing.policy.state.inForce;
  if (published) return { version: published.version, text: published.policies, hash: published.hash };
  const known = defaults.get(table);
  if (known) return known;
  const text = defaultPolicySet(table);
  const made = { version: 0, text, hash: policySetHash(text) };
  defaults.set(table, made);
  return made;
}

/** What a table comes to: it takes longer to write out than to decide by. */
const defaults = new WeakMap<ActionTable, PoliciesInForce>();

export interface Access extends AccessDecision {
  readonly roles: readonly string[];
  readonly policyVersion: number;
}

/** Whether roles in force let a person do something at an instant. Pure: the same standing gives the same answer. */
export function decideAccess(
  standing: Standing,
  table: ActionTable,
  asked: {
    readonly person: string;
    readonly held: readonly HeldRole[];
    readonly bot: boolean;
    readonly action: string;
    readonly vouches?: boolean;
    readonly resource: ScopedResource;
    readonly at: string;
  },
): Access {
  const { version, text } = policiesIn(standing, table);
  const roles = rolesFor(asked.held, asked.at, asked.resource);
  const { person: personId, bot, vouches = false, resource, at } = asked;
  // A set that was published when the action had another name means it by that: its permits and its forbids go on to count.
  const action = formerNamesOf(asked.action).find((former) => version > 0 && namesAction(text, former)) ?? asked.action;
  if (standing.person.state.left) return { allowed: false, policies: [], errors: [], roles: [], policyVersion: version };
  return { ...mayAct(text, { person: personId, roles, bot, action, vouches, resource, now: at }), roles, policyVersion: version };
}

/** Roles that are in force, but not for what was asked. */
export function elsewhere(held: readonly HeldRole[], at: string, resource: ScopedResource): readonly string[] {
  return held
    .filter((h) => isInForce(h, at) && !covers(h.scope, resource))
    .map((h) => `${h.role} in ${h.scope.kind} ${h.scope.id}`)
    .sort();
}
