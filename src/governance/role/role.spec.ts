import type { RoleGrantEvent, RoleScope } from '#libs/contracts';
import { derivedId } from '#libs/event-sourcing';
import { issued, metaOf, scenario } from '#libs/event-sourcing/testing';
import { noAliases } from '#libs/policy/testing';
import {
  confirmRole,
  ConfirmRole,
  endRoles,
  EndRoles,
  requestRole,
  RequestRole,
  revokeRole,
  RevokeRole,
  type GrantFacts,
} from './request-role.ts';
import { roleGrants } from './role-grants.ts';

const roles = scenario(roleGrants);
const NOW = metaOf().now;
const grantId = derivedId('grant', metaOf().commandId);
const everywhere: RoleScope = { kind: 'organisation', id: '*' };
const facts: GrantFacts = { person: { registered: true, left: false }, besides: [] };
const grant = (role: string, more: object = {}) => ({
  grantId,
  person: 'dora',
  role,
  scope: everywhere,
  from: NOW,
  until: '2026-06-01T00:00:00.000Z',
  requestedBy: 'ida',
  ...more,
});
const requested = (role: string, more: object = {}): RoleGrantEvent => ({ type: 'RoleRequested', data: grant(role, more) });
const granted = (role: string, more: object = {}): RoleGrantEvent => ({
  type: 'RoleGranted',
  data: { ...grant(role, more), confirmedBy: 'ian' },
});
const revoked = (role: string, reason: string): RoleGrantEvent => ({
  type: 'RoleRevoked',
  data: { grantId, person: 'dora', role, reason },
});
const ask = (fields: Partial<RequestRole> = {}, by = 'ida') =>
  issued(RequestRole, { role: 'approver', scope: everywhere, until: '2026-06-01T00:00:00Z', ...fields }, 'dora', { person: by });
const confirm = (by: string, now = NOW) => issued(ConfirmRole, { grantId }, 'dora', { person: by, now });

describe('asking for a role', () => {
  it('puts on record who asked for what, and grants nothing', () => {
    roles.given().when(requestRole, ask(), facts).then(requested('approver'));
    expect(roleGrants.evolve(roleGrants.initial, requested('approver')).granted).toEqual({});
  });

  it('is nothing new the second time', () => {
    roles.given(requested('approver')).when(requestRole, ask(), facts).thenNothing();
  });

  it.each([
    ['from-past', { from: '2026-03-02T09:59:59Z' }],
    ['until-invalid', { until: '2026-03-02T10:00:00Z' }],
    ['until-invalid', { until: '2027-03-04T10:00:00Z' }],
    ['scope-invalid', { scope: { kind: 'organisation' as const, id: 'shop' } }],
    ['scope-invalid', { scope: { kind: 'environment' as const, id: '*' } }],
  ])('is refused (%s) for %j', (type, fields) => {
    roles.given().when(requestRole, ask(fields), facts).thenRefused(type);
  });

  it('is refused for whom nobody knows, and for who has left', () => {
    roles
      .given()
      .when(requestRole, ask(), { ...facts, person: { registered: false, left: false } })
      .thenRefused('person-unknown');
    roles
      .given()
      .when(requestRole, ask(), { ...facts, person: { registered: true, left: true } })
      .thenRefused('person-left');
  });

  it('is refused for what must not be held together, also by the first administrator', () => {
    roles.given(granted('policy-editor')).when(requestRole, ask(), facts).thenRefused('roles-not-separated');
    const first = { role: 'identity-admin', scope: everywhere, from: '', until: '9' };
    roles
      .given()
      .when(requestRole, ask(), { ...facts, besides: [first] })
      .thenRefused('roles-not-separated');
    roles.given(granted('policy-editor'), revoked('policy-editor', 'x')).when(requestRole, ask(), facts).then(requested('approver'));
  });
});

describe('confirming a role', () => {
  it('grants it, from then on and not from before', () => {
    const later = '2026-03-03T10:00:00.000Z';
    roles
      .given(requested('approver'))
      .when(confirmRole, confirm('ian'), { ...facts, ...noAliases })
      .then(granted('approver'));
    roles
      .given(requested('approver'))
      .when(confirmRole, confirm('ian', later), { ...facts, ...noAliases })
      .then(granted('approver', { from: later }));
  });

  it('is nothing new the second time', () => {
    roles
      .given(requested('approver'), granted('approver'))
      .when(confirmRole, confirm('ian'), { ...facts, ...noAliases })
      .thenNothing();
  });

  it.each(['ida', 'dora'])('is not for %s, who asked for it or would hold it', (by) => {
    roles
      .given(requested('approver'))
      .when(confirmRole, confirm(by), { ...facts, ...noAliases })
      .thenRefused('confirmed-by-another');
  });

  it('is refused where nobody asked, where it is over, and where it came to be forbidden meanwhile', () => {
    roles
      .given()
      .when(confirmRole, confirm('ian'), { ...facts, ...noAliases })
      .thenRefused('grant-unknown');
    roles
      .given(requested('approver'))
      .when(confirmRole, confirm('ian', '2026-06-01T00:00:00.000Z'), { ...facts, ...noAliases })
      .thenRefused('grant-over');
    const other = granted('policy-editor', { grantId: 'other' });
    roles
      .given(requested('approver'), other)
      .when(confirmRole, confirm('ian'), { ...facts, ...noAliases })
      .thenRefused('roles-not-separated');
    const left = { ...facts, person: { registered: true, left: true } };
    roles
      .given(requested('approver'))
      .when(confirmRole, confirm('ian'), { ...left, ...noAliases })
      .thenRefused('person-left');
  });
});

describe('ending a role', () => {
  const revoke = issued(RevokeRole, { grantId, reason: 'Moved on.' }, 'dora');
  const end = issued(EndRoles, { reason: 'The person left.' }, 'dora');

  it('takes a grant away, or withdraws a request, once', () => {
    roles.given(granted('approver')).when(revokeRole, revoke).then(revoked('approver', 'Moved on.'));
    roles.given(requested('approver')).when(revokeRole, revoke).then(revoked('approver', 'Moved on.'));
    roles.given(granted('approver'), revoked('approver', 'Moved on.')).when(revokeRole, revoke).thenNothing();
    roles.given().when(revokeRole, revoke).thenRefused('grant-unknown');
    roles
      .given(requested('approver'), revoked('approver', 'x'))
      .when(confirmRole, confirm('ian'), { ...facts, ...noAliases })
      .thenRefused('grant-unknown');
  });

  it('ends everything of a leaver, once', () => {
    roles.given(granted('approver')).when(endRoles, end).then(revoked('approver', 'The person left.'));
    roles.given(granted('approver'), revoked('approver', 'x')).when(endRoles, end).thenNothing();
    roles.given(requested('approver')).when(endRoles, end).then(revoked('approver', 'The person left.'));
  });
});
