import type { IdentityBootstrapEvent, RoleGrantEvent } from '#libs/contracts';
import { foldView } from '#libs/read-models';
import { history } from '../../../../test/support/history.ts';
import { roleGrantList } from './role-grants.projection.ts';

const grant = {
  grantId: 'g1',
  person: 'dora',
  role: 'approver',
  scope: { kind: 'environment', id: 'production' },
  from: '2026-03-02T10:00:00.000Z',
  until: '2026-06-01T00:00:00.000Z',
  requestedBy: 'ida',
} as const;
const requested: RoleGrantEvent = { type: 'RoleRequested', data: grant };
const granted: RoleGrantEvent = { type: 'RoleGranted', data: { ...grant, from: '2026-03-03T00:00:00.000Z', confirmedBy: 'ian' } };
const revoked: RoleGrantEvent = { type: 'RoleRevoked', data: { grantId: 'g1', person: 'dora', role: 'approver', reason: 'Moved on.' } };
const first: IdentityBootstrapEvent = {
  type: 'IdentityBootstrapped',
  data: { issuer: 'idp', subject: 'root', person: 'root', reason: 'The first one.' },
};
const ended: IdentityBootstrapEvent = { type: 'IdentityBootstrapEnded', data: { person: 'root', reason: 'There are two.' } };
const after = (...events: readonly (RoleGrantEvent | IdentityBootstrapEvent)[]) =>
  foldView(roleGrantList, history(events.map((event) => ({ stream: 'rolegrants-dora', event }))));

describe('The list of roles', () => {
  it('shows who was asked to hold what, where and for how long, and who asked', () => {
    expect(after(requested).get('g1')).toEqual({
      grant_id: 'g1',
      person: 'dora',
      role: 'approver',
      scope_kind: 'environment',
      scope_id: 'production',
      from_at: '2026-03-02T10:00:00.000Z',
      until_at: '2026-06-01T00:00:00.000Z',
      status: 'requested',
      requested_by: 'ida',
      confirmed_by: null,
      position: 0n,
    });
  });

  it('shows who confirmed it and from when on it counts, in one row', () => {
    const rows = after(requested, granted);
    expect([...rows.keys()]).toEqual(['g1']);
    expect(rows.get('g1')).toMatchObject({
      status: 'granted',
      confirmed_by: 'ian',
      requested_by: 'ida',
      from_at: '2026-03-03T00:00:00.000Z',
      position: 10n,
    });
  });

  it('keeps what was revoked, also before it was confirmed, with who had confirmed it', () => {
    expect(after(requested, granted, revoked).get('g1')).toMatchObject({ status: 'revoked', confirmed_by: 'ian', position: 20n });
    expect(after(requested, revoked).get('g1')).toMatchObject({ status: 'revoked', confirmed_by: null });
    expect(after(revoked).size).toBe(0);
  });

  it('shows the first administrator, whom nobody confirmed and no time bounds, and that it is over', () => {
    expect(after(first).get('bootstrap')).toMatchObject({
      person: 'root',
      role: 'identity-admin',
      scope_kind: 'organisation',
      scope_id: '*',
      status: 'bootstrapped',
      requested_by: 'root',
      confirmed_by: null,
      from_at: null,
      until_at: null,
    });
    expect(after(first, ended).get('bootstrap')).toMatchObject({ status: 'revoked', position: 10n });
    expect(after(ended).size).toBe(0);
  });
});
