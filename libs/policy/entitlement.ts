import { ownershipId, type OwnershipEvent, type RoleGrantEvent } from '#libs/contracts';
import { own, type Aggregate, type DomainEvent, type ReadAggregate, type StoredEvent } from '#libs/event-sourcing';
import { covers, isInForce, type HeldRole, type ScopedResource } from '#libs/identity';
import type { GroupSource } from './groups.ts';

/** The role by which somebody approves, and votes on a board. */
export const APPROVER = 'approver';

/** Every role that a person was granted, by grant, with when it was revoked. */
export const grantsSource: Aggregate<Readonly<Record<string, HeldRole>>, RoleGrantEvent> = {
  category: 'rolegrants',
  initial: {},
  evolve: (state, event) => {
    const { type, data } = event;
    if (type === 'RoleGranted') {
      const { grantId, role, scope, from, until } = data;
      const at = recordedAt(event) ?? from;
      // Nothing counts from before it was confirmed.
      return { ...state, [grantId]: { role, scope, from: from < at ? at : from, until } };
    }
    const granted = own(state, data.grantId);
    if (type !== 'RoleRevoked' || !granted) return state;
    return { ...state, [data.grantId]: { ...granted, revokedAt: recordedAt(event) ?? granted.from } };
  },
};

/** A team that a product belonged to, and since when (ISO 8601; absent in examples without metadata). */
export interface TeamOf {
  readonly team: string;
  readonly since?: string;
}

/** The teams that a product belonged to, in their order. */
export const ownershipSource: Aggregate<readonly TeamOf[], OwnershipEvent> = {
  category: 'ownership',
  initial: [],
  evolve: (state, event) => {
    if (event.type !== 'OwnershipAssigned') return state;
    const since = recordedAt(event);
    return [...state, { team: event.data.team, ...(since ? { since } : {}) }];
  },
};

function recordedAt(event: DomainEvent): string | undefined {
  return (event as Partial<StoredEvent>).metadata?.recordedAt;
}

/** Where something is decided: what scopes of roles are held against. */
export interface Whereabouts {
  readonly environment: string;
  readonly product?: string;
}

/** The roles of persons for a place, and where they are written. */
export class Entitlements {
  private readonly grants = new Map<string, { readonly held: readonly HeldRole[]; readonly ref: string }>();
  private teams: readonly TeamOf[] = [];
  private ownership: string | undefined;

  constructor(
    private readonly log: ReadAggregate,
    private readonly place: Whereabouts,
  ) {}

  async read(persons: Iterable<string>): Promise<void> {
    const more = [...new Set(persons)].filter((person) => !this.grants.has(person)).sort();
    const loaded = await Promise.all(more.map((person) => this.log(grantsSource, person)));
    for (const { id, state, ref } of loaded) this.grants.set(id, { held: Object.values(state), ref });
    const ofTeams = loaded.some(({ state }) => Object.values(state).some(({ role, scope }) => role === APPROVER && scope.kind === 'team'));
    if (!ofTeams || this.ownership !== undefined || this.place.product === undefined) return;
    const owned = await this.log(ownershipSource, ownershipId(this.place.product));
    this.teams = owned.state;
    this.ownership = owned.ref;
  }

  /** By person. */
  get refs(): { readonly grants: Readonly<Record<string, string>>; readonly ownership?: string } {
    const grants = Object.fromEntries([...this.grants].sort(([a], [b]) => (a < b ? -1 : 1)).map(([person, { ref }]) => [person, ref]));
    return { grants, ...(this.ownership === undefined ? {} : { ownership: this.ownership }) };
  }

  /** @see revokedSince */
  revokedSince(person: string, at: string): boolean {
    return revokedSince(this.heldBy(person), at, this.about(at));
  }

  /** Whether roles are granted to somebody, and none by which she can approve here now. */
  lacksRole(person: string, now: string): boolean {
    const held = this.heldBy(person);
    return held.length > 0 && !held.some((h) => h.role === APPROVER && isInForce(h, now) && covers(h.scope, this.about(now)));
  }

  private heldBy(person: string): readonly HeldRole[] {
    return this.grants.get(person)?.held ?? [];
  }

  private about(at: string): ScopedResource {
    return placeThen(this.place, this.teams, at);
  }
}

/** What scopes of roles are held against at an instant: a product may have gone to another team since. */
export function placeThen({ environment, product }: Whereabouts, teams: readonly TeamOf[], at: string): ScopedResource {
  const team = teams.findLast(({ since }) => since === undefined || since <= at)?.team;
  return { environment, ...(product === undefined ? {} : { service: product }), ...(team === undefined ? {} : { team }) };
}

/**
 * Whether every role is revoked by which somebody could approve when she did. Where none is on record, as roles come from the token or
 * policies let others approve, there is none to be revoked. A role that ran out since was there when it was used.
 */
export function revokedSince(roles: readonly HeldRole[], at: string, about: ScopedResource): boolean {
  const then = roles.filter(
    (held) =>
      held.role === APPROVER &&
      held.from <= at &&
      at < held.until &&
      (held.revokedAt === undefined || held.revokedAt >= at) &&
      covers(held.scope, about),
  );
  return then.length > 0 && then.every(({ revokedAt }) => revokedAt !== undefined);
}

/** When somebody left last; undefined where she never did. */
export type LeftAt = (person: string) => string | undefined;

/** Whether somebody is in a group as of before she left: who comes back is taken in anew. */
export function isStale({ joinedAt }: Pick<GroupSource, 'joinedAt'>, person: string, leftAt: LeftAt): boolean {
  const left = leftAt(person);
  if (left === undefined) return false;
  const joined = own(joinedAt, person);
  return joined === undefined || joined <= left;
}

/** Whether somebody has been out of a group at any time since: what she did as a member then is done by nobody who is one. */
export function wasOutSince({ removedAt }: Pick<GroupSource, 'removedAt'>, persons: readonly string[], at: string): boolean {
  return persons.some((person) => (own(removedAt, person) ?? '') >= at);
}
