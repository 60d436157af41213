import { defaultPolicySet, policySetHash } from '#libs/authorization';
import { NO_STREAM, type Loaded } from '#libs/event-sourcing';
import type { HeldRole } from '#libs/identity';
import { bootstrap } from '../bootstrap/identity-bootstrap.ts';
import { person } from '../person/person.ts';
import { roleGrants } from '../role/role-grants.ts';
import { rolePolicy } from '../role-policy/role-policy.ts';
import { decideAccess, type Standing } from './access.ts';

const table = { ConfirmErasure: ['identity-admin'], GrantApproval: ['approver'] };
const loaded = <S>(state: S): Loaded<S> => ({ id: 'i', stream: 's', state, revision: NO_STREAM, exists: false, ref: 's@-1', events: [] });
const standing = (policies?: string): Standing => ({
  person: loaded(person.initial),
  grants: loaded(roleGrants.initial),
  bootstrap: loaded(bootstrap.initial),
  policy: loaded({
    ...rolePolicy.initial,
    ...(policies === undefined
      ? {}
      : { inForce: { version: 1, title: 'Bank', policies, hash: policySetHash(policies), proposedBy: 'max' } }),
  }),
});
const held: readonly HeldRole[] = [{ role: 'identity-admin', scope: { kind: 'organisation', id: '*' }, from: '', until: '9' }];
const may = (policies: string | undefined, action = 'ConfirmErasure') =>
  decideAccess(standing(policies), table, { person: 'ida', held, bot: false, action, resource: {}, at: '2026-03-02T10:00:00.000Z' })
    .allowed;

describe('policies on roles that were published when an action had another name', () => {
  it('go on to permit it, to the same persons', () => {
    const before = defaultPolicySet({ Confirm: ['identity-admin'] });
    expect(may(before)).toBe(true);
    expect(may(defaultPolicySet({ Confirm: ['somebody-else'] }))).toBe(false);
    expect(may(before, 'GrantApproval')).toBe(false);
  });

  it('go on to forbid it, also where everything else is permitted', () => {
    expect(may('permit (principal, action, resource);')).toBe(true);
    expect(may('permit (principal, action, resource); forbid (principal, action == Action::"Confirm", resource);')).toBe(false);
    expect(may('permit (principal, action, resource) unless { action == Action::"Confirm" };')).toBe(false);
    // A list of actions, and a name that is only in a text.
    expect(may('permit (principal, action in [Action::"GrantApproval", Action::"Confirm"], resource);')).toBe(true);
    expect(may('@id("Confirm") permit (principal, action == Action::"GrantApproval", resource);')).toBe(false);
  });

  it('do not stand in the way of those that speak of it by its name, nor of the program’s own table', () => {
    expect(may(defaultPolicySet(table))).toBe(true);
    expect(may(undefined)).toBe(true);
    expect(may('permit (principal, action, resource); forbid (principal, action == Action::"ConfirmErasure", resource);')).toBe(false);
  });
});
