import { Query, QueryHandler, type IQueryHandler } from '@nestjs/cqrs';
import { DataSource } from 'typeorm';
import { camelKeys, readRows, type Answer } from '#libs/cqrs';
import { defineList, oneOfFilter, textFilter, type Page } from '#libs/http';
import type { IncidentListRow } from './incident-list.row.ts';

/** Newest first. */
export const incidentsList = defineList({
  order: [
    { column: 'opened_at', type: 'timestamptz', direction: 'desc' },
    { column: 'incident_id', type: 'text', direction: 'desc' },
  ],
  filters: { environment: textFilter('environment'), status: oneOfFilter('status', ['open', 'resolved']) },
});

export class Incidents extends Query<Page<Answer<IncidentListRow>>> {
  constructor(readonly asked: ReturnType<typeof incidentsList.parse>) {
    super();
  }
}

@QueryHandler(Incidents)
export class IncidentsHandler implements IQueryHandler<Incidents> {
  constructor(private readonly data: DataSource) {}

  async execute({ asked }: Incidents): Promise<Page<Answer<IncidentListRow>>> {
    const rows = await readRows<IncidentListRow>(this.data, 'incident_list', incidentsList.sql(asked));
    return incidentsList.page(asked, rows, (row) => camelKeys<IncidentListRow>(row));
  }
}
