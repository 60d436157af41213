import fc from 'fast-check';
import { countVotes, meetingsBetween, nextMeeting, standingOf, type CastVote } from '#libs/policy';
import { boardContents } from '#libs/policy/testing';

const rule = { quorum: 3, chair: 'cora' };
const cast = (votes: Readonly<Record<string, CastVote['vote']>>): CastVote[] =>
  Object.entries(votes).map(([person, vote]) => ({ person, vote, conditions: [] }));
const everybody = ['anna', 'cora', 'dora', 'otto', 'rita'];
const outcome = (votes: Readonly<Record<string, CastVote['vote']>>, eligible = everybody) =>
  countVotes(cast(votes), rule, eligible).outcome;

describe('the votes of a board', () => {
  it('decide nothing before the quorum is there, and abstentions count for it', () => {
    expect(outcome({ anna: 'for', otto: 'for' })).toBeUndefined();
    expect(countVotes(cast({ anna: 'for', otto: 'for' }), rule, everybody).missing).toBe(1);
    expect(outcome({ anna: 'for', otto: 'for', dora: 'abstain' })).toBe('approved');
  });

  it('approve and reject by the majority of those who are for or against', () => {
    expect(outcome({ anna: 'for', otto: 'against', dora: 'against' })).toBe('rejected');
    expect(outcome({ anna: 'for', otto: 'abstain', dora: 'abstain' })).toBe('approved');
  });

  it('leave it to the chair where they are equal, and wait for the chair', () => {
    expect(outcome({ anna: 'for', otto: 'against', dora: 'abstain' })).toBeUndefined();
    expect(outcome({ anna: 'for', otto: 'against', dora: 'abstain', cora: 'for' })).toBe('approved');
    expect(countVotes(cast({ cora: 'against', otto: 'for', dora: 'abstain' }), rule, everybody).outcome).toBe('rejected');
    expect(countVotes(cast({ cora: 'abstain', anna: 'against', otto: 'for' }), rule, everybody).outcome).toBeUndefined();
  });

  it('put off what everybody abstains from', () => {
    expect(outcome({ anna: 'abstain', otto: 'abstain', dora: 'abstain' })).toBe('deferred');
  });

  it('count of those who may vote alone: a recusal lowers no quorum', () => {
    const votes = { anna: 'for', otto: 'for', dora: 'for' } as const;
    expect(outcome(votes, ['anna', 'otto'])).toBeUndefined();
    expect(countVotes(cast(votes), rule, ['anna', 'otto'])).toMatchObject({ missing: 1, tally: { for: ['anna', 'otto'], quorum: 3 } });
  });

  it('come to the same in every order, count each person once, and never decide without the quorum', () => {
    const vote = fc.record({
      person: fc.constantFrom(...everybody, 'stranger'),
      vote: fc.constantFrom('for' as const, 'against' as const, 'abstain' as const),
      conditions: fc.constant([]),
    });
    fc.assert(
      fc.property(
        fc.uniqueArray(vote, { selector: (v) => v.person }),
        fc.subarray(everybody),
        fc.integer({ min: 1, max: 5 }),
        (votes, eligible, quorum) => {
          const asked = { quorum, chair: 'cora' };
          const result = countVotes(votes, asked, eligible);
          expect(countVotes([...votes].reverse(), asked, eligible)).toEqual(result);
          const { tally } = result;
          const counted = [...tally.for, ...tally.against, ...tally.abstain];
          expect(new Set(counted).size).toBe(counted.length);
          expect(counted.every((p) => eligible.includes(p))).toBe(true);
          if (result.outcome) expect(counted.length).toBeGreaterThanOrEqual(quorum);
          if (result.outcome === 'approved') expect(tally.for.length).toBeGreaterThanOrEqual(tally.against.length);
          if (result.outcome === 'rejected') expect(tally.against.length).toBeGreaterThanOrEqual(tally.for.length);
        },
      ),
    );
  });
});

describe('who may vote', () => {
  const duties = [
    { person: 'ada', duty: 'author', evidence: 'release-1@0' },
    { person: 'tess', duty: 'tester', evidence: 'testreport-1@0' },
    { person: 'rita', duty: 'requester', evidence: 'change-1@0' },
    { person: 'dan', duty: 'deployer', evidence: 'this-request' },
  ] as const;

  it('is every member without a part in the change who has not recused herself, with the reasons of the others', () => {
    const { eligible, recused } = standingOf(['anna', 'ada', 'tess', 'rita', 'dan', 'otto'], duties, [
      { person: 'otto', reason: 'My team.' },
    ]);
    expect(eligible).toEqual(['anna']);
    expect(recused.map((r) => r.person)).toEqual(['ada', 'tess', 'rita', 'dan', 'otto']);
    expect(recused.find((r) => r.person === 'tess')?.reason).toMatch(/keeps approver apart from tester/);
    expect(recused.find((r) => r.person === 'otto')?.reason).toBe('My team.');
  });
});

describe('meetings', () => {
  it('follow the wall clock of their zone over the change to summer time', () => {
    const meetings = meetingsBetween(boardContents, Date.parse('2026-03-20T00:00:00Z'), Date.parse('2026-04-03T00:00:00Z'));
    expect(meetings).toEqual([
      { startsAt: '2026-03-25T13:00:00.000Z', endsAt: '2026-03-25T14:00:00.000Z', cutoffAt: '2026-03-24T13:00:00.000Z' },
      { startsAt: '2026-04-01T12:00:00.000Z', endsAt: '2026-04-01T13:00:00.000Z', cutoffAt: '2026-03-31T12:00:00.000Z' },
    ]);
  });

  it('take what is there before their cut-off, and leave what is late to the next', () => {
    expect(nextMeeting(boardContents, '2026-03-24T12:59:59.999Z')?.startsAt).toBe('2026-03-25T13:00:00.000Z');
    expect(nextMeeting(boardContents, '2026-03-24T13:00:00.000Z')?.startsAt).toBe('2026-04-01T12:00:00.000Z');
  });

  it('are none where the rule has come to its end', () => {
    const { meetings } = boardContents;
    const ended = { ...boardContents, meetings: { ...meetings, window: { ...meetings.window, rule: 'FREQ=WEEKLY;BYDAY=WE;COUNT=2' } } };
    expect(nextMeeting(ended, '2026-03-24T12:00:00.000Z')).toBeUndefined();
  });

  it('do not begin when they are under way', () => {
    const within = Date.parse('2026-03-25T13:30:00Z');
    expect(meetingsBetween(boardContents, within, within + 3_600_000)).toEqual([]);
  });
});
