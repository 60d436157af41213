import type { ChangeEvent, RiskClass } from '#libs/contracts';
import {
  changeWaitsUntil,
  dossierHashOf,
  evaluateGates,
  judgeChange,
  judgeRisk,
  tupleHashOf,
  tupleOf,
  type ChangeFacts,
  type GateFacts,
} from '#libs/policy';
import { boardContents, CHANGE, dossierOf, modelVersion, releaseFacts, submittedWith, withChange } from '#libs/policy/testing';

const request = { deployer: 'dan', now: '2026-03-02T10:00:00.000Z' };
const facts = releaseFacts();
const dossier = dossierOf(facts, { board: { boardId: 'cab', version: 1 } });
const submitted = submittedWith(dossier);
const of = { changeId: CHANGE, releaseId: 'release-1', environment: 'production', round: 1 };
const vote = (person: string, how: 'for' | 'against' | 'abstain' = 'for'): ChangeEvent => ({
  type: 'ChangeVoteCast',
  data: { ...of, person, vote: how, dossierHash: dossierHashOf(dossier), conditions: [] },
});
const condition = { conditionId: 'condition-1', text: 'Back up first.', by: 'anna' };
const decided = (outcome: 'approved' | 'rejected' | 'deferred', conditions: (typeof condition)[] = []): ChangeEvent => ({
  type: 'ChangeDecided',
  data: { ...of, outcome, by: 'board', dossierHash: dossierHashOf(dossier), recused: [], conditions, conflicts: [], inputs: [] },
});
const approved = [submitted, vote('anna'), vote('otto'), decided('approved')];
const judge = (events: readonly ChangeEvent[], now = facts, more: Partial<ChangeFacts> = {}, asked = request) =>
  judgeChange(withChange(now, events, more), asked);

describe('the gate change-approved, for a normal change', () => {
  it('passes what the board approved, and is inconclusive where nothing was submitted', () => {
    expect(judge(approved)).toMatchObject({ verdict: 'pass', evidence: ['board-cab@0', `change-${CHANGE}@3`, 'release-1@3'] });
    expect(judge([])).toMatchObject({ verdict: 'inconclusive', detail: 'No change was submitted.' });
    expect(judgeChange(facts, request)).toMatchObject({ verdict: 'inconclusive' });
  });

  it('passes only what was decided on as of no less risk than it is judged to be now', () => {
    const judgedAs = (declared: RiskClass | undefined) =>
      judge(approved, { ...facts, risk: judgeRisk(declared, [], { environmentClass: 'production', regimes: [], artifacts: 1 }) });
    expect(judgedAs('low')).toMatchObject({ verdict: 'pass' });
    expect(judgedAs('medium')).toMatchObject({ verdict: 'pass' });
    for (const more of ['high', undefined] as const)
      expect(judgedAs(more)).toMatchObject({
        verdict: 'fail',
        detail: expect.stringMatching(/^It was decided on as of medium risk, and is judged as high/),
      });
  });

  it('says who is missing and when the next meeting and its cut-off are', () => {
    const { verdict, detail, unblockedBy } = judge([submitted, vote('anna')]);
    expect([verdict, detail]).toEqual(['inconclusive', 'The board has not decided: 1 of 2 votes.']);
    expect(unblockedBy).toBe(
      'On the agenda of 2026-03-04T13:00:00.000Z; the chair, cora, can call a vote before. 1 more of cora, otto must vote. Next meeting 2026-03-04T13:00:00.000Z, cut-off 2026-03-03T13:00:00.000Z.',
    );
    expect(judge([submitted], facts, { members: ['anna', 'ada'] }).unblockedBy).toMatch(/^Only 1 of its members may vote on it/);
    expect(judge([submitted], facts, { members: ['anna', 'ada'], board: { version: 1 } }).unblockedBy).toBe('Define the board.');
  });

  it.each<[string, ChangeEvent[], string, RegExp]>([
    ['was rejected', [submitted, decided('rejected')], 'fail', /rejected by the board/],
    ['was put off', [submitted, vote('anna'), decided('deferred')], 'inconclusive', /0 of 2 votes/],
    [
      'was withdrawn',
      [...approved, { type: 'ChangeWithdrawn', data: { ...of, person: 'rita', reason: 'Later.' } }],
      'fail',
      /withdrawn: Later/,
    ],
    ['was voided', [...approved, { type: 'ChangeVoided', data: { ...of, reason: 'The plan.' } }], 'fail', /voided: The plan/],
    [
      'is done',
      [...approved, { type: 'ChangeImplemented', data: { ...of, deploymentId: 'd1', outcome: 'succeeded' } }],
      'fail',
      /is done, with deployment d1/,
    ],
    [
      'was rolled back',
      [...approved, { type: 'ChangeImplemented', data: { ...of, deploymentId: 'd1', outcome: 'rolled-back' } }],
      'fail',
      /rolled back/,
    ],
  ])('does not pass what %s', (_what, events, verdict, detail) => {
    expect(judge(events)).toMatchObject({ verdict, detail: expect.stringMatching(detail) });
  });

  it('lets a change that failed be tried again within its window', () => {
    expect(judge([...approved, { type: 'ChangeImplemented', data: { ...of, deploymentId: 'd1', outcome: 'failed' } }]).verdict).toBe(
      'pass',
    );
  });

  it.each<[string, Partial<GateFacts>]>([
    ['artifacts', { artifacts: [{ ...facts.artifacts[0]!, digest: 'sha256:bb' }] }],
    ['plan', { plan: { steps: [], planHash: 'another' } }],
    ['policy', { policy: { ...facts.policy, version: 2 } }],
    ['test evidence', { reports: { 'sha256:aa': { unit: { suite: 'unit', outcome: 'fail', tester: 'tess' } } } }],
    ['version', { version: '1.0.1' }],
    ['authors', { authors: ['ada', 'anna'] }],
  ])('is stale once the %s of the dossier changed', (_what, overrides) => {
    expect(judge(approved, releaseFacts(overrides)).verdict).toBe('stale');
  });

  it('is stale once the board was defined anew, and where its time is over', () => {
    expect(judge(approved, facts, { board: { version: 2, contents: boardContents } }).verdict).toBe('stale');
    expect(judge(approved, facts, {}, { ...request, now: dossier.window.until }).verdict).toBe('stale');
    expect(judge(approved, facts, {}, { ...request, now: '2026-03-02T11:59:59.999Z' }).verdict).toBe('pass');
  });

  it('waits for the window, and says until when', () => {
    const early = { ...request, now: '2026-03-02T08:59:59.999Z' };
    expect(judge(approved, facts, {}, early)).toMatchObject({
      verdict: 'inconclusive',
      unblockedBy: 'By itself at 2026-03-02T09:00:00.000Z.',
    });
    expect(judge(approved, facts, {}, { ...early, now: dossier.window.from }).verdict).toBe('pass');
    expect(changeWaitsUntil(withChange(facts, approved), early.now)).toEqual({ at: dossier.window.from, takes: 'time' });
    expect(changeWaitsUntil(withChange(facts, approved), request.now)).toBeUndefined();
    expect(changeWaitsUntil(withChange(facts, [submitted]), request.now)).toEqual({ at: '2026-03-04T13:00:00.000Z', takes: 'persons' });
    const receipt = evaluateGates(withChange(facts, approved), early);
    expect(receipt).toMatchObject({
      verdict: 'fail',
      unblocking: [{ gate: 'change-approved', takes: 'time', minutes: 1, at: dossier.window.from }],
    });
  });

  const dependency = { changeId: 'other', done: false, status: 'approved' as const, of: 'database in production' };
  it('waits for the changes that it depends on, and says for which and what unblocks', () => {
    const waits = (...dependsOn: NonNullable<ChangeFacts['dependsOn']>) => judge(approved, facts, { dependsOn });
    expect(waits(dependency)).toMatchObject({
      verdict: 'inconclusive',
      detail: 'Change other (database in production), on which it depends, is approved and not deployed.',
      unblockedBy: 'Deploy change other: it has to succeed first.',
    });
    expect(waits({ ...dependency, done: true, status: 'done' }).verdict).toBe('pass');
    expect(waits({ ...dependency, status: 'withdrawn' })).toMatchObject({
      verdict: 'fail',
      detail: expect.stringContaining('was withdrawn'),
    });
    const both = waits(dependency, { ...dependency, changeId: 'third', status: 'rejected' });
    expect(both).toMatchObject({ verdict: 'fail', detail: expect.stringMatching(/other .*third .*was rejected\.$/) });
    // What the board has not decided on is named first.
    expect(judge([submitted], facts, { dependsOn: [dependency] }).detail).toMatch(/The board has not decided/);
  });

  it('does not pass at the beginning of its window while a change before it is not done', () => {
    const early = { ...request, now: '2026-03-02T08:59:59.999Z' };
    expect(judge(approved, facts, { dependsOn: [dependency] }, early).detail).toMatch(/is approved and not deployed/);
    expect(changeWaitsUntil(withChange(facts, approved, { dependsOn: [dependency] }), early.now)).toBeUndefined();
    const done = { dependsOn: [{ ...dependency, done: true, status: 'done' as const }] };
    expect(changeWaitsUntil(withChange(facts, approved, done), early.now)).toEqual({ at: dossier.window.from, takes: 'time' });
  });

  it('wants every condition to be met by somebody else than the deployer', () => {
    const conditional = [submitted, vote('anna'), vote('otto'), decided('approved', [condition])];
    const met = (confirmedBy: string): ChangeEvent => ({
      type: 'ChangeConditionMet',
      data: { ...of, conditionId: 'condition-1', confirmedBy, evidence: 'Done.' },
    });
    expect(judge(conditional)).toMatchObject({ verdict: 'inconclusive', detail: 'Of 1 conditions these are not met: condition-1.' });
    expect(judge([...conditional, met('otto')]).verdict).toBe('pass');
    expect(judge([...conditional, met('dan')])).toMatchObject({ verdict: 'fail', unblockedBy: 'Let somebody else deploy.' });
  });

  it('fails where one of the voters would deploy, or turns out to have written or tested it', () => {
    expect(judge(approved, facts, {}, { ...request, deployer: 'anna' })).toMatchObject({
      verdict: 'fail',
      detail: 'anna voted and is deployer.',
    });
    // An alias that is learned of later also changes who wrote it; here the dossier says so already.
    const alias = releaseFacts({ authors: ['ada', 'otto'] });
    const known = dossierOf(alias, { board: { boardId: 'cab', version: 1 } });
    expect(judge([submittedWith(known), vote('anna'), vote('otto'), decided('approved')], alias)).toMatchObject({
      verdict: 'fail',
      detail: 'otto voted and is author.',
    });
    const tested = releaseFacts({ reports: { 'sha256:aa': { unit: { suite: 'unit', outcome: 'pass', tester: 'anna' } } } });
    expect(judge(approved, tested).detail).toBe('anna voted and is tester.');
  });

  describe('counts the votes again when it is asked', () => {
    const on = (person: string) => ({ person, principal: `test|${person}` });
    const hands = {
      requesters: [on('rita')],
      voters: { anna: on('anna'), otto: on('otto') },
      confirmers: {},
      reviewers: [],
      persons: { now: {}, refs: [] },
      left: [],
    };
    const now = (known: Readonly<Record<string, string>>) => ({ hands: { ...hands, persons: { now: known, refs: [] } } });
    const fallen = { verdict: 'fail', unblockedBy: expect.stringMatching(/^Submit the change again/) };

    it('and passes where they still carry it', () => {
      expect(judge(approved, facts, { hands })).toMatchObject({
        verdict: 'pass',
        detail: 'A normal change, approved by the board with 2 votes.',
      });
      // Somebody else of the board has left, and the votes of those whose accounts were linked to them count on.
      expect(judge(approved, facts, { hands: { ...hands, left: ['cora'] } }).verdict).toBe('pass');
      expect(judge(approved, facts, now({ 'test|anna': 'anna-known-now' })).verdict).toBe('pass');
    });

    it('and of one person known now, with two accounts, only one', () => {
      expect(judge(approved, facts, now({ 'test|anna': 'erin', 'test|otto': 'erin' }))).toMatchObject({
        ...fallen,
        detail: 'The board approved it, and 1 of 2 votes count now: otto is a person who has voted with another account.',
      });
    });

    it('and of who has left, or is no member any more, none', () => {
      expect(judge(approved, facts, { hands: { ...hands, left: ['anna'] } })).toMatchObject({
        ...fallen,
        detail: 'The board approved it, and 1 of 2 votes count now: anna has left.',
      });
      expect(judge(approved, facts, { hands, members: ['anna', 'cora'] })).toMatchObject({
        ...fallen,
        detail: 'The board approved it, and 1 of 2 votes count now: otto is no member of the board any more.',
      });
      const three = [submitted, vote('anna'), vote('otto'), vote('cora'), decided('approved')];
      const voters = { ...hands.voters, cora: on('cora') };
      const lapsed = { anna: 'The role in which anna voted was revoked.' };
      expect(judge(approved, facts, { hands: { ...hands, lapsed } })).toMatchObject({
        ...fallen,
        detail: `The board approved it, and 1 of 2 votes count now: ${lapsed.anna}`,
      });
      expect(judge(three, facts, { hands: { ...hands, voters, lapsed } }).verdict).toBe('pass');
      expect(judge(three, facts, { hands: { ...hands, voters, left: ['anna'] } }).verdict).toBe('pass');
    });

    it('and fails where a voter is known to be who asked for it, or who would deploy', () => {
      expect(judge(approved, facts, now({ 'test|rita': 'otto' })).detail).toBe('otto voted and is requester.');
      expect(judge(approved, facts, now({ 'test|otto': 'dan' })).detail).toBe('dan voted and is deployer.');
    });

    it('and takes them as they are recorded for an engine before', () => {
      expect(judge(approved, facts, { members: ['anna', 'cora'] }).verdict).toBe('pass');
    });
  });

  it('compares the class of the plan with the class that was decided on', () => {
    const claimed = releaseFacts({ plan: { ...facts.plan!, changeClass: 'standard' } });
    expect(judge([submittedWith(dossierOf(claimed, { class: 'normal' })), decided('approved')], claimed).detail).toMatch(
      /plan is of class standard/,
    );
  });
});

describe('the gate change-approved, while an ITSM decides', () => {
  const waits = (more = {}) => submittedWith(dossier, { route: 'itsm', ...more });
  it('never passes by silence, and says since when it waits and what was heard', () => {
    expect(judge([waits()])).toMatchObject({ verdict: 'inconclusive', unblockedBy: 'The ITSM decides: the board does not take over.' });
    expect(judge([waits()]).detail).toBe('The change waits for the ITSM since 2026-03-02T08:00:00.000Z. It has not been reached yet.');
    const failed: ChangeEvent = { type: 'ChangeDeliveryFailed', data: { ...of, reason: 'The webhook answered 503.' } };
    expect(judge([waits(), failed]).detail).toMatch(/could not be told: The webhook answered 503/);
    expect(judge([waits(), { type: 'ChangeDelivered', data: of }]).detail).toMatch(/has been told/);
    expect(judge([waits({ boardTakesOverAt: '2026-03-02T09:30:00.000Z' })])).toMatchObject({
      verdict: 'inconclusive',
      unblockedBy: expect.stringMatching(/from 2026-03-02T09:30/),
    });
  });

  it('asks the board once it has taken over, and no sooner', () => {
    const handed: ChangeEvent = { type: 'ChangeHandedToBoard', data: { ...of, waitedSince: '2026-03-02T08:00:00.000Z', reason: 'Away.' } };
    expect(judge([waits(), handed]).detail).toMatch(/The board has not decided/);
  });
});

describe('the gate change-approved, for a standard change', () => {
  const plan = {
    steps: [{ id: 'a', driver: 'exec', action: 'switch', input: {}, dependsOn: [] }],
    planHash: 'plan-hash',
    changeClass: 'standard' as const,
  };
  const standard = releaseFacts({ plan });
  const own = dossierOf(standard, { model: { modelId: 'patch', version: 1 } });
  const events = [submittedWith(own, { route: 'model' })];
  const byModel = (version = modelVersion(), more: Partial<ChangeFacts> = {}, now = request.now) =>
    judge(events, standard, { model: { versions: [version] }, successes: 0, ...more }, { ...request, now });

  it('passes by a model that is in force and whose conditions hold', () => {
    expect(byModel()).toMatchObject({ verdict: 'pass', detail: 'A standard change, approved before by version 1 of change model patch.' });
  });

  it.each<[string, Parameters<typeof modelVersion>[0], RegExp]>([
    ['was suspended', { status: 'suspended', reason: 'One failed.' }, /is suspended: One failed/],
    ['was never approved', { status: 'proposed' }, /proposed, not approved/],
    ['is not valid any more', { validUntil: '2026-03-02T10:00:00.000Z' }, /was valid until/],
    ['is not valid yet', { validFrom: '2026-03-02T10:00:00.001Z' }, /valid from/],
    ['is used up', { maxChanges: 1, used: ['another'] }, /is for 1 changes, and 1 were made/],
    ['is for another product', { conditions: { products: ['till'] } }, /not for product shop/],
    ['allows other steps', { conditions: { actions: ['exec:start'] } }, /not for step exec:switch/],
    ['allows other packages', { conditions: { packageTypes: ['oci'] } }, /not for package type npm/],
    ['asks for more successes', { conditions: { minimumSuccesses: 1 } }, /asks for 1 successful deployments/],
  ])('fails where the model %s', (_what, overrides, detail) => {
    expect(byModel(modelVersion(overrides))).toMatchObject({ verdict: 'fail', detail: expect.stringMatching(detail) });
  });

  it('fails where another change gets in its way, or another version is in force', () => {
    const other = {
      changeId: 'other',
      round: 1,
      releaseId: 'r2',
      product: 'shop',
      window: own.window,
      artifacts: [{ name: 'api', digest: 'sha256:aa' }],
    };
    expect(byModel(modelVersion(), { planned: [other] })).toMatchObject({
      verdict: 'fail',
      detail: expect.stringMatching(/^In its way: Change other/),
    });
    expect(
      judge(events, standard, { model: { versions: [modelVersion({ status: 'superseded' }), modelVersion({ version: 2 })] } }).detail,
    ).toMatch(/no longer the one in force/);
  });

  it('waits for a change that it depends on, although that is planned before it', () => {
    const before = { changeId: 'other', done: false, window: { from: '2026-03-02T08:00:00.000Z', until: own.window.from } };
    expect(byModel(modelVersion(), { dependsOn: [{ ...before, status: 'approved' }] })).toMatchObject({
      verdict: 'inconclusive',
      detail: 'Change other, on which it depends, is approved and not deployed.',
    });
    expect(byModel(modelVersion(), { dependsOn: [{ ...before, done: true, status: 'done' }] }).verdict).toBe('pass');
  });

  it('counts its own use as none', () => {
    expect(byModel(modelVersion({ maxChanges: 1, used: [CHANGE] })).verdict).toBe('pass');
  });
});

describe('the gate change-approved, for an emergency', () => {
  const emergency = releaseFacts({ plan: { steps: [], planHash: 'plan-hash', changeClass: 'emergency' } });
  const own = dossierOf(emergency, { incidentId: 'incident-1' });
  const due = { route: 'emergency' as const, reviewDueAt: '2026-03-05T08:00:00.000Z' };
  const review = (outcome: 'approved' | 'rejected'): ChangeEvent => ({
    type: 'ChangeReviewed',
    data: { ...of, reviewer: 'otto', outcome, findings: 'Looked at.', late: false },
  });
  const inEmergency = (incident: ChangeFacts['incident'], more: ChangeEvent[] = [], now = request.now) =>
    judge([submittedWith(own, due), ...more], emergency, incident ? { incident } : {}, { ...request, now });

  it('passes while the incident is open in the environment, with its review to come', () => {
    expect(inEmergency({ open: true, environment: 'production' })).toMatchObject({
      verdict: 'pass',
      detail: expect.stringMatching(/review is due at 2026-03-05/),
    });
    expect(inEmergency({ open: false, environment: 'production' }).detail).toMatch(/is resolved/);
    expect(inEmergency({ open: true, environment: 'staging' }).detail).toMatch(/is about staging/);
    expect(inEmergency(undefined).detail).toMatch(/There is no incident/);
  });

  it('is held up by no change that it depends on, and says that it goes first', () => {
    const dependsOn = [{ changeId: 'other', done: false, status: 'open' as const }];
    const judged = judge([submittedWith(own, due)], emergency, { incident: { open: true, environment: 'production' }, dependsOn });
    expect(judged).toMatchObject({
      verdict: 'pass',
      detail: expect.stringMatching(/ It goes first: Change other, on which it depends, is not decided on\.$/),
    });
  });

  it('fails once its review is overdue or says no', () => {
    const incident = { open: true, environment: 'production' };
    expect(inEmergency(incident, [review('rejected')]).detail).toMatch(/otto rejected the emergency/);
    const long = dossierOf(emergency, {
      incidentId: 'incident-1',
      window: { from: '2026-03-02T09:00:00.000Z', until: '2026-03-09T09:00:00.000Z' },
    });
    const late = (more: ChangeEvent[]) =>
      judge([submittedWith(long, due), ...more], emergency, { incident }, { ...request, now: due.reviewDueAt });
    expect(late([])).toMatchObject({ verdict: 'fail', detail: expect.stringMatching(/review was due/) });
    expect(late([review('approved')]).verdict).toBe('pass');
  });

  it('passes by a bypass that holds for exactly this', () => {
    const broken = dossierOf(emergency, { bypassId: 'bypass-1' });
    const tuple = tupleOf(emergency, '2026-03-02T11:00:00.000Z');
    const grant = { requester: 'rita', gates: ['change-approved' as const], tuple };
    expect(tupleHashOf(tuple)).toMatch(/^[0-9a-f]{64}$/);
    const judged = (bypass: ChangeFacts['bypass'], now = request.now) =>
      judge([submittedWith(broken, due)], emergency, bypass ? { bypass } : {}, { ...request, now });
    expect(judged(grant).verdict).toBe('pass');
    expect(judged(grant, '2026-03-02T11:00:00.000Z').detail).toMatch(/expired/);
    expect(judged({ ...grant, tuple: { ...tuple, planHash: 'another' } }).verdict).toBe('fail');
    expect(judged(undefined).detail).toMatch(/There is no bypass/);
  });
});
