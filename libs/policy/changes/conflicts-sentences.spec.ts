import type { CalendarInForce } from '#libs/calendar';
import type { ScheduledChange } from '#libs/contracts';
import { findConflicts, newConflicts, type ConflictAsked } from '#libs/policy';

const at = (hours: number): string => new Date(Date.UTC(2026, 2, 2) + hours * 3_600_000).toISOString();
const planned = (changeId: string, from: number, until: number, more: Partial<ScheduledChange> = {}): ScheduledChange => ({
  changeId,
  releaseId: `release-of-${changeId}`,
  product: 'shop',
  window: { from: at(from), until: at(until) },
  artifacts: [
    { name: 'web', digest: 'sha256:ww' },
    { name: 'api', digest: 'sha256:aa' },
  ],
  ...more,
});
const target = { environment: 'production', product: 'shop', services: ['api', 'web'], changeClass: 'normal' as const };
const ask = (more: Partial<ConflictAsked>) =>
  findConflicts({ own: planned('a', 10, 12), others: [], dependsOn: [], calendars: [], target, ...more });

describe('what is said of what gets in the way', () => {
  it('names every artifact once and in order, the same and the replaced ones apart', () => {
    const shared = { from: at(10), until: at(11) };
    expect(ask({ others: [planned('b', 9, 11)] })).toEqual([
      { kind: 'service', with: 'b', detail: 'Change b deploys api, web at that time, too.', ...shared },
    ]);
    const artifacts = [
      { name: 'web', digest: 'sha256:other' },
      { name: 'api', digest: 'sha256:aa' },
      { name: 'web', digest: 'sha256:third' },
    ];
    expect(ask({ others: [planned('b', 9, 11, { artifacts })] })).toEqual([
      { kind: 'dependency', with: 'b', detail: 'Change b puts other contents of web in place at that time.', ...shared },
      { kind: 'service', with: 'b', detail: 'Change b deploys api at that time, too.', ...shared },
    ]);
    expect(ask({ others: [planned('b', 9, 11, { artifacts: [] })] })).toEqual([
      { kind: 'product', with: 'b', detail: 'Change b changes shop at that time, too.', ...shared },
    ]);
  });

  it('names until when what it depends on is planned, and that it is not', () => {
    const whole = { from: at(10), until: at(12) };
    expect(
      ask({
        dependsOn: [
          { changeId: 'b', done: false, window: { from: at(8), until: at(11) } },
          { changeId: 'c', done: false },
        ],
      }),
    ).toEqual([
      { kind: 'dependency', with: 'b', detail: `It depends on change b, which is planned until ${at(11)}.`, ...whole },
      { kind: 'dependency', with: 'c', detail: 'It depends on change c, which is not planned for any time.', ...whole },
    ]);
  });

  it('names the calendar and its version', () => {
    const calendar = (kind: 'freeze' | 'window'): CalendarInForce => ({
      calendarId: `the-${kind}`,
      version: 4,
      title: 'Year end',
      kind,
      scope: {},
      zone: 'UTC',
      window: { kind: 'one-off', start: '2026-03-02T11:00', end: '2026-03-03T00:00' },
      passes: [],
      from: '2026-01-01T00:00:00.000Z',
    });
    expect(ask({ calendars: [calendar('freeze')] })).toEqual([
      { kind: 'freeze', with: 'the-freeze', detail: 'The freeze Year end (version 4) holds then.', from: at(11), until: at(12) },
    ]);
    expect(ask({ calendars: [calendar('window')] })).toEqual([
      {
        kind: 'window',
        with: 'the-window',
        detail: 'The allowed window Year end (version 4) is not open then.',
        from: at(10),
        until: at(11),
      },
    ]);
  });

  it('counts the most that go on at one time', () => {
    const other = (id: string, from: number, until: number) => planned(id, from, until, { product: id, artifacts: [] });
    const capacity = { boardId: 'cab', maxConcurrent: 2 };
    expect(ask({ capacity, others: [other('b', 9, 11), other('c', 10.5, 13), other('d', 11, 12), other('e', 12, 13)] })).toEqual([
      {
        kind: 'capacity',
        with: 'cab',
        detail: '3 changes are planned for one time; board cab has room for 2.',
        from: at(10),
        until: at(12),
      },
    ]);
    expect(ask({ others: [other('b', 9, 11), other('c', 10, 13)] })).toEqual([]);
  });

  it('comes by kind, then by what it is with, then by time', () => {
    const others = [planned('c', 10, 12), planned('b', 11, 12)];
    const dependsOn = ['d', 'b'].map((changeId) => ({ changeId, done: false }));
    const said = ask({ others, dependsOn, capacity: { boardId: 'cab', maxConcurrent: 1 } });
    expect(said.map((c) => `${c.kind} ${c.with}`)).toEqual(['capacity cab', 'dependency b', 'dependency d', 'service b', 'service c']);
  });

  it('is new by kind and by what it is with, whatever the time', () => {
    const [b] = ask({ others: [planned('b', 9, 11)] });
    expect(newConflicts([b!], [])).toEqual([b]);
    expect(newConflicts([b!], [{ ...b!, from: at(0), detail: 'Otherwise.' }])).toEqual([]);
    expect(newConflicts([b!], [{ ...b!, kind: 'product' }])).toEqual([b]);
    expect(newConflicts([b!], [{ ...b!, with: 'c' }])).toEqual([b]);
  });
});
