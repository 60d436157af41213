import { createHash } from 'node:crypto';
import {
  describeEvent,
  type ApprovalEvent,
  type ApprovalTuple,
  type DecisionReceipt,
  type DeploymentEvent,
  type GroupQuorum,
  type IncidentEvent,
  type ReleaseArtifact,
  type ReleaseEvent,
  type RollbackOf,
  type SmokeCheckResult,
  type SmokeRunEvent,
  type TestReportEvent,
  type TriggerEvent,
  type VersionLineEvent,
} from '#libs/contracts';
import type { CommandDenied, Reason, StoredEvent } from '#libs/event-sourcing';
import { canonicalJson, tallyRecorded } from '#libs/policy';
import { storable } from '#libs/read-models';
import { standingVotes, verdictsOf, type Verdicts } from './verdicts.ts';

/** What a report is made of. Events of other types, and renewed leases, are not in it. */
export type ReportedEvent =
  | ApprovalEvent
  | CommandDenied
  | DeploymentEvent
  | IncidentEvent
  | ReleaseEvent
  | SmokeRunEvent
  | TestReportEvent
  | TriggerEvent
  | VersionLineEvent;

/** One event, in the order of the log. */
export interface ReportEntry {
  /** Decimal; a position may be over 2^53. */
  readonly position: string;
  /** Server time, ISO 8601. */
  readonly at: string;
  readonly event: string;
  readonly stream: string;
  readonly revision: number;
  readonly eventId: string;
  /** The person who did it, and the account that was authenticated. */
  readonly who: { readonly person: string; readonly principal: string };
  readonly commandId: string;
  readonly what: string;
  /** `stream@revision` and digests that it rests on. */
  readonly evidence: readonly string[];
}

/** Where in the log something is written: position (decimal) and time. */
export interface Written {
  readonly position: string;
  readonly at: string;
}

export interface ReportedApproval {
  readonly approvalId: string;
  readonly environment: string;
  readonly round: number;
  readonly tuple: ApprovalTuple;
  readonly tupleHash: string;
  readonly quorum: number;
  /** How many of them from which group. */
  readonly groups?: readonly GroupQuorum[];
  readonly requester: string;
  readonly requested: Written;
  readonly votes: readonly (Written & {
    readonly person: string;
    readonly vote: 'granted' | 'rejected' | 'withdrawn';
    readonly tupleHash: string;
    /** Groups asked for that the person was in then. */
    readonly groups?: readonly string[];
    readonly comment?: string;
    readonly reason?: string;
  })[];
  readonly outcome: 'open' | 'approved' | 'rejected' | 'voided' | 'expired';
  readonly closed?: Written & { readonly reason: string };
}

/** Who put the release together, or planned it for an environment: by the sixth engine of gates an author of it. */
export interface ReportedHand extends Written {
  readonly did: 'composed' | 'planned';
  /** Of a plan. */
  readonly environment?: string;
  /** The person, as known then, and the account. */
  readonly person: string;
  readonly account: string;
}

export interface ReportedTest extends Written {
  readonly suite: string;
  readonly artifactDigest: string;
  readonly outcome: 'pass' | 'fail' | 'inconclusive';
  readonly tests: number;
  readonly failures: number;
  readonly errors: number;
  readonly skipped: number;
  readonly reportDigest: string;
  readonly tester: string;
}

export interface ReportedStep extends Written {
  readonly step: string;
  readonly attempt: number;
  readonly compensating: boolean;
  readonly outcome: 'succeeded' | 'failed';
  readonly summary: string;
  readonly logDigest: string;
  readonly durationMs: number;
}

export interface ReportedDeployment {
  readonly deploymentId: string;
  /** Another release than the report's where this is the rollback that withdrew the report's; its steps are in that release's report. */
  readonly releaseId: string;
  readonly environment: string;
  readonly deployer: string;
  /** Persons who had it tried again, who deployed it, too; absent where nobody did. */
  readonly resumedBy?: readonly string[];
  readonly rollbackOf?: RollbackOf;
  readonly started: Written;
  readonly policy: { readonly id: string; readonly version: number };
  readonly planHash: string;
  readonly artifacts: readonly ReleaseArtifact[];
  /** What was approved; absent where the policy asks for no approval. */
  readonly tuple?: ApprovalTuple;
  /** The decision to start it. */
  readonly receipt: DecisionReceipt;
  /** The same gates at the moment of effect; the last of several rounds. */
  readonly confirmed?: Written & { readonly receipt: DecisionReceipt };
  readonly steps: readonly ReportedStep[];
  readonly outcome: 'started' | 'running' | 'succeeded' | 'failed' | 'halted';
  readonly ended?: Written & { readonly detail: string };
}

export interface ReportedDenial extends Written {
  readonly command: string;
  readonly refusal: string;
  readonly detail: string;
  readonly reasons: readonly Reason[];
  readonly person: string;
}

export interface ReportedTrigger extends Written {
  readonly triggerId: string;
  readonly environment: string;
  readonly service: string;
  readonly deploymentId: string;
  readonly action: 'propose' | 'rollback';
  readonly threshold: number;
  readonly requests: number;
  readonly errors: number;
  /** errors / requests, 0 to 1. */
  readonly errorRate: number;
  readonly inputs: readonly string[];
}

export interface ReportedSmokeRun {
  readonly smokeRunId: string;
  readonly deploymentId: string;
  readonly environment: string;
  readonly expectedDigests: readonly string[];
  readonly started: Written;
  readonly outcome: 'running' | 'passed' | 'failed' | 'timed-out';
  readonly observedDigest?: string;
  readonly checks?: readonly SmokeCheckResult[];
  readonly ended?: Written & { readonly detail: string };
}

export interface ReportedIncident {
  readonly incidentId: string;
  readonly deploymentId: string;
  readonly environment: string;
  readonly title: string;
  readonly severity: 'critical' | 'major' | 'minor';
  readonly cause: string;
  readonly opened: Written;
  readonly resolved?: Written & { readonly resolution: string };
}

/** The whole story of one release, computed from the log and from nothing else. */
export interface AuditReport {
  readonly schema: 'plimsoll.audit-report.v1';
  readonly releaseId: string;
  readonly product?: string;
  readonly version?: string;
  readonly artifacts: readonly ReleaseArtifact[];
  /** Accounts, `issuer|subject`. */
  readonly authors: readonly string[];
  readonly hands: readonly ReportedHand[];
  readonly verdicts: Verdicts;
  readonly approvals: readonly ReportedApproval[];
  readonly tests: readonly ReportedTest[];
  readonly deployments: readonly ReportedDeployment[];
  readonly denials: readonly ReportedDenial[];
  readonly triggers: readonly ReportedTrigger[];
  readonly smoke: readonly ReportedSmokeRun[];
  readonly incidents: readonly ReportedIncident[];
  readonly entries: readonly ReportEntry[];
}

/** Everything but the verdicts, which follow from it. */
export type ReportFacts = Omit<AuditReport, 'verdicts'>;

/** A report of a release of which nothing is known yet. */
export function emptyReport(releaseId: string): AuditReport {
  const facts: ReportFacts = {
    schema: 'plimsoll.audit-report.v1',
    releaseId,
    artifacts: [],
    authors: [],
    hands: [],
    approvals: [],
    tests: [],
    deployments: [],
    denials: [],
    triggers: [],
    smoke: [],
    incidents: [],
    entries: [],
  };
  return { ...facts, verdicts: verdictsOf(facts) };
}

/** Releases whose reports an event belongs to: a rollback is part of the story of both releases. Empty for what is in no report. */
export function releasesOf(event: Pick<StoredEvent, 'type' | 'data'>): readonly string[] {
  const { type, data } = event as ReportedEvent;
  switch (type) {
    case 'CommandDenied':
      return data.about['releaseId'] === undefined ? [] : [data.about['releaseId']];
    case 'DeploymentStarted':
    case 'DeploymentSucceeded':
    case 'DeploymentFailed':
      return [data.releaseId, ...(data.rollbackOf ? [data.rollbackOf.releaseId] : [])];
    case 'TriggerDefined':
    case 'TriggerCleared':
    case 'StepLeaseRenewed':
      return [];
    default:
      return Object.hasOwn(sections, type) ? [data.releaseId] : [];
  }
}

/**
 * The report with one more event. Pure: the same events give the same report, on any machine at any time. An event that is in the
 * report already, or one from before the last, changes nothing.
 */
export function addToReport(report: AuditReport, event: StoredEvent<ReportedEvent>): AuditReport {
  const last = report.entries.at(-1);
  if (last && BigInt(last.position) >= event.position) return report;
  // As it can be stored, so that a report that was stored in between is the same as one that was not.
  const told = storable({ ...event, position: String(event.position) });
  const section = sections[event.type] as Section<ReportedEvent['type']> | undefined;
  const { verdicts: _verdicts, ...facts } = report;
  const next: ReportFacts = { ...facts, ...section?.(facts, told), entries: [...facts.entries, entryOf(told)] };
  return { ...next, verdicts: verdictsOf(next) };
}

/** A release's report after one more event of the log, whichever it is; undefined as long as the release was not composed. */
export function reportFrom(report: AuditReport | undefined, releaseId: string, event: StoredEvent): AuditReport | undefined {
  if (!releasesOf(event).includes(releaseId)) return report;
  // What names a release that nobody has composed belongs to no report.
  if (!report && event.type !== 'ReleaseComposed') return undefined;
  return addToReport(report ?? emptyReport(releaseId), event as StoredEvent<ReportedEvent>);
}

/** The report's bytes (canonical JSON, RFC 8785, UTF-8) and their SHA-256 (hex): the same report gives the same bytes. */
export function canonicalReport(report: AuditReport): { readonly bytes: Buffer; readonly digest: string } {
  const bytes = Buffer.from(canonicalJson(report), 'utf8');
  return { bytes, digest: createHash('sha256').update(bytes).digest('hex') };
}

/** An event with its position as text. */
type Told<E extends ReportedEvent = ReportedEvent> = Omit<StoredEvent<E>, 'position'> & { readonly position: string };
type OfType<T extends ReportedEvent['type']> = Told<Extract<ReportedEvent, { readonly type: T }>>;
type Section<T extends ReportedEvent['type']> = (facts: ReportFacts, event: OfType<T>) => Partial<ReportFacts>;

/** What each event changes in the sections of the report; it is an entry besides. */
const sections: { readonly [T in ReportedEvent['type']]?: Section<T> } = {
  ReleaseComposed: (facts, event) => {
    const { product, artifacts, authors } = event.data;
    return { product, artifacts, authors, hands: [...facts.hands, handOf(event, 'composed')] };
  },
  ReleaseAmended: (facts, event) => {
    const { artifacts, authors } = event.data;
    return { artifacts, authors, hands: [...facts.hands, handOf(event, 'composed')] };
  },
  ReleasePlanned: (facts, event) => ({
    hands: [...facts.hands, { ...handOf(event, 'planned'), environment: event.data.environment }],
  }),
  VersionAssigned: (_facts, { data: { version } }) => ({ version }),

  ApprovalRequested: (facts, event) => {
    const { approvalId, environment, round, tuple, tupleHash, quorum, groups, requester } = event.data;
    const asked = { approvalId, environment, round, tuple, tupleHash, quorum, requester, ...(groups ? { groups } : {}) };
    const approval = { ...asked, requested: written(event), votes: [] };
    return { approvals: [...facts.approvals, { ...approval, outcome: 'open' }] };
  },
  ApprovalGranted: (facts, event) =>
    inRound(facts, event, (approval) => {
      const { person, tupleHash, comment, groups } = event.data;
      const vote = {
        person,
        vote: 'granted' as const,
        tupleHash,
        ...written(event),
        ...(comment ? { comment } : {}),
        ...(groups ? { groups } : {}),
      };
      const votes = [...approval.votes, vote];
      return { ...approval, votes, outcome: tallyRecorded(standingVotes(votes), approval).missing === 0 ? 'approved' : approval.outcome };
    }),
  ApprovalWithdrawn: (facts, event) =>
    inRound(facts, event, (approval) => {
      const { person, reason } = event.data;
      const vote = { person, vote: 'withdrawn' as const, tupleHash: approval.tupleHash, reason, ...written(event) };
      const votes = [...approval.votes, vote];
      const lacking = approval.outcome === 'approved' && tallyRecorded(standingVotes(votes), approval).missing > 0;
      return { ...approval, votes, outcome: lacking ? 'open' : approval.outcome };
    }),
  ApprovalRejected: (facts, event) =>
    inRound(facts, event, (approval) => {
      const { person, tupleHash, reason } = event.data;
      const vote = { person, vote: 'rejected' as const, tupleHash, reason, ...written(event) };
      return { ...approval, votes: [...approval.votes, vote], outcome: 'rejected', closed: { ...written(event), reason } };
    }),
  ApprovalVoided: (facts, event) =>
    inRound(facts, event, (approval) => {
      // What was approved in time was approved: its time being over takes that from nobody.
      const expired = approval.outcome === 'approved' ? 'approved' : 'expired';
      const outcome = event.data.because === 'expired' ? expired : 'voided';
      return { ...approval, outcome, closed: { ...written(event), reason: event.data.reason } };
    }),

  TestReportRecorded: (facts, event) => {
    const { suite, artifactDigest, outcome, tests, failures, errors, skipped, reportDigest, tester } = event.data;
    const test = { suite, artifactDigest, outcome, tests, failures, errors, skipped, reportDigest, tester, ...written(event) };
    return { tests: [...facts.tests, test] };
  },

  DeploymentStarted: (facts, event) => {
    const { deploymentId, releaseId, environment, deployer, rollbackOf, planHash, artifacts, tuple, receipt } = event.data;
    const deployment: ReportedDeployment = {
      deploymentId,
      releaseId,
      environment,
      deployer,
      ...(rollbackOf ? { rollbackOf } : {}),
      started: written(event),
      policy: { id: receipt.policyId, version: receipt.policyVersion },
      planHash,
      artifacts,
      ...(tuple ? { tuple } : {}),
      receipt,
      steps: [],
      outcome: 'started',
    };
    return { deployments: [...facts.deployments, deployment] };
  },
  DeploymentConfirmed: (facts, event) =>
    inDeployment(facts, event, (deployment) => ({
      ...deployment,
      outcome: 'running',
      confirmed: { ...written(event), receipt: event.data.receipt },
    })),
  DeploymentHalted: (facts, event) => inDeployment(facts, event, (deployment) => ended(deployment, event, 'halted')),
  DeploymentResumed: (facts, event) =>
    inDeployment(facts, event, ({ ended: _ended, ...deployment }) => ({
      ...deployment,
      outcome: 'started',
      resumedBy: [...new Set([...(deployment.resumedBy ?? []), event.data.deployer ?? event.metadata.actor])],
    })),
  DeploymentSucceeded: (facts, event) => inDeployment(facts, event, (deployment) => ended(deployment, event, 'succeeded')),
  DeploymentFailed: (facts, event) => inDeployment(facts, event, (deployment) => ended(deployment, event, 'failed')),
  StepLeased: () => ({}),
  StepSucceeded: (facts, event) => withStep(facts, event, 'succeeded'),
  StepFailed: (facts, event) => withStep(facts, event, 'failed'),

  CommandDenied: (facts, event) => {
    const { command, refusal, detail, reasons } = event.data;
    return { denials: [...facts.denials, { command, refusal, detail, reasons, person: event.metadata.actor, ...written(event) }] };
  },

  TriggerFired: (facts, event) => {
    const { triggerId, environment, service, deploymentId, action, threshold, evidence } = event.data;
    const { requests, errors, errorRate, inputs } = evidence;
    const trigger = {
      triggerId,
      environment,
      service,
      deploymentId,
      action,
      threshold,
      requests,
      errors,
      errorRate,
      inputs,
      ...written(event),
    };
    return { triggers: [...facts.triggers, trigger] };
  },

  SmokeRunStarted: (facts, event) => {
    const { smokeRunId, deploymentId, environment, expectedDigests } = event.data;
    return {
      smoke: [...facts.smoke, { smokeRunId, deploymentId, environment, expectedDigests, started: written(event), outcome: 'running' }],
    };
  },
  SmokeRunPassed: (facts, event) => withSmoke(facts, event, 'passed'),
  SmokeRunFailed: (facts, event) => withSmoke(facts, event, 'failed'),
  SmokeRunTimedOut: (facts, event) => withSmoke(facts, event, 'timed-out'),

  IncidentOpened: (facts, event) => {
    const { incidentId, deploymentId, environment, title, severity, cause } = event.data;
    return { incidents: [...facts.incidents, { incidentId, deploymentId, environment, title, severity, cause, opened: written(event) }] };
  },
  IncidentDelivered: () => ({}),
  IncidentDeliveryFailed: () => ({}),
  IncidentResolved: (facts, event) => ({
    incidents: facts.incidents.map((incident) =>
      incident.incidentId === event.data.incidentId
        ? { ...incident, resolved: { ...written(event), resolution: event.data.resolution } }
        : incident,
    ),
  }),
};

function handOf(event: Told, did: ReportedHand['did']): ReportedHand {
  const { actor: person, principal: account } = event.metadata;
  return { did, person, account, ...written(event) };
}

function written({ position, metadata }: Told): Written {
  return { position, at: metadata.recordedAt };
}

function entryOf(event: Told): ReportEntry {
  const { actor, principal, commandId } = event.metadata;
  return {
    ...written(event),
    event: event.type,
    stream: event.stream,
    revision: event.revision,
    eventId: event.id,
    who: { person: actor, principal },
    commandId,
    what: describeEvent(event),
    evidence: evidenceOf(event as unknown as ReportedEvent),
  };
}

function evidenceOf({ type, data }: ReportedEvent): readonly string[] {
  switch (type) {
    case 'ReleaseComposed':
    case 'ReleaseAmended':
      return data.artifacts.map((artifact) => artifact.digest);
    case 'ReleasePlanned':
      return [`sha256:${data.planHash}`];
    case 'TestReportRecorded':
      return [`sha256:${data.reportDigest}`, data.artifactDigest];
    case 'ApprovalRequested':
    case 'ApprovalGranted':
    case 'ApprovalRejected':
      return [`sha256:${data.tupleHash}`];
    case 'DeploymentStarted':
    case 'DeploymentConfirmed':
      return data.receipt.inputs;
    case 'DeploymentHalted':
      return data.receipt?.inputs ?? [];
    case 'StepSucceeded':
    case 'StepFailed':
      return [`sha256:${data.logDigest}`];
    case 'CommandDenied':
      return [...new Set(data.reasons.flatMap((reason) => reason.evidence ?? []))];
    case 'TriggerFired':
      return data.evidence.inputs;
    default:
      return [];
  }
}

function inRound(
  facts: ReportFacts,
  { data }: Told<Exclude<ApprovalEvent, { type: 'ApprovalRequested' }>>,
  change: (approval: ReportedApproval) => ReportedApproval,
): Partial<ReportFacts> {
  const { approvalId, round } = data;
  return { approvals: facts.approvals.map((a) => (a.approvalId === approvalId && a.round === round ? change(a) : a)) };
}

function inDeployment(
  facts: ReportFacts,
  { data }: Told<DeploymentEvent>,
  change: (deployment: ReportedDeployment) => ReportedDeployment,
): Partial<ReportFacts> {
  return { deployments: facts.deployments.map((d) => (d.deploymentId === data.deploymentId ? change(d) : d)) };
}

function ended(deployment: ReportedDeployment, event: Told<DeploymentEvent>, outcome: ReportedDeployment['outcome']): ReportedDeployment {
  const detail = describeEvent(event);
  return { ...deployment, outcome, ended: { ...written(event), detail } };
}

function withStep(
  facts: ReportFacts,
  event: OfType<'StepSucceeded'> | OfType<'StepFailed'>,
  outcome: ReportedStep['outcome'],
): Partial<ReportFacts> {
  const { step, attempt, compensating, summary, logDigest, durationMs } = event.data;
  const done: ReportedStep = { step, attempt, compensating, outcome, summary, logDigest, durationMs, ...written(event) };
  return inDeployment(facts, event, (deployment) => ({ ...deployment, steps: [...deployment.steps, done] }));
}

function withSmoke(
  facts: ReportFacts,
  event: Told<Exclude<SmokeRunEvent, { type: 'SmokeRunStarted' }>>,
  outcome: ReportedSmokeRun['outcome'],
): Partial<ReportFacts> {
  const { data } = event;
  const seen = 'checks' in data ? { checks: data.checks, ...(data.observedDigest ? { observedDigest: data.observedDigest } : {}) } : {};
  const detail = describeEvent(event);
  return {
    smoke: facts.smoke.map((run) =>
      run.smokeRunId === data.smokeRunId ? { ...run, outcome, ...seen, ended: { ...written(event), detail } } : run,
    ),
  };
}
