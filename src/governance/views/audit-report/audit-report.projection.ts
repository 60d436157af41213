import type { StoredEvent } from '#libs/event-sourcing';
import { defineView, type RowChange } from '#libs/read-models';
import type { AuditReportRow } from './audit-report.row.ts';
import { releasesOf, reportFrom, type ReportedEvent } from './report.ts';
import { worstOf } from './verdicts.ts';

type Row = AuditReportRow;

// eslint-disable-next-line @typescript-eslint/no-explicit-any -- one change for every event that is in a report
const reported: RowChange<Row, any> = { key: (event) => releasesOf(event as StoredEvent), apply: withEvent };

/** A report for every release; the pure builder in `report.ts` makes it, here and wherever it is verified. */
export const auditReport = defineView<Row, ReportedEvent>({
  name: 'audit-report',
  version: 2,
  table: 'audit_report',
  key: 'release_id',
  columns: {
    release_id: 'text',
    product: 'text',
    version: 'text',
    verdict: 'text',
    verdicts: 'jsonb',
    entries: 'integer',
    report: 'jsonb',
    created_at: 'timestamptz',
    updated_at: 'timestamptz',
    position: 'bigint',
  },
  indexes: [
    ['created_at', 'release_id'],
    ['product', 'created_at'],
  ],
  on: {
    ReleaseComposed: reported,
    ReleaseAmended: reported,
    ReleasePlanned: reported,
    VersionAssigned: reported,
    ApprovalRequested: reported,
    ApprovalGranted: reported,
    ApprovalRejected: reported,
    ApprovalVoided: reported,
    ApprovalWithdrawn: reported,
    TestReportRecorded: reported,
    DeploymentStarted: reported,
    DeploymentConfirmed: reported,
    DeploymentHalted: reported,
    DeploymentResumed: reported,
    DeploymentSucceeded: reported,
    DeploymentFailed: reported,
    StepLeased: reported,
    StepLeaseRenewed: 'ignored',
    StepSucceeded: reported,
    StepFailed: reported,
    SmokeRunStarted: reported,
    SmokeRunPassed: reported,
    SmokeRunFailed: reported,
    SmokeRunTimedOut: reported,
    TriggerDefined: 'ignored',
    TriggerCleared: 'ignored',
    TriggerFired: reported,
    IncidentOpened: reported,
    IncidentDelivered: reported,
    IncidentDeliveryFailed: reported,
    IncidentResolved: reported,
    CommandDenied: reported,
  },
});

function withEvent(row: Readonly<Row> | undefined, event: StoredEvent, releaseId: string): Row | undefined {
  const report = reportFrom(row?.report, releaseId, event);
  if (!report || report === row?.report) return row;
  const { approvalBeforeDeployment, approvedDigestsEqualDeployed, dutiesSeparated, testEvidence } = report.verdicts;
  return {
    release_id: releaseId,
    product: report.product ?? '',
    version: report.version ?? null,
    verdict: worstOf(Object.values(report.verdicts)),
    verdicts: {
      approvalBeforeDeployment: approvalBeforeDeployment.verdict,
      approvedDigestsEqualDeployed: approvedDigestsEqualDeployed.verdict,
      dutiesSeparated: dutiesSeparated.verdict,
      testEvidence: testEvidence.verdict,
    },
    entries: report.entries.length,
    report,
    created_at: row?.created_at ?? event.metadata.recordedAt,
    updated_at: event.metadata.recordedAt,
    position: event.position,
  };
}
