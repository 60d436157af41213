import { Injectable } from '@nestjs/common';
import { Query, QueryHandler, type IQueryHandler } from '@nestjs/cqrs';
import { DataSource } from 'typeorm';
import { camelKeys, foundRow, liveRows, readRows, type Answer } from '#libs/cqrs';
import { defineList, textFilter, type EventSource, type Page } from '#libs/http';
import { releaseBoard } from './release-board.projection.ts';
import { ReleaseBoardRow } from './release-board.row.ts';

/** Newest first. */
export const releaseBoardList = defineList({
  order: [
    { column: 'created_at', type: 'timestamptz', direction: 'desc' },
    { column: 'release_id', type: 'text', direction: 'desc' },
  ],
  filters: { product: textFilter('product'), environment: textFilter('environment') },
});

export class ReleaseBoard extends Query<Page<Answer<ReleaseBoardRow>>> {
  constructor(readonly asked: ReturnType<typeof releaseBoardList.parse>) {
    super();
  }
}

export class ReleaseOnBoard extends Query<Answer<ReleaseBoardRow>> {
  constructor(readonly releaseId: string) {
    super();
  }
}

/** Every release once for each environment that it is planned for, approved for or deployed to. */
const BY_ENVIRONMENT =
  '(select release.*, place.environment from release_board release cross join lateral jsonb_object_keys(release.environments) as place(environment)) board';

@QueryHandler(ReleaseBoard)
export class ReleaseBoardHandler implements IQueryHandler<ReleaseBoard> {
  constructor(private readonly data: DataSource) {}

  async execute({ asked }: ReleaseBoard): Promise<Page<Answer<ReleaseBoardRow>>> {
    const from = asked.filters.environment === undefined ? 'release_board' : BY_ENVIRONMENT;
    const columns = releaseBoard.columns.map((column) => column.name);
    const rows = await readRows<ReleaseBoardRow>(this.data, from, releaseBoardList.sql(asked), columns);
    return releaseBoardList.page(asked, rows, (row) => camelKeys<ReleaseBoardRow>(row));
  }
}

@QueryHandler(ReleaseOnBoard)
export class ReleaseOnBoardHandler implements IQueryHandler<ReleaseOnBoard> {
  constructor(private readonly data: DataSource) {}

  async execute({ releaseId }: ReleaseOnBoard): Promise<Answer<ReleaseBoardRow>> {
    return foundRow(await this.data.getRepository(ReleaseBoardRow).findOneBy({ release_id: releaseId }), 'release', releaseId);
  }
}

/** Releases on the board as they change. */
@Injectable()
export class LiveReleaseBoard {
  constructor(private readonly data: DataSource) {}

  rows(after: string | undefined): EventSource {
    return liveRows(this.data, { table: 'release_board', key: 'release_id', event: 'release', ...(after === undefined ? {} : { after }) });
  }
}

export const releaseBoardQueries = [ReleaseBoardHandler, ReleaseOnBoardHandler, LiveReleaseBoard];
