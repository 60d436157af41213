import { Module } from '@nestjs/common';
import { commandHandlers } from '#libs/cqrs';
import { linkAccountCommand } from './account/link-account.ts';
import { grantApprovalCommand, rejectApprovalCommand } from './approval/grant-approval.ts';
import { requestApprovalCommand } from './approval/request-approval.ts';
import { voidApprovalIfChangedCommand } from './approval/void-approval.ts';
import { GovernanceController } from './governance.controller.ts';
import { publishPolicyCommand } from './policy/publish-policy.ts';

@Module({
  controllers: [GovernanceController],
  providers: [
    ...commandHandlers(
      publishPolicyCommand,
      linkAccountCommand,
      requestApprovalCommand,
      grantApprovalCommand,
      rejectApprovalCommand,
      voidApprovalIfChangedCommand,
    ),
  ],
})
export class GovernanceModule {}
