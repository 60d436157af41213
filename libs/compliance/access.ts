import type { GroupEvent, IdentityBootstrapEvent, PersonEvent, PlimsollEvent, RoleGrantEvent, RoleScope } from '#libs/contracts';
import type { AccessInPeriod, ActedWithoutGrant, Capability, ComplianceQuery, MembershipInForce, RoleInForce, Written } from './report.ts';
import { isProgram } from './text.ts';

/** What each role lets people do by the program's own table. */
const CAPABILITIES: Readonly<Record<string, readonly Capability[]>> = {
  approver: ['approve'],
  deployer: ['deploy'],
  'identity-admin': ['administer'],
  'policy-editor': ['administer'],
  'records-manager': ['administer'],
  'release-manager': ['administer'],
};

/** Deeds for which a role counts, and which: who appends events of these types has had one of these roles. */
const DEEDS: { readonly [T in PlimsollEvent['type']]?: { readonly capability: Capability; readonly roles: readonly string[] } } = {
  ApprovalGranted: { capability: 'approve', roles: ['approver'] },
  ApprovalRejected: { capability: 'approve', roles: ['approver'] },
  ChangeVoteCast: { capability: 'approve', roles: ['approver'] },
  ChangeVoteOpened: { capability: 'approve', roles: ['approver'] },
  ChangeModelVoteCast: { capability: 'approve', roles: ['approver'] },
  DeploymentStarted: { capability: 'deploy', roles: ['deployer'] },
  DeploymentResumed: { capability: 'deploy', roles: ['deployer'] },
  PolicyPublished: { capability: 'administer', roles: ['policy-editor'] },
  RolePolicyProposed: { capability: 'administer', roles: ['policy-editor'] },
  RolePolicyPublished: { capability: 'administer', roles: ['policy-editor'] },
  BoardDefined: { capability: 'administer', roles: ['policy-editor'] },
  RetentionPolicyPublished: { capability: 'administer', roles: ['records-manager', 'policy-editor'] },
  EnvironmentChangeProposed: { capability: 'administer', roles: ['release-manager'] },
  EnvironmentDefined: { capability: 'administer', roles: ['release-manager'] },
  CalendarDeclared: { capability: 'administer', roles: ['release-manager', 'policy-editor'] },
  CalendarChanged: { capability: 'administer', roles: ['release-manager', 'policy-editor'] },
  CalendarWithdrawn: { capability: 'administer', roles: ['release-manager', 'policy-editor'] },
  RoleGranted: { capability: 'administer', roles: ['identity-admin'] },
  PersonRegistered: { capability: 'administer', roles: ['identity-admin'] },
  AccountLinked: { capability: 'administer', roles: ['identity-admin'] },
  AccountUnlinked: { capability: 'administer', roles: ['identity-admin'] },
  AddressClaimed: { capability: 'administer', roles: ['identity-admin'] },
  OwnershipAssigned: { capability: 'administer', roles: ['identity-admin'] },
  GroupDefined: { capability: 'administer', roles: ['identity-admin'] },
  GroupMemberRequested: { capability: 'administer', roles: ['identity-admin'] },
  GroupMemberAdded: { capability: 'administer', roles: ['identity-admin'] },
  GroupMemberRemoved: { capability: 'administer', roles: ['identity-admin'] },
};

type OpenRole = { -readonly [K in keyof RoleInForce]: RoleInForce[K] };
type OpenMembership = { -readonly [K in keyof MembershipInForce]: MembershipInForce[K] };

const EVERYWHERE: RoleScope = { kind: 'organisation', id: '*' };
/** After every time that ISO 8601 can write with four digits for the year. */
const NEVER = '9999-12-31T23:59:59.999Z';

/** Who could do what, and when, as the log says. */
export class Access {
  private readonly roles = new Map<string, OpenRole>();
  private readonly ofPerson = new Map<string, OpenRole[]>();
  private readonly memberships: OpenMembership[] = [];
  private readonly current = new Map<string, OpenMembership>();
  private readonly acted = new Map<string, ActedWithoutGrant>();

  constructor(private readonly query: ComplianceQuery) {}

  granted(event: RoleGrantEvent, written: Written): void {
    const { data, type } = event;
    if (type === 'RoleGranted') {
      const { person, role, scope, from, until, requestedBy, confirmedBy } = event.data;
      this.hold(data.grantId, { person, role, scope, from: later(from, written.at), until, requestedBy, confirmedBy, ...written });
    }
    if (type === 'RoleRevoked') this.end(data.grantId, written);
  }

  bootstrapped({ type, data }: IdentityBootstrapEvent, written: Written): void {
    const key = `bootstrap ${data.person}`;
    if (type === 'IdentityBootstrapEnded') this.end(key, written);
    else {
      const role = { person: data.person, role: 'identity-admin', scope: EVERYWHERE, from: written.at, until: NEVER };
      this.hold(key, { ...role, requestedBy: data.person, confirmedBy: 'nobody', ...written });
    }
  }

  /** A leaver holds nothing any more, whether or not each role was ended yet. */
  left({ data }: Extract<PersonEvent, { type: 'PersonLeft' }>, written: Written): void {
    for (const role of this.ofPerson.get(data.person) ?? []) endRole(role, written);
  }

  member(event: GroupEvent, written: Written): void {
    if (event.type === 'GroupDefined') return;
    const { group, person } = event.data;
    const key = `${group} ${person}`;
    const held = this.current.get(key);
    if (event.type === 'GroupMemberRemoved') {
      if (held) held.until = written.at;
      this.current.delete(key);
    } else if (!held) {
      const membership: OpenMembership = { group, person, from: written.at, ...written };
      this.memberships.push(membership);
      this.current.set(key, membership);
    }
  }

  /** What somebody did: noted where no role on record let her. */
  did(type: PlimsollEvent['type'], data: unknown, person: string, written: Written): void {
    const deed = DEEDS[type];
    // What the program does by itself, and what nobody was authenticated for, is no use of a role.
    if (!deed || person === '' || isProgram(person) || !this.within(written.at)) return;
    const { environment } = data as { readonly environment?: string };
    const let_ = (this.ofPerson.get(person) ?? []).some(
      ({ role, scope, from, until }) =>
        deed.roles.includes(role) && from <= written.at && written.at < until && mayCover(scope, environment),
    );
    if (let_) return;
    const key = `${person} ${deed.capability}`;
    const known = this.acted.get(key);
    this.acted.set(key, known ? { ...known, times: known.times + 1 } : { person, capability: deed.capability, times: 1, ...written });
  }

  report(): AccessInPeriod {
    const { from, to } = this.query;
    const touches = (begin: string, end: string): boolean => begin < to && end > from && begin < end;
    return {
      roles: [...this.roles.values()].filter((r) => touches(r.from, r.until)).sort(by('role', 'person', 'from', 'ref')),
      memberships: this.memberships.filter((m) => touches(m.from, m.until ?? NEVER)).sort(by('group', 'person', 'from', 'ref')),
      actedWithoutGrant: [...this.acted.values()].sort(by('person', 'capability')),
    };
  }

  private hold(key: string, role: Omit<OpenRole, 'capabilities'>): void {
    const held: OpenRole = { ...role, capabilities: CAPABILITIES[role.role] ?? [] };
    this.roles.set(key, held);
    this.ofPerson.set(role.person, [...(this.ofPerson.get(role.person) ?? []), held]);
  }

  private end(key: string, written: Written): void {
    const role = this.roles.get(key);
    if (role) endRole(role, written);
  }

  private within(at: string): boolean {
    return at >= this.query.from && at < this.query.to;
  }
}

function endRole(role: OpenRole, written: Written): void {
  if (written.at >= role.until) return;
  role.until = written.at;
  role.ended = written;
}

/** Which teams and services an event is about is not in it: a role for one of them counts as one that let it. */
function mayCover(scope: RoleScope, environment: string | undefined): boolean {
  // What was stored as a scope may be none: it covers nothing.
  if (!['organisation', 'team', 'service', 'environment'].includes(scope.kind) || !scope.id) return false;
  return scope.kind !== 'environment' || scope.id === environment;
}

function later(a: string, b: string): string {
  return a > b ? a : b;
}

function by<K extends string>(...keys: readonly K[]) {
  return (a: Readonly<Record<K, string>>, b: Readonly<Record<K, string>>): number => {
    for (const key of keys) if (a[key] !== b[key]) return a[key] < b[key] ? -1 : 1;
    return 0;
  };
}
