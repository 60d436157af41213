import { Query, QueryHandler, type IQueryHandler } from '@nestjs/cqrs';
import { DataSource } from 'typeorm';
import { camelKeys, readRows, type Answer } from '#libs/cqrs';
import { defineList, oneOfFilter, textFilter, timeFilter, type Page } from '#libs/http';
import type { ChangeModelRow } from './change-models.row.ts';

export const changeModelListing = defineList({
  order: [{ column: 'model_id', type: 'text', direction: 'asc' }],
  filters: {
    status: oneOfFilter('status', ['proposed', 'approved', 'rejected', 'suspended']),
    boardId: textFilter('board_id'),
    proposer: textFilter('proposer'),
    validFrom: timeFilter('valid_from', '>='),
    validBefore: timeFilter('valid_until', '<'),
  },
});

export class ChangeModels extends Query<Page<Answer<ChangeModelRow>>> {
  constructor(readonly asked: ReturnType<typeof changeModelListing.parse>) {
    super();
  }
}

@QueryHandler(ChangeModels)
export class ChangeModelsHandler implements IQueryHandler<ChangeModels> {
  constructor(private readonly data: DataSource) {}

  async execute({ asked }: ChangeModels): Promise<Page<Answer<ChangeModelRow>>> {
    const rows = await readRows<ChangeModelRow>(this.data, 'change_model_list', changeModelListing.sql(asked));
    return changeModelListing.page(asked, rows, (row) => camelKeys<ChangeModelRow>(row));
  }
}
