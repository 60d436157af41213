import { Controller, Get, Query } from '@nestjs/common';
import { QueryBus } from '@nestjs/cqrs';
import { ListParameters, View } from '#libs/http';
import { Incidents, incidentsList } from './views/incident-list/incident-list.query.ts';

@Controller('v1/incidents/incidents')
export class IncidentsViewsController {
  constructor(private readonly queries: QueryBus) {}

  @Get()
  @View('incident-list')
  @ListParameters(incidentsList)
  incidents(@Query() query: Record<string, unknown>): Promise<unknown> {
    return this.queries.execute(new Incidents(incidentsList.parse(query)));
  }
}
