import type { BoardEvent } from '#libs/contracts';
import { foldView } from '#libs/read-models';
import { history } from '../../../../test/support/history.ts';
import { boardList } from './boards.projection.ts';

const defined = (version: number, more: Partial<BoardEvent['data']> = {}): BoardEvent => ({
  type: 'BoardDefined',
  data: {
    boardId: 'cab',
    version,
    tzdata: '2026a',
    title: 'Change advisory board',
    group: 'cab-members',
    quorum: 3,
    chair: 'carl',
    meetings: { zone: 'Europe/Zurich', window: { kind: 'recurring', start: '2026-03-03T14:00', rrule: 'FREQ=WEEKLY', minutes: 60 } },
    cutoffHours: 24,
    ...more,
  } as BoardEvent['data'],
});

describe('The list of boards', () => {
  it('shows each as its newest version says', () => {
    const rows = foldView(
      boardList,
      history([
        { stream: 'board-cab', event: defined(1), by: 'max' },
        { stream: 'board-cab', event: defined(2, { quorum: 2, itsm: { whenAway: 'hold', afterMinutes: 60 } }), by: 'mia' },
      ]),
    );
    expect([...rows.values()]).toEqual([
      {
        board_id: 'cab',
        title: 'Change advisory board',
        version: 2,
        group_id: 'cab-members',
        quorum: 2,
        chair: 'carl',
        zone: 'Europe/Zurich',
        cutoff_hours: 24,
        itsm: true,
        defined_by: 'mia',
        defined_at: '2026-03-02T10:00:01.000Z',
      },
    ]);
  });
});
