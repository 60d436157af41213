import { Query, QueryHandler, type IQueryHandler } from '@nestjs/cqrs';
import { DataSource } from 'typeorm';
import { camelKeys, readRows, type Answer } from '#libs/cqrs';
import { defineList, textFilter, type Page } from '#libs/http';
import type { DutyViolationRow } from './duty-violations.row.ts';

/** Newest first. */
export const dutyViolationList = defineList({
  order: [
    { column: 'position', type: 'bigint', direction: 'desc' },
    { column: 'violation_id', type: 'text', direction: 'asc' },
  ],
  filters: { person: textFilter('person'), releaseId: textFilter('release_id'), rule: textFilter('rule') },
});

export class DutyViolations extends Query<Page<Answer<DutyViolationRow>>> {
  constructor(readonly asked: ReturnType<typeof dutyViolationList.parse>) {
    super();
  }
}

@QueryHandler(DutyViolations)
export class DutyViolationsHandler implements IQueryHandler<DutyViolations> {
  constructor(private readonly data: DataSource) {}

  async execute({ asked }: DutyViolations): Promise<Page<Answer<DutyViolationRow>>> {
    const rows = await readRows<DutyViolationRow>(this.data, 'duty_violation', dutyViolationList.sql(asked));
    return dutyViolationList.page(asked, rows, (row) => camelKeys<DutyViolationRow>(row));
  }
}
