import type { IdentityBootstrapEvent, RoleGrantEvent } from '#libs/contracts';
import { defineView } from '#libs/read-models';
import type { RoleGrantRow } from './role-grants.row.ts';

/** Every role that anybody was asked to hold, and what became of it. */
export const roleGrantList = defineView<RoleGrantRow, RoleGrantEvent | IdentityBootstrapEvent>({
  name: 'role-grants',
  version: 1,
  table: 'role_grant',
  key: 'grant_id',
  columns: {
    grant_id: 'text',
    person: 'text',
    role: 'text',
    scope_kind: 'text',
    scope_id: 'text',
    from_at: 'timestamptz',
    until_at: 'timestamptz',
    status: 'text',
    requested_by: 'text',
    confirmed_by: 'text',
    position: 'bigint',
  },
  indexes: [['position'], ['person', 'position'], ['role', 'position']],
  on: {
    RoleRequested: { key: (e) => e.data.grantId, apply: (_row, e) => rowOf(e.data, 'requested', e.position) },
    RoleGranted: {
      key: (e) => e.data.grantId,
      apply: (_row, e) => ({ ...rowOf(e.data, 'granted', e.position), confirmed_by: e.data.confirmedBy }),
    },
    RoleRevoked: { key: (e) => e.data.grantId, apply: (row, e) => row && { ...row, status: 'revoked', position: e.position } },
    IdentityBootstrapped: {
      key: () => 'bootstrap',
      apply: (_row, { data: { person }, position }) => ({
        grant_id: 'bootstrap',
        person,
        role: 'identity-admin',
        scope_kind: 'organisation',
        scope_id: '*',
        from_at: null,
        until_at: null,
        status: 'bootstrapped',
        requested_by: person,
        confirmed_by: null,
        position,
      }),
    },
    IdentityBootstrapEnded: { key: () => 'bootstrap', apply: (row, e) => row && { ...row, status: 'revoked', position: e.position } },
  },
});

/** What says of a row that its scope, as it is stored, is none: such a role covers nothing. */
export const NO_SCOPE = 'none';

function rowOf(
  grant: Extract<RoleGrantEvent, { type: 'RoleRequested' }>['data'],
  status: RoleGrantRow['status'],
  position: bigint,
): RoleGrantRow {
  return {
    grant_id: grant.grantId,
    person: grant.person,
    role: grant.role,
    ...scopeOf(grant.scope),
    from_at: grant.from,
    until_at: grant.until,
    status,
    requested_by: grant.requestedBy,
    confirmed_by: null,
    position,
  };
}

/** As it is stored, a scope may be `{}`: nobody checked it once. */
function scopeOf({
  kind = NO_SCOPE,
  id = '',
}: {
  readonly kind?: string;
  readonly id?: string;
}): Pick<RoleGrantRow, 'scope_kind' | 'scope_id'> {
  return { scope_kind: kind, scope_id: id };
}
