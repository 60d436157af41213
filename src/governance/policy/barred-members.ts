import type { CommandMeta, ReadAggregate } from '#libs/event-sourcing';
import { personSource, type Members } from '#libs/policy';
import { heldRoles, roleGrants } from '../role/role-grants.ts';
import { rolePolicy, ROLE_POLICY_ID } from '../role-policy/role-policy.ts';

/** The role that approving takes, unless policies on roles were published. */
const APPROVING = 'approver';

/**
 * The members of groups who can't approve under a policy that somebody publishes now, each with a sentence why: who publishes it, who has
 * left, and, where roles are granted, who has no role for it and is to get none. What the streams do not say bars nobody.
 */
export async function barredMembers(
  read: ReadAggregate,
  members: Members,
  { actor, now, personsOnRecord }: CommandMeta,
): Promise<Readonly<Record<string, string>>> {
  const persons = [...new Set(Object.values(members).flat())].sort();
  // Who may do what by policies that were published depends on what it is about: that is not known here.
  const byTable = personsOnRecord && (await read(rolePolicy, ROLE_POLICY_ID)).state.inForce === undefined;
  const found = await Promise.all(
    persons.map(async (person): Promise<readonly (readonly [string, string])[]> => {
      if (person === actor.person) return [[person, `${person} publishes the policy, and so does not approve under it.`]];
      if ((await read(personSource, person)).state.left) return [[person, `${person} has left.`]];
      if (!byTable) return [];
      const held = heldRoles((await read(roleGrants, person)).state);
      const has = held.some(({ role, until }) => role === APPROVING && until > now);
      return has ? [] : [[person, `${person} has no role of ${APPROVING}.`]];
    }),
  );
  return Object.fromEntries(found.flat());
}
