import { Query, QueryHandler, type IQueryHandler } from '@nestjs/cqrs';
import { DataSource } from 'typeorm';
import { camelKeys, readRows, type Answer } from '#libs/cqrs';
import { containsFilter, defineList, oneOfFilter, textFilter, timeFilter, type Page } from '#libs/http';
import type { PersonRow } from './persons.row.ts';

export const personListing = defineList({
  order: [{ column: 'person', type: 'text', direction: 'asc' }],
  filters: {
    status: oneOfFilter('status', ['registered', 'left']),
    account: containsFilter('accounts'),
    registeredBy: textFilter('registered_by'),
    leftFrom: timeFilter('left_at', '>='),
    leftBefore: timeFilter('left_at', '<'),
  },
});

export class Persons extends Query<Page<Answer<PersonRow>>> {
  constructor(readonly asked: ReturnType<typeof personListing.parse>) {
    super();
  }
}

@QueryHandler(Persons)
export class PersonsHandler implements IQueryHandler<Persons> {
  constructor(private readonly data: DataSource) {}

  async execute({ asked }: Persons): Promise<Page<Answer<PersonRow>>> {
    const rows = await readRows<PersonRow>(this.data, 'person_list', personListing.sql(asked));
    return personListing.page(asked, rows, (row) => camelKeys<PersonRow>(row));
  }
}
