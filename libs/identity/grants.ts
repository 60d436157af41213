/** Every role that can be granted. */
export const GRANTABLE_ROLES = [
  'developer',
  'release-manager',
  'approver',
  'deployer',
  'policy-editor',
  'sre',
  'tester',
  'service',
  'auditor',
  'identity-admin',
  'records-manager',
] as const;

/** Where a role counts; `id` is `*` for the organisation. */
export interface Scope {
  readonly kind: 'organisation' | 'team' | 'service' | 'environment';
  readonly id: string;
}

/** What an action is about, as far as it is known. What is not known is covered by the organisation's scope alone. */
export interface ScopedResource {
  readonly environment?: string;
  readonly service?: string;
  readonly team?: string;
}

/** A role for a time and a scope. Times are ISO 8601, UTC, and half-open: in force from `from` and no more at `until`. */
export interface HeldRole {
  readonly role: string;
  readonly scope: Scope;
  readonly from: string;
  readonly until: string;
  /** Since when it is no more, where it was revoked. */
  readonly revokedAt?: string;
}

/** Whether a role is in force at an instant (ISO 8601, UTC). */
export function isInForce(held: HeldRole, at: string): boolean {
  return held.from <= at && at < endOf(held);
}

/** Kinds of scope besides the organisation. */
const PARTS = ['environment', 'service', 'team'] as const;

/**
 * Whether a scope covers what an action is about: absence is not permission. A scope as it is stored may be none, such as `{}`: it covers nothing.
 */
export function covers(scope: Partial<Scope> | undefined, resource: ScopedResource): boolean {
  const { kind, id } = scope ?? {};
  if (typeof id !== 'string' || id === '') return false;
  return kind === 'organisation' || PARTS.some((part) => part === kind && resource[part] === id);
}

/** The roles that count for an action at an instant; sorted, without repeats. */
export function rolesFor(held: readonly HeldRole[], at: string, resource: ScopedResource): readonly string[] {
  return [...new Set(held.filter((h) => isInForce(h, at) && covers(h.scope, resource)).map((h) => h.role))].sort();
}

/** Static separation of duties: nobody holds more than `atMost` of these roles at any one time, in whatever scopes. */
export interface RoleSetRule {
  /** Stable, kebab-case. */
  readonly id: string;
  readonly roles: readonly string[];
  readonly atMost: number;
}

/** Who makes the rules does not apply them, and who says who people are does neither. */
export const ROLE_SETS: readonly RoleSetRule[] = [
  { id: 'rules-apart-from-approvals', roles: ['policy-editor', 'approver'], atMost: 1 },
  { id: 'identities-apart-from-approvals', roles: ['identity-admin', 'approver'], atMost: 1 },
  { id: 'auditor-does-not-approve', roles: ['auditor', 'approver'], atMost: 1 },
];

/** A rule that a further role would break, and when that would be for the first time. */
export interface RoleSetConflict {
  readonly rule: RoleSetRule;
  /** The roles of the set that would be in force together; sorted. */
  readonly roles: readonly string[];
  readonly at: string;
}

/**
 * The first rule that a further role would break, on top of those that are held, at any instant at which it is in force.
 *
 * @throws Error a rule forbids nothing, or everything
 */
export function roleSetConflict(held: readonly HeldRole[], further: HeldRole, rules: readonly RoleSetRule[]): RoleSetConflict | undefined {
  for (const rule of rules) {
    if (rule.atMost < 1 || rule.atMost >= new Set(rule.roles).size) throw new Error(`Rule ${rule.id} forbids nothing, or everything.`);
    if (!rule.roles.includes(further.role)) continue;
    const own = held.filter((h) => rule.roles.includes(h.role));
    // What is in force together changes only where something begins.
    const instants = [further.from, ...own.map((h) => h.from)].filter((at) => isInForce(further, at)).sort();
    for (const at of instants) {
      const roles = [...new Set([further.role, ...own.filter((h) => isInForce(h, at)).map((h) => h.role)])].sort();
      if (roles.length > rule.atMost) return { rule, roles, at };
    }
  }
  return undefined;
}

function endOf({ until, revokedAt }: HeldRole): string {
  return revokedAt !== undefined && revokedAt < until ? revokedAt : until;
}
