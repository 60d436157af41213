import type { ChangeClass } from './calendars.events.ts';

/** A content digest; `value` is lower-case hex of the algorithm's length. */
export interface Digest {
  readonly algorithm: 'sha256' | 'sha384' | 'sha512';
  readonly value: string;
}

/** `sha256:…`: how digests are compared and shown. */
export function digestText(digest: Digest): string {
  return `${digest.algorithm}:${digest.value}`;
}

/** An artifact as a release contains it. */
export interface ReleaseArtifact {
  readonly artifactId: string;
  readonly name: string;
  readonly version: string;
  readonly purl: string;
  /** `digestText` form. */
  readonly digest: string;
}

/** What a failure of the upstream step does to the deployment (M4.2). */
export type OnFailure = 'halt' | 'continue' | 'compensate';

/** What a step does: a driver's action with its input. */
export interface StepAction {
  readonly driver: string;
  readonly action: string;
  readonly input: Readonly<Record<string, unknown>>;
}

/** A node of the deployment's graph. */
export interface PlannedStep extends StepAction {
  readonly id: string;
  readonly dependsOn: readonly { readonly step: string; readonly onFailure: OnFailure }[];
  /** Run when a failure further down asks for compensation. */
  readonly compensation?: StepAction;
}

export interface SmokeCheck {
  readonly name: string;
  readonly method: 'GET' | 'HEAD';
  readonly path: string;
  readonly expectStatus: number;
  readonly expectBodyIncludes?: string;
}

/** What is asked of the environment after a deployment (M5.1). */
export interface SmokeSuite {
  readonly baseUrl: string;
  readonly checks: readonly SmokeCheck[];
}

/** What an approval is bound to (principle 3). Any change of it voids the approval. */
export interface ApprovalTuple {
  readonly releaseId: string;
  /** `digestText` forms, sorted. */
  readonly artifactDigests: readonly string[];
  readonly environment: string;
  readonly planHash: string;
  readonly policyId: string;
  readonly policyVersion: number;
  readonly expiresAt: string;
  /** What the environment was, which selects the policy's clauses; absent in what was asked for before it was bound. */
  readonly environmentClass?: string;
  /** Sorted; empty where the environment was under none. */
  readonly regimes?: readonly Regime[];
}

/** Gates that are part of the program. */
export type BuiltInGate =
  | 'artifacts-registered'
  | 'version-assigned'
  | 'tests-passed'
  | 'approved'
  | 'change-approved'
  | 'duties-separated'
  | 'not-frozen'
  | 'rollback-target-ran';

/** A gate of the policy's own, `expression:<slug>`. */
export type ExpressionGate = `expression:${string}`;

export type GateName = BuiltInGate | ExpressionGate;

/** A gate as a policy asks for it. */
export type GateRule =
  | { readonly gate: Exclude<BuiltInGate, 'approved' | 'duties-separated'> }
  /** `apart`: what the policy keeps apart besides what is kept apart everywhere. */
  | { readonly gate: 'duties-separated'; readonly apart?: readonly DutySet[] }
  /** `expression`: CEL over declared facts. */
  | { readonly gate: ExpressionGate; readonly expression: string; readonly unblockedBy?: string }
  /**
   * `quorum`: how many distinct persons must have approved. `groups`: how many of them from which group; each person counts for one
   * group only, however many she is in.
   */
  | { readonly gate: 'approved'; readonly quorum: number; readonly groups?: readonly GroupQuorum[] };

/** Of these duties of one release (principle 4), nobody holds more than `atMost`; 1 unless told. */
export interface DutySet {
  /** Stable, kebab-case. */
  readonly id: string;
  readonly duties: readonly ('author' | 'committer' | 'co-author' | 'requester' | 'tester' | 'approver' | 'deployer' | 'policy-editor')[];
  readonly atMost?: number;
}

/** How many persons of a group must have approved. */
export interface GroupQuorum {
  readonly group: string;
  readonly quorum: number;
}

export const REGIMES = ['SOX', 'HIPAA', 'PCI', 'none'] as const;
export type Regime = (typeof REGIMES)[number];

export const PLANNED_CHANGE_CLASSES = ['standard', 'normal', 'emergency'] as const;
export type PlannedChangeClass = (typeof PLANNED_CHANGE_CLASSES)[number];

/** From the least to the most. */
export const RISK_CLASSES = ['low', 'medium', 'high'] as const;
export type RiskClass = (typeof RISK_CLASSES)[number];

/** Since when a policy is in force that does not say so. */
export const BEGINNING_OF_TIME = '1970-01-01T00:00:00.000Z';

/** Where a clause of a policy counts: everywhere unless told. What is named must hold together. */
export interface PolicyScope {
  readonly environmentClasses?: readonly string[];
  /** It counts where the environment is under one of these. */
  readonly regimes?: readonly Regime[];
  readonly changeClasses?: readonly PlannedChangeClass[];
  /** It counts where the change is judged to be of one of these: what was declared, or the policy's floor where that is higher. */
  readonly riskClasses?: readonly RiskClass[];
}

/** What a policy can know by itself of how risky a change is. What is named must hold together. */
export interface RiskFloorScope {
  readonly environmentClasses?: readonly string[];
  /** It counts where the environment is under one of these. */
  readonly regimes?: readonly Regime[];
  /** It counts where the release has more than so many artifacts. */
  readonly moreArtifactsThan?: number;
}

/** No change that it is about is judged to be of less risk than this, whatever its plan declares. */
export interface RiskFloor {
  readonly when: RiskFloorScope;
  readonly atLeast: Exclude<RiskClass, 'low'>;
}

/** Gates that a policy asks for besides, in a part of what it governs. A clause adds, it never takes away. */
export interface PolicyClause {
  readonly when: PolicyScope;
  readonly gates: readonly GateRule[];
}

/** Absence is not success (principle 6). */
export type Verdict = 'pass' | 'fail' | 'inconclusive' | 'stale';

export interface GateVerdict {
  readonly gate: GateName;
  readonly verdict: Verdict;
  readonly detail: string;
  /** `stream@revision` of everything the verdict rests on. */
  readonly evidence: readonly string[];
  readonly unblockedBy?: string;
  /** The bypass that lets the decision pass although this gate does not; the verdict stays what it is (principle 7). */
  readonly waivedBy?: string;
}

/** What would unblock a decision, soonest first. */
export interface Unblocking {
  readonly gate: GateName;
  readonly action: string;
  /** What it takes: an instant that comes by itself, a person, or work. */
  readonly takes: 'time' | 'persons' | 'work';
  /** Minutes from `evaluatedAt`, estimated where it takes persons or work. */
  readonly minutes: number;
  /** ISO 8601, where the instant is known. */
  readonly at?: string;
}

/** How risky a change was judged to be, and why. */
export interface JudgedRisk {
  /** By the plan. */
  readonly declared: RiskClass | 'undeclared';
  /** By the policy; the highest of its floors that count. */
  readonly floor: RiskClass | 'none';
  /** What counted: the higher of both, and `high` where nobody declared any. */
  readonly effective: RiskClass;
  readonly detail: string;
}

/** A decision with its inputs (principle 2): the same inputs give the same bytes. */
export interface DecisionReceipt {
  readonly policyId: string;
  readonly policyVersion: number;
  readonly evaluatedAt: string;
  /** What judged; absent in receipts from before engines had versions. */
  readonly engine?: string;
  /** What was asked; absent in receipts from before it was noted. With it and the streams, a receipt can be executed again. */
  readonly subject?: {
    readonly releaseId: string;
    readonly environment: string;
    readonly kind: 'deployment' | 'rollback';
    /** Person. */
    readonly deployer: string;
    /** Others who deployed earlier rounds of it; absent where there are none. */
    readonly deployedBefore?: readonly string[];
    /** The bypass that was asked to waive gates. */
    readonly bypassId?: string;
    /** The class that it was confirmed as, where calendars are asked once more before its first step; absent elsewhere. */
    readonly startedAs?: ChangeClass;
  };
  /** Absent in receipts from before there were risks. */
  readonly risk?: JudgedRisk;
  /** `stream@revision` of every stream read, sorted. */
  readonly inputs: readonly string[];
  /** SHA-256 (hex) over the canonical JSON of the facts that were judged. */
  readonly factsHash: string;
  readonly gates: readonly GateVerdict[];
  readonly verdict: 'pass' | 'fail';
  /** Soonest first; absent where nothing is in the way. */
  readonly unblocking?: readonly Unblocking[];
}
