import { accountId, type ChangeEvent } from '#libs/contracts';
import type { DomainEvent, ReadAggregate } from '#libs/event-sourcing';
import { change, dossierHashOf, dutiesKnown, handsAsRecorded, knownNow, readChangeHands, votesNow, type ChangeHands } from '#libs/policy';
import { CHANGE, dossierOf, releaseFacts, submittedWith } from '#libs/policy/testing';

const facts = releaseFacts();
const dossier = dossierOf(facts);
const of = { changeId: CHANGE, releaseId: 'release-1', environment: 'production', round: 1 };
const by = (subject: string, event: ChangeEvent): ChangeEvent =>
  Object.assign({}, event, {
    metadata: { actor: subject, principal: `test|${subject}`, recordedAt: '2026-03-02T08:30:00.000Z' },
  });
const vote = (person: string): ChangeEvent => ({
  type: 'ChangeVoteCast',
  data: { ...of, person, vote: 'for', dossierHash: dossierHashOf(dossier), conditions: [] },
});
const conditions = [
  { conditionId: 'c1', text: 'Back up first.', by: 'anna' },
  { conditionId: 'c2', text: 'Tell the desk.', by: 'anna' },
];
const decided: ChangeEvent = {
  type: 'ChangeDecided',
  data: {
    ...of,
    outcome: 'approved',
    by: 'board',
    dossierHash: dossierHashOf(dossier),
    recused: [],
    conditions,
    conflicts: [],
    inputs: [],
  },
};
const confirmed = (conditionId: string, person: string): ChangeEvent => ({
  type: 'ChangeConditionMet',
  data: { ...of, conditionId, confirmedBy: person, evidence: 'Done.' },
});
const reviewed = (reviewer: string): ChangeEvent => ({
  type: 'ChangeReviewed',
  data: { ...of, outcome: 'approved', reviewer, findings: 'Fine.', late: false },
});
const fold = (...events: readonly ChangeEvent[]) => events.reduce(change.evolve, change.initial);
const on = (person: string) => ({ person, principal: `test|${person}` });
const NOBODY: ChangeHands = { requesters: [], voters: {}, confirmers: {}, reviewers: [], persons: { now: {}, refs: [] }, left: [] };

const linked = (subject: string, person: string): readonly [string, DomainEvent] => [
  `account-${accountId('test', subject)}`,
  { type: 'AccountLinked', data: { issuer: 'test', subject, person, bot: false, requestedBy: 'ida', reason: 'x' } },
];
const left = (person: string): readonly [string, DomainEvent] => [
  `person-${person}`,
  { type: 'PersonLeft', data: { person, reason: 'x' } },
];
/** Reads streams of one event each; one that is not given is empty. */
const over = (...given: readonly (readonly [string, DomainEvent])[]): ReadAggregate => {
  const streams = new Map(given);
  return async (aggregate, id) => {
    const stream = `${aggregate.category}-${id}`;
    const event = streams.get(stream);
    const state = event ? aggregate.evolve(aggregate.initial, event as never) : aggregate.initial;
    const revision = event ? 0 : -1;
    return { id, stream, state, revision, exists: event !== undefined, ref: `${stream}@${revision}`, events: [] };
  };
};

describe('who took part in a change', () => {
  it('is nobody before it was submitted', () => {
    expect(handsAsRecorded(change.initial)).toEqual(NOBODY);
  });

  it('is who asked, voted, confirmed and reviewed, each with the account', () => {
    const state = fold(
      by('rita', submittedWith(dossier)),
      by('anna', vote('anna')),
      by('otto', vote('otto')),
      by('cora', decided),
      by('zoe', confirmed('c1', 'zoe')),
      by('rex', reviewed('rex')),
    );
    expect(handsAsRecorded(state)).toEqual({
      ...NOBODY,
      requesters: [on('rita')],
      voters: { anna: on('anna'), otto: on('otto') },
      // Nobody has confirmed the other one.
      confirmers: { c1: on('zoe') },
      reviewers: [on('rex')],
    });
  });

  it('is known by the person alone where no account is on record', () => {
    const state = fold(submittedWith(dossier), vote('anna'), decided, confirmed('c1', 'zoe'), reviewed('rex'));
    expect(handsAsRecorded(state)).toEqual({
      ...NOBODY,
      requesters: [{ person: 'rita' }],
      voters: { anna: { person: 'anna' } },
      confirmers: { c1: { person: 'zoe' } },
      reviewers: [{ person: 'rex' }],
    });
  });
});

describe('who took part in a change, as known now', () => {
  const hands: ChangeHands = {
    ...NOBODY,
    requesters: [on('rita')],
    voters: { anna: on('anna'), otto: on('otto') },
    confirmers: { c1: on('zoe') },
    reviewers: [on('rex')],
  };

  it('is everybody whose account is linked, whatever the part, with what was read', async () => {
    const read = over(linked('rita', 'r'), linked('anna', 'a'), linked('zoe', 'z'), linked('rex', 'x'));
    const { hands: known, refs } = await knownNow(read, hands);
    expect(known).toMatchObject({ requesters: hands.requesters, voters: hands.voters, left: [] });
    expect(known.persons.now).toMatchObject({ 'test|rita': 'r', 'test|anna': 'a', 'test|zoe': 'z', 'test|rex': 'x' });
    for (const subject of ['rita', 'anna', 'zoe', 'rex']) expect(refs).toContain(`account-${accountId('test', subject)}@0`);
    expect(refs).toEqual([...new Set(refs)].sort());
  });

  it('has left where a voter has, by whoever she was or is known to be, and nobody asks of the others', async () => {
    expect((await knownNow(over(left('otto'), left('anna')), hands)).hands.left).toEqual(['anna', 'otto']);
    const { hands: known, refs } = await knownNow(over(linked('anna', 'a'), left('a'), left('rita')), hands);
    expect(known.left).toEqual(['a']);
    expect(refs).toContain('person-a@0');
    expect(refs).toContain('person-anna@-1');
    expect(refs).not.toContain('person-rita@0');
  });

  it('is read of the change, without the board’s members where the engine did not ask for them', async () => {
    const state = fold(by('rita', submittedWith(dossier)), by('anna', vote('anna')));
    const found = await readChangeHands(over(left('anna')), state);
    expect(found.hands).toMatchObject({ requesters: [on('rita')], voters: { anna: on('anna') }, left: ['anna'] });
    expect(found).not.toHaveProperty('members');
  });
});

describe('the duties of who took part', () => {
  const duties = (...args: Parameters<typeof dutiesKnown>) =>
    dutiesKnown(...args).map(({ person, duty, evidence }) => [person, duty, evidence]);
  const asked = { ...NOBODY, requesters: [on('rita'), on('bea')], persons: { now: { 'test|rita': 'ann' }, refs: [] } };

  it('are of who wrote, tested, asked for and would deploy it, whoever she was or is known to be', () => {
    const cited = { ...facts, testers: ['tom'], refs: { ...facts.refs, change: { change: 'change-1@4' } } };
    expect(duties(cited, asked, 'dan')).toEqual([
      ['ada', 'author', 'release-1@3'],
      ['tess', 'tester', 'testreport-1@0'],
      ['dan', 'deployer', 'this-request'],
      // Who recorded the report, besides whom it names.
      ['tom', 'tester', 'testreport-1@0'],
      ['ann', 'requester', 'change-1@4'],
      ['bea', 'requester', 'change-1@4'],
      ['rita', 'requester', 'change-1@4'],
    ]);
    expect(duties(cited, asked).map(([, duty]) => duty)).not.toContain('deployer');
  });

  it('cite the release where no change was read, and name no tester where the engine knew none', () => {
    const { testers: _testers, ...before } = facts;
    expect(duties(before, { ...NOBODY, requesters: [on('rita'), on('rita')] })).toEqual([
      ['ada', 'author', 'release-1@3'],
      ['tess', 'tester', 'testreport-1@0'],
      ['rita', 'requester', 'release-1@3'],
    ]);
  });
});

describe('the votes that count now', () => {
  const votes = fold(submittedWith(dossier), vote('anna'), vote('otto'), vote('cora')).votes;
  const hands: ChangeHands = { ...NOBODY, voters: { anna: on('anna'), otto: on('otto'), cora: on('cora') } };
  const members = ['anna', 'cora', 'otto'];
  const counted = (more: Partial<ChangeHands>, of: readonly string[] = members) => {
    const found = votesNow(votes, { ...hands, ...more }, of);
    return { persons: found.votes.map(({ person }) => person), gone: found.gone };
  };

  it('are all of members who are there', () => {
    expect(counted({})).toEqual({ persons: ['anna', 'otto', 'cora'], gone: [] });
    expect(votesNow(votes, hands, members).votes).toEqual(votes);
    expect(votesNow([], hands, members)).toEqual({ votes: [], gone: [], uncounted: [] });
  });

  it('are not those of who has left, as whoever she voted or is known now', () => {
    expect(counted({ left: ['otto'] })).toEqual({ persons: ['anna', 'cora'], gone: ['otto has left.'] });
    expect(counted({ left: ['o'], persons: { now: { 'test|otto': 'o' }, refs: [] } })).toEqual({
      persons: ['anna', 'cora'],
      gone: ['otto has left.'],
    });
  });

  it('are not those that lapsed, which say why, unless she has left altogether', () => {
    const lapsed = { otto: 'The role in which otto voted was revoked.' };
    expect(counted({ lapsed })).toEqual({ persons: ['anna', 'cora'], gone: [lapsed.otto] });
    expect(counted({ lapsed, left: ['otto'] }).gone).toEqual(['otto has left.']);
    expect(counted({ lapsed }, ['anna']).gone).toEqual([lapsed.otto, 'cora is no member of the board any more.']);
  });

  it('are not those of who is no member any more', () => {
    expect(counted({}, ['anna'])).toEqual({
      persons: ['anna'],
      gone: ['otto is no member of the board any more.', 'cora is no member of the board any more.'],
    });
  });

  it('are of one person one, the first, by the name under which she is a member', () => {
    const persons = { now: { 'test|otto': 'erin', 'test|cora': 'erin' }, refs: [] };
    expect(counted({ persons }, ['anna', 'erin'])).toEqual({
      persons: ['anna', 'erin'],
      gone: ['cora is a person who has voted with another account.'],
    });
    // Member by both: as who she is known to be.
    expect(counted({ persons }, [...members, 'erin']).persons).toEqual(['anna', 'erin']);
    // As who she was, where only that is a member.
    expect(counted({ persons: { now: { 'test|otto': 'erin' }, refs: [] } }).persons).toEqual(['anna', 'otto', 'cora']);
    // Known to be somebody who has voted herself.
    expect(counted({ persons: { now: { 'test|otto': 'anna' }, refs: [] } })).toEqual({
      persons: ['anna', 'cora'],
      gone: ['otto is a person who has voted with another account.'],
    });
  });

  it('are of the person on record where no account is', () => {
    expect(counted({ voters: {} })).toEqual({ persons: ['anna', 'otto', 'cora'], gone: [] });
  });
});
