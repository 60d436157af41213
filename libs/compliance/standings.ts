import type { GroupEvent, OwnershipEvent, PersonEvent, RoleGrantEvent } from '#libs/contracts';
import type { HeldRole } from '#libs/identity';
import { APPROVER, isStale, placeThen, revokedSince, wasOutSince, type TeamOf } from '#libs/policy';
import type { Written } from './report.ts';

interface KnownGroup {
  readonly members: Set<string>;
  readonly joinedAt: Record<string, string>;
  readonly removedAt: Record<string, string>;
}

interface Grant {
  readonly person: string;
  held: HeldRole;
  ref: string;
}

/**
 * Who is there, in which groups and in which roles of approvers, as is known so far: the same answers that the gate's folds of the streams
 * give, kept in memory for a whole log. Grows with persons, members and grants.
 */
export class Standings {
  private readonly persons = new Map<string, { left: boolean; at: string; ref: string }>();
  private readonly groups = new Map<string, KnownGroup>();
  /** Where the last removal of each member is written, by group and person. */
  private readonly removals = new Map<string, string>();
  private readonly grants = new Map<string, Grant>();
  private readonly ofPerson = new Map<string, Grant[]>();
  /** Who has ever lost one. */
  private readonly revoked = new Set<string>();
  private readonly teams = new Map<string, TeamOf[]>();

  person({ type, data }: PersonEvent, { at, ref }: Written): void {
    if (type === 'PersonLeft') this.persons.set(data.person, { left: true, at, ref });
    const known = this.persons.get(data.person);
    if (type === 'PersonRegistered' && known) known.left = false;
  }

  member({ type, data }: GroupEvent, { at, ref }: Written): void {
    if (type !== 'GroupMemberAdded' && type !== 'GroupMemberRemoved') return;
    const group = this.groups.get(data.group) ?? { members: new Set(), joinedAt: bare(), removedAt: bare() };
    this.groups.set(data.group, group);
    if (type === 'GroupMemberAdded') {
      group.members.add(data.person);
      group.joinedAt[data.person] = at;
    } else if (group.members.delete(data.person)) {
      group.removedAt[data.person] = at;
      this.removals.set(`${data.group} ${data.person}`, ref);
    }
  }

  role(event: RoleGrantEvent, { at, ref }: Written): void {
    if (event.type === 'RoleGranted') {
      const { grantId, person, role, scope, from, until } = event.data;
      if (role !== APPROVER) return;
      // Nothing counts from before it was confirmed.
      const grant: Grant = { person, held: { role, scope, from: from < at ? at : from, until }, ref };
      this.grants.set(grantId, grant);
      this.ofPerson.set(person, [...(this.ofPerson.get(person) ?? []), grant]);
    }
    const revoked = event.type === 'RoleRevoked' ? this.grants.get(event.data.grantId) : undefined;
    if (!revoked) return;
    revoked.held = { ...revoked.held, revokedAt: at };
    revoked.ref = ref;
    this.revoked.add(revoked.person);
  }

  owned({ type, data }: OwnershipEvent, { at }: Written): void {
    if (type !== 'OwnershipAssigned') return;
    const teams = this.teams.get(data.product) ?? [];
    this.teams.set(data.product, teams);
    teams.push({ team: data.team, since: at });
  }

  isGone(person: string): boolean {
    return this.persons.get(person)?.left === true;
  }

  readonly leftAt = (person: string): string | undefined => this.persons.get(person)?.at;

  /** Where it is written that somebody left, if she has left or did since an instant. */
  goneSince(person: string, at: string): string | undefined {
    const known = this.persons.get(person);
    return known && (known.left || known.at >= at) ? known.ref : undefined;
  }

  /** Where the revocation is written of the last role in which somebody could approve when she did; undefined where she has one still. */
  revokedSince(person: string, at: string, environment: string, product: string | undefined): string | undefined {
    if (!this.revoked.has(person)) return undefined;
    const grants = this.ofPerson.get(person) ?? [];
    const place = { environment, ...(product === undefined ? {} : { product }) };
    const about = placeThen(place, this.teams.get(product ?? '') ?? [], at);
    const is = revokedSince(
      grants.map(({ held }) => held),
      at,
      about,
    );
    return is ? grants.findLast(({ held }) => (held.revokedAt ?? '') >= at)?.ref : undefined;
  }

  /** Whether somebody is listed in a group, whatever became of her since. */
  isListed(group: string, person: string): boolean {
    return this.groups.get(group)?.members.has(person) === true;
  }

  /** Whether somebody is in a group as of before she left, and was not taken in anew. */
  isStale(group: string, person: string): boolean {
    const known = this.groups.get(group);
    return known !== undefined && isStale(known, person, this.leftAt);
  }

  /** Whether somebody, by any of these names, has been out of a group since an instant. */
  wasOutSince(group: string, persons: readonly string[], at: string): boolean {
    const known = this.groups.get(group);
    return known !== undefined && wasOutSince(known, persons, at);
  }

  /** The same as a group's fold has it, for rules that ask for that. */
  removedAt(group: string): Readonly<Record<string, string>> {
    return this.groups.get(group)?.removedAt ?? {};
  }

  /** Where it is written that somebody was taken out of a group, or left it by leaving; undefined where neither happened. */
  outRef(group: string, persons: readonly string[]): string | undefined {
    return persons
      .map((person) => this.removals.get(`${group} ${person}`) ?? this.persons.get(person)?.ref)
      .find((ref) => ref !== undefined);
  }
}

/** No name of a person is one of its own members. */
function bare(): Record<string, string> {
  return Object.create(null) as Record<string, string>;
}
