import type { View } from '#libs/read-models';
import { deploymentTimeline } from './deployments/views/deployment-timeline/deployment-timeline.projection.ts';
import { environmentMap } from './environments/views/environment-map/environment-map.projection.ts';
import { unauthorisedDeployments } from './environments/views/unauthorised-deployments/unauthorised-deployments.projection.ts';
import { approvals } from './governance/views/approvals/approvals.projection.ts';
import { auditReport } from './governance/views/audit-report/audit-report.projection.ts';
import { boardList } from './governance/views/boards/boards.projection.ts';
import { bypasses } from './governance/views/bypasses/bypasses.projection.ts';
import { calendarBoard } from './governance/views/calendars/calendars.projection.ts';
import { changeModelList } from './governance/views/change-models/change-models.projection.ts';
import { changes } from './governance/views/changes/changes.projection.ts';
import { denials } from './governance/views/denials/denials.projection.ts';
import { dutyViolations } from './governance/views/duty-violations/duty-violations.projection.ts';
import { groupList } from './governance/views/groups/groups.projection.ts';
import { legalHoldReport } from './governance/views/legal-holds/legal-holds.projection.ts';
import { personList } from './governance/views/persons/persons.projection.ts';
import { policyList } from './governance/views/policies/policies.projection.ts';
import { roleGrantList } from './governance/views/role-grants/role-grants.projection.ts';
import { incidentList } from './incidents/views/incident-list/incident-list.projection.ts';
import { deadLetters } from './ingestion/views/dead-letters/dead-letters.projection.ts';
import { outsideEventTypes } from './ingestion/views/outside-event-types/outside-event-types.projection.ts';
import { metricTimeline } from './observability/views/metric-timeline/metric-timeline.projection.ts';
import { releaseBoard } from './planning/views/release-board/release-board.projection.ts';

/** Every view there is. Adding one is adding a line. */
// eslint-disable-next-line @typescript-eslint/no-explicit-any -- a list of views has no common row
export const views: readonly View<any>[] = [
  approvals,
  auditReport,
  boardList,
  bypasses,
  calendarBoard,
  changeModelList,
  changes,
  deadLetters,
  denials,
  deploymentTimeline,
  dutyViolations,
  environmentMap,
  groupList,
  incidentList,
  legalHoldReport,
  metricTimeline,
  outsideEventTypes,
  personList,
  policyList,
  releaseBoard,
  roleGrantList,
  unauthorisedDeployments,
];
