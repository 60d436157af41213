import { Injectable } from '@nestjs/common';
import { Query, QueryHandler, type IQueryHandler } from '@nestjs/cqrs';
import { DataSource } from 'typeorm';
import { camelKeys, foundRow, liveRows, readRows, type Answer } from '#libs/cqrs';
import { defineList, oneOfFilter, textFilter, type EventSource, type Page } from '#libs/http';
import { DeploymentTimelineRow } from './deployment-timeline.row.ts';

type Row = DeploymentTimelineRow;

/** A deployment in the list: without its steps and entries. */
const listed = [
  'deployment_id',
  'release_id',
  'environment',
  'status',
  'open',
  'round',
  'deployer',
  'rollback_of',
  'rolled_back_by',
  'smoke',
  'started_at',
  'ended_at',
] as const satisfies readonly (keyof Row)[];
export type ListedDeployment = Answer<Pick<Row, (typeof listed)[number]>>;

/** Newest first. */
export const deploymentTimelineList = defineList({
  order: [
    { column: 'started_at', type: 'timestamptz', direction: 'desc' },
    { column: 'deployment_id', type: 'text', direction: 'desc' },
  ],
  filters: {
    environment: textFilter('environment'),
    releaseId: textFilter('release_id'),
    status: oneOfFilter('status', ['started', 'running', 'succeeded', 'failed', 'halted']),
  },
});

export class Deployments extends Query<Page<ListedDeployment>> {
  constructor(readonly asked: ReturnType<typeof deploymentTimelineList.parse>) {
    super();
  }
}

export class DeploymentTimeline extends Query<Answer<Row>> {
  constructor(readonly deploymentId: string) {
    super();
  }
}

@QueryHandler(Deployments)
export class DeploymentsHandler implements IQueryHandler<Deployments> {
  constructor(private readonly data: DataSource) {}

  async execute({ asked }: Deployments): Promise<Page<ListedDeployment>> {
    const rows = await readRows<Pick<Row, (typeof listed)[number]>>(
      this.data,
      'deployment_timeline',
      deploymentTimelineList.sql(asked),
      listed,
    );
    return deploymentTimelineList.page(asked, rows, (row) => camelKeys<Pick<Row, (typeof listed)[number]>>(row));
  }
}

@QueryHandler(DeploymentTimeline)
export class DeploymentTimelineHandler implements IQueryHandler<DeploymentTimeline> {
  constructor(private readonly data: DataSource) {}

  async execute({ deploymentId }: DeploymentTimeline): Promise<Answer<Row>> {
    const row = await this.data.getRepository(DeploymentTimelineRow).findOneBy({ deployment_id: deploymentId });
    return foundRow(row, 'deployment', deploymentId);
  }
}

/** One deployment as it goes. */
@Injectable()
export class LiveDeploymentTimeline {
  constructor(private readonly data: DataSource) {}

  rows(deploymentId: string): EventSource {
    return liveRows(this.data, { table: 'deployment_timeline', key: 'deployment_id', event: 'deployment', only: deploymentId });
  }
}

export const deploymentTimelineQueries = [DeploymentsHandler, DeploymentTimelineHandler, LiveDeploymentTimeline];
