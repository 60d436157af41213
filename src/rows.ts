import { DeploymentTimelineRow } from './deployments/views/deployment-timeline/deployment-timeline.row.ts';
import { EnvironmentMapRow } from './environments/views/environment-map/environment-map.row.ts';
import { UnauthorisedDeploymentRow } from './environments/views/unauthorised-deployments/unauthorised-deployments.row.ts';
import { ApprovalRow } from './governance/views/approvals/approvals.row.ts';
import { AuditReportRow } from './governance/views/audit-report/audit-report.row.ts';
import { BoardRow } from './governance/views/boards/boards.row.ts';
import { BypassRow } from './governance/views/bypasses/bypasses.row.ts';
import { CalendarRow } from './governance/views/calendars/calendars.row.ts';
import { ChangeModelRow } from './governance/views/change-models/change-models.row.ts';
import { ChangeRow } from './governance/views/changes/changes.row.ts';
import { DenialRow } from './governance/views/denials/denials.row.ts';
import { DutyViolationRow } from './governance/views/duty-violations/duty-violations.row.ts';
import { GroupRow } from './governance/views/groups/groups.row.ts';
import { LegalHoldRow } from './governance/views/legal-holds/legal-holds.row.ts';
import { PersonRow } from './governance/views/persons/persons.row.ts';
import { PolicyRow } from './governance/views/policies/policies.row.ts';
import { RoleGrantRow } from './governance/views/role-grants/role-grants.row.ts';
import { IncidentListRow } from './incidents/views/incident-list/incident-list.row.ts';
import { DeadLetterRow } from './ingestion/views/dead-letters/dead-letters.row.ts';
import { OutsideEventTypeRow } from './ingestion/views/outside-event-types/outside-event-types.row.ts';
import { MetricTimelineRow } from './observability/views/metric-timeline/metric-timeline.row.ts';
import { ReleaseBoardRow } from './planning/views/release-board/release-board.row.ts';

/** Every row class that TypeORM reads views with. */
export const rows: readonly (new () => object)[] = [
  ApprovalRow,
  AuditReportRow,
  BoardRow,
  BypassRow,
  CalendarRow,
  ChangeModelRow,
  ChangeRow,
  DeadLetterRow,
  DenialRow,
  DeploymentTimelineRow,
  DutyViolationRow,
  EnvironmentMapRow,
  GroupRow,
  IncidentListRow,
  LegalHoldRow,
  MetricTimelineRow,
  OutsideEventTypeRow,
  PersonRow,
  PolicyRow,
  ReleaseBoardRow,
  RoleGrantRow,
  UnauthorisedDeploymentRow,
];
