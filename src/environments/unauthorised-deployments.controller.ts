import { Controller, Get, Header, Query } from '@nestjs/common';
import { QueryBus } from '@nestjs/cqrs';
import { ApiProduces } from '@nestjs/swagger';
import { csvOf } from '#libs/csv';
import { ListParameters, View } from '#libs/http';
import { unauthorisedDeploymentList, UnauthorisedDeployments } from './views/unauthorised-deployments/unauthorised-deployments.query.ts';

const COLUMNS = [
  'observationId',
  'observedAt',
  'environment',
  'service',
  'artifact',
  'change',
  'reason',
  'detail',
  'evidence',
  'reportedBy',
  'claimedOccurredAt',
  'skewSeconds',
];

/** What was put somewhere around Plimsoll, as far as anybody told of it. */
@Controller('v1/environments')
@View('unauthorised-deployments')
export class UnauthorisedDeploymentsController {
  constructor(private readonly queries: QueryBus) {}

  @Get('unauthorised-deployments')
  @ListParameters(unauthorisedDeploymentList)
  unauthorisedDeployments(@Query() query: Record<string, unknown>): Promise<unknown> {
    return this.queries.execute(new UnauthorisedDeployments(unauthorisedDeploymentList.parse(query)));
  }

  /** A page of the list as CSV (RFC 4180, formula-safe); the same filters, `limit` and `cursor`. */
  @Get('unauthorised-deployments.csv')
  @ListParameters(unauthorisedDeploymentList)
  @Header('content-type', 'text/csv; charset=utf-8')
  @ApiProduces('text/csv')
  async unauthorisedDeploymentsCsv(@Query() query: Record<string, unknown>): Promise<string> {
    const { items } = await this.queries.execute(new UnauthorisedDeployments(unauthorisedDeploymentList.parse(query)));
    return csvOf(COLUMNS, items);
  }
}
