import { Query, QueryHandler, type IQueryHandler } from '@nestjs/cqrs';
import { DataSource } from 'typeorm';
import { camelKeys, readRows, type Answer } from '#libs/cqrs';
import { containsFilter, defineList, type Page } from '#libs/http';
import type { GroupRow } from './groups.row.ts';

export const groupListing = defineList({
  order: [{ column: 'group_id', type: 'text', direction: 'asc' }],
  filters: {
    member: containsFilter('members'),
    requested: containsFilter('requested'),
  },
});

export class Groups extends Query<Page<Answer<GroupRow>>> {
  constructor(readonly asked: ReturnType<typeof groupListing.parse>) {
    super();
  }
}

@QueryHandler(Groups)
export class GroupsHandler implements IQueryHandler<Groups> {
  constructor(private readonly data: DataSource) {}

  async execute({ asked }: Groups): Promise<Page<Answer<GroupRow>>> {
    const rows = await readRows<GroupRow>(this.data, 'group_list', groupListing.sql(asked));
    return groupListing.page(asked, rows, (row) => camelKeys<GroupRow>(row));
  }
}
