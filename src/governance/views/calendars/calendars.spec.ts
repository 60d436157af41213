import type { CalendarEvent } from '#libs/contracts';
import { foldView } from '#libs/read-models';
import { history } from '../../../../test/support/history.ts';
import { calendarBoard } from './calendars.projection.ts';

const contents = {
  title: 'Year end',
  kind: 'freeze' as const,
  scope: {},
  zone: 'Europe/Zurich',
  window: { kind: 'one-off' as const, start: '2026-12-20T18:00', end: '2027-01-04T06:00' },
  passes: ['emergency', 'rollback'] as const,
};
const of = (version: number, effectiveFrom: string) => ({ calendarId: 'year-end', version, effectiveFrom });
const told: readonly CalendarEvent[] = [
  { type: 'CalendarDeclared', data: { ...of(1, '2026-03-02T10:00:00.000Z'), ...contents, tzdata: '2025c', justification: 'The books.' } },
  {
    type: 'CalendarChanged',
    data: { ...of(2, '2026-04-01T00:00:00.000Z'), ...contents, title: 'Longer', tzdata: '2025c', justification: 'More.' },
  },
  { type: 'CalendarWithdrawn', data: { ...of(3, '2026-05-01T00:00:00.000Z'), justification: 'Not this year.' } },
];
const rowAfter = (count: number) =>
  foldView(
    calendarBoard,
    history(told.slice(0, count).map((event) => ({ stream: 'calendar-organisation', event, by: 'person-mona' }))),
  ).get('year-end');

describe('The calendars', () => {
  it('show what the newest version says, by whom and why', () => {
    expect(rowAfter(2)).toEqual({
      calendar_id: 'year-end',
      title: 'Longer',
      kind: 'freeze',
      status: 'declared',
      version: 2,
      zone: 'Europe/Zurich',
      versions: [
        { ...of(1, '2026-03-02T10:00:00.000Z'), contents },
        { ...of(2, '2026-04-01T00:00:00.000Z'), contents: { ...contents, title: 'Longer' } },
      ],
      justification: 'More.',
      changed_by: 'person-mona',
      effective_from: '2026-04-01T00:00:00.000Z',
      updated_at: '2026-03-02T10:00:01.000Z',
    });
  });

  it('show a withdrawal, and keep what was', () => {
    expect(rowAfter(3)).toMatchObject({
      status: 'withdrawn',
      version: 3,
      justification: 'Not this year.',
      versions: [{}, {}, { version: 3 }],
    });
  });
});
