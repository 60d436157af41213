import { Body, Controller, Get, Inject, Optional, Param, Post, Query } from '@nestjs/common';
import { CommandBus, QueryBus } from '@nestjs/cqrs';
import { approvalId } from '#libs/contracts';
import { Aggregates } from '#libs/cqrs';
import { issue, type CommandMeta, type Transacted } from '#libs/event-sourcing';
import { IdPipe, Meta, Roles, View, Vouches } from '#libs/http';
import { approval } from './approval/approval.ts';
import { GrantApproval, RejectApproval } from './approval/grant-approval.ts';
import { eligibleFor, type Holding } from './approval/eligible-approvers.ts';
import { RequestApproval } from './approval/request-approval.ts';
import { WithdrawApproval } from './approval/withdraw-approval.ts';
import { ROLES_FROM } from './authorisation/authoriser.ts';
import type { RolesFrom } from './authorisation/access.ts';
import { AddGroupMember, ConfirmGroupMember, RemoveGroupMember } from './group/change-members.ts';
import { DefineGroup } from './group/define-group.ts';
import { group } from './group/group.ts';
import { policy } from './policy/policy.ts';
import { PublishPolicy } from './policy/publish-policy.ts';
import { WhoCould } from './views/role-grants/role-grants.query.ts';

@Controller('v1/governance')
export class GovernanceController {
  constructor(
    private readonly commands: CommandBus,
    private readonly aggregates: Aggregates,
    private readonly queries: QueryBus,
    @Optional() @Inject(ROLES_FROM) private readonly rolesFrom: RolesFrom = 'token',
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

  @Post('approvals')
  @Roles('developer', 'release-manager')
  requestApproval(@Body() body: RequestApproval, @Meta() meta: CommandMeta): Promise<Transacted> {
    return this.commands.execute(issue(body, approvalId(body.releaseId, body.environment), meta));
  }

  @Post('approvals/:id/grant')
  @Vouches()
  @Roles('approver')
  grant(@Param('id', IdPipe) id: string, @Body() body: GrantApproval, @Meta() meta: CommandMeta): Promise<Transacted> {
    return this.commands.execute(issue(body, id, meta));
  }

  @Post('approvals/:id/reject')
  @Vouches()
  @Roles('approver')
  reject(@Param('id', IdPipe) id: string, @Body() body: RejectApproval, @Meta() meta: CommandMeta): Promise<Transacted> {
    return this.commands.execute(issue(body, id, meta));
  }

  /** One's own approval, as long as the deployment has not started. */
  @Post('approvals/:id/withdraw')
  @Roles('approver')
  withdraw(@Param('id', IdPipe) id: string, @Body() body: WithdrawApproval, @Meta() meta: CommandMeta): Promise<Transacted> {
    return this.commands.execute(issue(body, id, meta));
  }

  /**
   * Who can still approve, from the source streams. Where anybody with the role can and roles are granted, `holders` are those who hold one: a
   * view says whom to look at, and their streams whether they do.
   */
  @Get('approvals/:id/eligible')
  @View('role-grants')
  eligible(@Param('id', IdPipe) id: string, @Meta() { now }: CommandMeta): Promise<unknown> {
    const holding: Holding = async (place) => {
      const { persons } = await this.queries.execute(new WhoCould({ action: 'GrantApproval', ...place, at: now }));
      return persons.map(({ person }) => person);
    };
    return eligibleFor(this.aggregates, id, now, this.rolesFrom === 'grants' ? holding : undefined);
  }

  @Post('groups')
  @Roles('identity-admin')
  defineGroup(@Body() body: DefineGroup, @Meta() meta: CommandMeta): Promise<Transacted> {
    return this.commands.execute(issue(body, body.group, meta));
  }

  @Post('groups/:id/members')
  @Vouches()
  @Roles('identity-admin')
  addMember(@Param('id', IdPipe) id: string, @Body() body: AddGroupMember, @Meta() meta: CommandMeta): Promise<Transacted> {
    return this.commands.execute(issue(body, id, meta));
  }

  /** Where roles are granted, a member counts once another person has confirmed it. */
  @Post('groups/:id/members/confirm')
  @Vouches()
  @Roles('identity-admin')
  confirmMember(@Param('id', IdPipe) id: string, @Body() body: ConfirmGroupMember, @Meta() meta: CommandMeta): Promise<Transacted> {
    return this.commands.execute(issue(body, id, meta));
  }

  @Post('groups/:id/members/remove')
  @Roles('identity-admin')
  removeMember(@Param('id', IdPipe) id: string, @Body() body: RemoveGroupMember, @Meta() meta: CommandMeta): Promise<Transacted> {
    return this.commands.execute(issue(body, id, meta));
  }

  @Get('groups/:id')
  group(@Param('id', IdPipe) id: string, @Query('asOf') asOf?: string): Promise<unknown> {
    return this.aggregates.answer(group, id, asOf);
  }

  @Get('approvals/:id')
  approval(@Param('id', IdPipe) id: string, @Query('asOf') asOf?: string): Promise<unknown> {
    return this.aggregates.answer(approval, id, asOf);
  }
}
