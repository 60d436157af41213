import { Query, QueryHandler, type IQueryHandler } from '@nestjs/cqrs';
import { DataSource } from 'typeorm';
import { camelKeys, readRows, type Answer } from '#libs/cqrs';
import { containsFilter, defineList, textFilter, timeFilter, type Page } from '#libs/http';
import type { PolicyRow } from './policies.row.ts';

export const policyListing = defineList({
  order: [{ column: 'policy_id', type: 'text', direction: 'asc' }],
  filters: {
    gate: containsFilter('gates'),
    publishedBy: textFilter('published_by'),
    effectiveFrom: timeFilter('effective_from', '>='),
    effectiveBefore: timeFilter('effective_from', '<'),
  },
});

export class Policies extends Query<Page<Answer<PolicyRow>>> {
  constructor(readonly asked: ReturnType<typeof policyListing.parse>) {
    super();
  }
}

@QueryHandler(Policies)
export class PoliciesHandler implements IQueryHandler<Policies> {
  constructor(private readonly data: DataSource) {}

  async execute({ asked }: Policies): Promise<Page<Answer<PolicyRow>>> {
    const rows = await readRows<PolicyRow>(this.data, 'policy_list', policyListing.sql(asked));
    return policyListing.page(asked, rows, (row) => camelKeys<PolicyRow>(row));
  }
}
