import type {
  ApprovalTuple,
  ChangeClass,
  EnvironmentClass,
  GateName,
  JudgedRisk,
  PlannedChangeClass,
  Regime,
  RoleScope,
} from '#libs/contracts';

/*
 * A compliance report (M7.3): what happened to an organisation's environments in a period, and what the log can and can't show about it. It is
 * computed from the events alone, in the order of the ledger, up to a signed checkpoint: whoever has the events and the query makes the same
 * bytes. Every list is in the order of the ledger unless it says otherwise; every time is the server's (recordedAt), ISO 8601 in UTC; every
 * person is an opaque id; `undefined` is never stored: a member that is not there is not known or does not arise, and the comment says which.
 */

/**
 * A verdict is never blank (M7.3), and there are three:
 * - `yes`: the log shows that it was so. Also where the question can't be answered by no: who used no bypass has no review outstanding.
 * - `exception`: it was not so in the ordinary way, and the log has what allowed that: a policy in force that does not ask for it, a bypass that
 *   waived it, a deadline still to come, a deployment that was stopped before it took effect.
 * - `no`: the log shows that it was not so, or does not show that it was. What can't be known is no as well, with `unknowable` (principle 6:
 *   absence is not success).
 */
export type Answer = 'yes' | 'no' | 'exception';

/** What is asked of every change, in this order. Each is phrased so that `yes` is the answer hoped for. */
export const CONTROL_QUESTIONS = {
  authorised: 'Was it decided on and started here, by a person who is on record, and not only observed from outside?',
  requested: 'Did a named person ask for it before it was started?',
  'approved-before-deployment': 'Had enough distinct persons approved it, and was the approval good, when it was started?',
  'approved-digest-deployed': 'Are the digests that were deployed exactly those that were approved?',
  'approved-plan-deployed': 'Is the plan that was carried out exactly the one that was approved?',
  'change-authorised':
    'Where its policy asks for a decision on the change: was exactly this decided on, by the board, a model, an ITSM or as an emergency, by who may, before it took effect?',
  'authors-known': 'Is it on record who wrote it?',
  'duties-separated': 'As was known then: did nobody who approved it write, request, test or deploy it, or publish its policy?',
  'no-later-duty-violation': 'Has nothing been learned since, about who is who, that shows duties which were not separated?',
  tested: 'Did every artifact have a passing test report for its digest, and no failing suite, when it was started?',
  'gates-passed': 'Did every gate of its policy pass, when it was started and again at the moment of effect?',
  'policy-in-force': 'Was it judged by the version of the policy that was in force?',
  'not-frozen': 'Was it outside of every freeze, and inside an allowed window where there is one?',
  'bypass-reviewed':
    'Was every bypass that it used, and every emergency that it was, reviewed in time, by somebody who had no part in it, and found good?',
  observed: 'Does the environment itself say that exactly this came to run?',
} as const;

export type ControlQuestion = keyof typeof CONTROL_QUESTIONS;

export interface Judged {
  readonly verdict: Answer;
  /** A sentence; absent only where the verdict is `yes` and the question says it all. */
  readonly reason?: string;
  /** There where the verdict is `no` because the log can't show it either way. */
  readonly unknowable?: true;
  /** `stream@revision` (and `tzdata:…`) of what it rests on. Empty where it rests on something that is not there. */
  readonly evidence: readonly string[];
}

/** Where something is written in the log, and when. The leaf can be proved: `/v1/ledger/inclusion-proof?sequence=…&treeSize=…`; of the sample it is, in `proofs`. */
export interface Written {
  /** Server time, ISO 8601. */
  readonly at: string;
  /** `stream@revision`. */
  readonly ref: string;
  /** Of the leaf in the ledger, from 0: the inclusion proof's index. */
  readonly sequence: number;
}

/** What was asked for. */
export interface ComplianceQuery {
  /** ISO 8601, UTC, with milliseconds. The period is half-open: `from` is in it, `to` is not. */
  readonly from: string;
  readonly to: string;
  /** Both or neither: the sample is drawn with this seed, and has this many changes, or all where there are fewer. */
  readonly seed?: string;
  readonly sample?: number;
}

/** What the report rests on. */
export interface LogRange {
  /** How many events were read: those of sequence 0 to before this one, from the log's beginning. */
  readonly events: number;
  /** Positions of the first and the last event read, in the store's own numbers (decimal); absent where there is none. */
  readonly firstPosition?: string;
  readonly lastPosition?: string;
  /** Server time of the last event read. */
  readonly lastRecordedAt?: string;
  /**
   * Whether something was recorded at or after the end of the period. Where not, the log may still have been silent or may go on within the
   * period behind the checkpoint: the report is of what was signed until then.
   */
  readonly coversPeriod: boolean;
  /** The signed checkpoint (C2SP) that it rests on; absent where nothing was signed yet, and then nothing is proved. */
  readonly checkpoint?: {
    readonly origin: string;
    /** Tree size; the same as `events`. */
    readonly size: number;
    /** Root hash, base64. */
    readonly root: string;
  };
  /** Events that are not what their type says: only what was appended around Plimsoll can be. Absent where there are none. */
  readonly unreadable?: readonly (Written & { readonly event: string })[];
}

export type ChangeKind =
  /** A release that was deployed, or was to be. */
  | 'deployment'
  /** A deployment that went back to an earlier release. */
  | 'rollback'
  /** Reported from outside to have come to run, without any deployment of the log that accounts for it. */
  | 'observed';

export type ChangeOutcome =
  | 'succeeded'
  /** Some of its steps ran. */
  | 'failed'
  /** Stopped before anything ran: it took no effect. */
  | 'halted'
  /** Started, and not ended by the end of the log that was read. */
  | 'under-way'
  /** Only observed. */
  | 'observed';

/** Why an approval that nobody took back did not count when the change was started, or not for a group. */
export interface LapsedApproval {
  readonly because:
    /** The person has left since, whether or not she came back. */
    | 'left'
    /** The role in which it was given was revoked since. */
    | 'role-revoked'
    /** She has been out of a group that is asked for since. */
    | 'out-of-group'
    /** She is in none of them, and nobody else is asked for. */
    | 'in-no-group'
    /** The same person, as was known by then, had approved it before. */
    | 'voted-before';
  readonly detail: string;
  /** For which it does not count; absent where it counts for nothing. */
  readonly group?: string;
  /** Where it is written that she left, or lost the role or the group; absent where nothing ended. */
  readonly ref?: string;
}

/** A person's approval that nobody had taken back when the change was started. */
export interface ChangeApproval extends Written {
  readonly person: string;
  /** Of the groups asked for, those the person was in when it was given. */
  readonly groups?: readonly string[];
  /** Whether it counted towards the quorum when the change was started, as the engine of the decision counts. */
  readonly counted: boolean;
  /** Absent where it counted for all that it was given for. */
  readonly lapsed?: readonly LapsedApproval[];
}

export interface ChangeTest extends Written {
  readonly suite: string;
  readonly outcome: 'pass' | 'fail' | 'inconclusive';
  /** `sha256:…` of the artifact. */
  readonly artifactDigest: string;
  /** SHA-256 (hex) of the report's bytes. */
  readonly reportDigest: string;
  /** Person. */
  readonly tester: string;
}

/** A receipt's place: `/v1/deployments` has it whole, `plimsoll-audit recheck` executes it again. */
export interface ReceiptReference extends Written {
  /** When it was started (in every round anew), or at the moment of effect. */
  readonly decision: 'start' | 'effect';
  readonly verdict: 'pass' | 'fail';
  /** SHA-256 (hex) of the facts that were judged. */
  readonly factsHash: string;
  /** What judged; absent in receipts of before engines had versions. */
  readonly engine?: string;
}

/** An environment's word that something came to run there. */
export interface Observation extends Written {
  readonly by: 'report' | 'smoke-run';
  /** Absent in what smoke runs observe. */
  readonly service?: string;
  /** purl or digest, as told. */
  readonly artifact: string;
  /** As told; absent in what smoke runs observe. */
  readonly change?: string;
  readonly reportedBy?: string;
  /** The time it claims, kept and not trusted (principle 10). */
  readonly claimedOccurredAt?: string;
}

export interface ChangeBypass extends Written {
  readonly bypassId: string;
  /** Gates that it waived for this change. */
  readonly waived: readonly GateName[];
}

/** The change record that a change of the population rests on; see `changeRecords`. */
export interface RestsOnRecord extends Written {
  readonly changeId: string;
  readonly round: number;
  readonly route: ChangeRecord['route'];
  readonly dossierHash: string;
  /** Votes of the board that did not count any more when it was started, and why, each as a sentence; absent where all did. */
  readonly votesLapsed?: readonly string[];
}

/** One change of the population. */
export interface Change {
  /** The deployment's id; `observed-<sequence>` for what was only observed. */
  readonly id: string;
  readonly kind: ChangeKind;
  readonly environment: string;
  /** As defined when it was started; absent where nobody had defined the environment. */
  readonly environmentClass?: EnvironmentClass;
  readonly regimes: readonly Regime[];
  /** `unknown` for what was only observed. */
  readonly changeClass: ChangeClass | 'unknown';
  /** What its plan claims, where that is another class than `normal`: an engine since the seventh counts it only where something bears it. */
  readonly claimedClass?: Exclude<PlannedChangeClass, 'normal'>;
  /** What its plan declares its risk to be, the policy's floor under it, and what it is judged as; absent where the engine judged none. */
  readonly risk?: JudgedRisk;
  readonly outcome: ChangeOutcome;
  /** Which of its moments are in the period; at least one. A change at the edge is in the reports of both periods. */
  readonly inPeriod: readonly ('started' | 'effect' | 'ended' | 'observed')[];
  /** Absent for what was only observed, as are policy and deployer. */
  readonly release?: { readonly releaseId: string; readonly product?: string; readonly version?: string };
  /** For a rollback: what it withdrew. */
  readonly rollbackOf?: { readonly deploymentId: string; readonly releaseId: string };
  /** Who asked for it: of the round of approval that it rests on; absent where there is none. */
  readonly requester?: string;
  /** Accounts (`issuer|subject`) with the persons they were known to be when it was started; co-authors are among them. Sorted by account. */
  readonly authors: readonly { readonly account: string; readonly person: string }[];
  /** The same of the accounts that registered its artifacts, composed it and made its plan: to engines since the sixth they are authors, too. */
  readonly preparedBy: readonly { readonly account: string; readonly person: string }[];
  /** The newest report of every suite and artifact, as of when it was started. */
  readonly tests: readonly ChangeTest[];
  readonly approvals: readonly ChangeApproval[];
  readonly deployer?: string;
  /** The first is when it was asked for, the second when the last approval that it took was given; each absent where it did not happen. */
  readonly requested?: Written;
  readonly approved?: Written;
  /** When it was started; for what was only observed, when that was recorded. */
  readonly started: Written;
  /** The moment of effect: gates passed again, with the environment reserved; absent where it never came to that. */
  readonly effect?: Written;
  readonly ended?: Written;
  /** `sha256:…` each, sorted. Empty where nothing was approved, or where what was observed names no digest. */
  readonly approvedDigests: readonly string[];
  readonly deployedDigests: readonly string[];
  /** What the approval was bound to; absent where there was none. */
  readonly tupleHash?: string;
  readonly policy?: { readonly id: string; readonly version: number };
  readonly receipts: readonly ReceiptReference[];
  /** There where a change had been submitted for it when it was started. */
  readonly changeRecord?: RestsOnRecord;
  /** There where a bypass was asked to waive gates for it; see `emergencies`. */
  readonly bypass?: ChangeBypass;
  /** What its environment said of it, the first of each artifact; for what was only observed, the report itself. */
  readonly observations: readonly Observation[];
  readonly verdicts: Readonly<Record<ControlQuestion, Judged>>;
}

/** Why an observation has no deployment of the log that accounts for it. */
export type UnmatchedReason =
  /** No deployment to this environment ever had this artifact. */
  | 'never-deployed-here'
  /** It was deployed here once; another version had taken its place by then. */
  | 'replaced-before'
  /** What was told names neither a digest nor a package with its version. */
  | 'names-no-artifact';

/** How complete and exact the population is, both ways. */
export interface Accuracy {
  /** Deployments of the log in the period (rollbacks among them). */
  readonly deployments: number;
  /** Of them those that took effect, whatever became of them. */
  readonly tookEffect: number;
  /** Of those that took effect: observed by the environment, and not. */
  readonly observed: number;
  readonly neverObserved: readonly (Written & { readonly changeId: string; readonly environment: string })[];
  /** Reports of the environments in the period that something was deployed, upgraded or rolled back. */
  readonly reports: number;
  /** Of them: accounted for by a deployment of the log, and not. */
  readonly reportsMatched: number;
  readonly neverAuthorised: readonly (Observation & {
    readonly changeId: string;
    readonly environment: string;
    readonly why: UnmatchedReason;
    /** Where it was put on record as a violation when it was reported; absent in what was reported before that was done. */
    readonly violation?: string;
  })[];
  /** Reports of other kinds in the period, which are no deployments. */
  readonly removedReports: number;
  readonly publishedReports: number;
}

/**
 * A change as it was submitted to whoever decides on it, one round: where and when that is written is the submission. Persons voted by their
 * opaque ids; a decision of an ITSM is one decision, whoever the ITSM says took it.
 */
export interface ChangeRecord extends Written {
  readonly changeId: string;
  /** A newer round supersedes the older. */
  readonly round: number;
  /** Of the population: those that rest on it. */
  readonly changeIds: readonly string[];
  readonly releaseId: string;
  readonly environment: string;
  readonly product: string;
  readonly title: string;
  readonly class: PlannedChangeClass;
  /** Who lets it pass: a model that was approved before, the board, an outside ITSM, or nobody but a review afterwards. */
  readonly route: 'model' | 'board' | 'itsm' | 'emergency';
  /** SHA-256 (hex) of the frozen dossier: what was voted on. */
  readonly dossierHash: string;
  readonly requester: string;
  readonly window: { readonly from: string; readonly until: string };
  /** By the end of the log that was read. */
  readonly status: 'open' | 'approved' | 'rejected' | 'voided' | 'withdrawn' | 'superseded' | 'implemented';
  readonly board?: { readonly boardId: string; readonly version: number };
  /** Where its approval is written, and who voted for it; nobody where that is not on record. */
  readonly model?: {
    readonly modelId: string;
    readonly version: number;
    readonly approved?: Written;
    readonly voters: readonly string[];
  };
  readonly incidentId?: string;
  readonly bypassId?: string;
  /** Votes that stood, each on exactly this dossier. */
  readonly votes: readonly (Written & { readonly person: string; readonly vote: 'for' | 'against' | 'abstain' })[];
  /** Members who declared that they do not vote. */
  readonly recused: readonly string[];
  /** The last decision; absent where there was none, which a model and an emergency have not. */
  readonly decided?: Written & {
    readonly by: 'board' | 'itsm';
    readonly outcome: 'approved' | 'rejected' | 'deferred';
    /** That the board asks for. */
    readonly quorum?: number;
    /** Who decided, as the ITSM says. */
    readonly outside?: string;
    readonly reference?: string;
  };
  readonly conditions: readonly {
    readonly conditionId: string;
    readonly text: string;
    readonly by: string;
    readonly confirmed?: Written & { readonly person: string };
  }[];
  /** What ended it other than its deployment. */
  readonly closed?: Written & { readonly how: 'voided' | 'withdrawn' | 'superseded'; readonly reason: string };
  /** Of an emergency. */
  readonly reviewDueAt?: string;
  readonly review?: Written & {
    readonly reviewer: string;
    readonly outcome: 'approved' | 'rejected';
    readonly findings: string;
    readonly late: boolean;
  };
  readonly reviewState?: 'reviewed' | 'reviewed-late' | 'rejected' | 'due' | 'overdue';
}

/** A change that went round the ordinary way: under a bypass, as an emergency that was submitted as a change, or of class emergency alone. */
export interface Emergency {
  /** Of the population; empty for what was requested in the period and used by no change. */
  readonly changeIds: readonly string[];
  readonly environment: string;
  readonly releaseId: string;
  /** Absent for a change of class emergency that used no bypass. */
  readonly bypass?: Written & {
    readonly bypassId: string;
    readonly requester: string;
    readonly team?: string;
    readonly gates: readonly GateName[];
    readonly justification: string;
    readonly tuple: ApprovalTuple;
    readonly expiresAt: string;
    readonly reviewDueAt: string;
    readonly review?: Written & {
      readonly reviewer: string;
      readonly outcome: 'approved' | 'rejected';
      readonly findings: string;
      readonly late: boolean;
    };
    /** By the end of the log that was read. `unused`: no deployment with it is on record, and its review is not due yet. */
    readonly state: 'reviewed' | 'reviewed-late' | 'rejected' | 'due' | 'overdue' | 'unused';
  };
  /** The emergency as a change of its own, with its review; absent for a bypass, and where nobody submitted one. */
  readonly change?: Written & {
    readonly changeId: string;
    readonly round: number;
    readonly dossierHash: string;
    readonly requester: string;
    readonly justification: string;
    readonly incidentId?: string;
    readonly bypassId?: string;
    readonly reviewDueAt?: string;
    readonly review?: NonNullable<ChangeRecord['review']>;
    readonly state: NonNullable<ChangeRecord['reviewState']>;
  };
  /** Why a plan is of class emergency, as its planner said. */
  readonly changeReason?: string;
}

/** What a role let people do, by the program's own table; policies on roles may say otherwise and are in `ruleChanges`. */
export type Capability = 'approve' | 'deploy' | 'administer';

/** A role that was in force at some moment of the period. */
export interface RoleInForce extends Written {
  readonly person: string;
  readonly role: string;
  readonly scope: RoleScope;
  /** In force from `from` to before `until`: as granted, cut off where it was revoked or the person left. */
  readonly from: string;
  readonly until: string;
  readonly capabilities: readonly Capability[];
  readonly requestedBy: string;
  /** `nobody` for the first administrator, whom nobody could confirm. */
  readonly confirmedBy: string;
  /** Where its end is written, if it was ended before its time. */
  readonly ended?: Written;
}

/** A membership that held at some moment of the period. */
export interface MembershipInForce extends Written {
  readonly group: string;
  readonly person: string;
  readonly from: string;
  /** Absent where it still held at the end of the log that was read. */
  readonly until?: string;
}

/** What somebody did in the period without a role of this log that would have let her. */
export interface ActedWithoutGrant extends Written {
  readonly person: string;
  readonly capability: Capability;
  /** How often; where it is written is the first. */
  readonly times: number;
}

export interface AccessInPeriod {
  /** Sorted by role, person and begin. */
  readonly roles: readonly RoleInForce[];
  /** Sorted by group, person and begin. */
  readonly memberships: readonly MembershipInForce[];
  /**
   * Sorted by person and capability. Where Plimsoll is set to take roles from tokens, what tokens granted is not in the log, and everybody who
   * acted is here.
   */
  readonly actedWithoutGrant: readonly ActedWithoutGrant[];
}

/** A change to what decides: rules, and who is who. */
export interface RuleChange extends Written {
  readonly kind:
    | 'policy'
    | 'environment'
    | 'calendar'
    | 'role-policy'
    | 'role'
    /** Whose team's roles count for a product. */
    | 'ownership'
    | 'group'
    | 'identity'
    | 'board'
    | 'change-model'
    | 'retention'
    | 'legal-hold'
    /** At what an automatic rollback begins. */
    | 'trigger';
  /** Event type. */
  readonly event: string;
  /** Person and account that did it. */
  readonly person: string;
  readonly principal: string;
  /** A sentence. */
  readonly what: string;
}

/** Duties that were not separated, as was learned later: of the period's changes, or learned in the period. */
export interface LaterViolation extends Written {
  readonly releaseId: string;
  readonly environment: string;
  readonly rule: string;
  readonly person: string;
  readonly duties: readonly string[];
  readonly evidence: readonly string[];
  /** Stream of the account whose link showed it. */
  readonly learnedFrom: string;
  /** Changes of the population that it is about. */
  readonly changeIds: readonly string[];
}

export interface ListedDenial extends Written {
  readonly command: string;
  readonly refusal: string;
  /** `duty`, `conflict`, `frozen` and so on. */
  readonly kind: string;
  readonly person: string;
  readonly detail: string;
}

export interface Denials {
  readonly total: number;
  /** Sorted by command and refusal. */
  readonly byType: readonly { readonly command: string; readonly refusal: string; readonly count: number }[];
  /** The first `MOST_DENIALS` of the period. */
  readonly list: readonly ListedDenial[];
  /** How many more there are. */
  readonly omitted: number;
}

/** Denials that are listed one by one; all are counted. */
export const MOST_DENIALS = 10_000;

export interface Sample {
  readonly seed: string;
  /** How many were asked for. */
  readonly size: number;
  /** How it is drawn, so that anybody can draw it again. */
  readonly algorithm: string;
  /** In the order in which they were drawn. */
  readonly changeIds: readonly string[];
}

/** A leaf of the ledger with the proof that it is in the tree of the report's checkpoint (RFC 6962); hashes are in base64. */
export interface ProvenLeaf {
  readonly leafHash: string;
  /** What of the change is written there: `change` and `decision` are of its change record, `review` of an emergency. */
  readonly of: 'requested' | 'approval' | 'change' | 'decision' | 'review' | 'started' | 'effect' | 'ended';
  /** From the leaf up. */
  readonly path: readonly string[];
  readonly ref: string;
  readonly sequence: number;
}

export interface ChangeProof {
  readonly changeId: string;
  readonly leaves: readonly ProvenLeaf[];
  /** Leaves beyond `MOST_PROVED_LEAVES`, which are proved by reference. */
  readonly omitted: number;
}

export type Tally = Readonly<Record<Answer, number>>;

export interface ComplianceSummary {
  readonly changes: number;
  readonly byKind: Readonly<Record<ChangeKind, number>>;
  readonly byOutcome: Readonly<Record<ChangeOutcome, number>>;
  readonly byClass: Readonly<Record<ChangeClass | 'unknown', number>>;
  readonly byQuestion: Readonly<Record<ControlQuestion, Tally>>;
  /** Changes with at least one `no`, and those with none but at least one `exception`. */
  readonly changesWithNo: number;
  readonly changesWithException: number;
}

/** The report. `canonicalPieces` gives its bytes; their SHA-256 is its name. */
export interface ComplianceReport {
  readonly schema: 'plimsoll.compliance-report.v1';
  /** What made it: another one may word or judge differently. */
  readonly engine: string;
  readonly query: ComplianceQuery;
  readonly log: LogRange;
  /** What judged the decisions of the period's changes, and the time zone databases they were reckoned with. Sorted. */
  readonly gateEngines: readonly string[];
  readonly tzdata: readonly string[];
  readonly questions: typeof CONTROL_QUESTIONS;
  readonly summary: ComplianceSummary;
  readonly accuracy: Accuracy;
  readonly changes: readonly Change[];
  /** Changes that the population rests on, or that were submitted, decided or open in the period. */
  readonly changeRecords: readonly ChangeRecord[];
  readonly emergencies: readonly Emergency[];
  readonly access: AccessInPeriod;
  readonly ruleChanges: readonly RuleChange[];
  readonly laterViolations: readonly LaterViolation[];
  readonly denials: Denials;
  /** Absent where none was asked for. */
  readonly sample?: Sample;
  /** Of the sampled changes, the first `MOST_PROVED` that were drawn; absent where there is no sample, or nothing was signed. */
  readonly proofs?: readonly ChangeProof[];
}
