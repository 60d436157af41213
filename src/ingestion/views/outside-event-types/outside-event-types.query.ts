import { Query, QueryHandler, type IQueryHandler } from '@nestjs/cqrs';
import { DataSource } from 'typeorm';
import { camelKeys, readRows, type Answer } from '#libs/cqrs';
import { defineList, textFilter, type Page } from '#libs/http';
import type { OutsideEventTypeRow } from './outside-event-types.row.ts';

export const outsideEventTypeList = defineList({
  order: [{ column: 'event_type', type: 'text', direction: 'asc' }],
  filters: { type: textFilter('event_type') },
});

export class OutsideEventTypes extends Query<Page<Answer<OutsideEventTypeRow>>> {
  constructor(readonly asked: ReturnType<typeof outsideEventTypeList.parse>) {
    super();
  }
}

@QueryHandler(OutsideEventTypes)
export class OutsideEventTypesHandler implements IQueryHandler<OutsideEventTypes> {
  constructor(private readonly data: DataSource) {}

  async execute({ asked }: OutsideEventTypes): Promise<Page<Answer<OutsideEventTypeRow>>> {
    const rows = await readRows<OutsideEventTypeRow>(this.data, 'ingestion_event_types', outsideEventTypeList.sql(asked));
    return outsideEventTypeList.page(asked, rows, (row) => camelKeys<OutsideEventTypeRow>(row));
  }
}
