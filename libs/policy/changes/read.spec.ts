import {
  BYPASS_REGISTER,
  changeCalendarId,
  changeHistoryId,
  type CalendarScope,
  type ChangeEvent,
  type ScheduledChange,
} from '#libs/contracts';
import type { DomainEvent, ReadAggregate } from '#libs/event-sourcing';
import { conflictsNow, dossierHashOf, incidentSource, readChangeFacts, scheduledOf, tupleOf, type ChangeEvidence } from '#libs/policy';
import { boardContents, CHANGE, dossierOf, modelContents, releaseFacts, submittedWith, withChange } from '#libs/policy/testing';

type Streams = Readonly<Record<string, readonly DomainEvent[]>>;
/** Reads streams that are given as their events; one that is not given is empty. */
const over =
  (streams: Streams, asked: string[] = []): ReadAggregate =>
  async (aggregate, id) => {
    const stream = `${aggregate.category}-${id}`;
    asked.push(stream);
    const events = streams[stream] ?? [];
    const revision = events.length - 1;
    const state = events.reduce((s, e) => aggregate.evolve(s, e as never), aggregate.initial);
    return { id, stream, state, revision, exists: revision >= 0, ref: `${stream}@${revision}`, events: [] };
  };

const facts = releaseFacts();
const of = { releaseId: 'release-1', environment: 'production', product: 'shop' };
const ofChange = { changeId: CHANGE, releaseId: 'release-1', environment: 'production', round: 1 };
const member = (person: string, left = false): DomainEvent => ({
  type: left ? 'GroupMemberRemoved' : 'GroupMemberAdded',
  data: { group: 'cab', person },
});
const week = `changecalendar-${changeCalendarId('production', '2026-03-02T09:00:00.000Z')}`;
const scheduled = (changeId: string, window = dossierOf(facts).window): DomainEvent => ({
  type: 'ChangeScheduled',
  data: { changeId, round: 1, environment: 'production', releaseId: `release-of-${changeId}`, product: 'shop', window, artifacts: [] },
});
const streams: Streams = {
  'board-cab': [{ type: 'BoardDefined', data: { boardId: 'cab', version: 3, tzdata: '2026a', ...boardContents } }],
  'group-cab': [
    { type: 'GroupDefined', data: { group: 'cab', title: 'CAB' } },
    member('otto'),
    member('anna'),
    member('gone'),
    member('gone', true),
  ],
  'changemodel-patch': [
    { type: 'ChangeModelProposed', data: { modelId: 'patch', version: 1, ...modelContents, contentsHash: 'c', proposer: 'rita' } },
  ],
  [`changehistory-${changeHistoryId('shop', 'production')}`]: [
    {
      type: 'ChangeOutcomeNoted',
      data: { product: 'shop', environment: 'production', changeId: 'x', deploymentId: 'd', outcome: 'succeeded' },
    },
  ],
  'incident-i1': [{ type: 'IncidentOpened', data: { incidentId: 'i1', environment: 'production' } }],
  [`bypass-${BYPASS_REGISTER}`]: [
    {
      type: 'BypassRequested',
      data: { bypassId: 'b1', requester: 'rita', gates: ['change-approved'], tuple: tupleOf(facts, '2026-03-02T11:00:00.000Z') },
    },
  ],
  [week]: [scheduled('z'), scheduled('a')],
};
const asked: ChangeEvidence = {
  boardId: 'cab',
  modelId: 'patch',
  incidentId: 'i1',
  bypassId: 'b1',
  window: dossierOf(facts).window,
  dependsOn: ['before', 'never'],
};

describe('an incident, as changes see it', () => {
  const after = (...types: readonly string[]) =>
    types
      .map((type) => ({ type, data: { incidentId: 'i1', environment: 'production' } }))
      .reduce((state, event) => incidentSource.evolve(state, event as never), incidentSource.initial);
  it('is open from when it is opened until it is resolved', () => {
    expect(incidentSource.category).toBe('incident');
    expect(after()).toEqual({ open: false });
    expect(after('IncidentOpened')).toEqual({ open: true, environment: 'production' });
    expect(after('IncidentOpened', 'IncidentAcknowledged')).toEqual({ open: true, environment: 'production' });
    expect(after('IncidentOpened', 'IncidentResolved')).toEqual({ open: false, environment: 'production' });
  });
});

describe('what a change is judged on', () => {
  it('is nothing but itself where nothing is named', async () => {
    const read: string[] = [];
    const { change, refs } = await readChangeFacts(over(streams, read), of);
    expect(change).toEqual({ id: CHANGE, change: expect.objectContaining({ status: 'none' }) as never });
    expect(refs).toEqual({ change: `change-${CHANGE}@-1` });
    expect(read).toEqual([`change-${CHANGE}`]);
  });

  it('is all that a submission names, with the revision of each', async () => {
    const done: readonly DomainEvent[] = [
      submittedWith(dossierOf(facts)),
      { type: 'ChangeImplemented', data: { ...ofChange, deploymentId: 'd', outcome: 'succeeded' } },
    ];
    const { change, refs } = await readChangeFacts(over({ ...streams, 'change-before': done }), of, asked);
    expect(change).toMatchObject({
      id: CHANGE,
      board: { version: 3, contents: { quorum: 2 }, tzdata: '2026a' },
      members: ['anna', 'otto'],
      model: { versions: [{ version: 1, status: 'proposed' }] },
      successes: 1,
      incident: { open: true, environment: 'production' },
      bypass: { requester: 'rita' },
      planned: [{ changeId: 'a' }, { changeId: 'z' }],
      dependsOn: [
        { changeId: 'before', done: true },
        { changeId: 'never', done: false },
      ],
    });
    expect(change.dependsOn?.some((d) => 'window' in d)).toBe(false);
    expect(refs).toEqual({
      change: `change-${CHANGE}@-1`,
      'board-cab': 'board-cab@0',
      'changemodel-patch': 'changemodel-patch@0',
      'incident-i1': 'incident-i1@0',
      [`bypass-${BYPASS_REGISTER}`]: `bypass-${BYPASS_REGISTER}@0`,
      [`changehistory-${changeHistoryId('shop', 'production')}`]: `changehistory-${changeHistoryId('shop', 'production')}@0`,
      [week]: `${week}@1`,
      'change-before': 'change-before@1',
      'change-never': 'change-never@-1',
      'group-cab': 'group-cab@4',
    });
  });

  it('is no bypass that there is not, whatever it is called', async () => {
    for (const bypassId of ['b2', 'constructor', '__proto__']) {
      const { change } = await readChangeFacts(over(streams), of, { dependsOn: [], bypassId });
      expect(change).not.toHaveProperty('bypass');
    }
  });

  it('has no members of a board that was never defined', async () => {
    const { change } = await readChangeFacts(over({}), of, { dependsOn: [], boardId: 'cab' });
    expect(change.board).toEqual({ version: 0 });
    expect(change).not.toHaveProperty('members');
  });

  it('is done before only by a deployment that succeeded in the end, and has a window only while it is to come', async () => {
    const submitted = submittedWith(dossierOf(facts));
    const ended = (outcome: string): DomainEvent => ({ type: 'ChangeImplemented', data: { ...ofChange, deploymentId: 'd', outcome } });
    const before = async (...events: readonly DomainEvent[]) =>
      (await readChangeFacts(over({ 'change-b': events }), of, { dependsOn: ['b'] })).change.dependsOn?.map(
        ({ changeId, done, window }) => ({ changeId, done, window }),
      );
    const { window } = dossierOf(facts);
    expect(await before(submitted)).toEqual([{ changeId: 'b', done: false, window }]);
    expect(await before(submittedWith(dossierOf(facts), { route: 'emergency' }))).toEqual([{ changeId: 'b', done: false, window }]);
    expect(await before(submitted, ended('succeeded'))).toEqual([{ changeId: 'b', done: true }]);
    expect(await before(submitted, ended('rolled-back'))).toEqual([{ changeId: 'b', done: false }]);
    expect(await before(submitted, ended('failed'))).toEqual([{ changeId: 'b', done: false, window }]);
    expect(await before(submitted, { type: 'ChangeWithdrawn', data: { ...ofChange, person: 'rita', reason: 'Later.' } })).toEqual([
      { changeId: 'b', done: false },
    ]);
  });

  const dossier = dossierOf(facts, {
    board: { boardId: 'cab', version: 3 },
    model: { modelId: 'patch', version: 1 },
    incidentId: 'i1',
    bypassId: 'b1',
    dependsOn: ['before'],
  });
  const decided: ChangeEvent = {
    type: 'ChangeDecided',
    data: {
      ...ofChange,
      outcome: 'approved',
      by: 'board',
      dossierHash: dossierHashOf(dossier),
      recused: [],
      conditions: [],
      conflicts: [],
      inputs: [],
    },
  };

  it.each<[string, readonly ChangeEvent[], boolean]>([
    ['while it is open', [submittedWith(dossier)], true],
    ['when a model approved it before: that is decided when it starts', [submittedWith(dossier, { route: 'model' })], true],
    ['in an emergency', [submittedWith(dossier, { route: 'emergency' })], false],
    ['once the board has decided', [submittedWith(dossier), decided], false],
  ])('is what its dossier names; what else is planned counts %s: %#', async (_when, events, watched) => {
    const { change } = await readChangeFacts(over({ ...streams, [`change-${CHANGE}`]: events }), of);
    expect(change).toMatchObject({ board: { version: 3 }, model: {}, incident: { open: true }, bypass: { requester: 'rita' } });
    expect('planned' in change).toBe(watched);
    // What it depends on it waits for until it is implemented, decided or not; engines of before asked as for the rest.
    expect('dependsOn' in change).toBe(true);
    const { change: before } = await readChangeFacts(over({ ...streams, [`change-${CHANGE}`]: events }), of, undefined, false);
    expect('dependsOn' in before).toBe(watched);
  });

  it('is not what its dossier does not name', async () => {
    const bare = submittedWith(dossierOf(facts), { route: 'emergency' });
    const { change, refs } = await readChangeFacts(over({ ...streams, [`change-${CHANGE}`]: [bare] }), of);
    expect(Object.keys(change).sort()).toEqual(['change', 'id']);
    expect(refs).toEqual({ change: `change-${CHANGE}@0` });
  });
});

describe('what gets in the way now', () => {
  const own = scheduledOf(dossierOf(facts));
  const other: ScheduledChange & { readonly round: number } = { ...own, changeId: 'other', releaseId: 'r2', round: 1 };

  it('is reckoned with what other changes see of it', () => {
    expect(own).toEqual({
      changeId: CHANGE,
      releaseId: 'release-1',
      product: 'shop',
      window: { from: '2026-03-02T09:00:00.000Z', until: '2026-03-02T12:00:00.000Z' },
      artifacts: [{ name: 'api', digest: 'sha256:aa' }],
    });
  });

  it('is nothing where nothing else is planned or closed', () => {
    const { change } = withChange(facts, []);
    expect(conflictsNow(facts, change!, own, 'normal', 'cab')).toEqual([]);
  });

  it('is another change, one that has to be done before, and the room that the board has', () => {
    const board = { version: 1, contents: { ...boardContents, maxConcurrent: 1 } };
    const evidence = withChange(facts, [], { board, planned: [other], dependsOn: [{ changeId: 'before', done: false }] }).change!;
    const kinds = (boardId: string | undefined) => conflictsNow(facts, evidence, own, 'normal', boardId).map((c) => `${c.kind} ${c.with}`);
    expect(kinds('cab')).toEqual(['capacity cab', 'dependency before', 'service other']);
    expect(kinds(undefined)).toEqual(['dependency before', 'service other']);
  });

  it('is a freeze that is about it and its class', () => {
    const freeze = (scope: CalendarScope) => ({
      ...facts,
      calendars: [
        {
          calendarId: 'books',
          version: 1,
          title: 'Books',
          kind: 'freeze' as const,
          scope,
          zone: 'UTC',
          window: { kind: 'one-off' as const, start: '2026-03-02T11:00', end: '2026-03-03T00:00' },
          passes: ['standard' as const],
          from: '2026-01-01T00:00:00.000Z',
        },
      ],
    });
    const kinds = (scope: CalendarScope, changeClass: 'normal' | 'standard') =>
      conflictsNow(freeze(scope), withChange(facts, []).change!, own, changeClass, undefined).map((c) => c.kind);
    const scopes: readonly CalendarScope[] = [
      {},
      { environment: 'production' },
      { environmentClass: 'production' },
      { product: 'shop' },
      { service: 'api' },
    ];
    for (const scope of scopes) {
      expect([scope, kinds(scope, 'normal')]).toEqual([scope, ['freeze']]);
      expect(kinds(scope, 'standard')).toEqual([]);
    }
    const { product: _product, environmentClass: _class, ...bare } = freeze({ product: 'shop' });
    expect(conflictsNow(bare, withChange(facts, []).change!, own, 'normal', undefined)).toEqual([]);
  });
});
