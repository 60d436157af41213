import { Module } from '@nestjs/common';
import { commandHandlers } from '#libs/cqrs';
import { confirmAccountLinkCommand, requestAccountLinkCommand, unlinkAccountCommand } from './account/link-account.ts';
import { claimAddressCommand } from './address/claim-address.ts';
import { grantApprovalCommand, rejectApprovalCommand } from './approval/grant-approval.ts';
import { requestApprovalCommand } from './approval/request-approval.ts';
import { withdrawApprovalCommand } from './approval/withdraw-approval.ts';
import { markBypassReviewOverdueCommand } from './bypass/mark-review-overdue.ts';
import { recordBypassUseCommand } from './bypass/record-bypass-use.ts';
import { requestBypassCommand } from './bypass/request-bypass.ts';
import { reviewBypassCommand } from './bypass/review-bypass.ts';
import { BypassesController } from './bypasses.controller.ts';
import { addGroupMemberCommand, confirmGroupMemberCommand, removeGroupMemberCommand } from './group/change-members.ts';
import { defineBoardCommand } from './board/define-board.ts';
import { proposeChangeModelCommand } from './change-model/propose-change-model.ts';
import { recordModelUseCommand, suspendChangeModelCommand } from './change-model/record-model-use.ts';
import { voteOnChangeModelCommand } from './change-model/vote-on-change-model.ts';
import { decideChangeByItsmCommand, handChangeToBoardCommand, reportChangeDeliveryCommand } from './change/decide-by-itsm.ts';
import {
  confirmConditionCommand,
  markChangeReviewOverdueCommand,
  recordChangeOutcomeCommand,
  reviewChangeCommand,
  voidChangeIfChangedCommand,
  withdrawChangeCommand,
} from './change/end-change.ts';
import { noteChangeOutcomeCommand, scheduleChangeCommand, unscheduleChangeCommand } from './change/schedule-change.ts';
import { submitChangeCommand } from './change/submit-change.ts';
import { declareRecusalCommand, openChangeVoteCommand, voteOnChangeCommand } from './change/vote-on-change.ts';
import { ChangesController } from './changes.controller.ts';
import { defineGroupCommand } from './group/define-group.ts';
import { expireApprovalCommand, voidApprovalIfChangedCommand, voidApprovalOfLeaverCommand } from './approval/void-approval.ts';
import { bootstrapIdentityCommand, endBootstrapCommand } from './bootstrap/bootstrap-identity.ts';
import { reviewDutiesCommand } from './duty-review/review-duties.ts';
import { BacktestsController } from './backtest/backtests.controller.ts';
import { reportBacktestCommand } from './backtest/report-backtest.ts';
import { cancelBacktestCommand, requestBacktestCommand } from './backtest/request-backtest.ts';
import { startBacktestCommand } from './backtest/start-backtest.ts';
import { CalendarsController } from './calendar/calendars.controller.ts';
import { changeCalendarCommand, declareCalendarCommand, withdrawCalendarCommand } from './calendar/declare-calendar.ts';
import { complianceFrameworks } from './compliance/compliance-frameworks.ts';
import { ComplianceReports } from './compliance/compliance-reports.ts';
import { ComplianceReportsController } from './compliance/compliance-reports.controller.ts';
import { confirmErasureCommand, requestErasureCommand } from './erasure/erase-person.ts';
import { ErasuresController } from './erasure/erasures.controller.ts';
import { GovernanceListsController } from './governance-lists.controller.ts';
import { GovernanceViewsController } from './governance-views.controller.ts';
import { GovernanceController } from './governance.controller.ts';
import { IdentityViewsController } from './identity-views.controller.ts';
import { IdentityController } from './identity.controller.ts';
import { placeLegalHoldCommand } from './legal-hold/place-legal-hold.ts';
import { releaseLegalHoldCommand } from './legal-hold/release-legal-hold.ts';
import { LegalHoldsController } from './legal-holds.controller.ts';
import { publishRetentionPolicyCommand } from './retention-policy/publish-retention-policy.ts';
import { RetentionPoliciesController } from './retention-policies.controller.ts';
import { confirmOwnershipCommand, requestOwnershipCommand } from './ownership/assign-ownership.ts';
import { personLeavesCommand, registerPersonCommand } from './person/register-person.ts';
import { publishPolicyCommand } from './policy/publish-policy.ts';
import { confirmRolePolicyCommand, proposeRolePolicyCommand } from './role-policy/publish-role-policy.ts';
import { confirmRoleCommand, endRolesCommand, requestRoleCommand, revokeRoleCommand } from './role/request-role.ts';
import { ApprovalsHandler } from './views/approvals/approvals.query.ts';
import { auditReportQueries } from './views/audit-report/audit-report.query.ts';
import { BypassesHandler } from './views/bypasses/bypasses.query.ts';
import { BoardsHandler } from './views/boards/boards.query.ts';
import { ChangeModelsHandler } from './views/change-models/change-models.query.ts';
import { GroupsHandler } from './views/groups/groups.query.ts';
import { PersonsHandler } from './views/persons/persons.query.ts';
import { PoliciesHandler } from './views/policies/policies.query.ts';
import { PendingApprovalsHandler } from './views/approvals/pending-approvals.query.ts';
import { CalendarBoardHandler, UpcomingFreezesHandler } from './views/calendars/calendars.query.ts';
import { AgendaHandler, ChangesHandler } from './views/changes/changes.query.ts';
import { DenialsHandler } from './views/denials/denials.query.ts';
import { DutyViolationsHandler } from './views/duty-violations/duty-violations.query.ts';
import { LegalHoldsHandler } from './views/legal-holds/legal-holds.query.ts';
import { RoleGrantsHandler, WhoCouldHandler } from './views/role-grants/role-grants.query.ts';

@Module({
  controllers: [
    BacktestsController,
    GovernanceController,
    CalendarsController,
    IdentityController,
    IdentityViewsController,
    GovernanceViewsController,
    GovernanceListsController,
    BypassesController,
    ComplianceReportsController,
    LegalHoldsController,
    ErasuresController,
    RetentionPoliciesController,
    ChangesController,
  ],
  providers: [
    ...commandHandlers(
      publishPolicyCommand,
      requestAccountLinkCommand,
      confirmAccountLinkCommand,
      unlinkAccountCommand,
      claimAddressCommand,
      registerPersonCommand,
      personLeavesCommand,
      requestOwnershipCommand,
      confirmOwnershipCommand,
      requestRoleCommand,
      confirmRoleCommand,
      revokeRoleCommand,
      endRolesCommand,
      bootstrapIdentityCommand,
      endBootstrapCommand,
      proposeRolePolicyCommand,
      confirmRolePolicyCommand,
      requestBacktestCommand,
      cancelBacktestCommand,
      startBacktestCommand,
      reportBacktestCommand,
      declareCalendarCommand,
      changeCalendarCommand,
      withdrawCalendarCommand,
      requestApprovalCommand,
      grantApprovalCommand,
      rejectApprovalCommand,
      voidApprovalIfChangedCommand,
      expireApprovalCommand,
      withdrawApprovalCommand,
      defineGroupCommand,
      addGroupMemberCommand,
      confirmGroupMemberCommand,
      removeGroupMemberCommand,
      requestBypassCommand,
      recordBypassUseCommand,
      reviewBypassCommand,
      markBypassReviewOverdueCommand,
      voidApprovalOfLeaverCommand,
      reviewDutiesCommand,
      placeLegalHoldCommand,
      releaseLegalHoldCommand,
      requestErasureCommand,
      confirmErasureCommand,
      publishRetentionPolicyCommand,
      defineBoardCommand,
      proposeChangeModelCommand,
      voteOnChangeModelCommand,
      recordModelUseCommand,
      suspendChangeModelCommand,
      submitChangeCommand,
      voteOnChangeCommand,
      openChangeVoteCommand,
      declareRecusalCommand,
      confirmConditionCommand,
      withdrawChangeCommand,
      voidChangeIfChangedCommand,
      recordChangeOutcomeCommand,
      reviewChangeCommand,
      markChangeReviewOverdueCommand,
      scheduleChangeCommand,
      unscheduleChangeCommand,
      noteChangeOutcomeCommand,
      decideChangeByItsmCommand,
      handChangeToBoardCommand,
      reportChangeDeliveryCommand,
    ),
    complianceFrameworks,
    ComplianceReports,
    ...auditReportQueries,
    ApprovalsHandler,
    BoardsHandler,
    CalendarBoardHandler,
    ChangeModelsHandler,
    GroupsHandler,
    PersonsHandler,
    PoliciesHandler,
    PendingApprovalsHandler,
    UpcomingFreezesHandler,
    DenialsHandler,
    BypassesHandler,
    AgendaHandler,
    ChangesHandler,
    DutyViolationsHandler,
    LegalHoldsHandler,
    RoleGrantsHandler,
    WhoCouldHandler,
  ],
})
export class GovernanceModule {}
