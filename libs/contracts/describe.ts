import type { BoardVote } from './changes.events.ts';
import type { RoleScope } from './identity.events.ts';
import type { PlimsollEvent } from './registry.ts';
import { BEGINNING_OF_TIME, digestText, type DecisionReceipt } from './values.ts';

type DataOf<T extends PlimsollEvent['type']> = Extract<PlimsollEvent, { readonly type: T }>['data'];

/** What each event says, as a sentence for a person. Persons are named by their opaque ids. */
const sentences: { readonly [T in PlimsollEvent['type']]: (data: DataOf<T>) => string } = {
  AccountLinkRequested: (e) => `${e.requestedBy} asked for account ${e.issuer}|${e.subject} to be linked to ${e.person}.`,
  AccountLinked: (e) =>
    `Account ${e.issuer}|${e.subject} is known to be ${e.person}${e.bot ? ', as a program that acts for that person' : ''}${e.requestedBy && e.confirmedBy ? `: ${e.requestedBy} asked, ${e.confirmedBy} confirmed.` : '.'}`,
  AccountUnlinked: (e) => `Nobody acts with account ${e.issuer}|${e.subject} of ${e.person} any more: ${e.reason}`,
  AddressClaimed: (e) =>
    `An ${e.kind === 'email' ? 'e-mail address' : 'alias'} is known to be ${e.person}'s${e.looksLike.length > 0 ? `; it looks like one of ${e.looksLike.join(', ')}.` : '.'}`,
  OwnershipRequested: (e) => `${e.requestedBy} asked for ${e.product} to be owned by ${e.team}.`,
  OwnershipAssigned: (e) =>
    `${e.product} is owned by ${e.team}${e.formerly ? `, and no more by ${e.formerly}` : ''}: ${e.requestedBy} asked, ${e.confirmedBy} confirmed.`,
  PersonRegistered: (e) => `${e.person} was registered by ${e.registeredBy}.`,
  PersonErased: (e) =>
    `What ${e.person} wrote, and what was written about ${e.person}, is erased: ${e.requestedBy} asked, ${e.confirmedBy} confirmed.`,
  PersonErasureRequested: (e) => `${e.requestedBy} asked for the text by and about ${e.person} to be erased.`,
  PersonLeft: (e) => `${e.person} left: ${e.reason}`,
  RoleRequested: (e) => `${e.requestedBy} asked for the role ${e.role} for ${e.person} in ${scopeOf(e)}.`,
  RoleGranted: (e) =>
    `${e.person} has the role ${e.role} in ${scopeOf(e)} from ${e.from} until ${e.until}: ${e.requestedBy} asked, ${e.confirmedBy} confirmed.`,
  RoleRevoked: (e) => `The role ${e.role} of ${e.person} was revoked: ${e.reason}`,
  IdentityBootstrapped: (e) => `${e.person} is the first administrator of identities, confirmed by nobody: ${e.reason}`,
  IdentityBootstrapEnded: (e) => `${e.person} is no longer the first administrator of identities: ${e.reason}`,
  RolePolicyProposed: (e) => `${e.proposedBy} proposed version ${e.version} of the policies on roles: ${e.title}.`,
  RolePolicyPublished: (e) => `Version ${e.version} of the policies on roles was published: ${e.title}. ${e.confirmedBy} confirmed it.`,
  DutyPartiesNoted: (e) =>
    `Of a release for ${e.environment} it was noted who took part: ${e.parties.length} more accounts, addresses and artifacts.`,
  DutyViolationFound: (e) =>
    `${e.person} held ${e.duties.join(' and ')} for a release to ${e.environment}, against ${e.rule}; it was learned later.`,

  ApprovalRequested: (e) =>
    `Approval round ${e.round} for ${e.environment} was requested by ${e.requester}: ${e.quorum} ${e.quorum === 1 ? 'person' : 'persons'} must approve, until ${e.tuple.expiresAt}.`,
  ApprovalGranted: (e) => `${e.person} approved round ${e.round} for ${e.environment}${e.comment ? `: ${e.comment}` : '.'}`,
  ApprovalRejected: (e) => `${e.person} rejected round ${e.round} for ${e.environment}: ${e.reason}`,
  ApprovalVoided: (e) =>
    `Approval round ${e.round} for ${e.environment} ${e.because === 'expired' ? 'expired' : 'was voided'}: ${e.reason}`,
  ApprovalWithdrawn: (e) => `${e.person} took back the approval of round ${e.round} for ${e.environment}: ${e.reason}`,

  BypassRequested: (e) =>
    `${e.requester} broke the glass for ${e.product} in ${e.environment}, waiving ${e.gates.join(', ')} until ${e.tuple.expiresAt}: ${e.justification}`,
  BypassUsed: (e) => `Bypass ${e.bypassId} was used by ${e.deployer} for deployment ${e.deploymentId}.`,
  BypassReviewed: (e) => `${e.reviewer} ${e.outcome} bypass ${e.bypassId}${e.late ? ' after the review was due' : ''}: ${e.findings}`,
  BypassReviewOverdue: (e) => `The review of bypass ${e.bypassId} for ${e.product} was due at ${e.dueAt} and is not done.`,

  ArtifactAuthorsAdded: (e) => `Artifact ${e.artifactId} was also written by ${e.authors.join(', ')}.`,
  ArtifactRegistered: (e) => `Artifact ${e.name}@${e.version} was registered with ${digestText(e.digest)}.`,
  BacktestRequested: (e) => `A draft of policy ${e.policyId} is to be tried on what was decided from ${e.from} to ${e.to}.`,
  BacktestStarted: (e) =>
    `The trial of a draft of policy ${e.policyId} ${e.run > 1 ? `was interrupted and begins anew (run ${e.run})` : 'begins'}, up to position ${e.upTo}.`,
  BacktestProgressed: (e) => `The trial of a draft of policy ${e.policyId} has judged ${e.decisions} decisions (${e.percent} %).`,
  BacktestCompleted: (e) =>
    `The trial of a draft of policy ${e.policyId} judged ${e.result.decisions} decisions: of ${e.result.differing} it would have thought otherwise, or it can't be known.`,
  BacktestCancelled: (e) => `The trial of a draft of policy ${e.policyId} was cancelled: ${e.reason}`,
  BacktestFailed: (e) => `The trial of a draft of policy ${e.policyId} failed: ${e.reason}`,
  CalendarDeclared: (e) => `${calendarOf(e)} was declared as of ${e.effectiveFrom}: ${e.justification}`,
  CalendarChanged: (e) => `${calendarOf(e)} was changed to version ${e.version} as of ${e.effectiveFrom}: ${e.justification}`,
  CalendarWithdrawn: (e) => `Calendar ${e.calendarId} was withdrawn as of ${e.effectiveFrom}: ${e.justification}`,
  CommandDenied: (e) => `${e.command} was denied (${e.refusal}): ${e.detail}`,

  BoardDefined: (e) =>
    `Board ${e.boardId} (${e.title}) was defined, version ${e.version}: ${e.quorum} of group ${e.group} decide, chaired by ${e.chair}.`,
  ChangeSubmitted: (e) =>
    `${e.requester} submitted a change of class ${e.class} for ${e.product} in ${e.environment}, round ${e.round}: ${e.dossier.title}.`,
  ChangeVoteOpened: (e) => `${e.chair} called a vote between meetings on round ${e.round} for ${e.environment}: ${e.reason}`,
  ChangeVoteCast: (e) =>
    `${e.person} ${voteOf(e.vote)} on round ${e.round} for ${e.environment}${e.conditions.length > 0 ? `, on condition: ${e.conditions.join('; ')}` : ''}${e.comment ? `: ${e.comment}` : '.'}${e.lapsed ? ` The board's approval stands no more, as these votes count no more: ${e.lapsed.join(', ')}.` : ''}`,
  ChangeRecusalDeclared: (e) => `${e.person} does not vote on round ${e.round} for ${e.environment}: ${e.reason}`,
  ChangeDecided: (e) =>
    `Round ${e.round} for ${e.environment} was ${e.outcome} by ${e.itsm ? `the ITSM (${e.itsm.decidedBy})` : 'the board'}${e.conditions.length > 0 ? `, on condition: ${e.conditions.map((c) => c.text).join('; ')}.` : '.'}`,
  ChangeHandedToBoard: (e) =>
    `Round ${e.round} for ${e.environment}, with the ITSM since ${e.waitedSince}, was handed to the board: ${e.reason}`,
  ChangeConditionMet: (e) => `${e.confirmedBy} confirmed that a condition of round ${e.round} for ${e.environment} is met: ${e.evidence}`,
  ChangeVoided: (e) => `Change round ${e.round} for ${e.environment} was voided: ${e.reason}`,
  ChangeWithdrawn: (e) => `${e.person} withdrew change round ${e.round} for ${e.environment}: ${e.reason}`,
  ChangeImplemented: (e) => `Deployment ${e.deploymentId} of the change for ${e.environment} ${endOf(e.outcome)}.`,
  ChangeReviewed: (e) =>
    `${e.reviewer} ${e.outcome} the emergency change for ${e.environment}${e.late ? ' after the review was due' : ''}: ${e.findings}`,
  ChangeReviewOverdue: (e) => `The review of the emergency change for ${e.environment} was due at ${e.dueAt} and is not done.`,
  ChangeDelivered: (e) => `The change was delivered to the ITSM${e.reference ? ` as ${e.reference}.` : '.'}`,
  ChangeDeliveryFailed: (e) => `The change could not be delivered to the ITSM: ${e.reason}`,
  ChangeModelProposed: (e) =>
    `${e.proposer} proposed version ${e.version} of change model ${e.modelId} (${e.title}), valid from ${e.validFrom} until ${e.validUntil}.`,
  ChangeModelVoteCast: (e) =>
    `${e.person} ${voteOf(e.vote)} on version ${e.version} of change model ${e.modelId}${e.comment ? `: ${e.comment}` : '.'}`,
  ChangeModelDecided: (e) => `Version ${e.version} of change model ${e.modelId} was ${e.outcome} by the board.`,
  ChangeModelUsed: (e) => `Deployment ${e.deploymentId} under change model ${e.modelId} ${endOf(e.outcome)}.`,
  ChangeModelSuspended: (e) => `Version ${e.version} of change model ${e.modelId} was suspended: ${e.reason}`,
  ChangeScheduled: (e) => `A change of ${e.product} is planned for ${e.environment} from ${e.window.from} until ${e.window.until}.`,
  ChangeUnscheduled: (e) => `A change is no longer planned for ${e.environment}: ${e.reason}`,
  ChangeOutcomeNoted: (e) => `Deployment ${e.deploymentId} of ${e.product} to ${e.environment} ${endOf(e.outcome)}.`,

  DeploymentStarted: (e) =>
    `${e.rollbackOf ? `Rollback of deployment ${e.rollbackOf.deploymentId}` : 'Deployment'} to ${e.environment} was started by ${e.deployer} under ${policyOf(e.receipt)}${e.rollbackOf ? `: ${e.rollbackOf.reason}` : '.'}`,
  DeploymentConfirmed: (e) => `With ${e.environment} reserved, every gate of ${policyOf(e.receipt)} passed again.`,
  DeploymentHalted: (e) => `The deployment was halted before anything ran: ${e.reason}`,
  DeploymentResumed: (e) => `Round ${e.round} was begun${e.deployer ? ` by ${e.deployer}` : ''} for ${e.steps.join(', ')}: ${e.reason}`,
  DeploymentSucceeded: (e) =>
    `${e.rollbackOf ? 'The rollback' : 'The deployment'} to ${e.environment} succeeded with ${e.artifacts.map((a) => `${a.name}@${a.version}`).join(', ')}.`,
  DeploymentFailed: (e) =>
    `${e.rollbackOf ? 'The rollback' : 'The deployment'} to ${e.environment} failed at ${e.failedSteps.join(', ')}${e.compensated ? '; what had run was compensated.' : '.'}`,
  StepLeased: (e) => `${e.compensating ? 'Compensation of step' : 'Step'} ${e.step} was taken by ${e.holder} (attempt ${e.attempt}).`,
  StepLeaseRenewed: (e) => `The lease of step ${e.step} was renewed until ${e.leasedUntil}.`,
  StepSucceeded: (e) => `${e.compensating ? 'Compensation of step' : 'Step'} ${e.step} succeeded in ${e.durationMs} ms: ${e.summary}`,
  StepFailed: (e) => `${e.compensating ? 'Compensation of step' : 'Step'} ${e.step} failed after ${e.durationMs} ms: ${e.summary}`,

  EnvironmentDefined: (e) =>
    `Environment ${e.environment} (${e.class}) is governed by policy ${e.policyId}${e.regimes ? ` under ${e.regimes.join(', ')}` : ''}${e.confirmedBy ? `, as ${e.proposedBy} proposed and ${e.confirmedBy} confirmed.` : '.'}`,
  EnvironmentChangeProposed: (e) =>
    `${e.proposedBy} proposed that ${e.environment}, which ${rulesOf(e.formerly)} governs, be governed by ${rulesOf(e)}: ${e.reason}`,
  EnvironmentChangeWithdrawn: (e) => `${e.withdrawnBy} withdrew what was proposed for ${e.environment}: ${e.reason}`,
  EnvironmentReserved: (e) => `${e.environment} was reserved for deployment ${e.deploymentId}, round ${e.round}.`,
  EnvironmentFreed: (e) => `${e.environment} was freed: the deployment ${e.outcome === 'halted' ? 'was halted' : e.outcome}.`,
  RunningVersionReported: (e) => `${e.reportedBy} reported ${e.artifact} of ${e.service} in ${e.environment} as ${e.change}.`,

  UnauthorisedDeploymentObserved: (e) =>
    `${e.artifact || 'Something'} of ${e.service} was ${e.change === 'rolledback' ? 'rolled back' : e.change} in ${e.environment} without a deployment of ours, as ${e.reportedBy} reported: ${e.detail}`,

  GroupDefined: (e) => `Group ${e.group} was defined: ${e.title}.`,
  GroupMemberAdded: (e) => `${e.person} was taken into group ${e.group}.`,
  GroupMemberRequested: (e) => `${e.requestedBy} asked for ${e.person} to be taken into group ${e.group}.`,
  GroupMemberRemoved: (e) => `${e.person} was taken out of group ${e.group}: ${e.reason}`,

  IncidentOpened: (e) => `A ${e.severity} incident was opened: ${e.title}. ${e.cause}`,
  IncidentDelivered: (e) => `The incident was delivered to ${e.channel}${e.reference ? ` as ${e.reference}.` : '.'}`,
  IncidentDeliveryFailed: (e) => `The incident could not be delivered to ${e.channel}: ${e.reason}`,
  IncidentResolved: (e) => `The incident was resolved: ${e.resolution}`,

  LegalHoldPlaced: (e) => `${e.placedBy} placed legal hold ${e.holdId} over ${heldOf(e)}: ${e.reason}`,
  LegalHoldReleased: (e) => `Legal hold ${e.holdId}, which ${e.placedBy} had placed, was released by ${e.releasedBy}: ${e.reason}`,

  MetricSamplesRecorded: (e) => `${e.source} sent ${e.samples.length} samples of ${e.service} in ${e.environment}.`,

  OutsideEventReceived: (e) => `${e.envelope.type} came from ${e.receivedFrom} and was ${e.disposition}.`,
  OutsideEventApplied: (e) =>
    `What came from outside was ${e.outcome === 'applied' ? 'carried out' : e.outcome === 'refused' ? 'refused' : 'nothing to do'}${e.command ? ` as ${e.command}` : ''}: ${e.detail}`,
  OutsideEventRejected: (e) => `A message of ${e.bytes} bytes from ${e.receivedFrom} was rejected: ${e.reason}`,
  OutsideEventRedriven: (e) => `A rejected message was tried again and ${e.outcome}: ${e.detail}`,

  PolicyPublished: (e) =>
    e.effectiveFrom === BEGINNING_OF_TIME
      ? `Policy ${e.policyId} version ${e.version} was published: ${e.title}.`
      : `Policy ${e.policyId} version ${e.version} was published, in force from ${e.effectiveFrom}: ${e.title}.`,

  ReleaseComposed: (e) => `The release of ${e.product} was composed of ${e.artifacts.map((a) => `${a.name}@${a.version}`).join(', ')}.`,
  ReleaseAmended: (e) => `The release was amended to ${e.artifacts.map((a) => `${a.name}@${a.version}`).join(', ')}.`,
  ReleasePlanned: (e) =>
    `A plan of ${e.steps.length} ${e.steps.length === 1 ? 'step' : 'steps'} for ${e.environment} was made, ${e.planHash}.`,
  VersionAssigned: (e) => `The release is version ${e.version} of ${e.product}.`,

  RecordExpired: (e) =>
    `The ${e.kind === 'step-log' ? 'log' : 'report'} of ${e.event} (sha256:${e.sha256}) is no longer at hand; the archive holds it under ${e.manifest}.`,
  RecordExpiryStayed: (e) => `Record ${e.recordId} stays at hand: legal hold ${e.holds.join(', ')} came before it was removed.`,
  RetentionPolicyPublished: (e) =>
    `Version ${e.version} of the retention rules was published by ${e.publishedBy}, in force from ${e.effectiveFrom}: ${e.title}. ${e.justification}`,

  SmokeRunStarted: (e) => `A smoke run of ${e.suite.checks.length} checks began in ${e.environment}, due by ${e.deadline}.`,
  SmokeRunPassed: (e) => `The smoke run in ${e.environment} passed: ${e.reason}`,
  SmokeRunFailed: (e) => `The smoke run in ${e.environment} failed: ${e.reason}`,
  SmokeRunTimedOut: (e) => `The smoke run in ${e.environment} had not answered by ${e.deadline}.`,
  TestReportRecorded: (e) =>
    `Suite ${e.suite} had the outcome ${e.outcome} for ${e.artifactDigest}: ${e.tests} tests, ${e.failures} failures, ${e.errors} errors, ${e.skipped} skipped.`,

  TriggerDefined: (e) => `${e.metric} of ${e.service} in ${e.environment} triggers a ${e.action} at ${e.threshold}.`,
  TriggerFired: (e) =>
    `The error rate of ${e.service} in ${e.environment} was ${percent(e.evidence.errorRate)} (${e.evidence.errors} of ${e.evidence.requests}), at or above ${percent(e.threshold)}.`,
  TriggerCleared: (e) => `The error rate of ${e.service} in ${e.environment} is back at ${percent(e.evidence.errorRate)}.`,
};

/**
 * An event as a sentence. Pure: the same event always gives the same words. What was stored once may not be as it must be today; then the
 * sentence says so, and whoever lists events goes on.
 */
export function describeEvent(event: Pick<PlimsollEvent, 'type' | 'data'>): string {
  const sentence = sentences[event.type] as (data: PlimsollEvent['data']) => string;
  try {
    return sentence(event.data);
  } catch (error) {
    if (error instanceof TypeError) return `${event.type} is stored with contents that no sentence can be made of.`;
    throw error;
  }
}

/** Of a share between 0 and 1. */
function percent(share: number): string {
  return `${(share * 100).toFixed(1)} %`;
}

function policyOf(receipt: DecisionReceipt): string {
  return `policy ${receipt.policyId} version ${receipt.policyVersion}`;
}

function rulesOf({ policyId, regimes }: DataOf<'EnvironmentChangeProposed'>['formerly']): string {
  return `policy ${policyId} under ${regimes.join(', ') || 'no regime'}`;
}

function scopeOf({ scope }: { readonly scope: RoleScope }): string {
  if (!scope.kind) return 'nothing, since its scope is none';
  return scope.kind === 'organisation' ? 'the organisation' : `${scope.kind} ${scope.id}`;
}

function heldOf({ scope }: DataOf<'LegalHoldPlaced'>): string {
  if (!scope.kind) return 'everything, since its scope is none';
  return scope.kind === 'everything' ? 'everything' : `${scope.kind} ${scope.id}`;
}

function calendarOf(e: DataOf<'CalendarDeclared'>): string {
  return `The ${e.kind === 'freeze' ? 'freeze' : 'allowed window'} ${e.calendarId} (${e.title})`;
}

function voteOf(vote: BoardVote): string {
  return vote === 'abstain' ? 'abstained' : `voted ${vote}`;
}

function endOf(outcome: 'succeeded' | 'failed' | 'rolled-back'): string {
  return outcome === 'rolled-back' ? 'was rolled back' : outcome;
}
