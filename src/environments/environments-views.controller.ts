import { Controller, Get, Param, Query } from '@nestjs/common';
import { QueryBus } from '@nestjs/cqrs';
import { IdPipe, ListParameters, View } from '#libs/http';
import { EnvironmentMap, environmentMapList, EnvironmentOnMap } from './views/environment-map/environment-map.query.ts';

@Controller('v1/environments/map')
@View('environment-map')
export class EnvironmentsViewsController {
  constructor(private readonly queries: QueryBus) {}

  @Get()
  @ListParameters(environmentMapList)
  map(@Query() query: Record<string, unknown>): Promise<unknown> {
    return this.queries.execute(new EnvironmentMap(environmentMapList.parse(query)));
  }

  @Get(':environment')
  environment(@Param('environment', IdPipe) environment: string): Promise<unknown> {
    return this.queries.execute(new EnvironmentOnMap(environment));
  }
}
