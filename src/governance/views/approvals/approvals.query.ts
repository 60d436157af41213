import { Query, QueryHandler, type IQueryHandler } from '@nestjs/cqrs';
import { DataSource } from 'typeorm';
import { camelKeys, readRows, type Answer } from '#libs/cqrs';
import { defineList, oneOfFilter, textFilter, type Page } from '#libs/http';
import type { ApprovalRow } from './approvals.row.ts';

/** Newest request first. */
export const approvalList = defineList({
  order: [
    { column: 'requested_at', type: 'timestamptz', direction: 'desc' },
    { column: 'approval_id', type: 'text', direction: 'desc' },
  ],
  filters: {
    environment: textFilter('environment'),
    outcome: oneOfFilter('outcome', ['open', 'approved', 'rejected', 'voided', 'expired']),
    releaseId: textFilter('release_id'),
  },
});

export class Approvals extends Query<Page<Answer<ApprovalRow>>> {
  constructor(readonly asked: ReturnType<typeof approvalList.parse>) {
    super();
  }
}

@QueryHandler(Approvals)
export class ApprovalsHandler implements IQueryHandler<Approvals> {
  constructor(private readonly data: DataSource) {}

  async execute({ asked }: Approvals): Promise<Page<Answer<ApprovalRow>>> {
    const rows = await readRows<ApprovalRow>(this.data, 'approval_board', approvalList.sql(asked));
    return approvalList.page(asked, rows, (row) => camelKeys<ApprovalRow>(row));
  }
}
