import type { ChangeEvent } from '#libs/contracts';
import { changeWaitsUntil, dossierHashOf, judgeChange, type ChangeFacts, type GateFacts } from '#libs/policy';
import { boardContents, CHANGE, dossierOf, modelVersion, releaseFacts, submittedWith, withChange } from '#libs/policy/testing';

/** Whole answers: a refusal owes its reader what would unblock it. */
const request = { deployer: 'dan', now: '2026-03-02T10:00:00.000Z' };
const facts = releaseFacts();
const dossier = dossierOf(facts, { board: { boardId: 'cab', version: 1 } });
const submitted = submittedWith(dossier);
const of = { changeId: CHANGE, releaseId: 'release-1', environment: 'production', round: 1 };
const vote = (person: string, how: 'for' | 'against' | 'abstain' = 'for'): ChangeEvent => ({
  type: 'ChangeVoteCast',
  data: { ...of, person, vote: how, dossierHash: dossierHashOf(dossier), conditions: [] },
});
const decided = (
  outcome: 'approved' | 'rejected',
  more: Partial<Extract<ChangeEvent, { type: 'ChangeDecided' }>['data']> = {},
): ChangeEvent => ({
  type: 'ChangeDecided',
  data: { ...of, outcome, by: 'board', dossierHash: '', recused: [], conditions: [], conflicts: [], inputs: [], ...more },
});
const condition = (conditionId: string) => ({ conditionId, text: 'Back up first.', by: 'anna' });
const met = (conditionId: string, confirmedBy: string): ChangeEvent => ({
  type: 'ChangeConditionMet',
  data: { ...of, conditionId, confirmedBy, evidence: 'Done.' },
});
const judge = (events: readonly ChangeEvent[], more: Partial<ChangeFacts> = {}, now: GateFacts = facts, asked = request) => {
  const { evidence: _evidence, ...said } = judgeChange(withChange(now, events, more), asked);
  return said;
};
const AGAIN = 'Submit the change again for what is there now.';

describe('what the gate change-approved says', () => {
  it('cites the release and all that was read, each once and in order', () => {
    expect(judgeChange(facts, request)).toEqual({
      verdict: 'inconclusive',
      detail: 'No change was submitted.',
      evidence: ['release-1@3'],
      unblockedBy: 'Submit a change for production.',
    });
    const read = withChange(facts, [submitted, vote('anna'), vote('otto'), decided('approved')]);
    const twice = { ...read, refs: { ...read.refs, change: { z: 'z-1@0', a: 'a-1@0', again: 'z-1@0' } } };
    expect(judgeChange(twice, request)).toEqual({
      verdict: 'pass',
      detail: 'A normal change, approved by the board with 2 votes.',
      evidence: ['a-1@0', 'release-1@3', 'z-1@0'],
    });
  });

  it.each<[string, readonly ChangeEvent[], ReturnType<typeof judge>]>([
    [
      'the board rejected it',
      [submitted, decided('rejected')],
      { verdict: 'fail', detail: 'The change was rejected by the board.', unblockedBy: AGAIN },
    ],
    [
      'the ITSM rejected it',
      [submitted, decided('rejected', { by: 'itsm' })],
      { verdict: 'fail', detail: 'The change was rejected by the ITSM.', unblockedBy: AGAIN },
    ],
    [
      'it is done',
      [submitted, decided('approved'), { type: 'ChangeImplemented', data: { ...of, deploymentId: 'd1', outcome: 'succeeded' } }],
      { verdict: 'fail', detail: 'The change is done, with deployment d1.', unblockedBy: 'Submit a new change.' },
    ],
    [
      'it was rolled back',
      [submitted, decided('approved'), { type: 'ChangeImplemented', data: { ...of, deploymentId: 'd1', outcome: 'rolled-back' } }],
      { verdict: 'fail', detail: 'The change was deployed and rolled back, with deployment d1.', unblockedBy: 'Submit a new change.' },
    ],
    [
      'it was voided',
      [submitted, { type: 'ChangeVoided', data: { ...of, reason: 'The plan.' } }],
      { verdict: 'fail', detail: 'The change was voided: The plan.', unblockedBy: AGAIN },
    ],
    [
      'it was withdrawn',
      [submitted, { type: 'ChangeWithdrawn', data: { ...of, person: 'rita', reason: 'Later.' } }],
      { verdict: 'fail', detail: 'The change was withdrawn: Later.', unblockedBy: AGAIN },
    ],
  ])('is, where %s', (_what, events, said) => {
    expect(judge(events)).toEqual(said);
  });

  it('is every difference, the class that does not fit, and the time that is over', () => {
    const approved = [submitted, vote('anna'), vote('otto'), decided('approved')];
    expect(judge(approved, {}, releaseFacts({ version: '1.0.1', authors: ['ada', 'bob'] }))).toEqual({
      verdict: 'stale',
      detail: 'The version of the dossier is not what is there now. The persons who wrote it of the dossier are not what is there now.',
      unblockedBy: AGAIN,
    });
    expect(judge([submittedWith({ ...dossier, class: 'standard' })])).toEqual({
      verdict: 'fail',
      detail: 'The plan is of class normal, and the change that was decided on is of class standard.',
      unblockedBy: AGAIN,
    });
    expect(judge(approved, {}, facts, { ...request, now: dossier.window.until })).toEqual({
      verdict: 'stale',
      detail: 'It was planned until 2026-03-02T12:00:00.000Z.',
      unblockedBy: 'Submit the change again for a time to come.',
    });
    expect(judge(approved, {}, facts, { ...request, now: '2026-03-02T08:00:00.000Z' })).toEqual({
      verdict: 'inconclusive',
      detail: 'It is planned from 2026-03-02T09:00:00.000Z on.',
      unblockedBy: 'By itself at 2026-03-02T09:00:00.000Z.',
    });
  });

  it('is who approved it, by how many votes, and under which conditions', () => {
    const events = [submitted, vote('anna'), vote('otto'), vote('cora', 'against')];
    expect(judge([...events, decided('approved')])).toEqual({
      verdict: 'pass',
      detail: 'A normal change, approved by the board with 2 votes.',
    });
    expect(judge([submitted, decided('approved', { by: 'itsm' })])).toEqual({
      verdict: 'pass',
      detail: 'A normal change, approved by the ITSM.',
    });
    const conditional = [...events, decided('approved', { conditions: [condition('c1'), condition('c2'), condition('c3')] })];
    expect(judge([...conditional, met('c2', 'otto')])).toEqual({
      verdict: 'inconclusive',
      detail: 'Of 3 conditions these are not met: c1, c3.',
      unblockedBy: 'Somebody who will not deploy confirms that it is met.',
    });
    const all = [...conditional, met('c1', 'otto'), met('c2', 'otto')];
    expect(judge([...all, met('c3', 'otto')])).toEqual({
      verdict: 'pass',
      detail: 'A normal change, approved by the board with 2 votes. Its 3 conditions are met.',
    });
    expect(judge([...all, met('c3', 'dan')])).toEqual({
      verdict: 'fail',
      detail: 'dan confirmed a condition and would deploy.',
      unblockedBy: 'Let somebody else deploy.',
    });
  });

  it('is every voter with a part in it', () => {
    const events = [submitted, vote('rita'), vote('anna'), vote('dan'), decided('approved')];
    const unblockedBy = 'Let somebody else deploy, or have the board decide again.';
    const said = judge(events);
    expect(said).toEqual({ verdict: 'fail', detail: expect.any(String) as never, unblockedBy });
    expect(said.detail.replace(/\.$/, '').split('; ').sort()).toEqual(['dan voted and is deployer', 'rita voted and is requester']);
  });

  it('is that a standard change names no model, or all that keeps it from being one', () => {
    const plan = { steps: [], planHash: 'plan-hash', changeClass: 'standard' as const };
    const standard = releaseFacts({ plan });
    const by = (model?: { modelId: string; version: number }, more: Partial<ChangeFacts> = {}) =>
      judge([submittedWith(dossierOf(standard, model ? { model } : {}), { route: 'model' })], more, standard);
    expect(by()).toEqual({ verdict: 'fail', detail: 'The change names no model.' });
    const unblockedBy = 'Have it decided on as a normal change, or submit it again.';
    const patch = { modelId: 'patch', version: 1 };
    expect(by(patch)).toEqual({
      verdict: 'fail',
      detail: 'No change model is named. Version 1 of it is no longer the one in force.',
      unblockedBy,
    });
    const conditions = { products: ['till'], services: ['web'] };
    expect(by(patch, { model: { versions: [modelVersion({ conditions })] } })).toEqual({
      verdict: 'fail',
      detail: 'It is not for product shop; it is for till. It is not for service api; it is for web.',
      unblockedBy,
    });
    expect(by({ modelId: 'patch', version: 2 }, { model: { versions: [modelVersion({ conditions: {} })] } })).toEqual({
      verdict: 'fail',
      detail: 'Version 2 of it is no longer the one in force.',
      unblockedBy,
    });
    expect(by(patch, { model: { versions: [modelVersion({ conditions: {} })] } })).toEqual({
      verdict: 'pass',
      detail: 'A standard change, approved before by version 1 of change model patch.',
    });
  });

  it('is what an emergency rests on, and its review', () => {
    const emergency = releaseFacts({ plan: { steps: [], planHash: 'plan-hash', changeClass: 'emergency' } });
    const own = dossierOf(emergency, { incidentId: 'i1', bypassId: 'b1' });
    const open = { incident: { open: true, environment: 'production' } };
    const due = { route: 'emergency' as const, reviewDueAt: '2026-03-02T10:00:00.001Z' };
    const review = (outcome: 'approved' | 'rejected'): ChangeEvent => ({
      type: 'ChangeReviewed',
      data: { ...of, reviewer: 'otto', outcome, findings: 'Looked at.', late: false },
    });
    const by = (
      more: Partial<ChangeFacts>,
      events: readonly ChangeEvent[] = [],
      set: Partial<typeof due> & { readonly route: 'emergency' } = due,
    ) => judge([submittedWith(own, set), ...events], more, emergency);
    expect(by(open)).toEqual({
      verdict: 'pass',
      detail: 'An emergency: Incident i1 is open in production. Its review is due at 2026-03-02T10:00:00.001Z.',
    });
    expect(by(open, [], { route: 'emergency' })).toEqual({
      verdict: 'pass',
      detail: 'An emergency: Incident i1 is open in production. Its review is due at no time.',
    });
    expect(by(open, [review('approved')])).toEqual({
      verdict: 'pass',
      detail: 'An emergency: Incident i1 is open in production. It was reviewed.',
    });
    expect(by(open, [review('rejected')])).toEqual({
      verdict: 'fail',
      detail: 'otto rejected the emergency.',
      unblockedBy: 'Have it decided on as a normal change.',
    });
    expect(by(open, [], { ...due, reviewDueAt: request.now })).toEqual({
      verdict: 'fail',
      detail: 'Its review was due at 2026-03-02T10:00:00.000Z.',
      unblockedBy: 'Somebody who had no part in it reviews the emergency.',
    });
    expect(by({})).toEqual({
      verdict: 'fail',
      detail: 'The emergency is over: There is no incident i1. There is no bypass b1.',
      unblockedBy: 'Name what is open now, or have it decided on as a normal change.',
    });
  });

  it('is for whom a board waits, and when', () => {
    const waits = (events: readonly ChangeEvent[], more: Partial<ChangeFacts> = {}, now = request.now) =>
      judge(events, more, facts, { ...request, now });
    const agenda = 'On the agenda of 2026-03-04T13:00:00.000Z; the chair, cora, can call a vote before.';
    const next = 'Next meeting 2026-03-04T13:00:00.000Z, cut-off 2026-03-03T13:00:00.000Z.';
    expect(waits([submitted])).toEqual({
      verdict: 'inconclusive',
      detail: 'The board has not decided: 0 of 2 votes.',
      unblockedBy: `${agenda} 2 more of anna, cora, otto must vote. ${next}`,
    });
    expect(waits([submitted], { board: { version: 1 } })).toEqual({
      verdict: 'inconclusive',
      detail: 'The board that decides is not defined.',
      unblockedBy: 'Define the board.',
    });
    const opened: ChangeEvent = { type: 'ChangeVoteOpened', data: { ...of, chair: 'cora', reason: 'It can not wait.' } };
    expect(waits([submitted, opened, vote('anna', 'abstain')])).toEqual({
      verdict: 'inconclusive',
      detail: 'The board has not decided: 1 of 2 votes.',
      unblockedBy: `Votes are taken now. 1 more of cora, otto must vote. ${next}`,
    });
    expect(waits([submitted, opened, vote('anna'), vote('otto', 'against')])).toMatchObject({
      detail: 'The board has not decided: 2 of 2 votes.',
      unblockedBy: `Votes are taken now. Votes are equal: the chair, cora, decides. ${next}`,
    });
    const { meeting: _meeting, ...unplanned } = submitted.data;
    expect(waits([{ type: 'ChangeSubmitted', data: unplanned }]).unblockedBy).toMatch(
      /^On the agenda of no meeting; the chair, cora, can call a vote before\. 2 more/,
    );
    const meeting = { startsAt: request.now, cutoffAt: '2026-03-01T10:00:00.000Z' };
    expect(waits([submittedWith(dossier, { meeting })]).unblockedBy).toMatch(/^Votes are taken now\./);
    expect(waits([submittedWith(dossier, { meeting: { ...meeting, startsAt: '2026-03-02T10:00:00.001Z' } })]).unblockedBy).toMatch(
      /^On the agenda of 2026-03-02T10:00:00\.001Z;/,
    );
  });

  it('is that there are too few who may vote, or that no meeting is left', () => {
    const few = (members: readonly string[]) => judge([submitted, vote('anna')], { members });
    expect(few(['anna', 'ada', 'tess', 'rita'])).toEqual({
      verdict: 'inconclusive',
      detail: 'The board has not decided: 1 of 2 votes.',
      unblockedBy: 'Only 1 of its members may vote on it: take others into group cab.',
    });
    expect(few(['anna', 'otto']).unblockedBy).toMatch(/1 more of otto must vote/);
    expect(judge([submitted], { members: [] }).unblockedBy).toMatch(/^Only 0 of its members/);
    const { members: _members, ...nobody } = withChange(facts, [submitted]).change!;
    expect(judgeChange({ ...facts, change: nobody }, request).unblockedBy).toMatch(/^Only 0 of its members/);
    const { meetings } = boardContents;
    const ended = { ...boardContents, meetings: { ...meetings, window: { ...meetings.window, rule: 'FREQ=WEEKLY;BYDAY=WE;COUNT=1' } } };
    expect(judge([submitted], { board: { version: 1, contents: ended as typeof boardContents } }).unblockedBy).toMatch(/ must vote\.$/);
  });

  it('names ten of those who could vote', () => {
    const members = Array.from({ length: 12 }, (_, i) => `m${String(i).padStart(2, '0')}`);
    expect(judge([submitted], { members }).unblockedBy).toContain(' 2 more of m00, m01, m02, m03, m04, m05, m06, m07, m08, m09 must vote.');
  });

  it('leaves out who recused herself', () => {
    const recusal: ChangeEvent = { type: 'ChangeRecusalDeclared', data: { ...of, person: 'otto', reason: 'Mine.' } };
    expect(judge([submitted, recusal]).unblockedBy).toMatch(/2 more of anna, cora must vote/);
  });

  it('is what an ITSM has heard, and whether the board takes over', () => {
    const waits = submittedWith(dossier, { route: 'itsm', boardTakesOverAt: '2026-03-02T09:30:00.000Z' });
    const told = (event: ChangeEvent) => judge([waits, event]).detail;
    expect(judge([waits])).toEqual({
      verdict: 'inconclusive',
      detail: 'The change waits for the ITSM since 2026-03-02T08:00:00.000Z. It has not been reached yet.',
      unblockedBy: 'The ITSM decides; or the board, from 2026-03-02T09:30:00.000Z on.',
    });
    expect(told({ type: 'ChangeDelivered', data: of })).toBe(
      'The change waits for the ITSM since 2026-03-02T08:00:00.000Z. It has been told.',
    );
    expect(told({ type: 'ChangeDeliveryFailed', data: { ...of, reason: 'It answered 503' } })).toBe(
      'The change waits for the ITSM since 2026-03-02T08:00:00.000Z. It could not be told: It answered 503.',
    );
    const handed: ChangeEvent = { type: 'ChangeHandedToBoard', data: { ...of, waitedSince: '2026', reason: 'Away.' } };
    expect(judge([submitted, handed]).detail).toMatch(/^The board has not decided/);
  });
});

describe('what the gate says where persons are known to be others now', () => {
  const on = (person: string) => ({ person, principal: `test|${person}` });
  const hands = {
    requesters: [on('rita')],
    voters: { anna: on('anna'), otto: on('otto'), cora: on('cora') },
    confirmers: { c1: on('otto') },
    reviewers: [on('rex')],
    persons: { now: {}, refs: [] },
    left: [],
  };
  const known = (now: Readonly<Record<string, string>>) => ({ hands: { ...hands, persons: { now, refs: [] } } });
  const approved = [submitted, vote('anna'), vote('otto'), decided('approved')];

  it('is that who confirmed a condition would deploy', () => {
    const events = [submitted, vote('anna'), vote('cora'), decided('approved', { conditions: [condition('c1')] }), met('c1', 'otto')];
    expect(judge(events, known({})).verdict).toBe('pass');
    expect(judge(events, known({ 'test|otto': 'dan' }))).toEqual({
      verdict: 'fail',
      detail: 'dan confirmed a condition and would deploy.',
      unblockedBy: 'Let somebody else deploy.',
    });
    // Of whom no account is on record, as she is.
    expect(judge([...events, met('c1', 'dan')], { hands: { ...hands, confirmers: {} } }).detail).toBe(
      'dan confirmed a condition and would deploy.',
    );
  });

  it('is that who reviewed the emergency would deploy', () => {
    const emergency = releaseFacts({ plan: { steps: [], planHash: 'plan-hash', changeClass: 'emergency' } });
    const own = dossierOf(emergency, { incidentId: 'i1' });
    const reviewed: ChangeEvent = {
      type: 'ChangeReviewed',
      data: { ...of, reviewer: 'rex', outcome: 'approved', findings: 'Looked at.', late: false },
    };
    const by = (more: Partial<ChangeFacts>) =>
      judge(
        [submittedWith(own, { route: 'emergency' }), reviewed],
        { incident: { open: true, environment: 'production' }, ...more },
        emergency,
      );
    expect(by({}).verdict).toBe('pass');
    expect(by(known({ 'test|otto': 'dan' })).verdict).toBe('pass');
    expect(by(known({ 'test|rex': 'dan' }))).toEqual({
      verdict: 'fail',
      detail: 'dan reviewed the emergency and would deploy.',
      unblockedBy: 'Let somebody else deploy.',
    });
  });

  it('is each voter once, by whatever name', () => {
    const said = judge(approved, known({ 'test|rita': 'erin', 'test|anna': 'erin', 'test|otto': 'dan' }));
    expect(said.detail.replace(/\.$/, '').split('; ').sort()).toEqual(['dan voted and is deployer', 'erin voted and is requester']);
    // A voter of whom no account is on record is whom the vote names.
    expect(judge([submitted, vote('dan'), vote('otto'), decided('approved')], { hands: { ...hands, voters: {} } }).detail).toBe(
      'dan voted and is deployer.',
    );
  });

  const again = 'Submit the change again: the board votes anew, with others where members are missing.';
  it('is that the votes which are left do not approve it, although they are enough', () => {
    const split = [submitted, vote('anna'), vote('otto'), vote('cora', 'against'), decided('approved')];
    expect(judge(split, known({})).detail).toBe('A normal change, approved by the board with 2 votes.');
    expect(judge(split, { hands: { ...hands, left: ['anna'] } })).toMatchObject({
      verdict: 'fail',
      detail: 'The board approved it, and the votes that count now do not approve it: anna has left.',
      unblockedBy: again,
    });
    expect(judge(split, { hands: { ...hands, left: ['anna', 'cora'] } })).toEqual({
      verdict: 'fail',
      detail: 'The board approved it, and 1 of 2 votes count now: anna has left. cora has left.',
      unblockedBy: again,
    });
  });

  it('is by how many votes that count now it is approved', () => {
    const three = [submitted, vote('anna'), vote('otto'), vote('cora'), decided('approved')];
    expect(judge(three, { hands: { ...hands, left: ['cora'] } })).toEqual({
      verdict: 'pass',
      detail: 'A normal change, approved by the board with 2 votes.',
    });
  });

  it('is nothing of votes where the ITSM decided', () => {
    const byItsm = [submitted, vote('anna'), vote('otto'), decided('approved', { by: 'itsm' })];
    expect(judge(byItsm, { hands: { ...hands, left: ['anna', 'otto'] } })).toEqual({
      verdict: 'pass',
      detail: 'A normal change, approved by the ITSM.',
    });
  });

  it('is nobody of a board without members', () => {
    const { members: _members, ...found } = withChange(facts, approved, { hands }).change!;
    expect(judgeChange({ ...facts, change: found }, request)).toMatchObject({
      verdict: 'fail',
      detail:
        'The board approved it, and 0 of 2 votes count now: anna is no member of the board any more. otto is no member of the board any more.',
    });
  });
});

describe('what the gate says of changes that go before, and of more risk', () => {
  const approved = [submitted, vote('anna'), vote('otto'), decided('approved')];
  const other = { changeId: 'other', done: false, status: 'approved' as const, of: 'database in production' };

  it('is each of them, and once what unblocks', () => {
    const said = judge(approved, { dependsOn: [other, { ...other, of: 'cache in production' }] });
    expect(said).toEqual({
      verdict: 'inconclusive',
      detail:
        'Change other (database in production), on which it depends, is approved and not deployed. Change other (cache in production), on which it depends, is approved and not deployed.',
      unblockedBy: 'Deploy change other: it has to succeed first.',
    });
    expect(judge(approved, { dependsOn: [other, { ...other, changeId: 'third' }] }).unblockedBy).toBe(
      'Deploy change other: it has to succeed first. Deploy change third: it has to succeed first.',
    );
    expect(judge(approved, { dependsOn: [] }).verdict).toBe('pass');
  });

  it('is that it is riskier now than what was decided on, with why', () => {
    const risk = { effective: 'high', detail: 'Said by the policy.' } as unknown as NonNullable<GateFacts['risk']>;
    expect(judge(approved, {}, { ...facts, risk })).toEqual({
      verdict: 'fail',
      detail: 'It was decided on as of medium risk, and is judged as high. Said by the policy.',
      unblockedBy: AGAIN,
    });
  });
});

describe('until when a change waits', () => {
  const waits = (events: readonly ChangeEvent[], now = request.now) => changeWaitsUntil(withChange(facts, events), now);
  it('is its window once it is approved, its meeting before, and nobody knows otherwise', () => {
    expect(changeWaitsUntil(facts, request.now)).toBeUndefined();
    expect(waits([])).toBeUndefined();
    const approved = [submitted, decided('approved')];
    expect(waits(approved, '2026-03-02T08:59:59.999Z')).toEqual({ at: '2026-03-02T09:00:00.000Z', takes: 'time' });
    expect(waits(approved, '2026-03-02T09:00:00.000Z')).toBeUndefined();
    expect(waits([submitted], '2026-03-04T12:59:59.999Z')).toEqual({ at: '2026-03-04T13:00:00.000Z', takes: 'persons' });
    expect(waits([submitted], '2026-03-04T13:00:00.000Z')).toBeUndefined();
    expect(waits([submitted, decided('rejected')])).toBeUndefined();
    expect(waits([submitted, { type: 'ChangeVoteOpened', data: { ...of, chair: 'cora', reason: 'Now.' } }])).toBeUndefined();
    const { meeting: _meeting, ...unplanned } = submitted.data;
    expect(waits([{ type: 'ChangeSubmitted', data: unplanned }])).toBeUndefined();
  });
});
