import { Body, Controller, Get, Param, Post, Query } from '@nestjs/common';
import { CommandBus } from '@nestjs/cqrs';
import { accountId, approvalId } from '#libs/contracts';
import { Aggregates } from '#libs/cqrs';
import { issue, type CommandMeta, type Transacted } from '#libs/event-sourcing';
import { IdPipe, Meta, Roles } from '#libs/http';
import { LinkAccount } from './account/link-account.ts';
import { approval } from './approval/approval.ts';
import { GrantApproval, RejectApproval } from './approval/grant-approval.ts';
import { RequestApproval } from './approval/request-approval.ts';
import { policy } from './policy/policy.ts';
import { PublishPolicy } from './policy/publish-policy.ts';

@Controller('v1/governance')
export class GovernanceController {
  constructor(
    private readonly commands: CommandBus,
    private readonly aggregates: Aggregates,
  ) {}

  @Post('policies')
  @Roles('policy-editor')
  publishPolicy(@Body() body: PublishPolicy, @Meta() meta: CommandMeta): Promise<Transacted> {
    return this.commands.execute(issue(body, body.policyId, meta));
  }

  @Get('policies/:id')
  policy(@Param('id', IdPipe) id: string, @Query('asOf') asOf?: string): Promise<unknown> {
    return this.aggregates.answer(policy, id, asOf);
  }

  @Post('accounts')
  @Roles('identity-admin')
  linkAccount(@Body() body: LinkAccount, @Meta() meta: CommandMeta): Promise<Transacted> {
    return this.commands.execute(issue(body, accountId(body.issuer, body.subject), meta));
  }

  @Post('approvals')
  @Roles('developer', 'release-manager')
  requestApproval(@Body() body: RequestApproval, @Meta() meta: CommandMeta): Promise<Transacted> {
    return this.commands.execute(issue(body, approvalId(body.releaseId, body.environment), meta));
  }

  @Post('approvals/:id/grant')
  @Roles('approver')
  grant(@Param('id', IdPipe) id: string, @Body() body: GrantApproval, @Meta() meta: CommandMeta): Promise<Transacted> {
    return this.commands.execute(issue(body, id, meta));
  }

  @Post('approvals/:id/reject')
  @Roles('approver')
  reject(@Param('id', IdPipe) id: string, @Body() body: RejectApproval, @Meta() meta: CommandMeta): Promise<Transacted> {
    return this.commands.execute(issue(body, id, meta));
  }

  @Get('approvals/:id')
  approval(@Param('id', IdPipe) id: string, @Query('asOf') asOf?: string): Promise<unknown> {
    return this.aggregates.answer(approval, id, asOf);
  }
}
