import { ownershipId } from '#libs/contracts';
import type { DomainEvent, ReadAggregate } from '#libs/event-sourcing';
import { Entitlements, grantsSource, isStale, ownershipSource, wasOutSince, type Whereabouts } from './entitlement.ts';

const day = (n: number): string => `2026-03-${String(n).padStart(2, '0')}T10:00:00.000Z`;
const recorded = (recordedAt: string, event: DomainEvent): DomainEvent => Object.assign({}, event, { metadata: { recordedAt } });

interface Asked {
  readonly role?: string;
  readonly scope?: Readonly<Record<string, unknown>>;
  readonly from?: string;
  readonly until?: string;
}
const ANYWHERE = { kind: 'organisation', id: 'organisation' };
const granted = (grantId: string, { role = 'approver', scope = ANYWHERE, from = day(1), until = day(30) }: Asked = {}): DomainEvent => ({
  type: 'RoleGranted',
  data: { grantId, person: 'anna', role, scope, from, until, requestedBy: 'ida', reason: 'x', confirmedBy: 'ines' },
});
const revoked = (grantId: string): DomainEvent => ({
  type: 'RoleRevoked',
  data: { grantId, person: 'anna', role: 'approver', reason: 'x' },
});
const assigned = (team: string): DomainEvent => ({
  type: 'OwnershipAssigned',
  data: { product: 'shop', team, requestedBy: 'ida', confirmedBy: 'ines' },
});

const PLACE = { environment: 'production', product: 'shop' };
const SHOP = `ownership-${ownershipId('shop')}`;

/** The roles of these streams' persons for a place, and which streams were read for them, one by one. */
async function entitled(
  streams: Readonly<Record<string, readonly DomainEvent[]>>,
  place: Whereabouts = PLACE,
  ...persons: readonly (readonly string[])[]
): Promise<{ readonly roles: Entitlements; readonly asked: readonly string[] }> {
  const asked: string[] = [];
  const read: ReadAggregate = async (aggregate, id) => {
    const stream = `${aggregate.category}-${id}`;
    asked.push(stream);
    const events = streams[stream] ?? [];
    const revision = events.length - 1;
    const state = events.reduce((s, e) => aggregate.evolve(s, e as never), aggregate.initial);
    return { id, stream, state, revision, exists: revision >= 0, ref: `${stream}@${revision}`, events: [] };
  };
  const roles = new Entitlements(read, place);
  for (const some of persons.length > 0 ? persons : [['anna']]) await roles.read(some);
  return { roles, asked };
}
const ofAnna = async (events: readonly DomainEvent[], place?: Whereabouts, others: Readonly<Record<string, readonly DomainEvent[]>> = {}) =>
  (await entitled({ ...others, 'rolegrants-anna': events }, place)).roles;

describe('The roles that somebody was granted', () => {
  const fold = (...events: readonly DomainEvent[]) => events.reduce((s, e) => grantsSource.evolve(s, e as never), grantsSource.initial);

  it('count from when they were confirmed, or later where that was asked for', () => {
    const counted = { role: 'approver', scope: ANYWHERE, until: day(30) };
    expect(fold(recorded(day(4), granted('g', { from: day(1) })))).toEqual({ g: { ...counted, from: day(4) } });
    expect(fold(recorded(day(4), granted('g', { from: day(9) })))).toEqual({ g: { ...counted, from: day(9) } });
    // An example without metadata is taken at its word.
    expect(fold(granted('g', { from: day(1) }))).toEqual({ g: { ...counted, from: day(1) } });
  });

  it('are revoked one by one, at the time of the event', () => {
    const both = [granted('g'), granted('h', { from: day(2) })];
    expect(fold(...both, recorded(day(5), revoked('g')))).toEqual({
      g: { role: 'approver', scope: ANYWHERE, from: day(1), until: day(30), revokedAt: day(5) },
      h: { role: 'approver', scope: ANYWHERE, from: day(2), until: day(30) },
    });
    // Without a time it never was.
    expect(fold(...both, revoked('h'))).toMatchObject({ h: { revokedAt: day(2) } });
  });

  it('are not added to by what was only asked for, nor by what revokes something else', () => {
    const requested: DomainEvent = { type: 'RoleRequested', data: { grantId: 'g', person: 'anna', role: 'approver' } };
    expect(fold(requested)).toEqual({});
    expect(fold(recorded(day(5), revoked('g')))).toEqual({});
    expect(fold(recorded(day(5), revoked('constructor')))).toEqual({});
    expect(fold(granted('g'), recorded(day(5), requested))).toEqual(fold(granted('g')));
  });
});

describe('The teams of a product', () => {
  const fold = (...events: readonly DomainEvent[]) =>
    events.reduce((s, e) => ownershipSource.evolve(s, e as never), ownershipSource.initial);

  it('are those to which it was assigned, in their order, and not those that were asked for', () => {
    const requested: DomainEvent = { type: 'OwnershipRequested', data: { product: 'shop', team: 'eve', requestedBy: 'ida' } };
    expect(fold(recorded(day(1), assigned('core')), requested, recorded(day(3), assigned('web')), assigned('late'))).toEqual([
      { team: 'core', since: day(1) },
      { team: 'web', since: day(3) },
      { team: 'late' },
    ]);
  });

  it('are read under the names that the log has for them', () => {
    expect([grantsSource.category, ownershipSource.category]).toEqual(['rolegrants', 'ownership']);
  });
});

describe('Who lacks the role to approve', () => {
  it('is whose roles are others, over, not begun or revoked, and nobody who holds it', async () => {
    const lacks = async (...events: readonly DomainEvent[]): Promise<boolean> => (await ofAnna(events)).lacksRole('anna', day(10));
    expect(await lacks(granted('g'))).toBe(false);
    expect(await lacks(granted('g', { role: 'developer' }))).toBe(true);
    expect(await lacks(granted('g', { role: 'developer' }), granted('h'))).toBe(false);
    expect(await lacks(granted('g', { until: day(10) }))).toBe(true);
    expect(await lacks(granted('g', { from: day(11) }))).toBe(true);
    expect(await lacks(granted('g'), recorded(day(9), revoked('g')))).toBe(true);
    expect(await lacks(granted('g'), recorded(day(9), revoked('g')), granted('h'))).toBe(false);
  });

  it('is nobody of whom no role is on record: hers come from the token', async () => {
    expect((await ofAnna([])).lacksRole('anna', day(10))).toBe(false);
    // Nobody read about her.
    expect((await ofAnna([granted('g', { role: 'developer' })])).lacksRole('otto', day(10))).toBe(false);
  });

  it('is who holds it elsewhere', async () => {
    const lacks = async (scope: Readonly<Record<string, unknown>>, place?: Whereabouts): Promise<boolean> =>
      (await ofAnna([granted('g', { scope })], place)).lacksRole('anna', day(10));
    expect(await lacks({ kind: 'environment', id: 'production' })).toBe(false);
    expect(await lacks({ kind: 'environment', id: 'staging' })).toBe(true);
    expect(await lacks({ kind: 'service', id: 'shop' })).toBe(false);
    expect(await lacks({ kind: 'service', id: 'till' })).toBe(true);
    expect(await lacks({ kind: 'service', id: 'shop' }, { environment: 'production' })).toBe(true);
    expect(await lacks({})).toBe(true);
  });

  it('is who holds it for another team than the product has at the time', async () => {
    const core = [granted('g', { scope: { kind: 'team', id: 'core' } })];
    const owned = { [SHOP]: [recorded(day(2), assigned('core')), recorded(day(12), assigned('web'))] };
    const roles = await ofAnna(core, PLACE, owned);
    expect(roles.lacksRole('anna', day(1))).toBe(true);
    expect(roles.lacksRole('anna', day(2))).toBe(false);
    expect(roles.lacksRole('anna', day(11))).toBe(false);
    expect(roles.lacksRole('anna', day(12))).toBe(true);
    // An assignment without a time is as good as any; a product that belongs to nobody has no team.
    expect((await ofAnna(core, PLACE, { [SHOP]: [assigned('core')] })).lacksRole('anna', day(1))).toBe(false);
    expect((await ofAnna(core, PLACE)).lacksRole('anna', day(10))).toBe(true);
    expect((await ofAnna(core, { environment: 'production' }, owned)).lacksRole('anna', day(10))).toBe(true);
  });
});

describe('Whether the role in which somebody approved was revoked', () => {
  const revokedSince = async (at: string, ...events: readonly DomainEvent[]): Promise<boolean> =>
    (await ofAnna(events)).revokedSince('anna', at);

  it('is so where it was, at that very instant or later, and not where it is still hers', async () => {
    expect(await revokedSince(day(10), granted('g'), recorded(day(12), revoked('g')))).toBe(true);
    expect(await revokedSince(day(10), granted('g'), recorded(day(10), revoked('g')))).toBe(true);
    expect(await revokedSince(day(10), granted('g'))).toBe(false);
  });

  it('is not so where it was revoked before: it was not the role in which she approved', async () => {
    expect(await revokedSince(day(10), granted('g'), recorded(day(9), revoked('g')))).toBe(false);
    expect(await revokedSince(day(10), granted('g'), recorded(day(9), revoked('g')), granted('h'))).toBe(false);
    expect(await revokedSince(day(10), granted('g'), recorded(day(9), revoked('g')), granted('h'), recorded(day(11), revoked('h')))).toBe(
      true,
    );
  });

  it('is not so where one of two is left', async () => {
    expect(await revokedSince(day(10), granted('g'), granted('h'), recorded(day(12), revoked('g')))).toBe(false);
    expect(await revokedSince(day(10), granted('g'), granted('h'), recorded(day(12), revoked('g')), recorded(day(13), revoked('h')))).toBe(
      true,
    );
  });

  it('is not so where it ran out, and so where it was revoked before it would have', async () => {
    expect(await revokedSince(day(10), granted('g', { until: day(11) }))).toBe(false);
    expect(await revokedSince(day(10), granted('g', { until: day(11) }), recorded(day(10), revoked('g')))).toBe(true);
  });

  it('asks only for roles that she had then and there, by which one approves', async () => {
    const gone = recorded(day(12), revoked('g'));
    expect(await revokedSince(day(10), granted('g', { role: 'developer' }), gone)).toBe(false);
    expect(await revokedSince(day(10), granted('g', { from: day(11) }), gone)).toBe(false);
    expect(await revokedSince(day(10), granted('g', { from: day(10) }), gone)).toBe(true);
    expect(await revokedSince(day(10), granted('g', { until: day(10) }), gone)).toBe(false);
    expect(await revokedSince(day(10), granted('g', { scope: { kind: 'environment', id: 'staging' } }), gone)).toBe(false);
    // What she has elsewhere, or as something else, does not stand in for it.
    expect(await revokedSince(day(10), granted('g'), granted('h', { scope: { kind: 'environment', id: 'staging' } }), gone)).toBe(true);
    expect(await revokedSince(day(10), granted('g'), granted('h', { role: 'developer' }), gone)).toBe(true);
    expect(await revokedSince(day(10), granted('g'), granted('h', { from: day(11) }), gone)).toBe(true);
    expect(await revokedSince(day(10), granted('g'), granted('h', { until: day(10) }), gone)).toBe(true);
  });

  it('is never so where no role is on record', async () => {
    expect(await revokedSince(day(10))).toBe(false);
  });

  it('is judged by the team that the product had then', async () => {
    const owned = { [SHOP]: [recorded(day(2), assigned('core')), recorded(day(11), assigned('web'))] };
    const roles = await ofAnna([granted('g', { scope: { kind: 'team', id: 'core' } }), recorded(day(12), revoked('g'))], PLACE, owned);
    expect(roles.revokedSince('anna', day(10))).toBe(true);
    expect(roles.revokedSince('anna', day(11))).toBe(false);
  });
});

describe('What is read of roles', () => {
  const team = { kind: 'team', id: 'core' };

  it('is cited, by person and sorted', async () => {
    const { roles } = await entitled({ 'rolegrants-bea': [granted('g')] }, PLACE, ['otto', 'bea'], ['anna']);
    expect(roles.refs).toEqual({
      grants: { anna: 'rolegrants-anna@-1', bea: 'rolegrants-bea@0', otto: 'rolegrants-otto@-1' },
    });
    expect(Object.keys(roles.refs.grants)).toEqual(['anna', 'bea', 'otto']);
  });

  it('is every person once, in one order, whoever asks again', async () => {
    const { asked } = await entitled({}, PLACE, ['otto', 'anna', 'otto'], ['anna', 'bea']);
    expect(asked).toEqual(['rolegrants-anna', 'rolegrants-otto', 'rolegrants-bea']);
  });

  it('is whose the product is, once, and only where somebody approves for a team', async () => {
    const streams = {
      'rolegrants-anna': [granted('f', { role: 'developer' }), granted('g', { scope: team })],
      'rolegrants-bea': [granted('h', { scope: team })],
      [SHOP]: [assigned('core')],
    };
    const { roles, asked } = await entitled(streams, PLACE, ['anna'], ['bea']);
    expect(asked).toEqual(['rolegrants-anna', SHOP, 'rolegrants-bea']);
    expect(roles.refs).toMatchObject({ ownership: `${SHOP}@0` });
    // Of several who are read together, one is enough.
    expect((await entitled(streams, PLACE, ['otto', 'anna'])).asked).toContain(SHOP);
    for (const [events, place] of [
      [[granted('g', { role: 'developer', scope: team })], PLACE],
      [[granted('g')], PLACE],
      [[granted('g', { scope: team })], { environment: 'production' }],
    ] as const) {
      const other = await entitled({ 'rolegrants-anna': events }, place);
      expect(other.asked).toEqual(['rolegrants-anna']);
      expect(other.roles.refs).toStrictEqual({ grants: { anna: `rolegrants-anna@${events.length - 1}` } });
    }
  });
});

describe('Who is in a group as of before', () => {
  const joinedAt = { anna: day(5) };
  const left = (at?: string) => (): string | undefined => at;

  it('is who left after joining, or at that instant, and was not taken in since', () => {
    expect(isStale({ joinedAt }, 'anna', left())).toBe(false);
    expect(isStale({ joinedAt }, 'anna', left(day(4)))).toBe(false);
    expect(isStale({ joinedAt }, 'anna', left(day(5)))).toBe(true);
    expect(isStale({ joinedAt }, 'anna', left(day(6)))).toBe(true);
  });

  it('is who left and is in it since nobody knows when', () => {
    expect(isStale({ joinedAt }, 'otto', left(day(4)))).toBe(true);
    expect(isStale({ joinedAt }, 'constructor', left(day(4)))).toBe(true);
    expect(isStale({ joinedAt }, 'otto', left())).toBe(false);
  });

  it('asks when she herself left', () => {
    expect(isStale({ joinedAt }, 'anna', (person) => (person === 'anna' ? day(6) : undefined))).toBe(true);
    expect(isStale({ joinedAt }, 'anna', (person) => (person === 'anna' ? undefined : day(6)))).toBe(false);
  });
});

describe('Who has been out of a group since', () => {
  const removedAt = { anna: day(5) };

  it('is who was taken out then or later, by any name of hers', () => {
    expect(wasOutSince({ removedAt }, ['anna'], day(4))).toBe(true);
    expect(wasOutSince({ removedAt }, ['anna'], day(5))).toBe(true);
    expect(wasOutSince({ removedAt }, ['anna'], day(6))).toBe(false);
    expect(wasOutSince({ removedAt }, ['otto', 'anna'], day(4))).toBe(true);
  });

  it('is nobody who never was', () => {
    expect(wasOutSince({ removedAt }, ['otto', 'constructor'], day(1))).toBe(false);
    expect(wasOutSince({ removedAt }, [], day(1))).toBe(false);
  });
});
