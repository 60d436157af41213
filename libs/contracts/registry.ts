import { EventCodec, type CommandDenied, type EventDeclaration } from '#libs/event-sourcing';
import { denialByOneName } from './actions.ts';
import type { ArtifactEvent } from './artifacts.events.ts';
import type { BacktestEvent } from './backtests.events.ts';
import type { CalendarEvent } from './calendars.events.ts';
import type { BoardEvent, ChangeCalendarEvent, ChangeEvent, ChangeHistoryEvent, ChangeModelEvent } from './changes.events.ts';
import type { DeploymentEvent } from './deployments.events.ts';
import type { EnvironmentEvent } from './environments.events.ts';
import type { ApprovalEvent, BypassEvent, GroupEvent, PolicyEvent } from './governance.events.ts';
import type {
  AccountEvent,
  AddressEvent,
  DutyReviewEvent,
  IdentityBootstrapEvent,
  PersonEvent,
  RoleGrantEvent,
  RolePolicyEvent,
} from './identity.events.ts';
import type { IncidentEvent, TriggerEvent } from './incidents.events.ts';
import type { IngestionEvent } from './ingestion.events.ts';
import type { MetricEvent } from './observability.events.ts';
import type { OwnershipEvent } from './ownership.events.ts';
import type { ReleaseEvent, VersionLineEvent } from './planning.events.ts';
import type { LegalHoldEvent, RecordEvent, RetentionPolicyEvent } from './retention.events.ts';
import type { SmokeRunEvent, TestReportEvent } from './validation.events.ts';
import { BEGINNING_OF_TIME } from './values.ts';

/** Everything that can be in the log, but for what processes note about themselves (`#libs/processes`). */
export type PlimsollEvent =
  | AccountEvent
  | AddressEvent
  | ApprovalEvent
  | ArtifactEvent
  | BoardEvent
  | BypassEvent
  | BacktestEvent
  | CalendarEvent
  | ChangeCalendarEvent
  | ChangeEvent
  | ChangeHistoryEvent
  | ChangeModelEvent
  | CommandDenied
  | DeploymentEvent
  | DutyReviewEvent
  | EnvironmentEvent
  | GroupEvent
  | IdentityBootstrapEvent
  | IncidentEvent
  | IngestionEvent
  | LegalHoldEvent
  | MetricEvent
  | OwnershipEvent
  | PersonEvent
  | PolicyEvent
  | RecordEvent
  | ReleaseEvent
  | RetentionPolicyEvent
  | RoleGrantEvent
  | RolePolicyEvent
  | SmokeRunEvent
  | TestReportEvent
  | TriggerEvent
  | VersionLineEvent;

const first: EventDeclaration = { version: 1, upcasters: {} };

/** A policy of v1 counted for everything it governed, and from the moment it was recorded: nothing that was decided before can have read it. */
function policyInForceAtOnce(data: unknown): unknown {
  return { ...(data as object), clauses: [], effectiveFrom: BEGINNING_OF_TIME };
}

/**
 * Schema version of every event type. A change is additive, or raises the version with a pure upcaster;
 * `golden/` holds one stored example of every version, which is never edited.
 */
export const declarations = {
  AccountLinkRequested: first,
  AccountLinked: first,
  AccountUnlinked: first,
  AddressClaimed: first,
  ApprovalGranted: first,
  ApprovalRejected: first,
  ApprovalRequested: first,
  ApprovalVoided: first,
  ApprovalWithdrawn: first,
  ArtifactAuthorsAdded: first,
  ArtifactRegistered: first,
  BoardDefined: first,
  BypassRequested: first,
  BypassReviewOverdue: first,
  BypassReviewed: first,
  BypassUsed: first,
  BacktestCancelled: first,
  BacktestCompleted: first,
  BacktestFailed: first,
  BacktestProgressed: first,
  BacktestRequested: first,
  BacktestStarted: first,
  CalendarChanged: first,
  CalendarDeclared: first,
  CalendarWithdrawn: first,
  ChangeConditionMet: first,
  ChangeDecided: first,
  ChangeDelivered: first,
  ChangeDeliveryFailed: first,
  ChangeHandedToBoard: first,
  ChangeImplemented: first,
  ChangeModelDecided: first,
  ChangeModelProposed: first,
  ChangeModelSuspended: first,
  ChangeModelUsed: first,
  ChangeModelVoteCast: first,
  ChangeOutcomeNoted: first,
  ChangeRecusalDeclared: first,
  ChangeReviewOverdue: first,
  ChangeReviewed: first,
  ChangeScheduled: first,
  ChangeSubmitted: first,
  ChangeUnscheduled: first,
  ChangeVoided: first,
  ChangeVoteCast: first,
  ChangeVoteOpened: first,
  ChangeWithdrawn: first,
  CommandDenied: { version: 2, upcasters: { 1: denialByOneName } },
  DeploymentConfirmed: first,
  DeploymentFailed: first,
  DeploymentHalted: first,
  DeploymentResumed: first,
  DeploymentStarted: first,
  DeploymentSucceeded: first,
  DutyPartiesNoted: first,
  DutyViolationFound: first,
  EnvironmentChangeProposed: first,
  EnvironmentChangeWithdrawn: first,
  EnvironmentDefined: first,
  EnvironmentFreed: first,
  EnvironmentReserved: first,
  GroupDefined: first,
  GroupMemberAdded: first,
  GroupMemberRemoved: first,
  GroupMemberRequested: first,
  IdentityBootstrapEnded: first,
  IdentityBootstrapped: first,
  IncidentDelivered: first,
  IncidentDeliveryFailed: first,
  IncidentOpened: first,
  IncidentResolved: first,
  LegalHoldPlaced: first,
  LegalHoldReleased: first,
  MetricSamplesRecorded: first,
  OutsideEventApplied: first,
  OutsideEventReceived: first,
  OutsideEventRedriven: first,
  OutsideEventRejected: first,
  PersonErased: first,
  PersonErasureRequested: first,
  OwnershipAssigned: first,
  OwnershipRequested: first,
  PersonLeft: first,
  PersonRegistered: first,
  PolicyPublished: { version: 2, upcasters: { 1: policyInForceAtOnce } },
  RecordExpired: first,
  RecordExpiryStayed: first,
  ReleaseAmended: first,
  ReleaseComposed: first,
  ReleasePlanned: first,
  RetentionPolicyPublished: first,
  RoleGranted: first,
  RolePolicyProposed: first,
  RolePolicyPublished: first,
  RoleRequested: first,
  RoleRevoked: first,
  RunningVersionReported: first,
  SmokeRunFailed: first,
  SmokeRunPassed: first,
  SmokeRunStarted: first,
  SmokeRunTimedOut: first,
  StepFailed: first,
  StepLeaseRenewed: first,
  StepLeased: first,
  StepSucceeded: first,
  TestReportRecorded: first,
  TriggerCleared: first,
  TriggerDefined: first,
  TriggerFired: first,
  UnauthorisedDeploymentObserved: first,
  VersionAssigned: first,
} as const satisfies Record<PlimsollEvent['type'], EventDeclaration>;

export function plimsollCodec(): EventCodec {
  return new EventCodec(declarations);
}

/** The area that a stream's category belongs to: the middle part of its topic's name. */
const areas: Readonly<Record<string, string>> = {
  account: 'governance',
  address: 'governance',
  approval: 'governance',
  artifact: 'artifacts',
  board: 'governance',
  bypass: 'governance',
  backtest: 'governance',
  calendar: 'governance',
  change: 'governance',
  changecalendar: 'governance',
  changehistory: 'governance',
  changemodel: 'governance',
  denial: 'governance',
  deployment: 'deployments',
  dutyreview: 'governance',
  environment: 'environments',
  group: 'governance',
  identitybootstrap: 'governance',
  incident: 'incidents',
  legalhold: 'governance',
  metrics: 'observability',
  outside: 'ingestion',
  ownership: 'governance',
  person: 'governance',
  policy: 'governance',
  record: 'governance',
  release: 'planning',
  retentionpolicy: 'governance',
  rolegrants: 'governance',
  rolepolicy: 'governance',
  smokerun: 'validation',
  testreport: 'validation',
  trigger: 'incidents',
  versionline: 'planning',
};

export function areaOf(category: string): string | undefined {
  return Object.hasOwn(areas, category) ? areas[category] : undefined;
}
