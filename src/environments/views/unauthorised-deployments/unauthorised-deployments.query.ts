import { Query, QueryHandler, type IQueryHandler } from '@nestjs/cqrs';
import { DataSource } from 'typeorm';
import { camelKeys, readRows, type Answer } from '#libs/cqrs';
import { defineList, oneOfFilter, textFilter, type Page } from '#libs/http';
import type { UnauthorisedDeploymentRow } from './unauthorised-deployments.row.ts';

/** Newest first. */
export const unauthorisedDeploymentList = defineList({
  order: [
    { column: 'position', type: 'bigint', direction: 'desc' },
    { column: 'observation_id', type: 'text', direction: 'asc' },
  ],
  filters: {
    environment: textFilter('environment'),
    service: textFilter('service'),
    reason: oneOfFilter('reason', ['never-deployed', 'superseded', 'environment-unknown', 'artifact-unnamed']),
  },
});

export class UnauthorisedDeployments extends Query<Page<Answer<UnauthorisedDeploymentRow>>> {
  constructor(readonly asked: ReturnType<typeof unauthorisedDeploymentList.parse>) {
    super();
  }
}

@QueryHandler(UnauthorisedDeployments)
export class UnauthorisedDeploymentsHandler implements IQueryHandler<UnauthorisedDeployments> {
  constructor(private readonly data: DataSource) {}

  async execute({ asked }: UnauthorisedDeployments): Promise<Page<Answer<UnauthorisedDeploymentRow>>> {
    const rows = await readRows<UnauthorisedDeploymentRow>(this.data, 'unauthorised_deployment', unauthorisedDeploymentList.sql(asked));
    return unauthorisedDeploymentList.page(asked, rows, (row) => camelKeys<UnauthorisedDeploymentRow>(row));
  }
}
