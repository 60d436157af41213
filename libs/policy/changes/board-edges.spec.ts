import type { BoardEvent } from '#libs/contracts';
import { barredBy, board, BOARD_DUTIES, countVotes, meetingsBetween, nextMeeting, standingOf } from '#libs/policy';
import { boardContents } from '#libs/policy/testing';

const at = (text: string): number => Date.parse(text);

describe('a board', () => {
  it('is what was defined last, and nothing before', () => {
    expect(board.category).toBe('board');
    expect(board.initial).toEqual({ version: 0 });
    const defined = (version: number, quorum: number): BoardEvent => ({
      type: 'BoardDefined',
      data: { boardId: 'cab', version, tzdata: '2026a', ...boardContents, quorum },
    });
    expect([defined(1, 2), defined(2, 3)].reduce(board.evolve, board.initial)).toEqual({
      version: 2,
      contents: { ...boardContents, quorum: 3 },
      tzdata: '2026a',
    });
  });

  it('keeps who votes apart from who wrote, asked for, tested and deploys a change', () => {
    const barred = (duty: 'author' | 'committer' | 'co-author' | 'requester' | 'tester' | 'deployer' | 'approver') =>
      barredBy('ada', [{ person: 'ada', duty, evidence: 'release-1@0' }]);
    for (const duty of ['author', 'committer', 'co-author', 'requester', 'tester', 'deployer'] as const) {
      expect([duty, barred(duty)?.detail]).toEqual([duty, expect.stringContaining(duty)]);
    }
    expect(barred('approver')).toBeUndefined();
    expect(barredBy('bob', [{ person: 'ada', duty: 'author', evidence: 'release-1@0' }])).toBeUndefined();
    expect(BOARD_DUTIES.map((rule) => rule.id)).toEqual(expect.arrayContaining(['approver-is-not-tester', 'approver-is-not-deployer']));
  });

  it('has its eligible members in order, and gives the reason that a member gave herself first', () => {
    const duties = [{ person: 'ada', duty: 'author', evidence: 'release-1@0' }] as const;
    const standing = standingOf(['otto', 'ada', 'anna'], duties, [
      { person: 'ada', reason: 'Mine.' },
      { person: 'stranger', reason: 'No member.' },
    ]);
    expect(standing).toEqual({ eligible: ['anna', 'otto'], recused: [{ person: 'ada', reason: 'Mine.' }] });
  });

  it('counts by how each voted, in order of their names, and how many are missing', () => {
    const cast = { zoe: 'for', anna: 'for', otto: 'against', cora: 'abstain', bob: 'against' } as const;
    const votes = Object.entries(cast).map(([person, vote]) => ({ person, vote, conditions: [] }));
    const everybody = ['zoe', 'anna', 'otto', 'cora', 'bob'];
    expect(countVotes(votes, { quorum: 7, chair: 'cora' }, everybody)).toEqual({
      tally: { for: ['anna', 'zoe'], against: ['bob', 'otto'], abstain: ['cora'], quorum: 7 },
      missing: 2,
    });
    expect(countVotes(votes, { quorum: 2, chair: 'anna' }, everybody)).toMatchObject({ missing: 0, outcome: 'approved' });
    expect(countVotes([], { quorum: 0, chair: 'anna' }, everybody)).toMatchObject({ missing: 0, outcome: 'deferred' });
  });
});

describe('the meetings of a board', () => {
  it('are those that begin at or after an instant, and before another', () => {
    const starts = (from: string, until: string) => meetingsBetween(boardContents, at(from), at(until)).map((m) => m.startsAt);
    expect(starts('2026-03-25T13:00:00.000Z', '2026-03-25T13:00:00.001Z')).toEqual(['2026-03-25T13:00:00.000Z']);
    expect(starts('2026-03-25T12:59:59.999Z', '2026-03-25T13:00:00.000Z')).toEqual([]);
    expect(starts('2026-03-25T13:00:00.001Z', '2026-03-26T00:00:00.000Z')).toEqual([]);
  });

  const rare = (rule: string, start: string): typeof boardContents => ({
    ...boardContents,
    meetings: { zone: 'UTC', window: { kind: 'recurring', start, durationMinutes: 60, rule } },
  });

  it('are looked for further than a month, up to two years ahead', () => {
    const yearly = rare('FREQ=YEARLY', '2025-03-01T12:00');
    expect(nextMeeting(yearly, '2026-03-01T12:00:00.000Z')).toEqual({
      startsAt: '2027-03-01T12:00:00.000Z',
      cutoffAt: '2027-02-28T12:00:00.000Z',
    });
    expect(nextMeeting(rare('FREQ=YEARLY;INTERVAL=5', '2025-03-01T12:00'), '2026-03-01T12:00:00.000Z')).toBeUndefined();
  });

  it('that last a day are not taken for one that begins', () => {
    const long = { ...rare('FREQ=WEEKLY;BYDAY=MO', '2026-03-02T12:00') };
    const day = { ...long, meetings: { ...long.meetings, window: { ...long.meetings.window, durationMinutes: 1440 } as never } };
    expect(meetingsBetween(day, at('2026-03-03T00:00:00Z'), at('2026-03-10T00:00:00Z')).map((m) => [m.startsAt, m.endsAt])).toEqual([
      ['2026-03-09T12:00:00.000Z', '2026-03-10T00:00:00.000Z'],
    ]);
  });
});
