import {
  approvalId,
  artifactId,
  ORGANISATION,
  versionLineId,
  type DeploymentEvent,
  type GateRule,
  type PlimsollEvent,
} from '#libs/contracts';
import { defaultPersonId } from '#libs/identity';
import { categoryOf, denialStream, derivedId, streamName, type EventLog, type StoredEvent } from '#libs/event-sourcing';

export const ENVIRONMENT = 'production';
const FROM = Date.parse('2026-01-01T00:00:00.000Z');
export const FIRST_DECISION = new Date(FROM).toISOString();
const MINUTE = 60_000;
/** Every tenth decision is a denial, every fiftieth deployment fails. */
const DENIED = 10;
const FAILED = 50;
const ISSUER = 'test';
/** Accounts that nobody has linked are persons of their own. */
const personOf = (by: string): string => defaultPersonId(ISSUER, by);
/** Decisions of which the events come together. */
const AT_ONCE = 200;

/** What the generated decisions were made under. */
export const SIX_GATES: readonly GateRule[] = [
  { gate: 'artifacts-registered' },
  { gate: 'tests-passed' },
  { gate: 'approved', quorum: 2 },
  { gate: 'duties-separated' },
  { gate: 'not-frozen' },
  { gate: 'expression:class', expression: 'environment.class == "production"' },
];

/** Whether the freeze, Sundays from 2 to 3 UTC, holds at a decision. */
function frozen(decision: number): boolean {
  const at = new Date(FROM + decision * MINUTE);
  return at.getUTCDay() === 0 && at.getUTCHours() === 2;
}

/** What a draft that says the same finds in so many decisions: those in the freeze would not have been let through. */
export function plantedIn(decisions: number): {
  readonly decisions: number;
  readonly blocked: number;
  readonly failed: number;
  readonly denied: number;
} {
  const all = Array.from({ length: decisions }, (_, i) => i);
  const accepted = all.filter((i) => i % DENIED !== DENIED - 1);
  return {
    decisions,
    blocked: accepted.filter(frozen).length,
    failed: accepted.filter((i) => i % FAILED === 0 && !frozen(i)).length,
    denied: decisions - accepted.length,
  };
}

/**
 * Decisions side by side, and each in its order: what it reads comes before it. What they share is appended at once: the versions first, and
 * last what becomes of the environment.
 */
export async function appendDecisions(log: EventLog, events: readonly StoredEvent[]): Promise<void> {
  const together = async (category: string): Promise<void> => {
    const of = events.filter((e) => categoryOf(e.stream) === category);
    for (const stream of new Set(of.map((e) => e.stream))) {
      const own = of.filter((e) => e.stream === stream);
      await log.append(stream, (own[0]?.revision ?? 0) - 1, own);
    }
  };
  const steps: StoredEvent[][] = [];
  const done = new Map<string, number>();
  for (const event of events.filter((e) => !SHARED.includes(categoryOf(e.stream)))) {
    const step = done.get(event.metadata.correlationId) ?? 0;
    done.set(event.metadata.correlationId, step + 1);
    (steps[step] ??= []).push(event);
  }
  await together('versionline');
  for (const step of steps) await Promise.all(step.map((event) => log.append(event.stream, event.revision - 1, [event])));
  await together('environment');
}

const SHARED = ['versionline', 'environment'];

/**
 * A log of generated decisions, one a minute, each of a release of its own with artifact, version, plan, report and two approvals: first what
 * all share, and then chunks of `AT_ONCE` decisions.
 */
export function* generatedDecisions(decisions: number): Generator<readonly StoredEvent[]> {
  const revisions = new Map<string, number>();
  let position = 0;
  let events: StoredEvent[] = [];
  let correlationId = 'beginning';
  const put: Put = (by, stream, event, at, schemaVersion = 1) => {
    const revision = (revisions.get(stream) ?? -1) + 1;
    revisions.set(stream, revision);
    const id = derivedId('bench-event', String(position));
    const principal = `${ISSUER}|${by}`;
    const metadata = { actor: personOf(by), principal, commandId: id, commandHash: 'h', correlationId, causationId: id };
    events.push({ id, stream, revision, position: BigInt(position++), ...event, metadata: { ...metadata, recordedAt: at, schemaVersion } });
  };
  begin(put);
  yield events;
  events = [];
  for (let i = 0; i < decisions; i++) {
    correlationId = `decision-${i}`;
    decide(put, i);
    if ((i + 1) % AT_ONCE !== 0 && i + 1 < decisions) continue;
    yield events;
    events = [];
  }
}

function begin(put: Put): void {
  const at = new Date(FROM).toISOString();
  const policy = {
    policyId: 'bank',
    version: 1,
    title: 'Bank',
    gates: SIX_GATES,
    rollbackGates: SIX_GATES,
    clauses: [],
    effectiveFrom: at,
  };
  put('max', 'policy-bank', { type: 'PolicyPublished', data: policy }, at, 2);
  const defined = { environment: ENVIRONMENT, class: 'production', policyId: 'bank' } as const;
  put('dan', `environment-${ENVIRONMENT}`, { type: 'EnvironmentDefined', data: defined }, at);
  const calendar = {
    calendarId: 'maintenance',
    version: 1,
    effectiveFrom: at,
    title: 'Maintenance of the database',
    kind: 'freeze',
    scope: { environmentClass: 'production' },
    zone: 'UTC',
    window: { kind: 'recurring', start: '2026-01-04T02:00', rule: 'FREQ=WEEKLY;BYDAY=SU', durationMinutes: 60 },
    passes: [],
    tzdata: 'bench',
    justification: 'It is worked on.',
  } as const;
  put('rita', streamName('calendar', ORGANISATION), { type: 'CalendarDeclared', data: calendar }, at);
}

function decide(put: Put, i: number): void {
  const at = new Date(FROM + i * MINUTE).toISOString();
  const releaseId = `release-${i}`;
  // A product has a few hundred releases; the line of one that had them all would be another subject.
  const product = `product-${Math.floor(i / 200)}`;
  const digest = `sha256:${String(i).padStart(64, '0')}`;
  const artifact = { artifactId: artifactId('api', `1.0.${i}`), name: 'api', version: `1.0.${i}`, purl: `pkg:npm/api@1.0.${i}`, digest };
  const of = { releaseId, environment: ENVIRONMENT };
  const registered = { ...artifact, digest: { algorithm: 'sha256', value: digest.slice(7) }, authors: [`${ISSUER}|ada`] } as const;
  put('ada', streamName('artifact', artifact.artifactId), { type: 'ArtifactRegistered', data: registered }, at);
  const composed = { releaseId, product, artifacts: [artifact], authors: [`${ISSUER}|ada`] };
  put('ada', `release-${releaseId}`, { type: 'ReleaseComposed', data: composed }, at);
  put('ada', `release-${releaseId}`, { type: 'ReleasePlanned', data: { ...of, steps: [], stages: [], planHash: 'plan' } }, at);
  const assigned = { product, releaseId, scheme: 'semver', version: `1.0.${i}` } as const;
  put('rita', streamName('versionline', versionLineId(product)), { type: 'VersionAssigned', data: assigned }, at);
  if (i % DENIED === DENIED - 1) {
    const reasons = [{ code: 'gate-approved-inconclusive', detail: 'No approval was requested.' }];
    const refusal = { refusal: 'gates-not-passed', kind: 'gate' as const, detail: 'No.', reasons };
    const data = { command: 'StartDeployment', stream: `deployment-${i}`, about: of, asked: of, ...refusal };
    return put('dan', denialStream(`denial-${i}`), { type: 'CommandDenied', data }, at);
  }
  report(put, releaseId, digest, at);
  approve(put, of, digest, at);
  const deploymentId = `deployment-${i}`;
  const receipt = { policyId: 'bank', policyVersion: 1, evaluatedAt: at, inputs: [], factsHash: '', gates: [], verdict: 'pass' as const };
  const data = { ...of, deploymentId, artifacts: [artifact], steps: [], planHash: 'plan', round: 1, deployer: personOf('dan'), receipt };
  put('dan', `deployment-${deploymentId}`, { type: 'DeploymentStarted', data }, at);
  const held = { ...of, deploymentId, round: 1 };
  const failed = i % FAILED === 0;
  const ended: DeploymentEvent = failed
    ? { type: 'DeploymentFailed', data: { ...held, failedSteps: ['a'], compensated: false } }
    : { type: 'DeploymentSucceeded', data: { ...held, artifacts: [artifact] } };
  put('dan', `deployment-${deploymentId}`, ended, at);
  put('dan', `environment-${ENVIRONMENT}`, { type: 'EnvironmentReserved', data: held }, at);
  put('dan', `environment-${ENVIRONMENT}`, { type: 'EnvironmentFreed', data: { ...held, outcome: failed ? 'failed' : 'succeeded' } }, at);
}

type Put = (by: string, stream: string, event: PlimsollEvent, at: string, schemaVersion?: number) => void;

function report(put: Put, releaseId: string, artifactDigest: string, at: string): void {
  const counts = { tests: 10, failures: 0, errors: 0, skipped: 0 };
  put(
    'tess',
    `testreport-${releaseId}`,
    {
      type: 'TestReportRecorded',
      data: { releaseId, suite: 'unit', artifactDigest, outcome: 'pass', ...counts, reportDigest: 'r', tester: personOf('tess') },
    } as PlimsollEvent,
    at,
  );
}

function approve(put: Put, of: { releaseId: string; environment: string }, digest: string, at: string): void {
  const id = approvalId(of.releaseId, of.environment);
  const tuple = {
    ...of,
    artifactDigests: [digest],
    planHash: 'plan',
    policyId: 'bank',
    policyVersion: 1,
    expiresAt: '2030-01-01T00:00:00.000Z',
  };
  const round = { approvalId: id, ...of, round: 1 };
  const stream = streamName('approval', id);
  const asked = { ...round, tuple, tupleHash: 't', quorum: 2, requester: personOf('rita') };
  put('rita', stream, { type: 'ApprovalRequested', data: asked }, at);
  for (const by of ['anna', 'otto']) {
    put(by, stream, { type: 'ApprovalGranted', data: { ...round, person: personOf(by), tupleHash: 't' } }, at);
  }
}
