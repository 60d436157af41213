import type { BoardEvent } from '#libs/contracts';
import { defineView } from '#libs/read-models';
import type { BoardRow } from './boards.row.ts';

/** Which boards there are. */
export const boardList = defineView<BoardRow, BoardEvent>({
  name: 'boards',
  version: 1,
  table: 'board_list',
  key: 'board_id',
  columns: {
    board_id: 'text',
    title: 'text',
    version: 'integer',
    group_id: 'text',
    quorum: 'integer',
    chair: 'text',
    zone: 'text',
    cutoff_hours: 'integer',
    itsm: 'boolean',
    defined_by: 'text',
    defined_at: 'timestamptz',
  },
  on: {
    BoardDefined: {
      key: ({ data }) => data.boardId,
      apply: (_row, { data, metadata }) => ({
        board_id: data.boardId,
        title: data.title,
        version: data.version,
        group_id: data.group,
        quorum: data.quorum,
        chair: data.chair,
        zone: data.meetings.zone,
        cutoff_hours: data.cutoffHours,
        itsm: data.itsm !== undefined,
        defined_by: metadata.actor,
        defined_at: metadata.recordedAt,
      }),
    },
  },
});
