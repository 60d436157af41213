import type {
  ChangeClass,
  DeploymentEvent,
  EnvironmentEvent,
  GateRule,
  ReleaseArtifact,
  SmokeRunEvent,
  UnauthorisedBecause,
} from '#libs/contracts';
import type { DutyAssignment } from '#libs/identity';
import { handsAmong, hashOf, traitsThen, type QuorumRule } from '#libs/policy';
import type { Approvals } from './approvals.ts';
import type { Bypasses, KnownBypass } from './bypasses.ts';
import type { ChangeRecords, KnownRecord } from './change-records.ts';
import type { Identities } from './identities.ts';
import { judgeVotes, reportedApproval } from './counted.ts';
import { judgeRecord, judgeWithoutRecord, votesAt, type RecordAt } from './judge-change.ts';
import { freezeJudged, gatesJudged, graver, tzdataOf } from './judge-receipts.ts';
import {
  approvedAt,
  asks,
  digestsOf,
  exception,
  no,
  notSeparated,
  policyOf,
  policyRefs,
  quorumOf,
  startQuestions,
  violationsOf,
  waiverOf,
  yes,
  type AtStart,
} from './judge-start.ts';
import { DeployedArtifacts, namedArtifact, type NamedArtifact } from './observations.ts';
import type { Doer, Hand, KnownTest, Releases } from './releases.ts';
import type {
  Accuracy,
  Change,
  ChangeOutcome,
  ComplianceQuery,
  ControlQuestion,
  Judged,
  Observation,
  ReceiptReference,
  UnmatchedReason,
  Written,
} from './report.ts';
import type { RulesInForce } from './rules-in-force.ts';
import type { Standings } from './standings.ts';
import { isProgram, plainText } from './text.ts';

type Started = Extract<DeploymentEvent, { type: 'DeploymentStarted' }>;
type Reported = Extract<EnvironmentEvent, { type: 'RunningVersionReported' }>;
type Unauthorised = Extract<EnvironmentEvent, { type: 'UnauthorisedDeploymentObserved' }>;

const WHY_UNMATCHED: Readonly<Record<UnauthorisedBecause, UnmatchedReason>> = {
  'never-deployed': 'never-deployed-here',
  superseded: 'replaced-before',
  'environment-unknown': 'never-deployed-here',
  'artifact-unnamed': 'names-no-artifact',
};

/** The account that did something, and for whom it counted then. */
export interface Deed {
  readonly duty: DutyAssignment['duty'];
  readonly principal: string;
  readonly person: string;
  readonly ref: string;
}

/** A change as far as its story has been told. What rests on the moment of its start is judged there and then, and kept as verdicts. */
export interface Draft {
  facts: Omit<
    Change,
    'outcome' | 'inPeriod' | 'effect' | 'ended' | 'deployedDigests' | 'receipts' | 'observations' | 'verdicts' | 'changeClass'
  >;
  changeClass: Change['changeClass'];
  changeReason: string | undefined;
  verdicts: Partial<Record<ControlQuestion, Judged>>;
  /** For what is asked at the end: whether the duties were apart, as is known by then. */
  deeds: readonly Deed[];
  /** The same for its change record, where members of a board voted on one. */
  boardDeeds: readonly Deed[];
  /** The change record that it rests on, and how that was judged when it was started. */
  record: KnownRecord | undefined;
  recordAt: Omit<RecordAt, 'moment' | 'deployed'> | undefined;
  bypassId: string | undefined;
  /** Whether it counted as of its class by its plan's word alone, which the engine that judged it does not take. */
  unborne: boolean;
  rules: readonly GateRule[] | undefined;
  /** What judged its decisions, and the time zone databases they were reckoned with. */
  readonly engines: string[];
  readonly tzdata: string[];
  readonly moments: Change['inPeriod'][number][];
  readonly receipts: ReceiptReference[];
  readonly observations: Observation[];
  /** Digests that its environment has told of. */
  readonly seen: string[];
  artifacts: readonly ReleaseArtifact[];
  outcome: ChangeOutcome;
  tookEffect: boolean;
  effect: Written | undefined;
  ended: Written | undefined;
  /** Told by a smoke run to be there in its place. */
  foreign: Observation | undefined;
}

interface Unmatched extends Observation {
  readonly changeId: string;
  readonly environment: string;
  readonly why: UnmatchedReason;
  readonly violation?: string | undefined;
}

/** Everything that is on record beside the changes themselves. */
export interface Surroundings {
  readonly identities: Identities;
  readonly releases: Releases;
  readonly approvals: Approvals;
  readonly rules: RulesInForce;
  readonly bypasses: Bypasses;
  readonly records: ChangeRecords;
  readonly standings: Standings;
}

const START_QUESTIONS = Object.keys(startQuestions) as (keyof typeof startQuestions)[];

/** Changes of the period in the order of the log, and what environments say of them. */
export class Changes {
  readonly drafts = new Map<string, Draft>();
  readonly unmatched: Unmatched[] = [];
  readonly counts = { reports: 0, reportsMatched: 0, removedReports: 0, publishedReports: 0 } satisfies Partial<Accuracy>;
  /** Environments that have ever told what runs in them. */
  readonly telling = new Set<string>();
  private readonly deployed = new DeployedArtifacts();
  private readonly smoke = new Map<string, readonly string[]>();

  constructor(
    private readonly query: ComplianceQuery,
    private readonly known: Surroundings,
  ) {}

  /** @param principal blank where the event was appended around Plimsoll */
  started(event: Started, written: Written, principal: string): void {
    const { data } = event;
    if (this.drafts.has(data.deploymentId)) return;
    const draft = this.draftOf(data, written, principal);
    this.drafts.set(data.deploymentId, draft);
    this.moment(draft, 'started', written);
  }

  /** @param by who did it, for what persons do */
  deployment(event: Exclude<DeploymentEvent, Started>, written: Written, by: Doer): void {
    const { deploymentId, environment, releaseId } = event.data;
    let draft = this.drafts.get(deploymentId);
    if (!draft) {
      // Steps are no ground to believe in a deployment that nobody started.
      if (event.type !== 'DeploymentConfirmed' && event.type !== 'DeploymentSucceeded' && event.type !== 'DeploymentFailed') return;
      if (this.forgotten.has(deploymentId)) return;
      draft = this.unstarted({ deploymentId, environment, releaseId }, written);
      this.drafts.set(deploymentId, draft);
    }
    switch (event.type) {
      case 'DeploymentConfirmed': {
        const { receipt } = event.data;
        this.decide(draft, receipt, written, 'effect');
        if (draft.recordAt)
          draft.verdicts['change-authorised'] = graver(
            draft.verdicts['change-authorised'],
            judgeRecord({ ...draft.recordAt, traits: traitsThen(receipt.engine), moment: written, deployed: undefined }),
          );
        draft.effect ??= written;
        this.takesEffect(draft, deploymentId);
        this.moment(draft, 'effect', written);
        return;
      }
      case 'DeploymentHalted':
        if (event.data.receipt) draft.receipts.push(receiptOf(event.data.receipt, written, 'effect'));
        this.end(draft, 'halted', written);
        return;
      case 'DeploymentResumed':
        draft.outcome = 'under-way';
        draft.ended = undefined;
        this.resumed(draft, event.data.receipt, written, by);
        return;
      case 'DeploymentSucceeded': {
        // What was really put there counts, whatever was to be put there.
        if (event.data.artifacts.length > 0) draft.artifacts = event.data.artifacts;
        this.takesEffect(draft, deploymentId);
        this.deployed.succeeded(environment, deploymentId, draft.artifacts);
        this.end(draft, 'succeeded', written);
        if (draft.moments.length === 0) this.forget(deploymentId);
        return;
      }
      case 'DeploymentFailed':
        this.takesEffect(draft, deploymentId);
        this.end(draft, 'failed', written);
        return;
      default:
        return;
    }
  }

  smokeRun(event: SmokeRunEvent, written: Written): void {
    const { smokeRunId, deploymentId } = event.data;
    if (event.type === 'SmokeRunStarted') {
      this.smoke.set(smokeRunId, event.data.expectedDigests);
      return;
    }
    this.smoke.delete(smokeRunId);
    if (event.type === 'SmokeRunTimedOut' || event.data.observedDigest === undefined) return;
    const draft = this.drafts.get(deploymentId);
    if (!draft) return;
    this.telling.add(draft.facts.environment);
    const { digest } = namedArtifact(event.data.observedDigest);
    const { at, ref, sequence } = written;
    const observation: Observation = { artifact: plainText(event.data.observedDigest), at, by: 'smoke-run', ref, sequence };
    if (digest !== undefined && draft.artifacts.some((a) => a.digest === digest)) observed(draft, digest, observation);
    else draft.foreign = observation;
  }

  /** A report is judged with what comes after it: where it is a violation, that is put on record with it. */
  reported({ data }: Reported, written: Written): void {
    const { environment, service, artifact, change, reportedBy, claimedOccurredAt } = data;
    const inPeriod = this.within(written.at);
    this.telling.add(environment);
    if (change === 'removed' || change === 'published') {
      if (inPeriod) this.counts[change === 'removed' ? 'removedReports' : 'publishedReports']++;
      return;
    }
    const { at, ref, sequence } = written;
    const observation: Observation = {
      artifact: plainText(artifact),
      at,
      by: 'report',
      change,
      claimedOccurredAt,
      ref,
      reportedBy: plainText(reportedBy),
      sequence,
      service: plainText(service),
    };
    this.held = { environment, observation, named: namedArtifact(artifact) };
  }

  /** A violation on record: it is what the report before it was found to be. */
  unauthorised({ data }: Unauthorised, { ref }: Written): void {
    if (this.held?.environment === data.environment && this.held.observation.artifact === plainText(data.artifact))
      this.flush({ ref, why: WHY_UNMATCHED[data.reason] });
  }

  /** Judges the report that was held back. */
  flush(violation?: { readonly ref: string; readonly why: UnmatchedReason }): void {
    const { held } = this;
    if (!held) return;
    this.held = undefined;
    const { environment, observation, named } = held;
    const inPeriod = this.within(observation.at);
    const match = violation ?? this.deployed.match(environment, named);
    if (inPeriod) this.counts.reports++;
    if ('changeId' in match) {
      if (inPeriod) this.counts.reportsMatched++;
      const draft = this.drafts.get(match.changeId);
      if (draft) observed(draft, match.digest, observation);
    } else if (inPeriod) this.observedOnly(environment, observation, named.digest, match.why, violation?.ref);
  }

  private held: { readonly environment: string; readonly observation: Observation; readonly named: NamedArtifact } | undefined;

  private observedOnly(
    environment: string,
    observation: Observation,
    digest: string | undefined,
    why: UnmatchedReason,
    violation: string | undefined,
  ): void {
    const { at, ref, sequence } = observation;
    const id = `observed-${sequence}`;
    this.unmatched.push({ ...observation, changeId: id, environment, violation, why });
    const draft = this.blank(id, 'observed', environment, { at, ref, sequence });
    draft.outcome = 'observed';
    draft.moments.push('observed');
    draft.observations.push(observation);
    if (digest !== undefined) draft.seen.push(digest);
    this.drafts.set(id, draft);
  }

  private draftOf(data: Started['data'], written: Written, principal: string): Draft {
    const { deploymentId, releaseId, environment, artifacts, planHash, deployer, tuple, rollbackOf, bypassId, receipt } = data;
    const { identities, releases, approvals, rules, bypasses, records, standings } = this.known;
    const kind = rollbackOf ? 'rollback' : 'deployment';
    const release = releases.release(releaseId);
    const plan = release?.plans.get(environment);
    const place = rules.environment(environment);
    const claimed = plan?.changeClass ?? 'normal';
    const changeClass: ChangeClass = rollbackOf ? 'rollback' : (data.changeClass ?? claimed);
    const policy = { id: receipt.policyId, version: receipt.policyVersion };
    // Engines of before looked at less, and a decision is judged by the rules of then (principle 14).
    const traits = traitsThen(receipt.engine);
    const { everyDuty, everyHand, builders } = traits;
    const risk = traits.risk ? rules.risk(policy, place, plan?.riskClass, artifacts.length) : undefined;

    const accounts = new Set(release?.authors);
    const authorRefs = release?.ref === undefined ? [] : [release.ref];
    const built: { readonly account: string; readonly ref: string }[] = [];
    const shaped: (Hand | undefined)[] = [release?.composer, release?.planners.get(environment)];
    for (const { artifactId } of artifacts) {
      const artifact = releases.artifact(artifactId);
      shaped.push(artifact?.registrar);
      if (artifact?.builder && handsAmong([artifact.builder.account]).length > 0) built.push(artifact.builder);
      if (!artifact || artifact.authors.size === 0) continue;
      for (const account of artifact.authors) accounts.add(account);
      authorRefs.push(artifact.ref);
    }
    const authors = [...accounts].sort().map((account) => ({ account: plainText(account), person: identities.personOf(account) }));
    const hands = shaped.flatMap((hand) => (hand && handsAmong([hand.account]).length > 0 ? [hand] : []));
    const preparedBy = [...new Map(hands.map(({ account, person }) => [account, person]))]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([account, person]) => ({ account: plainText(account), person: identities.known(account) ?? person }));
    const tests: KnownTest[] = [];
    for (const known of release?.tests.values() ?? []) if (artifacts.some((a) => a.digest === known.test.artifactDigest)) tests.push(known);
    const tupleHash = tuple && hashOf(tuple);
    const round = tupleHash === undefined ? undefined : approvals.round(releaseId, environment, tupleHash);
    const votes = round?.votes ?? [];
    const bypass = bypassId === undefined ? undefined : bypasses.byId.get(bypassId);
    const inForce = place && rules.inForce(place.policyId, receipt.evaluatedAt);
    // Whoever an account was known to be by then; where nothing was said of it, whoever it was taken for when it acted.
    const deeds: Deed[] = [];
    const did = (duty: Deed['duty'], account: string, taken: string, ref: string): void =>
      void deeds.push({ duty, principal: account, person: identities.known(account) ?? taken, ref });
    for (const { account, person } of authors) did('author', account, person, authorRefs[0] ?? written.ref);
    if (everyHand) for (const { account, person, ref } of hands) did('author', account, person, ref);
    if (builders) for (const { account, ref } of built) did('author', account, identities.personOf(account), ref);
    if (round) did('requester', round.requesterPrincipal, round.requester, round.requested.ref);
    for (const vote of votes) did('approver', vote.principal, vote.person, vote.ref);
    if (everyDuty) {
      for (const { test, principal: account } of tests) did('tester', account, test.tester, test.ref);
      const { principal: editor = '', person = '' } = inForce?.publisher ?? {};
      if (inForce && editor !== '') did('policy-editor', editor, person, inForce.written.ref);
    }
    did('deployer', principal, deployer, written.ref);
    const record = records.record(releaseId, environment);
    let resting: RestingOn | undefined;
    if (record) {
      const parts = deeds.filter(({ duty }) => duty === 'author');
      const authorsThen = [...new Set(parts.map(({ person }) => person))].sort();
      for (const { test, principal: account } of tests)
        parts.push({ duty: 'tester', principal: account, person: identities.known(account) ?? test.tester, ref: test.ref });
      const at = {
        record,
        records,
        bypasses,
        identities,
        standings,
        traits,
        risk,
        // What a plan claims and nothing bears was started as normal, and still is no normal change to whoever decided on one.
        changeClass: changeClass === 'rollback' ? 'normal' : changeClass === 'normal' ? claimed : changeClass,
        deployer,
        deployerPrincipal: principal,
        duties: parts.map(({ duty, person, ref }) => ({ duty, person, evidence: ref })),
      };
      const deployed = {
        releaseId,
        environment,
        ...(place ? { environmentClass: place.environmentClass } : {}),
        ...(release?.product === undefined ? {} : { product: release.product }),
        ...(release?.version === undefined ? {} : { version: release.version }),
        artifacts,
        authors: authorsThen,
        plan: { planHash, steps: data.steps },
        policy,
        reports: reportsOf(tests),
      };
      resting = { at, deployed, parts };
    }
    const unborne =
      traits.classBorne &&
      (changeClass === 'emergency' || changeClass === 'standard') &&
      !(
        changeClass === claimed &&
        ((changeClass === 'emergency' && bypassHolds(bypass, { releaseId, environment, artifacts, planHash, policy }, written.at)) ||
          bears(resting, changeClass, written))
      );
    const asked = rules.gates(policy, place, kind, {
      changeClass: changeClass === 'rollback' || unborne ? 'normal' : changeClass,
      risk: risk?.effective,
    });
    const counted = judgeVotes(votes, round ? quorumOf(asked, round) : NOBODY_ASKED, {
      identities,
      standings,
      environment,
      product: release?.product,
      traits,
    });
    const at: AtStart = {
      kind,
      releaseId,
      environment,
      started: written,
      deployer,
      artifacts,
      planHash,
      tuple,
      round,
      votes: counted,
      bypass,
      receipt,
      rules: asked,
      governing: place && {
        id: place.policyId,
        version: inForce?.version,
        refs: inForce ? [place.ref, inForce.written.ref] : [place.ref],
      },
      authors: [...new Set(authors.map((a) => a.person))],
      authorRefs,
      duties: deeds.map(({ duty, person, ref }) => ({ duty, person, evidence: ref })),
      tests: tests.map(({ test }) => test),
    };
    const verdicts: Draft['verdicts'] = { authorised: authorised(deployer, principal, written) };
    for (const question of START_QUESTIONS) verdicts[question] = startQuestions[question](at);

    const said = {
      asked: asks(at, 'change-approved'),
      waived: waiverOf(at, 'change-approved'),
      policy: policyOf(at),
      policyRefs: policyRefs(at),
    };
    const recordAt: Draft['recordAt'] = resting && { ...resting.at, ...said };
    verdicts['change-authorised'] = recordAt
      ? judgeRecord({ ...recordAt, moment: written, deployed: resting?.deployed })
      : judgeWithoutRecord(said, written);
    const votesLapsed = record && recordAt ? votesAt(recordAt, record).gone : [];

    const draft = this.blank(deploymentId, kind, environment, written);
    draft.facts = {
      ...draft.facts,
      release: { product: release?.product, releaseId, version: release?.version },
      rollbackOf: rollbackOf && { deploymentId: rollbackOf.deploymentId, releaseId: rollbackOf.releaseId },
      requester: round?.requester,
      requested: round?.requested,
      authors,
      tests: at.tests,
      approvals: counted.map(reportedApproval),
      claimedClass: claimed === 'normal' ? undefined : claimed,
      risk,
      deployer,
      approved: approvedAt(at),
      approvedDigests: tuple ? [...tuple.artifactDigests].sort() : [],
      tupleHash,
      policy,
      preparedBy,
      changeRecord: record && recordRefOf(record, votesLapsed),
      bypass: bypass && bypassId !== undefined ? bypassOf(bypass.requested, bypassId, receipt) : undefined,
    };
    draft.changeClass = changeClass;
    draft.changeReason = plan?.changeReason === undefined ? undefined : plainText(plan.changeReason);
    draft.verdicts = verdicts;
    draft.deeds = deeds;
    draft.record = record;
    draft.recordAt = recordAt;
    if (record && record.votes.length > 0)
      draft.boardDeeds = [...(resting?.parts ?? []), ...boardDeedsOf(record, { principal, person: deployer, ref: written.ref })];
    draft.bypassId = bypassId;
    draft.unborne = unborne;
    draft.rules = asked;
    draft.artifacts = artifacts;
    this.decide(draft, receipt, written, 'start');
    return draft;
  }

  /** A deployment of which only a later part is on record: nobody was asked whether it may start. */
  private unstarted(
    of: { readonly deploymentId: string; readonly environment: string; readonly releaseId: string },
    written: Written,
  ): Draft {
    const { deploymentId, environment, releaseId } = of;
    const draft = this.blank(deploymentId, 'deployment', environment, written);
    draft.facts = { ...draft.facts, release: { releaseId } };
    draft.verdicts = { authorised: no('Nothing on record started it.', [written.ref]) };
    return draft;
  }

  /** A change of which nothing is known yet but that it is there. All are of one shape: there are many. */
  private blank(id: string, kind: Change['kind'], environment: string, started: Written): Draft {
    const place = this.known.rules.environment(environment);
    return {
      facts: {
        id,
        kind,
        environment,
        environmentClass: place?.environmentClass,
        regimes: place?.regimes ?? [],
        authors: [],
        preparedBy: [],
        tests: [],
        approvals: [],
        started,
        approvedDigests: [],
      },
      changeClass: 'unknown',
      changeReason: undefined,
      verdicts: {},
      deeds: [],
      boardDeeds: [],
      record: undefined,
      recordAt: undefined,
      bypassId: undefined,
      unborne: false,
      rules: undefined,
      engines: [],
      tzdata: [],
      moments: [],
      receipts: [],
      observations: [],
      seen: [],
      artifacts: [],
      outcome: 'under-way',
      tookEffect: false,
      effect: undefined,
      ended: undefined,
      foreign: undefined,
    };
  }

  /** A decision to go on: what it says of gates and freezes. */
  private decide(draft: Draft, receipt: Started['data']['receipt'], written: Written, decision: ReceiptReference['decision']): void {
    const decided = { receipt, ref: written.ref };
    const { verdicts } = draft;
    const calendars = this.known.rules.calendars !== undefined;
    draft.receipts.push(receiptOf(receipt, written, decision));
    verdicts['gates-passed'] = graver(
      verdicts['gates-passed'],
      gatesJudged(decided, draft.rules, decision === 'start' ? draft.facts.risk : undefined),
    );
    verdicts['not-frozen'] = graver(verdicts['not-frozen'], freezeJudged(decided, calendars, draft.changeClass, draft.unborne));
    if (receipt.engine !== undefined && !draft.engines.includes(receipt.engine)) draft.engines.push(receipt.engine);
    draft.tzdata.push(...tzdataOf(receipt));
  }

  /** Whoever resumes deploys, also where nobody was asked whether they might. */
  private resumed(draft: Draft, receipt: Started['data']['receipt'] | undefined, written: Written, { account, person }: Doer): void {
    const { ref } = written;
    draft.deeds = [...draft.deeds, { duty: 'deployer', principal: account, person: this.known.identities.known(account) ?? person, ref }];
    const assigned = draft.deeds.map((deed) => ({ duty: deed.duty, person: deed.person, evidence: deed.ref }));
    const found = violationsOf(assigned, draft.rules);
    if (typeof found !== 'string' && found.length > 0) draft.verdicts['duties-separated'] = notSeparated(found);
    if (receipt) this.decide(draft, receipt, written, 'start');
  }

  private takesEffect(draft: Draft, changeId: string): void {
    if (draft.tookEffect) return;
    draft.tookEffect = true;
    this.deployed.tookEffect(draft.facts.environment, changeId, draft.artifacts);
  }

  private end(draft: Draft, outcome: ChangeOutcome, written: Written): void {
    draft.outcome = outcome;
    draft.ended = written;
    this.moment(draft, 'ended', written);
  }

  private readonly forgotten = new Set<string>();

  /** What is over and was never in the period need not be kept; that there was such a deployment is. */
  private forget(changeId: string): void {
    this.drafts.delete(changeId);
    this.forgotten.add(changeId);
  }

  private moment(draft: Draft, moment: Change['inPeriod'][number], { at }: Written): void {
    if (this.within(at) && !draft.moments.includes(moment)) draft.moments.push(moment);
  }

  private within(at: string): boolean {
    return at >= this.query.from && at < this.query.to;
  }
}

function observed(draft: Draft, digest: string, observation: Observation): void {
  if (draft.seen.includes(digest)) return;
  draft.seen.push(digest);
  draft.observations.push(observation);
}

function receiptOf(receipt: Started['data']['receipt'], written: Written, decision: ReceiptReference['decision']): ReceiptReference {
  const { verdict, factsHash, engine } = receipt;
  const { at, ref, sequence } = written;
  return { at, decision, engine, factsHash, ref, sequence, verdict };
}

function recordRefOf({ of, submitted: { at, ref, sequence } }: KnownRecord, votesLapsed: readonly string[]): Change['changeRecord'] {
  const { changeId, round, route, dossierHash } = of;
  return { at, changeId, dossierHash, ref, round, route, sequence, votesLapsed: votesLapsed.length > 0 ? votesLapsed : undefined };
}

/** Who asked for the change, voted on it and deployed it. */
function boardDeedsOf({ of, votes, requesterPrincipal, submitted }: KnownRecord, deployer: Omit<Deed, 'duty'>): readonly Deed[] {
  return [
    { duty: 'requester', principal: requesterPrincipal, person: of.requester, ref: submitted.ref },
    ...votes.map(({ principal, person, ref }): Deed => ({ duty: 'approver', principal, person, ref })),
    { duty: 'deployer', ...deployer },
  ];
}

/** What a change record rests on that was submitted for what was started. */
interface RestingOn {
  readonly at: Omit<RecordAt, 'asked' | 'waived' | 'policy' | 'policyRefs' | 'moment' | 'deployed'>;
  readonly deployed: NonNullable<RecordAt['deployed']>;
  readonly parts: readonly Deed[];
}

const NOBODY_ASKED: QuorumRule = { quorum: 0 };

/** Whether a change that stands bears the class that a plan claims. */
function bears(resting: RestingOn | undefined, changeClass: string, moment: Written): boolean {
  if (resting?.at.record?.dossier.class !== changeClass) return false;
  const { at, deployed } = resting;
  return judgeRecord({ ...at, asked: true, waived: undefined, policy: '', policyRefs: [], moment, deployed }).verdict !== 'no';
}

/** Whether a bypass was good for exactly what was started, as of an instant. */
function bypassHolds(
  bypass: KnownBypass | undefined,
  of: { readonly releaseId: string; readonly environment: string; readonly artifacts: readonly ReleaseArtifact[] } & {
    readonly planHash: string;
    readonly policy: { readonly id: string; readonly version: number };
  },
  at: string,
): boolean {
  if (!bypass) return false;
  const { tuple } = bypass.data;
  return (
    tuple.releaseId === of.releaseId &&
    tuple.environment === of.environment &&
    tuple.planHash === of.planHash &&
    tuple.policyId === of.policy.id &&
    tuple.policyVersion === of.policy.version &&
    [...new Set(tuple.artifactDigests)].sort().join() === digestsOf(of.artifacts).join() &&
    at < tuple.expiresAt &&
    bypass.review?.outcome !== 'rejected'
  );
}

/** The newest outcome of every suite, by digest. */
function reportsOf(tests: readonly KnownTest[]): Record<string, Record<string, { readonly suite: string; readonly outcome: string }>> {
  const reports: Record<string, Record<string, { readonly suite: string; readonly outcome: string }>> = {};
  for (const {
    test: { artifactDigest, suite, outcome },
  } of tests)
    (reports[artifactDigest] ??= {})[suite] = { suite, outcome };
  return reports;
}

function bypassOf({ at, ref, sequence }: Written, bypassId: string, { gates }: Started['data']['receipt']): Change['bypass'] {
  return { at, bypassId, ref, sequence, waived: gates.filter((g) => g.waivedBy === bypassId).map((g) => g.gate) };
}

function authorised(deployer: string, principal: string, { ref }: Written): Judged {
  if (principal === '') return no('It was appended to the log around Plimsoll: no account is on record that asked for it.', [ref]);
  return isProgram(deployer) ? exception(`Started by ${deployer}, by itself.`, [ref]) : yes([ref]);
}

/** Digests that it put there; of what was only observed, those that were told. */
export function deployedDigests(draft: Draft): readonly string[] {
  return draft.facts.kind === 'observed' ? [...draft.seen].sort() : digestsOf(draft.artifacts);
}
