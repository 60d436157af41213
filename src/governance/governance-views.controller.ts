import { Controller, Get, Query } from '@nestjs/common';
import { QueryBus } from '@nestjs/cqrs';
import { ListParameters, View } from '#libs/http';
import { approvalList, Approvals } from './views/approvals/approvals.query.ts';
import { denialList, Denials } from './views/denials/denials.query.ts';

@Controller('v1/governance')
export class GovernanceViewsController {
  constructor(private readonly queries: QueryBus) {}

  @Get('denials')
  @View('denials')
  @ListParameters(denialList)
  denials(@Query() query: Record<string, unknown>): Promise<unknown> {
    return this.queries.execute(new Denials(denialList.parse(query)));
  }

  @Get('approvals')
  @View('approvals')
  @ListParameters(approvalList)
  approvals(@Query() query: Record<string, unknown>): Promise<unknown> {
    return this.queries.execute(new Approvals(approvalList.parse(query)));
  }
}
