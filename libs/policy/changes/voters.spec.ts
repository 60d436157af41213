import { accountId, changeId, ownershipId, plimsollCodec, type PlimsollEvent } from '#libs/contracts';
import { load, type ReadAggregate } from '#libs/event-sourcing';
import { MemoryEventLog } from '#libs/event-sourcing/memory';
import { change, readChangeHands, votesNow, type ChangeHands } from '#libs/policy';
import { dossierOf, releaseFacts, submittedWith } from '#libs/policy/testing';

/** An event of a stream, as an account has caused it. */
type Said = readonly [stream: string, type: PlimsollEvent['type'], data: object, by?: string];

const CHANGE = changeId('release-1', 'production');
const EVERYWHERE = { kind: 'organisation', id: '*' };
const STAGING = { kind: 'environment', id: 'staging' };
const TEAM = { kind: 'team', id: 'payments' };

const submitted: Said = [`change-${CHANGE}`, 'ChangeSubmitted', submittedWith(dossierOf(releaseFacts())).data];
const joins = (person: string): Said => ['group-cab', 'GroupMemberAdded', { group: 'cab', person }];
const removed = (person: string): Said => ['group-cab', 'GroupMemberRemoved', { group: 'cab', person, reason: 'x' }];
const votes = (person: string, by = person): Said => [
  `change-${CHANGE}`,
  'ChangeVoteCast',
  { changeId: CHANGE, releaseId: 'release-1', environment: 'production', round: 1, person, vote: 'for', dossierHash: 'x', conditions: [] },
  by,
];
const granted = (grantId: string, scope: object = EVERYWHERE, person = 'dora', role = 'approver'): Said => [
  `rolegrants-${person}`,
  'RoleGranted',
  { grantId, person, role, scope, from: '2026-01-01T00:00:00.000Z', until: '2027-01-01T00:00:00.000Z' },
];
const revoked = (grantId: string, person = 'dora'): Said => [
  `rolegrants-${person}`,
  'RoleRevoked',
  { grantId, person, role: 'approver', reason: 'x' },
];
const leaves = (person = 'dora'): Said => [`person-${person}`, 'PersonLeft', { person, reason: 'x' }];
const back = (person = 'dora'): Said => [`person-${person}`, 'PersonRegistered', { person }];
const owned = (team: string): Said => [`ownership-${ownershipId('shop')}`, 'OwnershipAssigned', { product: 'shop', team }];
const linked = (subject: string, person: string): Said => [
  `account-${accountId('idp', subject)}`,
  'AccountLinked',
  { issuer: 'idp', subject, person },
];

interface Found {
  readonly hands: ChangeHands;
  readonly refs: readonly string[];
  readonly members?: readonly string[];
  /** Persons whose votes count, and why others do not. */
  readonly counting: readonly string[];
  readonly gone: readonly string[];
}

/** The hands of a change after these events, a second apart; of a board that votes by virtue of what its members are, or as engines before. */
async function handsAfter(events: readonly Said[], byVirtue = true): Promise<Found> {
  const log = new MemoryEventLog();
  for (const [n, [stream, type, data, by = 'ida']] of [submitted, ...events].entries()) {
    const id = `00000000-0000-5000-8000-${String(n).padStart(12, '0')}`;
    const metadata = {
      actor: by,
      principal: `idp|${by}`,
      commandId: id,
      commandHash: '0'.repeat(64),
      correlationId: 'c',
      causationId: 'c',
      recordedAt: `2026-03-02T10:00:${String(n).padStart(2, '0')}.000Z`,
      schemaVersion: 1,
    };
    await log.append(stream, (await log.readStream(stream)).revision, [{ id, type, data: data as never, metadata }]);
  }
  const read: ReadAggregate = (aggregate, id) => load(log, plimsollCodec(), aggregate, id);
  const { state } = await read(change, CHANGE);
  // As the group's own stream has them.
  const members = [
    ...new Set(events.flatMap(([, type, data]) => (type === 'GroupMemberAdded' ? [(data as { person: string }).person] : []))),
  ];
  const there = members.filter(
    (person) =>
      events.findLast(([, type, data]) => /^GroupMember/.test(type) && (data as { person?: string }).person === person)?.[1] ===
      'GroupMemberAdded',
  );
  const voting = { group: 'cab', members: there.sort(), environment: 'production', product: 'shop' };
  const found = await readChangeHands(read, state, byVirtue ? voting : undefined);
  const now = votesNow(state.votes, found.hands, found.members ?? there);
  return { ...found, counting: now.votes.map(({ person }) => person), gone: now.gone };
}

describe('By virtue of what a member of a board voted', () => {
  it.each<readonly [string, readonly Said[]]>([
    ['a role that she holds', [granted('g'), joins('dora'), votes('dora')]],
    ['no role that is on record, as roles come from the token', [joins('dora'), votes('dora')]],
    [
      'another role than that of approver, which is revoked',
      [granted('g', EVERYWHERE, 'dora', 'tester'), joins('dora'), votes('dora'), revoked('g')],
    ],
    ['two roles, of which one is revoked', [granted('g'), granted('h'), joins('dora'), votes('dora'), revoked('g')]],
    ['a role, when another one was revoked before', [granted('g'), revoked('g'), granted('h'), joins('dora'), votes('dora')]],
    ['a role here, when one elsewhere is revoked', [granted('g'), granted('h', STAGING), joins('dora'), votes('dora'), revoked('h')]],
    ['a role of the team that owned it then', [owned('payments'), granted('g', TEAM), joins('dora'), votes('dora'), owned('cards')]],
    ['membership of after she was out of it', [joins('dora'), removed('dora'), joins('dora'), votes('dora')]],
    ['membership of after she came back', [leaves(), back(), joins('dora'), votes('dora')]],
  ])('her vote counts where it is %s', async (_what, events) => {
    const { hands, counting, gone } = await handsAfter(events);
    expect(hands).not.toHaveProperty('lapsed');
    expect([counting, gone]).toEqual([['dora'], []]);
  });

  const REVOKED = 'The role in which dora voted was revoked.';
  const OUT = 'dora has been out of the board since.';
  const RETURNED = 'dora has left since, and came back.';
  it.each<readonly [string, readonly Said[], string]>([
    ['a role that was revoked', [granted('g'), joins('dora'), votes('dora'), revoked('g')], REVOKED],
    ['a role that was given again since', [granted('g'), joins('dora'), votes('dora'), revoked('g'), granted('h')], REVOKED],
    ['two roles that were both revoked', [granted('g'), granted('h'), joins('dora'), votes('dora'), revoked('g'), revoked('h')], REVOKED],
    ['a role here, and one elsewhere stays', [granted('g'), granted('h', STAGING), joins('dora'), votes('dora'), revoked('g')], REVOKED],
    ['a role of the team that owned it', [owned('payments'), granted('g', TEAM), joins('dora'), votes('dora'), revoked('g')], REVOKED],
    ['membership that ended, and began again', [joins('dora'), votes('dora'), removed('dora'), joins('dora')], OUT],
    ['what she was before she left, when she came back', [joins('dora'), votes('dora'), leaves(), back(), joins('dora')], RETURNED],
    [
      'all of it at once, of which the first reason is told',
      [granted('g'), joins('dora'), votes('dora'), revoked('g'), removed('dora'), leaves(), back(), joins('dora')],
      RETURNED,
    ],
  ])('her vote counts no more where it is %s; and did for the engine before', async (_what, events, why) => {
    const { hands, counting, gone } = await handsAfter(events);
    expect(hands.lapsed).toEqual({ dora: why });
    expect([counting, gone]).toEqual([[], [why]]);
    const before = await handsAfter(events, false);
    expect(before.hands).not.toHaveProperty('lapsed');
    expect(before).not.toHaveProperty('members');
    expect([before.counting, before.gone]).toEqual([['dora'], []]);
  });

  it('is asked of each voter for herself', async () => {
    const both: readonly Said[] = [
      granted('g'),
      granted('e', EVERYWHERE, 'emil'),
      joins('dora'),
      joins('emil'),
      votes('dora'),
      votes('emil'),
    ];
    expect(await handsAfter(both)).toMatchObject({ counting: ['dora', 'emil'], gone: [] });
    expect(await handsAfter([...both, revoked('g')])).toMatchObject({ counting: ['emil'], gone: [REVOKED] });
    expect((await handsAfter([...both, revoked('g'), revoked('e', 'emil')])).hands.lapsed).toEqual({
      dora: REVOKED,
      emil: 'The role in which emil voted was revoked.',
    });
  });

  it('is asked of whoever she is known to be now, too: with another account she was out of it all the same', async () => {
    const alias: readonly Said[] = [joins('dora'), votes('alias', 'd2'), linked('d2', 'dora')];
    expect(await handsAfter(alias)).toMatchObject({ counting: ['dora'], gone: [] });
    const out = await handsAfter([...alias, removed('dora'), joins('dora')]);
    expect(out.hands.lapsed).toEqual({ alias: 'alias has been out of the board since.' });
    expect((await handsAfter([...alias, leaves(), back(), joins('dora')])).hands.lapsed).toEqual({
      alias: 'alias has left since, and came back.',
    });
    const gone = await handsAfter([...alias, leaves()]);
    expect([gone.hands.left, gone.gone]).toEqual([['dora'], ['alias has left.']]);
  });

  it('leaves who has left, or came back and was not taken in anew, out of the members', async () => {
    const all = ['anna', 'dora', 'emil', 'fay'].map(joins);
    expect((await handsAfter(all)).members).toEqual(['anna', 'dora', 'emil', 'fay']);
    const { members } = await handsAfter([...all, leaves('dora'), leaves('emil'), back('emil'), leaves('fay'), back('fay'), joins('fay')]);
    expect(members).toEqual(['anna', 'fay']);
  });

  it('is told with everything that it was read from, once and in order', async () => {
    const { refs } = await handsAfter([owned('payments'), granted('g', TEAM), joins('dora'), joins('emil'), votes('dora'), revoked('g')]);
    expect(refs).toEqual([...new Set(refs)].sort());
    expect(refs).toEqual(
      expect.arrayContaining(['rolegrants-dora@1', 'person-dora@-1', 'person-emil@-1', `ownership-${ownershipId('shop')}@0`]),
    );
    // Roles count of those who voted.
    expect(refs.some((ref) => ref.startsWith('rolegrants-emil'))).toBe(false);
    expect((await handsAfter([granted('g'), joins('dora'), votes('dora')])).refs.some((ref) => ref.startsWith('ownership-'))).toBe(false);
  });
});
