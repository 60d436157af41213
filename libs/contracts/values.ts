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
}

export type GateName =
  'artifacts-registered' | 'version-assigned' | 'tests-passed' | 'approved' | 'duties-separated' | 'rollback-target-ran';

/** A gate as a policy asks for it. */
export type GateRule =
  | { readonly gate: Exclude<GateName, 'approved'> }
  /** `quorum`: how many distinct persons must have approved. */
  | { readonly gate: 'approved'; readonly quorum: number };

/** Absence is not success (principle 6). */
export type Verdict = 'pass' | 'fail' | 'inconclusive' | 'stale';

export interface GateVerdict {
  readonly gate: GateName;
  readonly verdict: Verdict;
  readonly detail: string;
  /** `stream@revision` of everything the verdict rests on. */
  readonly evidence: readonly string[];
  readonly unblockedBy?: string;
}

/** A decision with its inputs (principle 2): the same inputs give the same bytes. */
export interface DecisionReceipt {
  readonly policyId: string;
  readonly policyVersion: number;
  readonly evaluatedAt: string;
  /** `stream@revision` of every stream read, sorted. */
  readonly inputs: readonly string[];
  /** SHA-256 (hex) over the canonical JSON of the facts that were judged. */
  readonly factsHash: string;
  readonly gates: readonly GateVerdict[];
  readonly verdict: 'pass' | 'fail';
}
