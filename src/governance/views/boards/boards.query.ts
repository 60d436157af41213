import { Query, QueryHandler, type IQueryHandler } from '@nestjs/cqrs';
import { DataSource } from 'typeorm';
import { camelKeys, readRows, type Answer } from '#libs/cqrs';
import { booleanFilter, defineList, textFilter, type Page } from '#libs/http';
import type { BoardRow } from './boards.row.ts';

export const boardListing = defineList({
  order: [{ column: 'board_id', type: 'text', direction: 'asc' }],
  filters: {
    group: textFilter('group_id'),
    chair: textFilter('chair'),
    itsm: booleanFilter('itsm'),
  },
});

export class Boards extends Query<Page<Answer<BoardRow>>> {
  constructor(readonly asked: ReturnType<typeof boardListing.parse>) {
    super();
  }
}

@QueryHandler(Boards)
export class BoardsHandler implements IQueryHandler<Boards> {
  constructor(private readonly data: DataSource) {}

  async execute({ asked }: Boards): Promise<Page<Answer<BoardRow>>> {
    const rows = await readRows<BoardRow>(this.data, 'board_list', boardListing.sql(asked));
    return boardListing.page(asked, rows, (row) => camelKeys<BoardRow>(row));
  }
}
