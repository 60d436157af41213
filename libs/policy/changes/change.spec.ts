import type { ChangeCalendarEvent, ChangeEvent, ChangeHistoryEvent } from '#libs/contracts';
import { change, changeCalendar, changeHistory, dossierHashOf, type Change } from '#libs/policy';
import { CHANGE, dossierOf, gateFacts, submittedWith } from '#libs/policy/testing';

const dossier = dossierOf(gateFacts());
const dossierHash = dossierHashOf(dossier);
const submitted = submittedWith(dossier);
const given = (...events: readonly ChangeEvent[]): Change => events.reduce(change.evolve, change.initial);
const of = { changeId: CHANGE, releaseId: 'release-1', environment: 'production', round: 1 };
const vote = (person: string, how: 'for' | 'against', conditions: readonly string[] = []): ChangeEvent => ({
  type: 'ChangeVoteCast',
  data: { ...of, person, vote: how, dossierHash, conditions },
});
const recusal = (person: string, reason: string): ChangeEvent => ({ type: 'ChangeRecusalDeclared', data: { ...of, person, reason } });
const condition = (conditionId: string) => ({ conditionId, text: 'Back up first.', by: 'anna' });
const decided = (
  outcome: 'approved' | 'rejected' | 'deferred',
  more: Partial<Extract<ChangeEvent, { type: 'ChangeDecided' }>['data']> = {},
): ChangeEvent => ({
  type: 'ChangeDecided',
  data: { ...of, outcome, by: 'board', dossierHash, recused: [], conditions: [], conflicts: [], inputs: [], ...more },
});
const ended = (deploymentId: string, outcome: 'succeeded' | 'failed' | 'rolled-back'): ChangeEvent => ({
  type: 'ChangeImplemented',
  data: { ...of, deploymentId, outcome },
});
const opened: ChangeEvent = { type: 'ChangeVoteOpened', data: { ...of, chair: 'cora', reason: 'It can not wait.' } };

describe('a change', () => {
  it('is nothing before it is submitted', () => {
    expect(change.category).toBe('change');
    expect(given()).toEqual({
      round: 0,
      status: 'none',
      webhookIds: [],
      handedToBoard: false,
      voteOpened: false,
      votes: [],
      recused: [],
      conditions: [],
      reviewOverdue: false,
      deployments: [],
    });
  });

  it('is what was submitted, and open until somebody decides', () => {
    expect(given(submitted)).toEqual({
      round: 1,
      status: 'open',
      releaseId: 'release-1',
      environment: 'production',
      product: 'shop',
      class: 'normal',
      route: 'board',
      dossier,
      dossierHash,
      requester: 'rita',
      submittedAt: '2026-03-02T08:00:00.000Z',
      meeting: { startsAt: '2026-03-04T13:00:00.000Z', cutoffAt: '2026-03-03T13:00:00.000Z' },
      webhookIds: [],
      handedToBoard: false,
      voteOpened: false,
      votes: [],
      recused: [],
      conditions: [],
      reviewOverdue: false,
      deployments: [],
    });
  });

  it('is approved before where a model says so, and at once in an emergency; with the times that were set', () => {
    const status = (route: 'model' | 'board' | 'itsm' | 'emergency') => given(submittedWith(dossier, { route })).status;
    expect([status('model'), status('emergency'), status('board'), status('itsm')]).toEqual(['approved', 'approved', 'open', 'open']);
    const set = { boardTakesOverAt: '2026-03-02T09:00:00.000Z', reviewDueAt: '2026-03-05T08:00:00.000Z' };
    expect(given(submittedWith(dossier, set))).toMatchObject(set);
    const { meeting: _meeting, ...without } = submitted.data;
    expect(given({ type: 'ChangeSubmitted', data: without })).not.toHaveProperty('meeting');
  });

  it('begins anew with every round, but for the webhooks that were taken', () => {
    const itsm = { webhookId: 'hook-1', decidedBy: 'someone' };
    const before = [submitted, opened, vote('anna', 'for'), recusal('otto', 'Mine.'), decided('rejected', { by: 'itsm', itsm })] as const;
    const again = given(...before, submittedWith({ ...dossier, round: 2 }));
    expect(again).toEqual({ ...given(submittedWith({ ...dossier, round: 2 })), webhookIds: ['hook-1'] });
    expect(again).toMatchObject({ round: 2, status: 'open', votes: [], recused: [], voteOpened: false });
    expect(again).not.toHaveProperty('decidedBy');
  });

  it('has the last vote of everybody, and none of who recuses herself afterwards', () => {
    const cast = given(submitted, vote('anna', 'for'), vote('otto', 'for', ['Back up.']), vote('anna', 'against'));
    expect(cast.votes).toEqual([
      { person: 'otto', vote: 'for', conditions: ['Back up.'] },
      { person: 'anna', vote: 'against', conditions: [] },
    ]);
    const recused = given(
      submitted,
      vote('anna', 'for'),
      vote('otto', 'for'),
      recusal('anna', 'Mine.'),
      recusal('cora', 'Too.'),
      recusal('anna', 'Ours.'),
    );
    expect(recused.votes.map((v) => v.person)).toEqual(['otto']);
    expect(recused.recused).toEqual([
      { person: 'cora', reason: 'Too.' },
      { person: 'anna', reason: 'Ours.' },
    ]);
  });

  it('is voted on between meetings once the chair says so, and anew at the next where it is put off', () => {
    expect(given(submitted, opened).voteOpened).toBe(true);
    const meeting = { startsAt: '2026-03-11T13:00:00.000Z', cutoffAt: '2026-03-10T13:00:00.000Z' };
    const put = given(submitted, opened, vote('anna', 'for'), recusal('otto', 'Mine.'), decided('deferred', { meeting }));
    expect(put).toMatchObject({ status: 'open', votes: [], voteOpened: false, meeting, recused: [{ person: 'otto', reason: 'Mine.' }] });
    expect(put).not.toHaveProperty('decidedBy');
    expect(given(submitted, decided('deferred')).meeting).toEqual(submitted.data.meeting);
  });

  it('is decided by the board or the ITSM, with conditions', () => {
    const approved = given(submitted, vote('anna', 'for'), decided('approved', { conditions: [condition('c1'), condition('c2')] }));
    expect(approved).toMatchObject({
      status: 'approved',
      decidedBy: 'board',
      conditions: [condition('c1'), condition('c2')],
      webhookIds: [],
    });
    expect(approved.votes).toHaveLength(1);
    const itsm = { webhookId: 'hook-1', decidedBy: 'someone' };
    expect(given(submitted, decided('rejected', { by: 'itsm', itsm }))).toMatchObject({
      status: 'rejected',
      decidedBy: 'itsm',
      webhookIds: ['hook-1'],
    });
    expect(given(submitted, decided('deferred', { by: 'itsm', itsm })).webhookIds).toEqual(['hook-1']);
    expect(given(submitted, { type: 'ChangeHandedToBoard', data: { ...of, waitedSince: '2026', reason: 'Away.' } }).handedToBoard).toBe(
      true,
    );
  });

  it('has its conditions met one by one', () => {
    const met: ChangeEvent = { type: 'ChangeConditionMet', data: { ...of, conditionId: 'c2', confirmedBy: 'otto', evidence: 'Done.' } };
    expect(given(submitted, decided('approved', { conditions: [condition('c1'), condition('c2')] }), met).conditions).toEqual([
      condition('c1'),
      { ...condition('c2'), confirmedBy: 'otto' },
    ]);
  });

  it('is closed with a reason', () => {
    expect(given(submitted, { type: 'ChangeVoided', data: { ...of, reason: 'The plan.' } })).toMatchObject({
      status: 'voided',
      reason: 'The plan.',
    });
    expect(given(submitted, { type: 'ChangeWithdrawn', data: { ...of, person: 'rita', reason: 'Later.' } })).toMatchObject({
      status: 'withdrawn',
      reason: 'Later.',
    });
  });

  it('is done when a deployment of it succeeds or is rolled back, and not when one fails', () => {
    const after = (...outcomes: readonly ('succeeded' | 'failed' | 'rolled-back')[]) =>
      given(submitted, decided('approved'), ...outcomes.map((outcome, i) => ended(`d${i}`, outcome)));
    expect(after('failed').status).toBe('approved');
    expect(after('succeeded').status).toBe('implemented');
    expect(after('rolled-back').status).toBe('implemented');
    expect(after('failed', 'succeeded').deployments).toEqual([
      { deploymentId: 'd0', outcome: 'failed' },
      { deploymentId: 'd1', outcome: 'succeeded' },
    ]);
    // The same deployment again, as what became of it: the newest is last.
    expect(given(submitted, ended('d0', 'succeeded'), ended('d1', 'failed'), ended('d0', 'rolled-back')).deployments).toEqual([
      { deploymentId: 'd1', outcome: 'failed' },
      { deploymentId: 'd0', outcome: 'rolled-back' },
    ]);
  });

  it('is reviewed, or overdue', () => {
    const review = { reviewer: 'otto', outcome: 'approved' as const, findings: 'Looked at.' };
    expect(given(submitted, { type: 'ChangeReviewed', data: { ...of, ...review, late: false } }).review).toEqual(review);
    expect(given(submitted, { type: 'ChangeReviewOverdue', data: { ...of, dueAt: '2026' } }).reviewOverdue).toBe(true);
  });

  it('says what an ITSM was told, or why it could not be', () => {
    expect(given(submitted, { type: 'ChangeDelivered', data: of }).delivery).toEqual({ delivered: true });
    expect(given(submitted, { type: 'ChangeDelivered', data: { ...of, reference: 'CHG1' } }).delivery).toEqual({
      delivered: true,
      detail: 'CHG1',
    });
    expect(given(submitted, { type: 'ChangeDeliveryFailed', data: { ...of, reason: '503.' } }).delivery).toEqual({
      delivered: false,
      detail: '503.',
    });
  });

  it('knows its events', () => {
    expect(() => given({ type: 'ChangeBurnt', data: {} } as unknown as ChangeEvent)).toThrow('ChangeBurnt');
  });
});

describe('the calendar of changes', () => {
  const scheduled = (changeId: string, round = 1): Extract<ChangeCalendarEvent, { type: 'ChangeScheduled' }> => ({
    type: 'ChangeScheduled',
    data: {
      changeId,
      round,
      environment: 'production',
      releaseId: 'release-1',
      product: 'shop',
      window: dossier.window,
      artifacts: [{ name: 'api', digest: 'sha256:aa' }],
    },
  });
  const week = (...events: readonly ChangeCalendarEvent[]) => events.reduce(changeCalendar.evolve, changeCalendar.initial).planned;

  it('has every change once, in its newest round, until it is taken off', () => {
    expect(changeCalendar.category).toBe('changecalendar');
    expect(week()).toEqual({});
    const { environment: _environment, ...planned } = scheduled('a', 2).data;
    expect(week(scheduled('a'), scheduled('b'), scheduled('a', 2))).toEqual({
      a: planned,
      b: { ...planned, changeId: 'b', round: 1 },
    });
    const off: ChangeCalendarEvent = {
      type: 'ChangeUnscheduled',
      data: { changeId: 'a', environment: 'production', reason: 'Withdrawn.' },
    };
    expect(Object.keys(week(scheduled('a'), scheduled('b'), off))).toEqual(['b']);
  });

  it('knows its events', () => {
    expect(() => week({ type: 'ChangeMoved', data: {} } as unknown as ChangeCalendarEvent)).toThrow('ChangeMoved');
  });
});

describe('the history of changes', () => {
  it('counts successes since the last that was none', () => {
    expect(changeHistory.category).toBe('changehistory');
    const noted = (deploymentId: string, outcome: 'succeeded' | 'failed' | 'rolled-back'): ChangeHistoryEvent => ({
      type: 'ChangeOutcomeNoted',
      data: { product: 'shop', environment: 'production', changeId: CHANGE, deploymentId, outcome },
    });
    const after = (...outcomes: readonly ('succeeded' | 'failed' | 'rolled-back')[]) =>
      outcomes.map((outcome, i) => noted(`d${i}`, outcome)).reduce(changeHistory.evolve, changeHistory.initial);
    expect(after()).toEqual({ successes: 0, noted: [] });
    expect(after('succeeded', 'succeeded')).toEqual({ successes: 2, noted: ['d0:succeeded', 'd1:succeeded'] });
    expect(after('succeeded', 'failed').successes).toBe(0);
    expect(after('succeeded', 'rolled-back', 'succeeded').successes).toBe(1);
  });
});
