import { Query, QueryHandler, type IQueryHandler } from '@nestjs/cqrs';
import { DataSource } from 'typeorm';
import { camelKeys, foundRow, readRows, type Answer } from '#libs/cqrs';
import { defineList, oneOfFilter, type Page } from '#libs/http';
import { EnvironmentMapRow } from './environment-map.row.ts';

/** By name. */
export const environmentMapList = defineList({
  order: [{ column: 'environment', type: 'text', direction: 'asc' }],
  filters: { class: oneOfFilter('class', ['development', 'test', 'staging', 'production']) },
});

export class EnvironmentMap extends Query<Page<Answer<EnvironmentMapRow>>> {
  constructor(readonly asked: ReturnType<typeof environmentMapList.parse>) {
    super();
  }
}

export class EnvironmentOnMap extends Query<Answer<EnvironmentMapRow>> {
  constructor(readonly environment: string) {
    super();
  }
}

@QueryHandler(EnvironmentMap)
export class EnvironmentMapHandler implements IQueryHandler<EnvironmentMap> {
  constructor(private readonly data: DataSource) {}

  async execute({ asked }: EnvironmentMap): Promise<Page<Answer<EnvironmentMapRow>>> {
    const rows = await readRows<EnvironmentMapRow>(this.data, 'environment_map', environmentMapList.sql(asked));
    return environmentMapList.page(asked, rows, (row) => camelKeys<EnvironmentMapRow>(row));
  }
}

@QueryHandler(EnvironmentOnMap)
export class EnvironmentOnMapHandler implements IQueryHandler<EnvironmentOnMap> {
  constructor(private readonly data: DataSource) {}

  async execute({ environment }: EnvironmentOnMap): Promise<Answer<EnvironmentMapRow>> {
    return foundRow(await this.data.getRepository(EnvironmentMapRow).findOneBy({ environment }), 'environment', environment);
  }
}

export const environmentMapQueries = [EnvironmentMapHandler, EnvironmentOnMapHandler];
