import { describeEvent, type PlimsollEvent } from '#libs/contracts';
import type { CommandDenied, StoredEvent } from '#libs/event-sourcing';
import { Access } from './access.ts';
import { Approvals } from './approvals.ts';
import { Bypasses, reportedBypass } from './bypasses.ts';
import { ChangeRecords, reportedRecord, reviewState, type KnownRecord } from './change-records.ts';
import { Changes, deployedDigests, type Draft } from './changes.ts';
import { Identities } from './identities.ts';
import { verdictsOf } from './judge-end.ts';
import { Releases } from './releases.ts';
import {
  CONTROL_QUESTIONS,
  MOST_DENIALS,
  type Accuracy,
  type Answer,
  type Change,
  type ChangeRecord,
  type ComplianceQuery,
  type ComplianceReport,
  type ComplianceSummary,
  type ControlQuestion,
  type Denials,
  type Emergency,
  type LaterViolation,
  type ListedDenial,
  type LogRange,
  type RuleChange,
  type Written,
} from './report.ts';
import { ruleChanged } from './rule-changes.ts';
import { RulesInForce } from './rules-in-force.ts';
import { drawSample } from './sample.ts';
import { Standings } from './standings.ts';
import { plainText } from './text.ts';

/** What makes reports. It changes whenever the same events may give another verdict or another wording. */
export const COMPLIANCE_ENGINE = 'plimsoll-compliance/3';

/** What a report says of a type that is none, in characters. */
const MAX_TYPE = 200;

/** Changes that are judged at one go. */
const CHANGES_A_STEP = 200;

/**
 * Makes a compliance report of a log: give it every event from the log's first, in order, lifted to today's schema, and then ask for the report.
 * The same events and query give the same report on any machine at any time. Memory grows with changes, releases and rules, not with events.
 */
export class ComplianceFold {
  private readonly identities = new Identities();
  private readonly releases = new Releases();
  private readonly approvals = new Approvals();
  private readonly rules = new RulesInForce();
  private readonly bypasses = new Bypasses();
  private readonly standings = new Standings();
  private readonly records: ChangeRecords;
  private readonly access: Access;
  private readonly changes: Changes;
  private readonly ruleChanges: RuleChange[] = [];
  private readonly violations: Omit<LaterViolation, 'changeIds'>[] = [];
  private readonly denied: ListedDenial[] = [];
  private readonly deniedByType = new Map<string, number>();
  private readonly unreadable: (Written & { readonly event: string })[] = [];
  private events = 0;
  private first: bigint | undefined;
  private last: bigint | undefined;
  private lastAt = '';
  /** The latest time of all: clocks of several servers may differ. */
  private now = '';

  constructor(private readonly query: ComplianceQuery) {
    this.access = new Access(query);
    const { identities, releases, approvals, rules, bypasses, standings } = this;
    const records = new ChangeRecords(identities);
    this.records = records;
    this.changes = new Changes(query, { identities, releases, approvals, rules, bypasses, records, standings });
  }

  /** The next event of the log, whichever it is. */
  add(event: StoredEvent): void {
    const { type, data, metadata } = event.stray ?? event;
    // What was appended around Plimsoll is read as far as it can be; where it has no time of its own, it has that of the event before.
    const about = (typeof metadata === 'object' ? (metadata ?? {}) : {}) as Partial<Record<keyof StoredEvent['metadata'], unknown>>;
    const recordedAt =
      typeof about.recordedAt === 'string' && Number.isFinite(Date.parse(about.recordedAt)) ? about.recordedAt : this.lastAt;
    const [actor, principal] = [about.actor, about.principal].map((text) => (typeof text === 'string' ? text : ''));
    const written: Written = { at: recordedAt, ref: `${event.stream}@${event.revision}`, sequence: this.events };
    this.events++;
    this.first ??= event.position;
    this.last = event.position;
    this.lastAt = recordedAt;
    if (recordedAt > this.now) this.now = recordedAt;
    try {
      if (type !== 'UnauthorisedDeploymentObserved') this.changes.flush();
      this.tell({ ...event, type, data } as unknown as PlimsollEvent, written, actor!, principal!);
    } catch {
      // Only what came around Plimsoll is not what its type says; the report says so, and goes on.
      this.unreadable.push({ ...written, event: plainText(type.slice(0, MAX_TYPE)) });
    }
  }

  /**
   * @param checkpoint the signed checkpoint of exactly the events that were added; absent where nothing was signed
   */
  report(checkpoint?: LogRange['checkpoint']): ComplianceReport {
    const steps = this.reportInSteps(checkpoint);
    for (;;) {
      const step = steps.next();
      if (step.done) return step.value;
    }
  }

  /** The same in small steps, so that a server can see to others in between. */
  *reportInSteps(checkpoint?: LogRange['checkpoint']): Generator<undefined, ComplianceReport> {
    const { query, changes } = this;
    changes.flush();
    const drafts = [...changes.drafts.values()].filter((draft) => draft.moments.length > 0);
    const violations = this.attributed(drafts);
    const ofChange = new Map<string, LaterViolation[]>();
    for (const violation of violations) for (const id of violation.changeIds) ofChange.set(id, [...(ofChange.get(id) ?? []), violation]);
    const reported: Change[] = [];
    const summary = emptySummary();
    for (const draft of drafts) {
      const change = this.changeOf(draft, ofChange.get(draft.facts.id) ?? []);
      reported.push(change);
      summarise(summary, change);
      if (reported.length % CHANGES_A_STEP === 0) yield;
    }
    yield;
    const { seed, sample } = query;
    const drawn =
      seed === undefined || sample === undefined
        ? undefined
        : drawSample(
            reported.map(({ id }) => id),
            seed,
            sample,
          );
    yield;
    const accuracy = this.accuracyOf(reported);
    yield;
    const emergencies = this.emergencies(drafts);
    const changeRecords = this.changeRecords(drafts);
    const access = this.access.report();
    yield;
    return {
      schema: 'plimsoll.compliance-report.v1',
      engine: COMPLIANCE_ENGINE,
      query,
      log: this.logRange(checkpoint),
      gateEngines: [...new Set(drafts.flatMap((draft) => draft.engines))].sort(),
      tzdata: [...new Set(drafts.flatMap((draft) => draft.tzdata))].sort(),
      questions: CONTROL_QUESTIONS,
      summary,
      accuracy,
      changes: reported,
      changeRecords,
      emergencies,
      access,
      ruleChanges: this.ruleChanges,
      laterViolations: violations.filter((v) => v.changeIds.length > 0 || this.within(v.at)),
      denials: this.denials(),
      ...(drawn ? { sample: drawn } : {}),
    };
  }

  private logRange(checkpoint: LogRange['checkpoint']): LogRange {
    const { events, first, last, lastAt, unreadable } = this;
    return {
      events,
      ...(first === undefined ? {} : { firstPosition: String(first), lastPosition: String(last), lastRecordedAt: lastAt }),
      coversPeriod: this.now >= this.query.to,
      ...(checkpoint ? { checkpoint } : {}),
      ...(unreadable.length > 0 ? { unreadable } : {}),
    };
  }

  private tell(event: PlimsollEvent, written: Written, actor: string, principal: string): void {
    this.access.did(event.type, event.data, actor, written);
    this.noteRuleChange(event, written, actor, principal);
    switch (event.type) {
      case 'DeploymentStarted':
        return this.changes.started(event, written, principal);
      case 'DeploymentConfirmed':
      case 'DeploymentHalted':
      case 'DeploymentResumed':
      case 'DeploymentSucceeded':
      case 'DeploymentFailed':
        return this.changes.deployment(event, written, { account: principal, person: actor });
      case 'RunningVersionReported':
        return this.changes.reported(event, written);
      case 'UnauthorisedDeploymentObserved':
        return this.changes.unauthorised(event, written);
      case 'SmokeRunStarted':
      case 'SmokeRunPassed':
      case 'SmokeRunFailed':
      case 'SmokeRunTimedOut':
        return this.changes.smokeRun(event, written);
      case 'ApprovalRequested':
      case 'ApprovalGranted':
      case 'ApprovalWithdrawn':
      case 'ApprovalRejected':
      case 'ApprovalVoided':
        return this.approvals.add(event, written, principal);
      case 'ReleaseComposed':
      case 'ReleaseAmended':
        return this.releases.composed(event, written, { account: principal, person: actor });
      case 'ReleasePlanned':
        return this.releases.planned(event, written, { account: principal, person: actor });
      case 'VersionAssigned':
        return this.releases.versioned(event);
      case 'ArtifactRegistered':
      case 'ArtifactAuthorsAdded':
        return this.releases.written(event, written, { account: principal, person: actor });
      case 'TestReportRecorded':
        return this.releases.tested(event, written, principal);
      case 'EnvironmentDefined':
        return this.rules.defined(event, written);
      case 'PolicyPublished':
        return this.rules.published(event, written, { principal, person: actor });
      case 'CalendarDeclared':
      case 'CalendarChanged':
      case 'CalendarWithdrawn':
        return this.rules.calendarChanged(event, written);
      case 'BypassRequested':
      case 'BypassUsed':
      case 'BypassReviewed':
      case 'BypassReviewOverdue':
        return this.bypasses.add(event, written);
      case 'AccountLinked':
      case 'AccountUnlinked':
        return this.identities.linked(event);
      case 'AddressClaimed':
        return this.identities.claimed(event);
      case 'RoleGranted':
      case 'RoleRevoked':
        this.standings.role(event, written);
        return this.access.granted(event, written);
      case 'IdentityBootstrapped':
      case 'IdentityBootstrapEnded':
        return this.access.bootstrapped(event, written);
      case 'PersonRegistered':
        return this.standings.person(event, written);
      case 'PersonLeft':
        this.standings.person(event, written);
        return this.access.left(event, written);
      case 'OwnershipAssigned':
        return this.standings.owned(event, written);
      case 'BoardDefined':
        return this.records.defined(event);
      case 'ChangeModelProposed':
      case 'ChangeModelVoteCast':
      case 'ChangeModelDecided':
      case 'ChangeModelUsed':
      case 'ChangeModelSuspended':
        return this.records.modelled(event, written);
      case 'ChangeOutcomeNoted':
        return this.records.happened(event);
      case 'IncidentOpened':
      case 'IncidentResolved':
        return this.records.incidentTold(event, written);
      case 'ChangeSubmitted':
      case 'ChangeVoteCast':
      case 'ChangeRecusalDeclared':
      case 'ChangeDecided':
      case 'ChangeHandedToBoard':
      case 'ChangeConditionMet':
      case 'ChangeVoided':
      case 'ChangeWithdrawn':
      case 'ChangeImplemented':
      case 'ChangeReviewed':
        return this.records.add(event, written, principal);
      case 'GroupMemberAdded':
      case 'GroupMemberRemoved':
        this.records.member(event);
        this.standings.member(event, written);
        return this.access.member(event, written);
      case 'DutyViolationFound':
        if (!Array.isArray(event.data.evidence) || !Array.isArray(event.data.duties)) throw new TypeError('It is no violation.');
        this.violations.push({ ...event.data, ...written });
        return;
      case 'CommandDenied':
        return this.noteDenial(event, written, actor);
      default:
        // What happened beside changes and rules is not in this report.
        return;
    }
  }

  private noteRuleChange(event: PlimsollEvent, written: Written, person: string, principal: string): void {
    const kind = ruleChanged(event.type);
    if (kind === undefined || !this.within(written.at)) return;
    const what = plainText(describeEvent(event));
    this.ruleChanges.push({ kind, event: event.type, person, principal: plainText(principal), what, ...written });
  }

  private noteDenial({ data }: CommandDenied, written: Written, person: string): void {
    if (!this.within(written.at)) return;
    const { command, refusal, kind, detail } = data;
    const type = JSON.stringify([command, refusal]);
    this.deniedByType.set(type, (this.deniedByType.get(type) ?? 0) + 1);
    if (this.denied.length < MOST_DENIALS) this.denied.push({ command, refusal, kind, person, detail: plainText(detail), ...written });
  }

  private denials(): Denials {
    const byType = [...this.deniedByType]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([type, count]) => {
        const [command, refusal] = JSON.parse(type) as [string, string];
        return { command, refusal, count };
      });
    const total = byType.reduce((sum, { count }) => sum + count, 0);
    return { total, byType, list: this.denied, omitted: total - this.denied.length };
  }

  /** Violations on record with the changes that they are about: those that rest on the same deeds. */
  private attributed(drafts: readonly Draft[]): readonly LaterViolation[] {
    if (this.violations.length === 0) return [];
    const byApproval = new Map<string, Draft[]>();
    for (const draft of drafts)
      for (const { duty, ref } of draft.deeds) if (duty === 'approver') byApproval.set(ref, [...(byApproval.get(ref) ?? []), draft]);
    return this.violations.map((violation) => {
      const cited = new Set(violation.evidence);
      const about = violation.evidence
        .flatMap((ref) => byApproval.get(ref) ?? [])
        .filter(({ facts }) => facts.release?.releaseId === violation.releaseId && facts.environment === violation.environment)
        .filter(({ deeds }) => !violation.duties.includes('deployer') || deeds.some((d) => d.duty === 'deployer' && cited.has(d.ref)));
      return { ...violation, changeIds: [...new Set(about.map(({ facts }) => facts.id))] };
    });
  }

  private changeOf(draft: Draft, violations: readonly LaterViolation[]): Change {
    const { facts, bypassId } = draft;
    const bypass = bypassId === undefined ? undefined : this.bypasses.byId.get(bypassId);
    const tells = this.changes.telling.has(facts.environment);
    // In the order of canonical JSON, which then costs nothing more to write.
    return {
      approvals: facts.approvals,
      approved: facts.approved,
      approvedDigests: facts.approvedDigests,
      authors: facts.authors,
      bypass: facts.bypass,
      changeClass: draft.changeClass,
      changeRecord: facts.changeRecord,
      claimedClass: facts.claimedClass,
      deployedDigests: deployedDigests(draft),
      deployer: facts.deployer,
      effect: draft.effect,
      ended: draft.ended,
      environment: facts.environment,
      environmentClass: facts.environmentClass,
      id: facts.id,
      inPeriod: draft.moments,
      kind: facts.kind,
      observations: draft.observations,
      outcome: draft.outcome,
      policy: facts.policy,
      preparedBy: facts.preparedBy,
      receipts: draft.receipts,
      regimes: facts.regimes,
      release: facts.release,
      requested: facts.requested,
      requester: facts.requester,
      risk: facts.risk,
      rollbackOf: facts.rollbackOf,
      started: facts.started,
      tests: facts.tests,
      tupleHash: facts.tupleHash,
      verdicts: verdictsOf(draft, { now: this.now, identities: this.identities, bypass, violations, tells }),
    };
  }

  private emergencies(drafts: readonly Draft[]): readonly Emergency[] {
    const { from, to } = this.query;
    const users = new Map<string, Draft[]>();
    for (const draft of drafts) if (draft.bypassId !== undefined) users.set(draft.bypassId, [...(users.get(draft.bypassId) ?? []), draft]);
    const ofBypasses = [...this.bypasses.byId.values()].flatMap((bypass): (Emergency & { readonly order: number })[] => {
      const changes = users.get(bypass.data.bypassId) ?? [];
      // In the period, or open in it: until it is reviewed a bypass is somebody's obligation.
      const open = bypass.requested.at < to && (bypass.review === undefined || bypass.review.at >= from);
      if (changes.length === 0 && !open) return [];
      const { environment, releaseId } = bypass.data;
      const reason = changes.find((d) => d.changeReason !== undefined)?.changeReason;
      return [
        {
          changeIds: changes.map((d) => d.facts.id),
          environment,
          releaseId,
          bypass: reportedBypass(bypass, this.now),
          ...(reason === undefined ? {} : { changeReason: reason }),
          order: bypass.requested.sequence,
        },
      ];
    });
    const using = usersOf(drafts);
    const asChanges = this.records.all.flatMap((record): (Emergency & { readonly order: number })[] => {
      const state = reviewState(record, this.now);
      const changes = using.get(record) ?? [];
      // In the period, or open in it: until it is reviewed an emergency is somebody's obligation.
      const open =
        record.submitted.at < to && (record.review === undefined ? state === 'overdue' || state === 'due' : record.review.at >= from);
      if (state === undefined || (changes.length === 0 && !open)) return [];
      return [{ ...emergencyOf(record, state), changeIds: changes.map((d) => d.facts.id), order: record.submitted.sequence }];
    });
    const byClass = drafts
      .filter((d) => d.record?.of.route !== 'emergency')
      .filter((d) => d.changeClass === 'emergency' && !(d.bypassId !== undefined && this.bypasses.byId.has(d.bypassId)))
      .map((d) => ({
        changeIds: [d.facts.id],
        environment: d.facts.environment,
        releaseId: d.facts.release?.releaseId ?? '',
        ...(d.changeReason === undefined ? {} : { changeReason: d.changeReason }),
        order: d.facts.started.sequence,
      }));
    return [...ofBypasses, ...asChanges, ...byClass].sort((a, b) => a.order - b.order).map(({ order: _order, ...emergency }) => emergency);
  }

  private changeRecords(drafts: readonly Draft[]): readonly ChangeRecord[] {
    const { from, to } = this.query;
    const using = usersOf(drafts);
    return this.records.all.flatMap((record) => {
      const changes = using.get(record) ?? [];
      const inPeriod = record.submitted.at < to && (record.endedAt === undefined || record.endedAt >= from);
      if (changes.length === 0 && !inPeriod) return [];
      const { model } = record.dossier;
      const known = model && this.records.model(model.modelId, model.version);
      const ids = changes.map((d) => d.facts.id);
      return [reportedRecord(record, ids, known, this.now)];
    });
  }

  private accuracyOf(changes: readonly Change[]): Accuracy {
    const deployments = changes.filter((c) => c.kind !== 'observed');
    const effective = deployments.filter((c) => this.changes.drafts.get(c.id)?.tookEffect);
    const unseen = effective.filter((c) => c.verdicts.observed.verdict !== 'yes');
    return {
      deployments: deployments.length,
      tookEffect: effective.length,
      observed: effective.length - unseen.length,
      neverObserved: unseen.map(({ id, environment, started }) => ({ changeId: id, environment, ...started })),
      neverAuthorised: this.changes.unmatched,
      ...this.changes.counts,
    };
  }

  private within(at: string): boolean {
    return at >= this.query.from && at < this.query.to;
  }
}

/** The changes of the population that rest on each change record. */
function usersOf(drafts: readonly Draft[]): ReadonlyMap<KnownRecord, readonly Draft[]> {
  const users = new Map<KnownRecord, Draft[]>();
  for (const draft of drafts) if (draft.record) users.set(draft.record, [...(users.get(draft.record) ?? []), draft]);
  return users;
}

function emergencyOf(
  { of, dossier, submitted, review }: KnownRecord,
  state: NonNullable<ChangeRecord['reviewState']>,
): Omit<Emergency, 'changeIds'> {
  const { incidentId, bypassId, justification } = dossier;
  const { changeId, round, dossierHash, requester, environment, releaseId, reviewDueAt } = of;
  const { principal: _principal, ...reviewed } = review ?? { principal: '' };
  return {
    environment,
    releaseId,
    change: {
      ...submitted,
      changeId,
      round,
      dossierHash,
      requester,
      justification,
      state,
      ...(incidentId === undefined ? {} : { incidentId }),
      ...(bypassId === undefined ? {} : { bypassId }),
      ...(reviewDueAt === undefined ? {} : { reviewDueAt }),
      ...(review ? { review: reviewed as NonNullable<ChangeRecord['review']> } : {}),
    },
  };
}

type Writable<T> = { -readonly [K in keyof T]: T[K] extends object ? Writable<T[K]> : T[K] };

const QUESTIONS = Object.keys(CONTROL_QUESTIONS) as ControlQuestion[];

function emptySummary(): Writable<ComplianceSummary> {
  return {
    changes: 0,
    byKind: { deployment: 0, rollback: 0, observed: 0 },
    byOutcome: { succeeded: 0, failed: 0, halted: 0, 'under-way': 0, observed: 0 },
    byClass: { standard: 0, normal: 0, emergency: 0, rollback: 0, unknown: 0 },
    byQuestion: Object.fromEntries(QUESTIONS.map((q) => [q, { yes: 0, no: 0, exception: 0 }])) as Record<
      ControlQuestion,
      Record<Answer, number>
    >,
    changesWithNo: 0,
    changesWithException: 0,
  };
}

function summarise(summary: Writable<ComplianceSummary>, { kind, outcome, changeClass, verdicts }: Change): void {
  summary.changes++;
  summary.byKind[kind]++;
  summary.byOutcome[outcome]++;
  summary.byClass[changeClass]++;
  let worst: Answer = 'yes';
  for (const question of QUESTIONS) {
    const { verdict } = verdicts[question];
    summary.byQuestion[question][verdict]++;
    if (verdict === 'no' || worst === 'yes') worst = verdict;
  }
  if (worst === 'no') summary.changesWithNo++;
  if (worst === 'exception') summary.changesWithException++;
}
