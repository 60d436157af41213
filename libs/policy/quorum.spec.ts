import fc from 'fast-check';
import { groupsOf, mayCount, tallyRecorded, tallyVotes, type Members, type QuorumRule } from './quorum.ts';

const members: Members = { risk: ['anna', 'otto'], security: ['anna', 'sven'], board: ['bea'] };
const rule: QuorumRule = { quorum: 2, groups: [{ group: 'risk', quorum: 1 }, { group: 'security', quorum: 1 }] }; // prettier-ignore

describe('a quorum of groups', () => {
  it('counts one person in two groups for one of them', () => {
    expect(tallyVotes(['anna'], rule, members).missing).toBe(1);
    expect(tallyVotes(['anna', 'anna'], rule, members).missing).toBe(1);
  });

  it('counts her for the group where she is needed, whoever comes first', () => {
    expect(tallyVotes(['anna', 'otto'], rule, members)).toMatchObject({
      missing: 0,
      groups: [
        { group: 'risk', persons: ['otto'] },
        { group: 'security', persons: ['anna'] },
      ],
    });
    expect(tallyVotes(['sven', 'anna'], rule, members).missing).toBe(0);
    expect(tallyVotes(['otto', 'sven'], rule, members).missing).toBe(0);
  });

  it('is not reached by persons of no group, unless it takes more than the groups do', () => {
    expect(tallyVotes(['otto', 'zoe'], rule, members).missing).toBe(1);
    expect(mayCount('zoe', rule, members)).toBe(false);
    expect(mayCount('otto', rule, members)).toBe(true);
    const three = { ...rule, quorum: 3 };
    expect(tallyVotes(['otto', 'sven', 'zoe'], three, members)).toMatchObject({ needed: 3, missing: 0, free: { persons: ['zoe'] } });
    expect(mayCount('zoe', three, members)).toBe(true);
  });

  it('takes as many as the groups add up to, where the quorum is less', () => {
    expect(tallyVotes([], { ...rule, quorum: 1 }, members).needed).toBe(2);
  });

  it('finds nobody in a group that is not there, or that is named like what every object has', () => {
    for (const group of ['nobody', 'constructor', '__proto__'])
      expect(tallyVotes(['anna'], { quorum: 1, groups: [{ group, quorum: 1 }] }, members).missing).toBe(1);
  });

  it('takes no vote for a group that was not asked for, whatever it is called', () => {
    const votes = [{ person: 'anna', groups: ['constructor', '__proto__', 'board'] }, { person: 'zoe' }];
    expect(tallyRecorded(votes, rule)).toMatchObject({ missing: 2, groups: [{ persons: [] }, { persons: [] }] });
    expect(tallyRecorded(votes, { quorum: 2 })).toMatchObject({ missing: 0, free: { persons: ['anna', 'zoe'] } });
    expect(groupsOf('anna', { quorum: 1 }, members)).toEqual([]);
  });

  it('says which of the groups asked for a person is in', () => {
    expect(groupsOf('anna', rule, members)).toEqual(['risk', 'security']);
    expect(groupsOf('bea', rule, members)).toEqual([]);
  });
});

describe('a quorum of groups, for all memberships', () => {
  const people = ['a', 'b', 'c', 'd', 'e'];
  const names = ['g', 'h', 'i'];
  const anyMembers = fc.record(Object.fromEntries(names.map((n) => [n, fc.subarray(people)])));
  const anyRule = fc.record({
    quorum: fc.integer({ min: 1, max: 5 }),
    groups: fc
      .subarray(names)
      .chain((chosen) => fc.tuple(...chosen.map((group) => fc.integer({ min: 1, max: 2 }).map((quorum) => ({ group, quorum }))))),
  });

  /** Tries every way to give each person one place. */
  function bestOf(
    voters: readonly string[],
    { groups, quorum }: { groups: readonly { group: string; quorum: number }[]; quorum: number },
    of: Members,
  ): number {
    const places = groups.flatMap((g) => Array.from({ length: g.quorum }, () => g.group));
    const needed = Math.max(quorum, places.length);
    const all: (string | undefined)[] = [...places, ...Array.from({ length: needed - places.length }, () => undefined)];
    const best = (place: number, left: readonly string[]): number => {
      if (place === all.length) return 0;
      const group = all[place];
      const fitting = left.filter((p) => group === undefined || of[group]?.includes(p));
      return Math.max(best(place + 1, left), ...fitting.map((p) => 1 + best(place + 1, left.filter((q) => q !== p)))); // prettier-ignore
    };
    return needed - best(0, voters);
  }

  it('fills as many places as any assignment of persons to places could', () => {
    fc.assert(
      fc.property(anyMembers, anyRule, fc.subarray(people), (of, asked, voters) => {
        expect(tallyVotes(voters, asked, of).missing).toBe(bestOf(voters, asked, of));
      }),
      { numRuns: 300 },
    );
  });

  it('does not depend on the order of votes, and never counts a person twice', () => {
    fc.assert(
      fc.property(anyMembers, anyRule, fc.subarray(people), (of, asked, voters) => {
        const tally = tallyVotes(voters, asked, of);
        expect(tallyVotes([...voters].reverse(), asked, of)).toEqual(tally);
        const counted = [...tally.groups.flatMap((g) => g.persons), ...tally.free.persons];
        expect(new Set(counted).size).toBe(counted.length);
        expect(tally.missing).toBe(tally.needed - counted.length);
      }),
    );
  });

  it('comes to the same from votes that say their groups', () => {
    fc.assert(
      fc.property(anyMembers, anyRule, fc.subarray(people), (of, asked, voters) => {
        const votes = voters.map((person) => ({ person, groups: groupsOf(person, asked, of) }));
        expect(tallyRecorded(votes, asked).missing).toBe(tallyVotes(voters, asked, of).missing);
      }),
    );
  });
});
