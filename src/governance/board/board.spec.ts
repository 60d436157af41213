import type { BoardEvent } from '#libs/contracts';
import { issued, scenario } from '#libs/event-sourcing/testing';
import { board } from '#libs/policy';
import { boardContents } from '#libs/policy/testing';
import { defineBoard, DefineBoard } from './define-board.ts';

const boards = scenario(board);
const CORA = '4b8f5d9e-0d0e-4a34-9a43-31a3f1d2c004';
const facts = { members: [CORA, 'anna', 'otto'], tzdata: '2025c' };
const meetings = { zone: 'Europe/Zurich', start: '2026-01-07T14:00', durationMinutes: 60, rule: 'FREQ=WEEKLY;BYDAY=WE' };
const define = (more: Partial<DefineBoard> = {}) =>
  issued(
    DefineBoard,
    { boardId: 'cab', title: boardContents.title, group: 'cab', quorum: 2, chair: CORA, meetings, cutoffHours: 24, ...more },
    'cab',
  );
const defined = (version: number, more = {}): BoardEvent => ({
  type: 'BoardDefined',
  data: { boardId: 'cab', version, ...boardContents, chair: CORA, ...more, tzdata: '2025c' },
});

describe('a board', () => {
  it('is defined, and defined anew as the next version; the same again is nothing new', () => {
    boards.given().when(defineBoard, define(), facts).then(defined(1));
    boards.given(defined(1)).when(defineBoard, define(), facts).thenNothing();
    boards
      .given(defined(1))
      .when(defineBoard, define({ quorum: 3 }), facts)
      .then(defined(2, { quorum: 3 }));
    const itsm = { whenAway: 'board' as const, afterMinutes: 60 };
    boards
      .given(defined(1))
      .when(defineBoard, define({ itsm, maxConcurrent: 2 }), facts)
      .then(defined(2, { itsm, maxConcurrent: 2 }));
  });

  it('that could never decide is none: its group is too small, or its chair is not in it', () => {
    const { reasons } = boards
      .given()
      .when(defineBoard, define({ quorum: 4 }), facts)
      .thenRefused('board-unsatisfiable');
    expect(reasons[0]?.unblockedBy).toBe('Take 1 more into group cab, or ask for fewer.');
    boards
      .given()
      .when(defineBoard, define(), { ...facts, members: ['anna', 'otto'] })
      .thenRefused('chair-not-a-member');
  });

  it('that never meets is none', () => {
    boards
      .given()
      .when(defineBoard, define({ meetings: { ...meetings, rule: 'FREQ=HOURLY' } }), facts)
      .thenRefused('meetings-invalid');
    boards
      .given()
      .when(defineBoard, define({ meetings: { ...meetings, zone: '+02:00' } }), facts)
      .thenRefused('meetings-invalid');
    boards
      .given()
      .when(defineBoard, define({ meetings: { ...meetings, rule: 'FREQ=WEEKLY;UNTIL=20260201' } }), facts)
      .thenRefused('board-never-meets');
  });
});
