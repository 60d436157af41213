import type { ChangeEvent } from '#libs/contracts';
import { NO_STREAM, type Loaded } from '#libs/event-sourcing';
import { change, dossierHashOf, findCircles, heldUpBy, statusOf, type Change, type Dependency } from '#libs/policy';
import { CHANGE, dossierOf, releaseFacts, submittedWith } from '#libs/policy/testing';

const facts = releaseFacts();
const of = { changeId: 'other', releaseId: 'release-2', environment: 'production', round: 1 };
const submitted = (changeId: string, ...dependsOn: string[]): ChangeEvent =>
  submittedWith(dossierOf(facts, { changeId, dependsOn }), { changeId });
const after = (...events: readonly ChangeEvent[]): Change => events.reduce(change.evolve, change.initial);
const ended = (outcome: 'succeeded' | 'failed' | 'rolled-back'): ChangeEvent => ({
  type: 'ChangeImplemented',
  data: { ...of, deploymentId: 'd1', outcome },
});
const approved: ChangeEvent = {
  type: 'ChangeDecided',
  data: {
    ...of,
    outcome: 'approved',
    by: 'board',
    dossierHash: dossierHashOf(dossierOf(facts)),
    recused: [],
    conditions: [],
    conflicts: [],
    inputs: [],
  },
};
const withdrawn: ChangeEvent = { type: 'ChangeWithdrawn', data: { ...of, person: 'rita', reason: 'Later.' } };

describe('a change that another one depends on', () => {
  const open = submitted('other');
  it.each<[string, readonly ChangeEvent[]]>([
    ['none', []],
    ['open', [open]],
    ['approved', [open, approved]],
    ['done', [open, approved, ended('succeeded')]],
    ['failed', [open, approved, ended('failed')]],
    ['done', [open, approved, ended('failed'), ended('succeeded')]],
    ['rolled-back', [open, approved, ended('succeeded'), ended('rolled-back')]],
    ['withdrawn', [open, approved, ended('failed'), withdrawn]],
    ['voided', [open, { type: 'ChangeVoided', data: { ...of, reason: 'The plan.' } }]],
    ['rejected', [open, { ...approved, data: { ...approved.data, outcome: 'rejected' } } as ChangeEvent]],
  ])('is %s as its events say', (status, events) => {
    expect(statusOf(after(...events))).toBe(status);
  });

  const on = (more: Partial<Dependency>): Dependency => ({ changeId: 'other', done: false, of: 'database in production', ...more });
  it.each([
    ['none', 'was never submitted.', false, 'Submit change other and deploy it, or submit this one again without depending on it.'],
    ['open', 'is not decided on.', false, 'Deploy change other, once it is decided on: it has to succeed first.'],
    ['approved', 'is approved and not deployed.', false, 'Deploy change other: it has to succeed first.'],
    ['failed', 'was deployed and failed.', false, 'Deploy change other again: it has to succeed first.'],
    ['rejected', 'was rejected.', true, 'Submit change other anew and deploy it, or submit this one again without depending on it.'],
    ['voided', 'was voided.', true, 'Submit change other anew and deploy it, or submit this one again without depending on it.'],
    ['withdrawn', 'was withdrawn.', true, 'Submit change other anew and deploy it, or submit this one again without depending on it.'],
    [
      'rolled-back',
      'was deployed and rolled back.',
      true,
      'Submit change other anew and deploy it, or submit this one again without depending on it.',
    ],
  ] as const)('holds the other one up while it is %s, and says what unblocks', (status, said, hopeless, unblockedBy) => {
    expect(heldUpBy(CHANGE, [on({ status })])).toEqual([
      { changeId: 'other', detail: `Change other (database in production), on which it depends, ${said}`, unblockedBy, hopeless },
    ]);
  });

  it('holds nothing up once it is done, nor where the engine did not ask', () => {
    expect(heldUpBy(CHANGE, [on({ done: true, status: 'done' }), on({})])).toEqual([]);
    expect(heldUpBy(CHANGE, [])).toEqual([]);
  });

  it('is named with the circle where both wait for each other', () => {
    const { of: _of, ...nameless } = on({ status: 'open', circle: ['other', 'third'] });
    expect(heldUpBy('own', [nameless])).toEqual([
      {
        changeId: 'other',
        detail: 'Change other, on which it depends, waits for it in turn: own → other → third → own.',
        unblockedBy: 'Submit one of them again without depending on the next.',
        hopeless: true,
      },
    ]);
  });
});

describe('a circle of changes', () => {
  const find = async (graph: Readonly<Record<string, Change>>, changeId: string, dependsOn: readonly string[]) => {
    const loads: string[] = [];
    const load = async (id: string): Promise<Loaded<Change>> => {
      loads.push(id);
      const state = graph[id] ?? change.initial;
      return { id, stream: `change-${id}`, state, revision: NO_STREAM, exists: false, ref: `change-${id}@-1`, events: [] };
    };
    const { circles, seen } = await findCircles(changeId, dependsOn, load);
    expect(seen.map((l) => l.id).sort()).toEqual([...loads].sort());
    return { circles: Object.fromEntries(circles), loads };
  };
  const pending = (id: string, ...dependsOn: string[]): Record<string, Change> => ({ [id]: after(submitted(id, ...dependsOn)) });

  it('is found through as many as there are, by the change that it goes through first', async () => {
    const graph = { ...pending('b', 'x', 'c'), ...pending('c', 'd'), ...pending('d', 'a'), ...pending('e') };
    expect((await find(graph, 'a', ['e', 'b'])).circles).toEqual({ b: ['b', 'c', 'd'] });
    expect((await find(pending('b', 'a'), 'a', ['b'])).circles).toEqual({ b: ['b'] });
  });

  it('is none where the way ends, or where a change on it is done or not to come', async () => {
    expect((await find({ ...pending('b', 'c'), ...pending('c') }, 'a', ['b'])).circles).toEqual({});
    for (const events of [[approved, ended('succeeded')], [withdrawn]])
      expect((await find({ b: after(submitted('b', 'a'), ...events) }, 'a', ['b'])).circles).toEqual({});
    expect((await find({ b: after(submitted('b', 'a'), approved) }, 'a', ['b'])).circles).toEqual({ b: ['b'] });
  });

  it('of others, in which one has no part, ends the search, and each change is read once', async () => {
    const { circles, loads } = await find({ ...pending('b', 'c'), ...pending('c', 'b') }, 'a', ['b', 'c']);
    expect(circles).toEqual({});
    expect(loads).toEqual(['b', 'c']);
  });

  it('is looked for among a hundred changes and no more', async () => {
    const long = Object.assign({}, ...Array.from({ length: 200 }, (_, i) => pending(`c${i}`, `c${i + 1}`))) as Record<string, Change>;
    const { circles, loads } = await find({ ...long, ...pending('c200', 'a') }, 'a', ['c0']);
    expect([circles, loads.length]).toEqual([{}, 100]);
    expect((await find({ ...long, ...pending('c99', 'a') }, 'a', ['c0'])).circles['c0']).toHaveLength(100);
  });
});
