import type { ChangeCalendarEvent, ChangeEvent, ChangeHistoryEvent, RiskFloor } from '#libs/contracts';
import { issued, scenario } from '#libs/event-sourcing/testing';
import {
  change,
  changeCalendar,
  changeHistory,
  dossierHashOf,
  handsAsRecorded,
  judgeRisk,
  type ChangeFacts,
  type GateFacts,
} from '#libs/policy';
import { boardContents, CHANGE, noAliases, dossierOf, modelVersion, releaseFacts, submittedWith, withChange } from '#libs/policy/testing';
import {
  decideChangeByItsm,
  DecideChangeByItsm,
  handChangeToBoard,
  HandChangeToBoard,
  reportChangeDelivery,
  ReportChangeDelivery,
} from './decide-by-itsm.ts';
import {
  confirmCondition,
  ConfirmCondition,
  markChangeReviewOverdue,
  MarkChangeReviewOverdue,
  recordChangeOutcome,
  RecordChangeOutcome,
  reviewChange,
  ReviewChange,
  voidChangeIfChanged,
  VoidChangeIfChanged,
  withdrawChange,
  WithdrawChange,
} from './end-change.ts';
import {
  noteChangeOutcome,
  NoteChangeOutcome,
  scheduleChange,
  ScheduleChange,
  unscheduleChange,
  UnscheduleChange,
} from './schedule-change.ts';
import { submitChange, SubmitChange, type SubmitFacts } from './submit-change.ts';
import { declareRecusal, DeclareRecusal, openChangeVote, OpenChangeVote, voteOnChange, VoteOnChange } from './vote-on-change.ts';

const changes = scenario(change);
const NOW = '2026-03-02T10:00:00.000Z';
const RELEASE = '7b0f3a52-0000-5000-8000-000000000001';
const facts = releaseFacts();
const of = { changeId: CHANGE, releaseId: 'release-1', environment: 'production', round: 1 };
const board = { version: 1, contents: boardContents };

describe('submitting a change', () => {
  const refs = { change: `change-${CHANGE}@-1`, board: 'board-cab@0', model: 'changemodel-patch@3', incident: 'incident-1@0' };
  const asked = (gates: GateFacts = facts, evidence: Partial<ChangeFacts> = {}): SubmitFacts => {
    const known = withChange(gates, [], { board, ...evidence });
    return { gates: known, evidence: known.change!, refs };
  };
  const submit = (more: Partial<SubmitChange> = {}, now = NOW) =>
    issued(
      SubmitChange,
      {
        releaseId: RELEASE,
        environment: 'production',
        title: 'Shop 1.0.0',
        justification: 'The new checkout.',
        riskLevel: 'medium',
        riskAssessment: 'Payments could fail.',
        backout: 'Roll back.',
        from: '2026-03-02T20:00:00+01:00',
        until: '2026-03-02T22:00:00+01:00',
        boardId: 'cab',
        ...more,
      },
      CHANGE,
      { person: 'rita', now },
    );
  const decide = (more: Partial<SubmitChange> = {}, known = asked()) => changes.given().when(submitChange, submit(more), known);

  it('tells of no less risk than the gates judge, and of more wherever somebody sees more', () => {
    const risky = (declared: 'low' | undefined, floors: RiskFloor[] = []) =>
      asked({ ...facts, risk: judgeRisk(declared, floors, { environmentClass: 'production', regimes: [], artifacts: 1 }) });
    expect(decide({ riskLevel: 'low' }, risky('low')).decision).toHaveLength(1);
    expect(decide({ riskLevel: 'medium' }, risky('low')).decision).toHaveLength(1);
    const undeclared = decide({ riskLevel: 'medium' }, risky(undefined)).thenRefused('risk-understated');
    expect(undeclared.reasons[0]?.unblockedBy).toBe('Plan the release with a riskClass, or say high.');
    expect(decide({ riskLevel: 'high' }, risky(undefined)).decision).toHaveLength(1);
    const raised = risky('low', [{ when: {}, atLeast: 'medium' }]);
    expect(decide({ riskLevel: 'low' }, raised).thenRefused('risk-understated').reasons[0]?.unblockedBy).toBe('Say medium.');
    expect(decide({ riskLevel: 'medium' }, raised).decision).toHaveLength(1);
  });

  it('freezes a dossier of what is there now, by hash, and puts it on the agenda of the next meeting', () => {
    const [event] = decide().decision as ChangeEvent[];
    if (event?.type !== 'ChangeSubmitted') throw new Error('not submitted');
    const { dossier, dossierHash, meeting, route, inputs } = event.data;
    expect(dossier).toMatchObject({
      class: 'normal',
      round: 1,
      requester: 'rita',
      window: { from: '2026-03-02T19:00:00.000Z', until: '2026-03-02T21:00:00.000Z' },
      contents: {
        artifacts: [{ digest: 'sha256:aa' }],
        planHash: 'plan-hash',
        tests: [{ suite: 'unit', outcome: 'pass' }],
        authors: ['ada'],
      },
      board: { boardId: 'cab', version: 1 },
      conflicts: [],
    });
    expect(dossierHash).toBe(dossierHashOf(dossier));
    expect(meeting).toEqual({ startsAt: '2026-03-04T13:00:00.000Z', cutoffAt: '2026-03-03T13:00:00.000Z' });
    expect(route).toBe('board');
    expect(inputs).toEqual(expect.arrayContaining(['board-cab@0', 'release-1@3', 'testreport-1@0']));
  });

  it('comes too late for a meeting after its cut-off, and is on the agenda of the one after', () => {
    const late = submit({ from: '2026-03-03T20:00:00Z', until: '2026-03-03T22:00:00Z' }, '2026-03-03T13:00:00.000Z');
    expect(changes.given().when(submitChange, late, asked()).decision).toMatchObject([
      { data: { meeting: { startsAt: '2026-03-11T13:00:00.000Z' } } },
    ]);
  });

  it('is nothing new while it is open and the same, and a new round where anything differs', () => {
    const [first] = decide().decision as ChangeEvent[];
    const again = changes.given(first!);
    again.when(submitChange, submit(), asked()).thenNothing();
    expect(again.when(submitChange, submit({ backout: 'Restore the backup.' }), asked()).decision).toMatchObject([{ data: { round: 2 } }]);
    const withdrawn: ChangeEvent = { type: 'ChangeWithdrawn', data: { ...of, person: 'rita', reason: 'Later.' } };
    expect(changes.given(first!, withdrawn).when(submitChange, submit(), asked()).decision).toMatchObject([{ data: { round: 2 } }]);
  });

  it('names what is in its way', () => {
    const other = {
      changeId: 'other',
      round: 1,
      releaseId: 'r2',
      product: 'shop',
      window: { from: '2026-03-02T20:00:00.000Z', until: '2026-03-03T20:00:00.000Z' },
      artifacts: [{ name: 'api', digest: 'sha256:bb' }],
    };
    expect(decide({}, asked(facts, { planned: [other] })).decision).toMatchObject([
      {
        data: {
          dossier: {
            conflicts: [{ kind: 'dependency', with: 'other', from: '2026-03-02T20:00:00.000Z', until: '2026-03-02T21:00:00.000Z' }],
          },
        },
      },
    ]);
  });

  it.each<[string, Partial<SubmitChange>, string]>([
    ['ends before it begins', { until: '2026-03-02T19:59:59+01:00' }, 'window-invalid'],
    ['is over', { from: '2026-03-02T08:00:00Z', until: '2026-03-02T10:00:00Z' }, 'window-invalid'],
    ['lasts more than a week', { until: '2026-03-09T20:00:01+01:00' }, 'window-invalid'],
    ['is more than a year away', { from: '2027-03-04T00:00:00Z', until: '2027-03-04T01:00:00Z' }, 'window-invalid'],
    ['depends on itself', { dependsOn: [CHANGE] }, 'depends-on-itself'],
    ['names evidence of another class than planned', { modelId: 'patch' }, 'class-not-planned'],
    ['names an incident and is planned as normal', { incidentId: RELEASE }, 'class-not-planned'],
  ])('is refused where it %s', (_what, more, type) => {
    decide(more).thenRefused(type);
  });

  it('is refused where changes would wait for each other in a circle, and not where they wait in a row', () => {
    const waits = {
      changeId: RELEASE,
      done: false,
      status: 'open' as const,
      window: { from: '2026-03-02T10:00:00.000Z', until: '2026-03-02T19:00:00.000Z' },
    };
    const refusal = decide({ dependsOn: [RELEASE] }, asked(facts, { dependsOn: [{ ...waits, circle: [RELEASE, 'third'] }] })).thenRefused(
      'depends-in-a-circle',
    );
    expect(refusal.detail).toContain(`${CHANGE} → ${RELEASE} → third → ${CHANGE}`);
    expect(decide({ dependsOn: [RELEASE] }, asked(facts, { dependsOn: [waits] })).decision).toMatchObject([
      { type: 'ChangeSubmitted', data: { dossier: { dependsOn: [RELEASE], conflicts: [] } } },
    ]);
  });

  it('is refused where it is normal and names no board', () => {
    const { boardId: _boardId, ...unnamed } = submit();
    changes
      .given()
      .when(submitChange, unnamed as ReturnType<typeof submit>, asked(facts, { board: undefined }))
      .thenRefused('board-missing');
  });

  it('is refused where there is nothing to submit, or nobody asks for it', () => {
    const without = ({ product: _p, ...rest }: GateFacts): GateFacts => rest;
    decide({}, { ...asked(), gates: without(facts) }).thenRefused('release-unknown');
    const { plan: _plan, ...unplanned } = facts;
    decide({}, { ...asked(), gates: unplanned }).thenRefused('not-planned');
    decide({}, { ...asked(), gates: facts }).thenRefused('change-not-needed');
    decide({}, asked(facts, { board: { version: 0 } })).thenRefused('board-unknown');
  });

  const plan = { steps: [{ id: 'a', driver: 'exec', action: 'switch', input: {}, dependsOn: [] }], planHash: 'plan-hash' };
  const standard = releaseFacts({ plan: { ...plan, changeClass: 'standard' } });
  const model = { model: { versions: [modelVersion()] }, successes: 0 };

  it('is standard where the plan says so and a model bears it, and then is approved already', () => {
    expect(decide({ modelId: 'patch' }, asked(standard, model)).decision).toMatchObject([
      {
        data: {
          class: 'standard',
          route: 'model',
          dossier: { model: { modelId: 'patch', version: 1 } },
          reasons: [{ code: 'model-matches', evidence: ['changemodel-patch@3'] }],
        },
      },
    ]);
  });

  it('is not standard because somebody says so', () => {
    const { reasons } = decide({}, asked(standard)).thenRefused('class-not-borne');
    expect(reasons[0]).toMatchObject({
      code: 'not-standard',
      detail: 'No change model is named.',
      unblockedBy: expect.stringMatching(/Name a change model/),
    });
    const suspended = { model: { versions: [modelVersion({ status: 'suspended', reason: 'One failed.' })] } };
    expect(decide({ modelId: 'patch' }, asked(standard, suspended)).thenRefused('class-not-borne').reasons[0]?.detail).toMatch(
      /is suspended/,
    );
    const busy = {
      ...model,
      planned: [
        {
          changeId: 'other',
          round: 1,
          releaseId: 'r2',
          product: 'shop',
          window: { from: '2026-03-02T20:00:00.000Z', until: '2026-03-03T20:00:00.000Z' },
          artifacts: [],
        },
      ],
    };
    expect(decide({ modelId: 'patch' }, asked(standard, busy)).thenRefused('class-not-borne').reasons[0]?.detail).toMatch(/^In its way/);
  });

  it('is an emergency where an incident is open, with its review in three days at the latest; and not without one', () => {
    const emergency = releaseFacts({ plan: { ...plan, changeClass: 'emergency' } });
    const incident = { incident: { open: true, environment: 'production' } };
    expect(decide({ incidentId: RELEASE }, asked(emergency, incident)).decision).toMatchObject([
      {
        data: {
          class: 'emergency',
          route: 'emergency',
          reviewDueAt: '2026-03-05T10:00:00.000Z',
          reasons: [{ code: 'incident-open', evidence: ['incident-1@0'] }],
        },
      },
    ]);
    decide({}, asked(emergency)).thenRefused('class-not-borne');
    const resolved = { incident: { open: false, environment: 'production' } };
    expect(decide({ incidentId: RELEASE }, asked(emergency, resolved)).thenRefused('class-not-borne').reasons[0]?.detail).toMatch(
      /is resolved/,
    );
  });

  it('waits for an ITSM where the board says so, and for how long', () => {
    const itsm = (whenAway: 'hold' | 'board') =>
      asked(facts, { board: { version: 1, contents: { ...boardContents, itsm: { whenAway, afterMinutes: 30 } } } });
    expect(decide({}, itsm('board')).decision).toMatchObject([{ data: { route: 'itsm', boardTakesOverAt: '2026-03-02T10:30:00.000Z' } }]);
    const [held] = decide({}, itsm('hold')).decision as ChangeEvent[];
    expect(held?.data).toMatchObject({ route: 'itsm' });
    expect(held?.data).not.toHaveProperty('boardTakesOverAt');
  });
});

const dossier = dossierOf(facts, { board: { boardId: 'cab', version: 1 } });
const dossierHash = dossierHashOf(dossier);
const submitted = submittedWith(dossier);
const opened: ChangeEvent = { type: 'ChangeVoteOpened', data: { ...of, chair: 'cora', reason: 'It can not wait.' } };
const voted = (person: string, how: VoteOnChange['vote'] = 'for', conditions: readonly string[] = []): ChangeEvent => ({
  type: 'ChangeVoteCast',
  data: { ...of, person, vote: how, dossierHash, conditions },
});
const decided = (
  outcome: 'approved' | 'rejected',
  conditions: readonly { conditionId: string; text: string; by: string }[] = [],
): ChangeEvent => ({
  type: 'ChangeDecided',
  data: { ...of, outcome, by: 'board', dossierHash, recused: [], conditions, conflicts: [], inputs: [] },
});
const approved = [submitted, opened, voted('anna'), voted('otto'), decided('approved')];

describe('voting on a change', () => {
  const vote = (person: string, how: VoteOnChange['vote'] = 'for', more: Partial<VoteOnChange> = {}, now = NOW) =>
    issued(VoteOnChange, { dossierHash, vote: how, ...more }, CHANGE, { person, now });
  const cast = (events: ChangeEvent[], command: ReturnType<typeof vote>, more: Partial<ChangeFacts> = {}, gates = facts) =>
    changes.given(...events).when(voteOnChange, command, { now: withChange(gates, events, { board, ...more }) });

  it('is taken from the meeting on, or when the chair has called a vote before; and no sooner', () => {
    const { reasons } = cast([submitted], vote('anna')).thenRefused('no-vote-now');
    expect(reasons[0]?.unblockedBy).toBe('Vote then; or the chair, cora, calls a vote before.');
    cast([submitted, opened], vote('anna')).then(voted('anna'));
    const long = dossierOf(facts, {
      board: { boardId: 'cab', version: 1 },
      window: { from: '2026-03-04T20:00:00.000Z', until: '2026-03-04T22:00:00.000Z' },
    });
    const inMeeting = vote('anna', 'for', { dossierHash: dossierHashOf(long) }, '2026-03-04T13:00:00.000Z');
    expect(cast([submittedWith(long)], inMeeting).decision).toMatchObject([{ type: 'ChangeVoteCast' }]);
  });

  it('decides with the vote that brings the quorum, and says who did not vote and why', () => {
    expect(cast([submitted, opened, voted('anna', 'for', ['Back up first.'])], vote('otto')).decision).toMatchObject([
      { type: 'ChangeVoteCast', data: { person: 'otto' } },
      {
        type: 'ChangeDecided',
        data: {
          outcome: 'approved',
          by: 'board',
          tally: { for: ['anna', 'otto'], quorum: 2 },
          recused: [{ person: 'ada' }, { person: 'tess' }],
          conditions: [{ text: 'Back up first.', by: 'anna' }],
        },
      },
    ]);
    expect(cast([submitted, opened, voted('anna', 'against')], vote('otto', 'against')).decision).toMatchObject([
      {},
      { data: { outcome: 'rejected', conditions: [] } },
    ]);
  });

  it('is for the chair to decide where it is equal', () => {
    const equal = [submitted, opened, voted('anna', 'against')];
    expect(cast(equal, vote('otto')).decision).toHaveLength(1);
    expect(cast([...equal, voted('otto')], vote('cora')).decision).toMatchObject([{}, { data: { outcome: 'approved' } }]);
  });

  it('that abstains altogether puts it off to the next meeting, where everybody votes anew', () => {
    const [, off] = cast([submitted, opened, voted('anna', 'abstain')], vote('otto', 'abstain')).decision as ChangeEvent[];
    expect(off).toMatchObject({ data: { outcome: 'deferred', meeting: { startsAt: '2026-03-11T13:00:00.000Z' } } });
    const state = [submitted, opened, voted('anna', 'abstain'), off!].reduce(change.evolve, change.initial);
    expect(state).toMatchObject({ status: 'open', votes: [], voteOpened: false, meeting: { startsAt: '2026-03-11T13:00:00.000Z' } });
  });

  it('counts a person once: the same again is nothing, another way is refused', () => {
    cast([submitted, opened, voted('anna')], vote('anna')).thenNothing();
    cast([submitted, opened, voted('anna')], vote('anna', 'against')).thenRefused('voted-already');
    cast(approved, vote('otto')).thenNothing();
    cast(approved, vote('cora')).thenRefused('change-not-open');
  });

  describe('of which the approval stands no more', () => {
    /** As gates read it: who is there, and whose votes lapsed. */
    const hands = (events: ChangeEvent[], lapsed: Record<string, string>) => ({
      ...handsAsRecorded(events.reduce(change.evolve, change.initial)),
      lapsed,
    });
    const OUT = { otto: 'otto has been out of the board since.' };
    const without = ['ada', 'anna', 'cora', 'tess'];
    const lapsed = (person: string, who: string[], how: VoteOnChange['vote'] = 'for'): ChangeEvent => {
      const event = voted(person, how) as Extract<ChangeEvent, { type: 'ChangeVoteCast' }>;
      return { ...event, data: { ...event.data, lapsed: who } };
    };

    it('goes on with another member, and is decided on anew with the vote that brings the quorum', () => {
      const known = { hands: hands(approved, OUT), members: without };
      const decision = cast(approved, vote('cora'), known).decision as ChangeEvent[];
      expect(decision).toMatchObject([
        { type: 'ChangeVoteCast', data: { person: 'cora', vote: 'for', lapsed: ['otto'] } },
        { type: 'ChangeDecided', data: { outcome: 'approved', tally: { for: ['anna', 'cora'] } } },
      ]);
      const state = [...approved, ...decision].reduce(change.evolve, change.initial);
      expect(state.status).toBe('approved');
      expect(state.votes.map((v) => v.person)).toEqual(['anna', 'cora']);
      // Nobody votes on what stands.
      cast([...approved, ...decision], vote('bea'), {
        hands: hands([...approved, ...decision], {}),
        members: [...without, 'bea'],
      }).thenRefused('change-not-open');
    });

    it('goes on with who is back, though she has voted before', () => {
      const known = { hands: hands(approved, OUT), members: [...without, 'otto'] };
      expect(cast(approved, vote('otto'), known).decision).toMatchObject([
        { data: { person: 'otto', lapsed: ['otto'] } },
        { data: { outcome: 'approved', tally: { for: ['anna', 'otto'] } } },
      ]);
      // Whose vote counts still has voted.
      cast(approved, vote('anna'), known).thenNothing();
      cast(approved, vote('anna', 'against'), known).thenRefused('voted-already');
    });

    it('is open until the quorum is there, and may be decided against', () => {
      const both = { anna: 'anna has been out of the board since.', ...OUT };
      const members = ['bea', 'cora', 'dora'];
      const first = cast(approved, vote('bea', 'against'), { hands: hands(approved, both), members });
      first.then(lapsed('bea', ['anna', 'otto'], 'against'));
      const open = [...approved, lapsed('bea', ['anna', 'otto'], 'against')];
      const state = open.reduce(change.evolve, change.initial);
      expect([state.status, state.votes.map((v) => v.person)]).toEqual(['open', ['bea']]);
      expect(cast(open, vote('dora', 'against'), { hands: hands(open, {}), members }).decision).toMatchObject([
        { type: 'ChangeVoteCast' },
        { data: { outcome: 'rejected' } },
      ]);
    });

    it('takes votes only while the dossier is true, its window is not over, and by who may vote', () => {
      const known = { hands: hands(approved, OUT), members: without };
      cast(approved, vote('cora', 'for', {}, dossier.window.until), known).thenRefused('window-over');
      cast(approved, vote('cora'), known, releaseFacts({ plan: { steps: [], planHash: 'another' } })).thenRefused('dossier-changed');
      cast(approved, vote('otto', 'against'), known).thenRefused('not-a-member');
      cast(approved, vote('ada'), known).thenRefused('recused');
      cast(approved, vote('cora'), { ...known, planned: [] }).thenRefused('not-scheduled-yet');
    });

    it('is over where it was decided against, withdrawn, or by an ITSM', () => {
      const withdrawn: ChangeEvent = { type: 'ChangeWithdrawn', data: { ...of, person: 'rita', reason: 'Later.' } };
      const over = [...approved, withdrawn];
      cast(over, vote('cora'), { hands: hands(over, OUT), members: without }).thenRefused('change-not-open');
      const outside = approved.map((event) =>
        event.type === 'ChangeDecided' ? ({ ...event, data: { ...event.data, by: 'itsm' } } as ChangeEvent) : event,
      );
      cast(outside, vote('cora'), { hands: hands(outside, OUT), members: without }).thenRefused('change-not-open');
    });

    it('lets who is back vote again also before it was decided', () => {
      const open = [submitted, opened, voted('otto')];
      const known = { hands: hands(open, OUT), members: [...without, 'otto'] };
      cast(open, vote('otto'), known).then(voted('otto'));
    });
  });

  it.each(['ada', 'tess'])('is not for %s, who has a part in the change; and the quorum stays', (person) => {
    expect(cast([submitted, opened], vote(person)).thenRefused('recused').reasons[0]?.unblockedBy).toBe('anna, cora, otto can vote.');
    const small = cast([submitted, opened], vote('anna'), { members: ['ada', 'anna', 'tess'] });
    small.then(voted('anna'));
  });

  it('is for members alone, and not for who has recused herself', () => {
    expect(cast([submitted, opened], vote('zoe')).thenRefused('not-a-member').kind).toBe('duty');
    const recused: ChangeEvent = { type: 'ChangeRecusalDeclared', data: { ...of, person: 'anna', reason: 'My team.' } };
    cast([submitted, opened, recused], vote('anna')).thenRefused('recused');
    cast([submitted, opened, recused], vote('otto')).then(voted('otto'));
  });

  it('is on the very dossier, as long as it is true', () => {
    cast([submitted, opened], vote('anna', 'for', { dossierHash: 'd'.repeat(64) })).thenRefused('dossier-changed');
    cast([submitted, opened], vote('anna'), {}, releaseFacts({ plan: { steps: [], planHash: 'another' } })).thenRefused('dossier-changed');
    cast([submitted, opened], vote('anna'), { board: { ...board, version: 2 } }).thenRefused('dossier-changed');
    cast([submitted, opened], vote('anna', 'for', {}, dossier.window.until)).thenRefused('window-over');
  });

  it('knows of everything that is in its way, or has the change submitted again', () => {
    const other = {
      changeId: 'other',
      round: 1,
      releaseId: 'r2',
      product: 'shop',
      window: dossier.window,
      artifacts: [{ name: 'api', digest: 'sha256:aa' }],
    };
    const own = withChange(facts, [submitted]).change!.planned![0]!;
    expect(cast([submitted, opened], vote('anna'), { planned: [own, other] }).thenRefused('conflicts-changed').reasons[0]?.code).toBe(
      'conflict-service',
    );
    const known = dossierOf(facts, {
      board: { boardId: 'cab', version: 1 },
      conflicts: [{ kind: 'service', with: 'other', detail: '', ...dossier.window }],
    });
    const events = [submittedWith(known), opened];
    expect(cast(events, vote('anna', 'for', { dossierHash: dossierHashOf(known) }), { planned: [own, other] }).decision).toHaveLength(1);
    cast([submitted, opened], vote('anna'), { planned: [] }).thenRefused('not-scheduled-yet');
    cast([submitted, opened], vote('anna'), { planned: [{ ...own, round: 0 }] }).thenRefused('not-scheduled-yet');
  });

  it('has conditions only where it is for it', () => {
    cast([submitted, opened], vote('anna', 'against', { condition: 'Back up first.' })).thenRefused('conditions-without-approval');
    cast([submitted, opened], vote('anna', 'for', { condition: 'Back up first.' })).then(voted('anna', 'for', ['Back up first.']));
  });

  it('needs a change', () => {
    changes.given().when(voteOnChange, vote('anna'), {}).thenRefused('change-unknown');
  });

  it('between meetings is called by the chair alone, once, and not by one with a part in it', () => {
    const call = (person: string) => issued(OpenChangeVote, { dossierHash, reason: 'It can not wait.' }, CHANGE, { person });
    const open = (person: string, events: ChangeEvent[] = [submitted], more: Partial<ChangeFacts> = {}) =>
      changes.given(...events).when(openChangeVote, call(person), { now: withChange(facts, events, { board, ...more }) });
    open('cora').then(opened);
    open('cora', [submitted, opened]).thenNothing();
    open('anna').thenRefused('not-the-chair');
    open('ada', [submitted], { board: { version: 1, contents: { ...boardContents, chair: 'ada' } } }).thenRefused('recused');
  });

  it('is left to others by a member who says so, once', () => {
    const recuse = (person: string) => issued(DeclareRecusal, { reason: 'My team.' }, CHANGE, { person });
    const known = { now: withChange(facts, [submitted]) };
    const recused: ChangeEvent = { type: 'ChangeRecusalDeclared', data: { ...of, person: 'anna', reason: 'My team.' } };
    changes.given(submitted).when(declareRecusal, recuse('anna'), known).then(recused);
    changes.given(submitted, recused).when(declareRecusal, recuse('anna'), known).thenNothing();
    changes.given(submitted).when(declareRecusal, recuse('zoe'), known).thenRefused('not-a-member');
    changes
      .given(...approved)
      .when(declareRecusal, recuse('cora'), known)
      .thenRefused('change-not-open');
  });
});

describe('what comes after', () => {
  const condition = { conditionId: '9a2f6c11-0000-5000-8000-000000000001', text: 'Back up first.', by: 'anna' };
  const conditional = [submitted, opened, voted('anna'), voted('otto'), decided('approved', [condition])];
  const known = { now: withChange(facts, [submitted]) };

  it('a condition is met when somebody without a part in it says so, once', () => {
    const confirm = (person: string, conditionId = condition.conditionId) =>
      issued(ConfirmCondition, { conditionId, evidence: 'Restored on the spare.' }, CHANGE, { person });
    const met: ChangeEvent = {
      type: 'ChangeConditionMet',
      data: { ...of, conditionId: condition.conditionId, confirmedBy: 'cora', evidence: 'Restored on the spare.' },
    };
    changes
      .given(...conditional)
      .when(confirmCondition, confirm('cora'), known)
      .then(met);
    changes
      .given(...conditional, met)
      .when(confirmCondition, confirm('otto'), known)
      .thenNothing();
    for (const person of ['ada', 'rita', 'tess'])
      changes
        .given(...conditional)
        .when(confirmCondition, confirm(person), known)
        .thenRefused('condition-by-another');
    // Nor by who is known by now to be who asked for it.
    const hands = { ...handsAsRecorded(known.now.change!.change), persons: { now: { 'test|rita': 'cora' }, refs: [] } };
    const alias = {
      now: withChange(facts, [submitted], { hands: { ...hands, requesters: [{ person: 'rita', principal: 'test|rita' }] } }),
    };
    changes
      .given(...conditional)
      .when(confirmCondition, confirm('cora'), alias)
      .thenRefused('condition-by-another');
    changes
      .given(...conditional)
      .when(confirmCondition, confirm('cora', CHANGE), known)
      .thenRefused('condition-unknown');
  });

  it('the requester withdraws it, nobody else, and once', () => {
    const withdraw = (person: string) => issued(WithdrawChange, { reason: 'Later.' }, CHANGE, { person });
    const withdrawn: ChangeEvent = { type: 'ChangeWithdrawn', data: { ...of, person: 'rita', reason: 'Later.' } };
    changes.given(submitted).when(withdrawChange, withdraw('rita')).then(withdrawn);
    changes.given(submitted, withdrawn).when(withdrawChange, withdraw('rita')).thenNothing();
    changes.given(submitted).when(withdrawChange, withdraw('otto')).thenRefused('not-the-requester');
    changes.given(submitted, decided('rejected')).when(withdrawChange, withdraw('rita')).thenRefused('change-closed');
    changes.given().when(withdrawChange, withdraw('rita')).thenRefused('change-unknown');
  });

  it('anything in the dossier that changes voids it, once, with what changed', () => {
    const look = issued(VoidChangeIfChanged, {}, CHANGE);
    const replanned = { now: withChange(releaseFacts({ plan: { steps: [], planHash: 'another' } }), [submitted]) };
    const voided: ChangeEvent = {
      type: 'ChangeVoided',
      data: { ...of, reason: 'The deployment plan of the dossier is not what is there now.' },
    };
    changes.given(submitted).when(voidChangeIfChanged, look, replanned).then(voided);
    changes
      .given(...approved)
      .when(voidChangeIfChanged, look, replanned)
      .then(voided);
    changes.given(submitted, voided).when(voidChangeIfChanged, look, replanned).thenNothing();
    changes.given(submitted).when(voidChangeIfChanged, look, known).thenNothing();
  });

  it('how deployments of it ended is noted, each once; what was rolled back is what it deployed', () => {
    const deploymentId = '7b0f3a52-0000-5000-8000-000000000002';
    const record = (outcome: RecordChangeOutcome['outcome']) => issued(RecordChangeOutcome, { deploymentId, outcome }, CHANGE);
    const implemented = (outcome: RecordChangeOutcome['outcome']): ChangeEvent => ({
      type: 'ChangeImplemented',
      data: { ...of, deploymentId, outcome },
    });
    changes
      .given(...approved)
      .when(recordChangeOutcome, record('succeeded'))
      .then(implemented('succeeded'));
    changes
      .given(...approved, implemented('succeeded'))
      .when(recordChangeOutcome, record('succeeded'))
      .thenNothing();
    changes
      .given(...approved, implemented('succeeded'))
      .when(recordChangeOutcome, record('rolled-back'))
      .then(implemented('rolled-back'));
    changes
      .given(...approved)
      .when(recordChangeOutcome, record('rolled-back'))
      .thenNothing();
    changes.given(submitted).when(recordChangeOutcome, record('failed')).thenNothing();
  });

  it('an emergency is reviewed by another, once, late or in time, and overdue where it is not', () => {
    const due = '2026-03-05T08:00:00.000Z';
    const emergency = submittedWith(dossier, { route: 'emergency', reviewDueAt: due });
    const review = (person: string, now = NOW) =>
      issued(ReviewChange, { outcome: 'approved', findings: 'It was real.' }, CHANGE, { person, now });
    const reviewed = (late: boolean): ChangeEvent => ({
      type: 'ChangeReviewed',
      data: { ...of, reviewer: 'otto', outcome: 'approved', findings: 'It was real.', late },
    });
    const reviewable = { ...known, deployers: noAliases };
    const deploymentId = '7b0f3a52-0000-5000-8000-000000000002';
    const used: ChangeEvent = { type: 'ChangeImplemented', data: { ...of, deploymentId, outcome: 'failed' } };
    changes.given(emergency, used).when(reviewChange, review('otto'), reviewable).then(reviewed(false));
    changes.given(emergency).when(reviewChange, review('otto'), reviewable).thenRefused('change-not-used');
    const over = dossier.window.until;
    changes.given(emergency).when(reviewChange, review('otto', over), reviewable).then(reviewed(false));
    const deployed = { ...reviewable, deployers: { ...noAliases, first: [{ person: 'dan', principal: 'test|dan' }] } };
    changes.given(emergency, used).when(reviewChange, review('dan'), deployed).thenRefused('review-by-another');
    changes.given(emergency).when(reviewChange, review('otto', due), reviewable).then(reviewed(true));
    changes.given(emergency, reviewed(false)).when(reviewChange, review('otto'), reviewable).thenNothing();
    changes.given(emergency, reviewed(false)).when(reviewChange, review('anna'), reviewable).thenRefused('change-reviewed');
    for (const person of ['rita', 'ada', 'tess'])
      changes.given(emergency).when(reviewChange, review(person), reviewable).thenRefused('review-by-another');
    changes.given(submitted).when(reviewChange, review('otto'), reviewable).thenRefused('not-an-emergency');
    const overdue: ChangeEvent = { type: 'ChangeReviewOverdue', data: { ...of, dueAt: due } };
    const mark = (now: string) => issued(MarkChangeReviewOverdue, { dueAt: due }, CHANGE, { now });
    changes.given(emergency).when(markChangeReviewOverdue, mark(due)).then(overdue);
    changes.given(emergency).when(markChangeReviewOverdue, mark(NOW)).thenNothing();
    changes.given(emergency, overdue).when(markChangeReviewOverdue, mark(due)).thenNothing();
    changes.given(emergency, reviewed(false)).when(markChangeReviewOverdue, mark(due)).thenNothing();
  });
});

describe('an ITSM that decides', () => {
  const waits = submittedWith(dossier, { route: 'itsm', boardTakesOverAt: '2026-03-02T11:00:00.000Z' });
  const handed: ChangeEvent = {
    type: 'ChangeHandedToBoard',
    data: { ...of, waitedSince: '2026-03-02T08:00:00.000Z', reason: 'The ITSM was not reached.' },
  };
  const says = (outcome: 'approved' | 'rejected', more: Partial<DecideChangeByItsm> = {}) =>
    issued(
      DecideChangeByItsm,
      { changeId: CHANGE, dossierHash, outcome, decidedBy: 'change-manager-7', reference: 'CHG1', webhookId: 'msg-1', ...more },
      CHANGE,
      { person: 'system:itsm' },
    );
  const decide = (events: ChangeEvent[], command = says('approved'), more: Partial<ChangeFacts> = {}, gates = facts) =>
    changes.given(...events).when(decideChangeByItsm, command, { now: withChange(gates, events, { board, ...more }) });

  it('decides once, on the very dossier, and is recorded as itself and not as votes', () => {
    const [event] = decide([waits]).decision as ChangeEvent[];
    expect(event).toMatchObject({
      type: 'ChangeDecided',
      data: { outcome: 'approved', by: 'itsm', itsm: { webhookId: 'msg-1', decidedBy: 'change-manager-7', reference: 'CHG1' } },
    });
    expect(event?.data).not.toHaveProperty('tally');
    expect([waits, event!].reduce(change.evolve, change.initial)).toMatchObject({ status: 'approved', votes: [], decidedBy: 'itsm' });
    decide([waits, event!]).thenRefused('webhook-replayed');
    decide([waits, event!], says('rejected', { webhookId: 'msg-2' })).thenRefused('change-not-open');
    expect(decide([waits], says('rejected')).decision).toMatchObject([{ data: { outcome: 'rejected' } }]);
  });

  it('replays nothing on a later round', () => {
    const [event] = decide([waits]).decision as ChangeEvent[];
    const second = submittedWith(dossierOf(facts, { board: { boardId: 'cab', version: 1 }, round: 2 }), { route: 'itsm', round: 2 });
    decide([waits, event!, second]).thenRefused('webhook-replayed');
    decide([waits, event!, second], says('approved', { webhookId: 'msg-2' })).thenRefused('dossier-changed');
  });

  it('decides nothing that is the board’s, or that is no longer so', () => {
    decide([submitted]).thenRefused('itsm-does-not-decide');
    decide([waits, handed]).thenRefused('board-took-over');
    decide([waits], says('approved', { dossierHash: 'd'.repeat(64) })).thenRefused('dossier-changed');
    decide([waits], says('approved'), {}, releaseFacts({ plan: { steps: [], planHash: 'another' } })).thenRefused('dossier-changed');
    changes.given().when(decideChangeByItsm, says('approved'), {}).thenRefused('change-unknown');
  });

  it('leaves no vote to the board until it was handed over, which time alone does not do', () => {
    const vote = issued(VoteOnChange, { dossierHash, vote: 'for' }, CHANGE, { person: 'anna', now: '2026-03-02T11:30:00.000Z' });
    const cast = (events: ChangeEvent[]) =>
      changes.given(...events).when(voteOnChange, vote, { now: withChange(facts, events, { board }) });
    expect(cast([waits, opened]).thenRefused('itsm-decides').reasons[0]?.unblockedBy).toBe(
      'The board takes over at 2026-03-02T11:00:00.000Z.',
    );
    cast([waits, handed, opened]).then(voted('anna'));
  });

  it('that is away gives way to the board when its time is up, once, and not when it has decided', () => {
    const hand = (now: string) => issued(HandChangeToBoard, { dueAt: '2026-03-02T11:00:00.000Z' }, CHANGE, { now });
    changes.given(waits).when(handChangeToBoard, hand('2026-03-02T11:00:00.000Z')).then(handed);
    changes.given(waits).when(handChangeToBoard, hand('2026-03-02T10:59:59.999Z')).thenNothing();
    changes.given(waits, handed).when(handChangeToBoard, hand('2026-03-02T11:00:00.000Z')).thenNothing();
    changes.given(waits, decided('rejected')).when(handChangeToBoard, hand('2026-03-02T11:00:00.000Z')).thenNothing();
    changes
      .given(submittedWith(dossier, { route: 'itsm' }))
      .when(handChangeToBoard, hand('2026-03-02T11:00:00.000Z'))
      .thenNothing();
  });

  it('was told, or could not be: that is on record, each once, and of this dossier alone', () => {
    const report = (delivered: boolean, detail: string, hash = dossierHash) =>
      issued(ReportChangeDelivery, { dossierHash: hash, delivered, detail }, CHANGE);
    const failed: ChangeEvent = { type: 'ChangeDeliveryFailed', data: { ...of, reason: 'The webhook answered 503.' } };
    const told: ChangeEvent = { type: 'ChangeDelivered', data: { ...of, reference: 'CHG1' } };
    changes.given(waits).when(reportChangeDelivery, report(false, 'The webhook answered 503.')).then(failed);
    changes.given(waits, failed).when(reportChangeDelivery, report(false, 'The webhook answered 503.')).thenNothing();
    changes.given(waits, failed).when(reportChangeDelivery, report(true, 'CHG1')).then(told);
    changes.given(waits, told).when(reportChangeDelivery, report(true, 'CHG1')).thenNothing();
    changes
      .given(waits)
      .when(reportChangeDelivery, report(true, 'CHG1', 'd'.repeat(64)))
      .thenNothing();
  });
});

describe('the calendar and the history of changes', () => {
  const planned = {
    changeId: CHANGE,
    round: 1,
    releaseId: 'release-1',
    product: 'shop',
    window: dossier.window,
    artifacts: [{ name: 'api', digest: 'sha256:aa' }],
  };
  const schedule = (round: number) => issued(ScheduleChange, { ...planned, round, environment: 'production' }, 'week');
  const scheduled = (round: number): ChangeCalendarEvent => ({
    type: 'ChangeScheduled',
    data: { ...planned, round, environment: 'production' },
  });
  const weeks = scenario(changeCalendar);

  it('have a change once, in its newest round', () => {
    weeks.given().when(scheduleChange, schedule(1)).then(scheduled(1));
    weeks.given(scheduled(1)).when(scheduleChange, schedule(1)).thenNothing();
    weeks.given(scheduled(1)).when(scheduleChange, schedule(2)).then(scheduled(2));
    weeks.given(scheduled(2)).when(scheduleChange, schedule(1)).thenNothing();
    const remove = issued(UnscheduleChange, { changeId: CHANGE, environment: 'production', reason: 'It is done.' }, 'week');
    const unscheduled: ChangeCalendarEvent = {
      type: 'ChangeUnscheduled',
      data: { changeId: CHANGE, environment: 'production', reason: 'It is done.' },
    };
    weeks.given(scheduled(1)).when(unscheduleChange, remove).then(unscheduled);
    weeks.given(scheduled(1), unscheduled).when(unscheduleChange, remove).thenNothing();
  });

  it('note every outcome once, and count successes since the last failure', () => {
    const histories = scenario(changeHistory);
    const note = (n: number, outcome: NoteChangeOutcome['outcome']): NoteChangeOutcome => ({
      product: 'shop',
      environment: 'production',
      changeId: CHANGE,
      deploymentId: `d${n}`,
      outcome,
    });
    const noted = (n: number, outcome: NoteChangeOutcome['outcome']): ChangeHistoryEvent => ({
      type: 'ChangeOutcomeNoted',
      data: note(n, outcome),
    });
    histories
      .given()
      .when(noteChangeOutcome, issued(NoteChangeOutcome, note(1, 'succeeded')))
      .then(noted(1, 'succeeded'));
    histories
      .given(noted(1, 'succeeded'))
      .when(noteChangeOutcome, issued(NoteChangeOutcome, note(1, 'succeeded')))
      .thenNothing();
    const told = [noted(1, 'succeeded'), noted(2, 'failed'), noted(3, 'succeeded'), noted(4, 'succeeded')];
    expect(told.reduce(changeHistory.evolve, changeHistory.initial).successes).toBe(2);
    expect([...told, noted(4, 'rolled-back')].reduce(changeHistory.evolve, changeHistory.initial).successes).toBe(0);
  });
});
