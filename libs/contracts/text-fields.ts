/**
 * What the sentences are that events hold, by field.
 * - `sealed`: free text of persons, in which persons may be named; sealed with their keys where a person wrote it (`personal` of the command)
 * - `ours`: composed by the program, of ids, counts and names of things; it never repeats what a person wrote but as it is sealed
 * - `machine`: what machines report (steps, suites, services, test runs), secrets taken out
 * - `name`: the name of a shared thing, or configuration that is published to be seen; not the place for a person's name
 */
export type TextKind = 'sealed' | 'ours' | 'machine' | 'name';

/** Every field of an event that holds sentences. A field that is new is decided here, see deploy/decisions. */
export const TEXT_FIELDS: Readonly<Record<string, TextKind>> = {
  'AccountUnlinked.reason': 'sealed',
  'ApprovalGranted.comment': 'sealed',
  'ApprovalRejected.reason': 'sealed',
  'ApprovalVoided.reason': 'ours',
  'ApprovalWithdrawn.reason': 'sealed',
  'BacktestCancelled.reason': 'sealed',
  'BacktestCompleted.result.cases[].why': 'ours',
  'BacktestFailed.reason': 'ours',
  'BypassRequested.justification': 'sealed',
  'BypassReviewed.findings': 'sealed',
  'CalendarChanged.justification': 'sealed',
  'CalendarChanged.title': 'name',
  'CalendarDeclared.justification': 'sealed',
  'CalendarDeclared.title': 'name',
  'CalendarWithdrawn.justification': 'sealed',
  'CommandDenied.detail': 'ours',
  'CommandDenied.reasons[].detail': 'ours',
  'CommandDenied.reasons[].unblockedBy': 'ours',
  'DeploymentConfirmed.receipt.gates[].detail': 'ours',
  'DeploymentHalted.reason': 'ours',
  'DeploymentHalted.receipt.gates[].detail': 'ours',
  'DeploymentHalted.receipt.gates[].unblockedBy': 'ours',
  'DeploymentResumed.reason': 'sealed',
  'DeploymentStarted.receipt.gates[].detail': 'ours',
  'DeploymentStarted.rollbackOf.reason': 'sealed',
  'DeploymentStarted.smoke.checks[].name': 'name',
  'DeploymentSucceeded.rollbackOf.reason': 'sealed',
  'DeploymentSucceeded.smoke.checks[].name': 'name',
  'GroupDefined.title': 'name',
  'GroupMemberRemoved.reason': 'sealed',
  'IdentityBootstrapEnded.reason': 'sealed',
  'IdentityBootstrapped.reason': 'sealed',
  'IncidentDeliveryFailed.reason': 'machine',
  'IncidentOpened.cause': 'sealed',
  'IncidentOpened.title': 'sealed',
  'IncidentResolved.resolution': 'sealed',
  'LegalHoldPlaced.reason': 'sealed',
  'LegalHoldReleased.reason': 'sealed',
  'OutsideEventApplied.detail': 'ours',
  'OutsideEventReceived.keptBecause': 'ours',
  'OutsideEventRedriven.detail': 'ours',
  'OutsideEventRejected.reason': 'ours',
  'PersonLeft.reason': 'sealed',
  'PolicyPublished.clauses[].gates[].expression': 'name',
  'PolicyPublished.clauses[].gates[].unblockedBy': 'name',
  'PolicyPublished.title': 'name',
  'ReleasePlanned.changeReason': 'sealed',
  'ReleasePlanned.smoke.checks[].name': 'name',
  'RetentionPolicyPublished.justification': 'sealed',
  'RetentionPolicyPublished.title': 'name',
  'RolePolicyProposed.policies': 'name',
  'RolePolicyPublished.policies': 'name',
  'RoleRevoked.reason': 'sealed',
  'SmokeRunFailed.checks[].detail': 'machine',
  'SmokeRunFailed.checks[].name': 'name',
  'SmokeRunFailed.reason': 'machine',
  'SmokeRunPassed.checks[].detail': 'machine',
  'SmokeRunPassed.checks[].name': 'name',
  'SmokeRunPassed.reason': 'machine',
  'SmokeRunStarted.suite.checks[].name': 'name',
  'StepFailed.summary': 'machine',
  'StepSucceeded.summary': 'machine',
  'TestReportRecorded.failed[]': 'machine',
  'UnauthorisedDeploymentObserved.detail': 'ours',
};

/** The texts in an event's data with the fields that they are in, `Type.path[].name`. */
export function textsIn(type: string, data: unknown): readonly { readonly field: string; readonly text: string }[] {
  if (typeof data === 'string') return [{ field: type, text: data }];
  if (Array.isArray(data)) return data.flatMap((item) => textsIn(`${type}[]`, item));
  if (typeof data !== 'object' || data === null) return [];
  return Object.entries(data).flatMap(([name, item]) => textsIn(`${type}.${name}`, item));
}
