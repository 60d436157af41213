import fc from 'fast-check';
import type { CalendarInForce } from '#libs/calendar';
import type { ScheduledChange } from '#libs/contracts';
import { findConflicts, newConflicts, type ConflictAsked } from '#libs/policy';

const at = (hours: number): string => new Date(Date.UTC(2026, 2, 2) + hours * 3_600_000).toISOString();
const planned = (changeId: string, from: number, until: number, more: Partial<ScheduledChange> = {}): ScheduledChange => ({
  changeId,
  releaseId: `release-of-${changeId}`,
  product: 'shop',
  window: { from: at(from), until: at(until) },
  artifacts: [{ name: 'api', digest: 'sha256:aa' }],
  ...more,
});
const target = {
  environment: 'production',
  environmentClass: 'production',
  product: 'shop',
  services: ['api'],
  changeClass: 'normal' as const,
};
const ask = (more: Partial<ConflictAsked>): ReturnType<typeof findConflicts> =>
  findConflicts({ own: planned('a', 10, 12), others: [], dependsOn: [], calendars: [], target, ...more });
const kinds = (more: Partial<ConflictAsked>): readonly string[] => ask(more).map((c) => `${c.kind} ${c.with}`);

describe('what gets in the way of a change', () => {
  it('is a change of the same service at the same time, for as long as both go on, and not itself', () => {
    const others = [planned('a', 10, 12), planned('b', 11, 14), planned('c', 12, 13), planned('d', 8, 10)];
    expect(ask({ others })).toEqual([
      { kind: 'service', with: 'b', detail: 'Change b deploys api at that time, too.', from: at(11), until: at(12) },
    ]);
  });

  it('is a change that puts other contents of an artifact in place, or that is of the same product alone', () => {
    expect(kinds({ others: [planned('b', 10, 12, { artifacts: [{ name: 'api', digest: 'sha256:bb' }] })] })).toEqual(['dependency b']);
    expect(kinds({ others: [planned('b', 10, 12, { artifacts: [{ name: 'web', digest: 'sha256:cc' }] })] })).toEqual(['product b']);
    expect(kinds({ others: [planned('b', 10, 12, { product: 'till', artifacts: [{ name: 'web', digest: 'sha256:cc' }] })] })).toEqual([]);
  });

  it('is a change that it depends on and that is not over before, or that nobody has planned', () => {
    expect(kinds({ dependsOn: [{ changeId: 'b', done: false, window: { from: at(8), until: at(10) } }] })).toEqual([]);
    expect(kinds({ dependsOn: [{ changeId: 'b', done: false, window: { from: at(8), until: at(11) } }] })).toEqual(['dependency b']);
    expect(kinds({ dependsOn: [{ changeId: 'b', done: false }] })).toEqual(['dependency b']);
    expect(kinds({ dependsOn: [{ changeId: 'b', done: true }] })).toEqual([]);
  });

  const calendar = (kind: 'freeze' | 'window', start: string, end: string, passes: CalendarInForce['passes'] = []): CalendarInForce => ({
    calendarId: kind,
    version: 1,
    title: 'Year end',
    kind,
    scope: {},
    zone: 'UTC',
    window: { kind: 'one-off', start, end },
    passes,
    from: '2026-01-01T00:00:00.000Z',
  });

  it('is a freeze that begins within its window, and the part of it that no allowed window opens', () => {
    expect(ask({ calendars: [calendar('freeze', '2026-03-02T11:00', '2026-03-05T00:00')] })).toMatchObject([
      { kind: 'freeze', with: 'freeze', from: at(11), until: at(12) },
    ]);
    expect(ask({ calendars: [calendar('window', '2026-03-02T09:00', '2026-03-02T11:00')] })).toMatchObject([
      { kind: 'window', with: 'window', from: at(11), until: at(12) },
    ]);
    expect(kinds({ calendars: [calendar('freeze', '2026-03-02T11:00', '2026-03-05T00:00', ['normal'])] })).toEqual([]);
    expect(kinds({ calendars: [calendar('freeze', '2026-03-02T12:00', '2026-03-05T00:00')] })).toEqual([]);
  });

  it('is more changes at one time than the board has room for', () => {
    const other = (id: string, from: number, until: number): ScheduledChange => planned(id, from, until, { product: id, artifacts: [] });
    const capacity = { boardId: 'cab', maxConcurrent: 2 };
    expect(kinds({ capacity, others: [other('b', 9, 11), other('c', 11, 12)] })).toEqual([]);
    expect(kinds({ capacity, others: [other('b', 9, 11.5), other('c', 11, 12)] })).toEqual(['capacity cab']);
  });

  it('is new where the kind or the other one is not known', () => {
    const [known] = ask({ others: [planned('b', 11, 14)] });
    const moved = ask({ others: [planned('b', 10, 11)] });
    expect(newConflicts(moved, known ? [known] : [])).toEqual([]);
    expect(newConflicts(ask({ others: [planned('c', 10, 11)] }), known ? [known] : [])).toHaveLength(1);
  });

  const change = fc
    .record({
      id: fc.constantFrom('a', 'b', 'c', 'd'),
      from: fc.integer({ min: 0, max: 20 }),
      length: fc.integer({ min: 1, max: 6 }),
      product: fc.constantFrom('shop', 'till'),
      name: fc.constantFrom('api', 'web'),
      digest: fc.constantFrom('1', '2'),
    })
    .map(({ id, from, length, product, name, digest }) => planned(id, from, from + length, { product, artifacts: [{ name, digest }] }));

  it('is mutual between two changes, the same in any order, and agrees with looking at every quarter of an hour', () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(change, { selector: (c) => c.changeId, minLength: 1 }),
        fc.integer({ min: 1, max: 3 }),
        (changes, maxConcurrent) => {
          const capacity = { boardId: 'cab', maxConcurrent };
          const of = (own: ScheduledChange) => findConflicts({ own, others: changes, dependsOn: [], calendars: [], target, capacity });
          for (const own of changes) {
            const found = of(own);
            expect(findConflicts({ own, others: [...changes].reverse(), dependsOn: [], calendars: [], target, capacity })).toEqual(found);
            for (const c of found.filter((f) => f.kind !== 'capacity')) {
              const other = changes.find((o) => o.changeId === c.with)!;
              expect(of(other)).toContainEqual(expect.objectContaining({ kind: c.kind, with: own.changeId, from: c.from, until: c.until }));
            }
            // The oracle looks at the clock and knows nothing of intervals.
            const ticks = Array.from({ length: 30 * 4 }, (_, i) => at(i / 4));
            const on = (c: ScheduledChange, tick: string): boolean => c.window.from <= tick && tick < c.window.until;
            const together = (other: ScheduledChange): boolean => ticks.some((t) => on(own, t) && on(other, t));
            const related = (other: ScheduledChange): boolean =>
              other.product === own.product || other.artifacts[0]?.name === own.artifacts[0]?.name;
            const expected = changes.filter((o) => o !== own && together(o) && related(o)).map((o) => o.changeId);
            expect([...new Set(found.filter((f) => f.kind !== 'capacity').map((f) => f.with))].sort()).toEqual(expected.sort());
            const most = Math.max(...ticks.filter((t) => on(own, t)).map((t) => changes.filter((c) => on(c, t)).length));
            expect(found.some((f) => f.kind === 'capacity')).toBe(most > maxConcurrent);
          }
        },
      ),
    );
  });
});
