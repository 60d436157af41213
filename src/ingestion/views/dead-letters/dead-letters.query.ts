import { Query, QueryHandler, type IQueryHandler } from '@nestjs/cqrs';
import { DataSource } from 'typeorm';
import { camelKeys, readRows, type Answer } from '#libs/cqrs';
import { defineList, oneOfFilter, textFilter, timeFilter, type Page } from '#libs/http';
import type { DeadLetterRow } from './dead-letters.row.ts';

/** Newest first. */
export const deadLetterList = defineList({
  order: [
    { column: 'at', type: 'timestamptz', direction: 'desc' },
    { column: 'rejection_id', type: 'text', direction: 'desc' },
  ],
  filters: {
    status: oneOfFilter('status', ['open', 'accepted']),
    channel: oneOfFilter('channel', ['http', 'kafka']),
    code: textFilter('code'),
    since: timeFilter('at', '>='),
    before: timeFilter('at', '<'),
  },
});

export class DeadLetters extends Query<Page<Answer<DeadLetterRow>>> {
  constructor(readonly asked: ReturnType<typeof deadLetterList.parse>) {
    super();
  }
}

@QueryHandler(DeadLetters)
export class DeadLettersHandler implements IQueryHandler<DeadLetters> {
  constructor(private readonly data: DataSource) {}

  async execute({ asked }: DeadLetters): Promise<Page<Answer<DeadLetterRow>>> {
    const rows = await readRows<DeadLetterRow>(this.data, 'ingestion_dead_letters', deadLetterList.sql(asked));
    return deadLetterList.page(asked, rows, (row) => camelKeys<DeadLetterRow>(row));
  }
}
