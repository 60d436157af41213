import { Query, QueryHandler, type IQueryHandler } from '@nestjs/cqrs';
import { DataSource } from 'typeorm';
import { camelKeys, readRows, type Answer } from '#libs/cqrs';
import { defineList, oneOfFilter, textFilter, type Page } from '#libs/http';
import type { BypassRow } from './bypasses.row.ts';

/** Newest first. */
export const bypassList = defineList({
  order: [
    { column: 'requested_at', type: 'timestamptz', direction: 'desc' },
    { column: 'bypass_id', type: 'text', direction: 'desc' },
  ],
  filters: {
    status: oneOfFilter('status', ['open', 'overdue', 'reviewed']),
    outcome: oneOfFilter('outcome', ['approved', 'rejected']),
    product: textFilter('product'),
    environment: textFilter('environment'),
    requester: textFilter('requester'),
    releaseId: textFilter('release_id'),
    team: textFilter('team'),
  },
});

export class BypassReport extends Query<Page<Answer<BypassRow>>> {
  constructor(readonly asked: ReturnType<typeof bypassList.parse>) {
    super();
  }
}

@QueryHandler(BypassReport)
export class BypassesHandler implements IQueryHandler<BypassReport> {
  constructor(private readonly data: DataSource) {}

  async execute({ asked }: BypassReport): Promise<Page<Answer<BypassRow>>> {
    const rows = await readRows<BypassRow>(this.data, 'bypass_report', bypassList.sql(asked));
    return bypassList.page(asked, rows, (row) => camelKeys<BypassRow>(row));
  }
}
