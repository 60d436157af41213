import { Query, QueryHandler, type IQueryHandler } from '@nestjs/cqrs';
import { DataSource } from 'typeorm';
import { camelKeys, readRows, type Answer } from '#libs/cqrs';
import { defineList, oneOfFilter, textFilter, type Page } from '#libs/http';
import type { LegalHoldRow } from './legal-holds.row.ts';

export const legalHoldList = defineList({
  order: [{ column: 'hold_id', type: 'text', direction: 'asc' }],
  filters: {
    status: oneOfFilter('status', ['in-force', 'released']),
    kind: oneOfFilter('kind', ['everything', 'product', 'release', 'environment', 'person']),
    about: textFilter('about'),
    placedBy: textFilter('placed_by'),
  },
});

export class LegalHoldReport extends Query<Page<Answer<LegalHoldRow>>> {
  constructor(readonly asked: ReturnType<typeof legalHoldList.parse>) {
    super();
  }
}

@QueryHandler(LegalHoldReport)
export class LegalHoldsHandler implements IQueryHandler<LegalHoldReport> {
  constructor(private readonly data: DataSource) {}

  async execute({ asked }: LegalHoldReport): Promise<Page<Answer<LegalHoldRow>>> {
    const rows = await readRows<LegalHoldRow>(this.data, 'legal_hold_report', legalHoldList.sql(asked));
    return legalHoldList.page(asked, rows, (row) => camelKeys<LegalHoldRow>(row));
  }
}
