import type { ChangeEvent, GateName, GateRule, GateVerdict, Verdict } from '#libs/contracts';
import { unblockingOf, type GateFacts } from '#libs/policy';
import { dossierOf, freezeOfTheBooks, gateFacts, releaseFacts, submittedWith, withChange } from '#libs/policy/testing';

const NOW = '2026-03-02T10:00:00.000Z';
const not = (gate: GateName, verdict: Verdict = 'fail', more: Partial<GateVerdict> = {}): GateVerdict => ({
  gate,
  verdict,
  detail: `${gate} does not pass.`,
  evidence: [],
  unblockedBy: `Do ${gate}.`,
  ...more,
});
const builtIn = (gate: string): GateRule => ({ gate }) as GateRule;
const approved = (quorum: number): GateRule => ({ gate: 'approved', quorum });

describe('what would unblock a decision', () => {
  it('is told soonest first, by how long each takes as a rule; what passes or is waived takes nothing', () => {
    const names = [
      'tests-passed',
      'rollback-target-ran',
      'version-assigned',
      'duties-separated',
      'artifacts-registered',
      'not-frozen',
    ] as const;
    const rules = [...names.map(builtIn), approved(1), builtIn('tests-passed')];
    const gates = [...names.map((n) => not(n)), not('approved', 'inconclusive'), not('tests-passed', 'pass')];
    const found = unblockingOf(rules, gates, gateFacts(), NOW);
    expect(found.map((u) => [u.gate, u.minutes, u.takes])).toEqual([
      ['version-assigned', 5, 'work'],
      ['artifacts-registered', 10, 'work'],
      ['duties-separated', 30, 'persons'],
      ['tests-passed', 60, 'work'],
      ['approved', 120, 'persons'],
      ['rollback-target-ran', 240, 'work'],
      ['not-frozen', 480, 'work'],
    ]);
    expect(found[0]?.action).toBe('Do version-assigned.');
    expect(unblockingOf([builtIn('tests-passed')], [not('tests-passed', 'fail', { waivedBy: 'b1' })], gateFacts(), NOW)).toEqual([]);
    expect(unblockingOf([], [not('tests-passed')], gateFacts(), NOW)).toEqual([]);
  });

  it('is told in the order of names where things take as long', () => {
    const own = (slug: string): GateRule => ({ gate: `expression:${slug}`, expression: 'false' });
    const found = (...slugs: string[]) =>
      unblockingOf(
        slugs.map(own),
        slugs.map((slug) => not(`expression:${slug}`)),
        gateFacts(),
        NOW,
      ).map((u) => [u.gate, u.minutes, u.takes]);
    const sorted = [
      ['expression:a', 240, 'work'],
      ['expression:b', 240, 'work'],
    ];
    expect(found('a', 'b')).toEqual(sorted);
    expect(found('b', 'a')).toEqual(sorted);
  });

  it('says the detail where nothing better is known', () => {
    const { unblockedBy: _none, ...bare } = not('version-assigned');
    expect(unblockingOf([builtIn('version-assigned')], [bare], gateFacts(), NOW)[0]?.action).toBe('version-assigned does not pass.');
  });

  it('counts the persons who are missing; of a closed or stale approval all of them', () => {
    const facts = gateFacts({ approval: { approvers: ['anna', 'otto'] } });
    const minutes = (quorum: number, verdict: Verdict): number | undefined =>
      unblockingOf([approved(quorum)], [not('approved', verdict)], facts, NOW)[0]?.minutes;
    expect(minutes(5, 'inconclusive')).toBe(360);
    expect(minutes(5, 'stale')).toBe(600);
    expect(minutes(5, 'fail')).toBe(600);
    // As many as it takes have approved, and yet it does not pass: somebody must do something.
    expect(minutes(2, 'inconclusive')).toBe(120);
  });

  it('counts nobody who has left, whose role was revoked, or for a group that she was out of', () => {
    const facts = { approval: { approvers: ['anna', 'otto', 'zoe'] }, groups: { risk: ['anna', 'otto', 'zoe'] } };
    const rule: GateRule = { gate: 'approved', quorum: 3, groups: [{ group: 'risk', quorum: 3 }] };
    const minutes = (more: Partial<GateFacts>, countingAlone?: boolean): number | undefined =>
      unblockingOf([rule], [not('approved', 'inconclusive')], gateFacts({ ...facts, ...more }), NOW, 'normal', countingAlone)[0]?.minutes;
    expect(minutes({ left: ['anna', 'otto'] })).toBe(240);
    expect(minutes({ unentitled: ['anna'], left: ['otto', 'zoe'] })).toBe(360);
    expect(minutes({ expelled: { risk: ['anna', 'zoe'] } })).toBe(240);
    // As engines reckoned before.
    for (const more of [{ left: ['anna', 'otto'] }, { expelled: { risk: ['anna', 'otto'] } }]) expect(minutes(more, false)).toBe(120);
    expect(minutes({ groups: { risk: ['anna'] } }, false)).toBe(240);
  });

  it('counts members of groups', () => {
    const rule: GateRule = { gate: 'approved', quorum: 1, groups: [{ group: 'risk', quorum: 2 }] };
    const of = (facts: object) =>
      unblockingOf([rule], [not('approved', 'inconclusive')], gateFacts({ approval: { approvers: ['anna'] }, ...facts }), NOW)[0]?.minutes;
    expect(of({ groups: { risk: ['anna'] } })).toBe(120);
    expect(of({})).toBe(240);
  });

  it('is an instant where that is known: minutes are rounded up', () => {
    const facts = gateFacts({ expressions: { 'expression:a': { verdict: 'fail', opensAt: '2026-03-02T10:00:30.000Z' } } });
    expect(unblockingOf([{ gate: 'expression:a', expression: 'x' }], [not('expression:a')], facts, NOW)).toEqual([
      { gate: 'expression:a', action: 'Do expression:a.', takes: 'time', minutes: 1, at: '2026-03-02T10:00:30.000Z' },
    ]);
    const freeze = {
      calendarId: 'c',
      version: 1,
      title: 'C',
      kind: 'freeze',
      scope: {},
      zone: 'UTC',
      passes: [],
      from: '2026-01-01T00:00:00.000Z',
      window: { kind: 'one-off', start: '2026-03-02T00:00', end: '2026-03-02T12:00' },
    } as const;
    const frozen = gateFacts({ calendars: [freeze], expressions: facts.expressions! });
    expect(
      unblockingOf([builtIn('not-frozen'), builtIn('tests-passed')], [not('not-frozen'), not('tests-passed')], frozen, NOW),
    ).toMatchObject([
      { gate: 'tests-passed', takes: 'work', minutes: 60 },
      { gate: 'not-frozen', takes: 'time', minutes: 120, at: '2026-03-02T12:00:00.000Z' },
    ]);
  });

  it('takes persons where a change waits for a decision', () => {
    const asked: GateRule = { gate: 'change-approved' };
    expect(unblockingOf([asked], [not('change-approved')], gateFacts(), NOW)).toEqual([
      { gate: 'change-approved', action: 'Do change-approved.', takes: 'persons', minutes: 1440 },
    ]);
  });

  it('is the instant for which a change waits, where that is known: its window takes time, its meeting persons', () => {
    const asked: GateRule = { gate: 'change-approved' };
    const facts = releaseFacts();
    const found = (events: readonly ChangeEvent[], now: string) =>
      unblockingOf([asked], [not('change-approved')], withChange(facts, events), now);
    const submitted = submittedWith(dossierOf(facts), { route: 'model' });
    expect(found([submitted], '2026-03-02T08:29:30.000Z')).toEqual([
      { gate: 'change-approved', action: 'Do change-approved.', takes: 'time', at: '2026-03-02T09:00:00.000Z', minutes: 31 },
    ]);
    expect(found([submittedWith(dossierOf(facts))], '2026-03-04T12:00:00.000Z')).toEqual([
      { gate: 'change-approved', action: 'Do change-approved.', takes: 'persons', at: '2026-03-04T13:00:00.000Z', minutes: 60 },
    ]);
  });

  it('waits for a calendar as the class that is asked for, which is the plan’s unless told', () => {
    const freeze = (passes: readonly ['standard'] | readonly [], end: string) => ({
      ...freezeOfTheBooks,
      passes,
      window: { kind: 'one-off', start: '2026-03-02T00:00', end } as const,
    });
    const facts = gateFacts({
      plan: { steps: [], planHash: 'x', changeClass: 'standard' },
      calendars: [freeze(['standard'], '2026-03-03T00:00'), freeze([], '2026-03-02T12:00')],
    });
    const at = (changeClass?: 'normal') => unblockingOf([builtIn('not-frozen')], [not('not-frozen')], facts, NOW, changeClass)[0]?.at;
    expect(at()).toBe('2026-03-02T12:00:00.000Z');
    expect(at('normal')).toBe('2026-03-03T00:00:00.000Z');
  });
});
