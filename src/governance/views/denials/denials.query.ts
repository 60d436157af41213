import { Query, QueryHandler, type IQueryHandler } from '@nestjs/cqrs';
import { DataSource } from 'typeorm';
import { REFUSAL_KINDS } from '#libs/event-sourcing';
import { camelKeys, readRows, type Answer } from '#libs/cqrs';
import { defineList, oneOfFilter, textFilter, timeFilter, type Page } from '#libs/http';
import type { DenialRow } from './denials.row.ts';

/** Newest first. */
export const denialList = defineList({
  order: [{ column: 'position', type: 'bigint', direction: 'desc' }],
  filters: {
    releaseId: textFilter('release_id'),
    environment: textFilter('environment'),
    person: textFilter('person'),
    principal: textFilter('principal'),
    command: textFilter('command'),
    kind: oneOfFilter('kind', REFUSAL_KINDS),
    refusal: textFilter('refusal'),
    from: timeFilter('at', '>='),
    until: timeFilter('at', '<'),
  },
});

export class Denials extends Query<Page<Answer<DenialRow>>> {
  constructor(readonly asked: ReturnType<typeof denialList.parse>) {
    super();
  }
}

@QueryHandler(Denials)
export class DenialsHandler implements IQueryHandler<Denials> {
  constructor(private readonly data: DataSource) {}

  async execute({ asked }: Denials): Promise<Page<Answer<DenialRow>>> {
    const rows = await readRows<DenialRow>(this.data, 'denial', denialList.sql(asked));
    return denialList.page(asked, rows, (row) => camelKeys<DenialRow>(row));
  }
}
