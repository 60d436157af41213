import { Module } from '@nestjs/common';
import { commandHandlers } from '#libs/cqrs';
import { linkAccountCommand } from './account/link-account.ts';
import { grantApprovalCommand, rejectApprovalCommand } from './approval/grant-approval.ts';
import { requestApprovalCommand } from './approval/request-approval.ts';
import { voidApprovalIfChangedCommand } from './approval/void-approval.ts';
import { GovernanceViewsController } from './governance-views.controller.ts';
import { GovernanceController } from './governance.controller.ts';
import { publishPolicyCommand } from './policy/publish-policy.ts';
import { ApprovalsHandler } from './views/approvals/approvals.query.ts';
import { auditReportQueries } from './views/audit-report/audit-report.query.ts';
import { DenialsHandler } from './views/denials/denials.query.ts';

@Module({
  controllers: [GovernanceController, GovernanceViewsController],
  providers: [
    ...commandHandlers(
      publishPolicyCommand,
      linkAccountCommand,
      requestApprovalCommand,
      grantApprovalCommand,
      rejectApprovalCommand,
      voidApprovalIfChangedCommand,
    ),
    ...auditReportQueries,
    ApprovalsHandler,
    DenialsHandler,
  ],
})
export class GovernanceModule {}
