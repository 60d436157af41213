import { Query, QueryHandler, type IQueryHandler } from '@nestjs/cqrs';
import { DataSource } from 'typeorm';
import { camelKeys, readRows, type Answer } from '#libs/cqrs';
import { booleanFilter, defineList, oneOfFilter, textFilter, timeFilter, type Page } from '#libs/http';
import type { ChangeRow } from './changes.row.ts';

const filters = {
  status: oneOfFilter('status', ['open', 'approved', 'rejected', 'deferred', 'voided', 'withdrawn', 'done', 'rolled-back']),
  class: oneOfFilter('change_class', ['standard', 'normal', 'emergency']),
  environment: textFilter('environment'),
  product: textFilter('product'),
  boardId: textFilter('board_id'),
  modelId: textFilter('model_id'),
  releaseId: textFilter('release_id'),
  requester: textFilter('requester'),
  reviewOverdue: booleanFilter('review_overdue'),
  /** Windows that begin from then on, and before then. */
  plannedFrom: timeFilter('window_from', '>='),
  plannedBefore: timeFilter('window_from', '<'),
} as const;

/** Newest first. */
export const changeList = defineList({
  order: [
    { column: 'submitted_at', type: 'timestamptz', direction: 'desc' },
    { column: 'change_id', type: 'text', direction: 'desc' },
  ],
  filters,
});

/** As a calendar: by the beginning of the planned window. */
export const changeCalendarList = defineList({
  order: [
    { column: 'window_from', type: 'timestamptz', direction: 'asc' },
    { column: 'change_id', type: 'text', direction: 'asc' },
  ],
  filters,
});

export class Changes extends Query<Page<Answer<ChangeRow>>> {
  constructor(
    readonly asked: ReturnType<typeof changeList.parse>,
    readonly order: 'newest' | 'planned' = 'newest',
  ) {
    super();
  }
}

@QueryHandler(Changes)
export class ChangesHandler implements IQueryHandler<Changes> {
  constructor(private readonly data: DataSource) {}

  async execute({ asked, order }: Changes): Promise<Page<Answer<ChangeRow>>> {
    const list = order === 'planned' ? changeCalendarList : changeList;
    const rows = await readRows<ChangeRow>(this.data, 'change_board', list.sql(asked));
    return list.page(asked, rows, (row) => camelKeys<ChangeRow>(row));
  }
}

/** What a meeting of a board is about. */
export class Agenda extends Query<readonly Answer<ChangeRow>[]> {
  constructor(
    readonly boardId: string,
    /** ISO 8601 UTC. */
    readonly startsAt: string,
  ) {
    super();
  }
}

/** Nobody gets through more in one meeting. */
const MOST = 500;

@QueryHandler(Agenda)
export class AgendaHandler implements IQueryHandler<Agenda> {
  constructor(private readonly data: DataSource) {}

  /** In the order of submission, which nothing changes later. */
  async execute({ boardId, startsAt }: Agenda): Promise<readonly Answer<ChangeRow>[]> {
    const rows = await this.data.query<ChangeRow[]>(
      `select * from change_board where board_id = $1 and meeting_at = $2 order by submitted_at, change_id limit ${MOST}`,
      [boardId, startsAt],
    );
    return rows.map((row) => camelKeys<ChangeRow>(row));
  }
}
