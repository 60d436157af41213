import { defaultPolicySet, policySetHash } from '#libs/authorization';
import type { RolePolicyEvent } from '#libs/contracts';
import { issued, scenario } from '#libs/event-sourcing/testing';
import { noAliases } from '#libs/policy/testing';
import { confirmRolePolicy, ConfirmRolePolicy, proposeRolePolicy, ProposeRolePolicyForActions } from './publish-role-policy.ts';
import { rolePolicy } from './role-policy.ts';

const sets = scenario(rolePolicy);
const table = { ProposeRolePolicy: ['policy-editor'], ConfirmRolePolicy: ['policy-editor'], ConfirmRole: ['identity-admin'] };
const policies = defaultPolicySet(table);
const set = { version: 1, title: 'Bank', policies, hash: policySetHash(policies), proposedBy: 'max' };
const proposed: RolePolicyEvent = { type: 'RolePolicyProposed', data: set };
const published: RolePolicyEvent = { type: 'RolePolicyPublished', data: { ...set, confirmedBy: 'mia' } };
const propose = (text = policies) =>
  issued(ProposeRolePolicyForActions, { title: 'Bank', policies: text, actions: Object.keys(table), vouching: [] }, 'organisation', {
    person: 'max',
  });
const confirm = (by: string, hash = set.hash) => issued(ConfirmRolePolicy, { hash }, 'organisation', { person: by });

describe('policies on roles', () => {
  it('are proposed by one person and published by another, once', () => {
    sets.given().when(proposeRolePolicy, propose()).then(proposed);
    sets.given(proposed).when(proposeRolePolicy, propose()).thenNothing();
    sets.given(proposed).when(confirmRolePolicy, confirm('mia'), noAliases).then(published);
    sets.given(proposed, published).when(confirmRolePolicy, confirm('mia'), noAliases).thenNothing();
    sets.given(proposed, published).when(proposeRolePolicy, propose()).thenNothing();
  });

  it('are not published by who proposed them, nor unread, nor where there are none', () => {
    sets.given(proposed).when(confirmRolePolicy, confirm('max'), noAliases).thenRefused('confirmed-by-another');
    sets
      .given(proposed)
      .when(confirmRolePolicy, confirm('mia', 'f'.repeat(64)), noAliases)
      .thenRefused('role-policy-changed');
    sets.given().when(confirmRolePolicy, confirm('mia'), noAliases).thenRefused('role-policy-not-proposed');
  });

  it('are not proposed with a mistake, nor where nobody could put them right again', () => {
    sets
      .given()
      .when(proposeRolePolicy, propose('permit (principal, action == Action::"Fly", resource);'))
      .thenRefused('role-policy-invalid');
    sets.given().when(proposeRolePolicy, propose('forbid (principal, action, resource);')).thenRefused('role-policy-locks-out');
  });
});
