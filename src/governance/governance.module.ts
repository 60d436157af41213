import { Module } from '@nestjs/common';
import { commandHandlers } from '#libs/cqrs';
import { linkAccountCommand } from './account/link-account.ts';
import { grantApprovalCommand, rejectApprovalCommand } from './approval/grant-approval.ts';
import { requestApprovalCommand } from './approval/request-approval.ts';
import { voidApprovalIfChangedCommand } from './approval/void-approval.ts';
import { withdrawApprovalCommand } from './approval/withdraw-approval.ts';
import { markBypassReviewOverdueCommand } from './bypass/mark-review-overdue.ts';
import { recordBypassUseCommand } from './bypass/record-bypass-use.ts';
import { requestBypassCommand } from './bypass/request-bypass.ts';
import { reviewBypassCommand } from './bypass/review-bypass.ts';
import { BypassesController } from './bypasses.controller.ts';
import { GovernanceViewsController } from './governance-views.controller.ts';
import { GovernanceController } from './governance.controller.ts';
import { addGroupMemberCommand, removeGroupMemberCommand } from './group/change-members.ts';
import { defineGroupCommand } from './group/define-group.ts';
import { publishPolicyCommand } from './policy/publish-policy.ts';
import { ApprovalsHandler } from './views/approvals/approvals.query.ts';
import { auditReportQueries } from './views/audit-report/audit-report.query.ts';
import { BypassesHandler } from './views/bypasses/bypasses.query.ts';
import { DenialsHandler } from './views/denials/denials.query.ts';

@Module({
  controllers: [GovernanceController, GovernanceViewsController, BypassesController],
  providers: [
    ...commandHandlers(
      publishPolicyCommand,
      linkAccountCommand,
      requestApprovalCommand,
      grantApprovalCommand,
      rejectApprovalCommand,
      voidApprovalIfChangedCommand,
      withdrawApprovalCommand,
      defineGroupCommand,
      addGroupMemberCommand,
      removeGroupMemberCommand,
      requestBypassCommand,
      recordBypassUseCommand,
      reviewBypassCommand,
      markBypassReviewOverdueCommand,
    ),
    ...auditReportQueries,
    ApprovalsHandler,
    DenialsHandler,
    BypassesHandler,
  ],
})
export class GovernanceModule {}
