import {
  CONTROL_QUESTIONS,
  type Answer,
  type Change,
  type ComplianceReport,
  type ComplianceSummary,
  type ControlQuestion,
  type Judged,
} from '../report.ts';

/** A report for specs of formats and frameworks: changes as they are made up, and a summary that agrees with them. */
export function aReport(parts: Partial<ComplianceReport> = {}): ComplianceReport {
  const changes = parts.changes ?? [];
  return {
    schema: 'plimsoll.compliance-report.v1',
    engine: 'plimsoll-compliance/3',
    query: { from: '2026-01-01T00:00:00.000Z', to: '2026-04-01T00:00:00.000Z' },
    log: {
      events: 1000,
      firstPosition: '1',
      lastPosition: '1000',
      lastRecordedAt: '2026-04-01T06:00:00.000Z',
      coversPeriod: true,
      checkpoint: { origin: 'plimsoll.example/ledger', size: 1000, root: 'nCdsuGzHGrl7uqaS4GWCjsBDpUQlKDkVAcZ9J3mEAmM=' },
    },
    gateEngines: ['plimsoll-gates/4'],
    tzdata: ['2026a'],
    questions: CONTROL_QUESTIONS,
    summary: summaryOf(changes),
    accuracy: {
      deployments: changes.length,
      tookEffect: changes.length,
      observed: changes.length,
      neverObserved: [],
      reports: changes.length,
      reportsMatched: changes.length,
      neverAuthorised: [],
      removedReports: 0,
      publishedReports: 0,
    },
    changes,
    changeRecords: [],
    emergencies: [],
    access: { roles: [], memberships: [], actedWithoutGrant: [] },
    ruleChanges: [],
    laterViolations: [],
    denials: { total: 0, byType: [], list: [], omitted: 0 },
    ...parts,
  };
}

/** A change that everything is in order with, but for what is said; `n` makes ids, digests and sequences. */
export function aChange(
  n: number,
  parts: Partial<Omit<Change, 'verdicts'>> & { verdicts?: Partial<Record<ControlQuestion, Judged>> } = {},
): Change {
  const digest = `sha256:${n.toString(16).padStart(64, '0')}`;
  const at = (minute: number): string => new Date(Date.UTC(2026, 0, 5) + (n * 60 + minute) * 60_000).toISOString();
  const written = (minute: number, what: string) => ({ at: at(minute), ref: `${what}-${n}@${minute}`, sequence: n * 60 + minute });
  const { verdicts, ...rest } = parts;
  return {
    id: `deployment-${n}`,
    kind: 'deployment',
    environment: 'production',
    environmentClass: 'production',
    regimes: ['SOX'],
    changeClass: 'normal',
    outcome: 'succeeded',
    inPeriod: ['started', 'effect', 'ended'],
    release: { releaseId: `release-${n}`, product: 'shop', version: `1.0.${n}` },
    requester: 'person-rita',
    authors: [{ account: 'https://id.example|dora', person: 'person-dora' }],
    preparedBy: [{ account: 'https://id.example|ci', person: 'person-ci' }],
    tests: [
      {
        ...written(1, 'test'),
        suite: 'unit',
        outcome: 'pass',
        artifactDigest: digest,
        reportDigest: 'ab'.repeat(32),
        tester: 'person-tess',
      },
    ],
    approvals: [
      { ...written(3, 'approval'), person: 'person-anna', counted: true },
      { ...written(4, 'approval'), person: 'person-ben', groups: ['payments'], counted: true },
    ],
    deployer: 'person-dave',
    requested: written(2, 'approval'),
    approved: written(4, 'approval'),
    started: written(5, 'deployment'),
    effect: written(6, 'deployment'),
    ended: written(9, 'deployment'),
    approvedDigests: [digest],
    deployedDigests: [digest],
    tupleHash: 'cd'.repeat(32),
    policy: { id: 'production', version: 3 },
    receipts: [{ ...written(5, 'deployment'), decision: 'start', verdict: 'pass', factsHash: 'ef'.repeat(32), engine: 'plimsoll-gates/4' }],
    observations: [
      { ...written(10, 'environment'), by: 'report', service: 'shop', artifact: `pkg:oci/shop@${digest}`, change: 'deployed' },
    ],
    ...rest,
    verdicts: {
      ...(Object.fromEntries(
        Object.keys(CONTROL_QUESTIONS).map((question) => [question, { verdict: 'yes', evidence: [`deployment-${n}@5`] }]),
      ) as unknown as Record<ControlQuestion, Judged>),
      ...verdicts,
    },
  };
}

export function judged(verdict: Exclude<Answer, 'yes'>, reason: string, evidence: readonly string[] = []): Judged {
  return { verdict, reason, evidence };
}

/** Counts what the changes say. */
export function summaryOf(changes: readonly Change[]): ComplianceSummary {
  const questions = Object.keys(CONTROL_QUESTIONS) as ControlQuestion[];
  const count = (is: (change: Change) => boolean): number => changes.filter(is).length;
  const by = <K extends string>(keys: readonly K[], of: (change: Change) => K) =>
    Object.fromEntries(keys.map((key) => [key, count((change) => of(change) === key)])) as Record<K, number>;
  const has = (change: Change, answer: Answer): boolean => questions.some((q) => change.verdicts[q].verdict === answer);
  return {
    changes: changes.length,
    byKind: by(['deployment', 'rollback', 'observed'], (c) => c.kind),
    byOutcome: by(['succeeded', 'failed', 'halted', 'under-way', 'observed'], (c) => c.outcome),
    byClass: by(['standard', 'normal', 'emergency', 'rollback', 'unknown'], (c) => c.changeClass),
    byQuestion: Object.fromEntries(questions.map((q) => [q, by(['yes', 'no', 'exception'], (c) => c.verdicts[q].verdict)])) as Record<
      ControlQuestion,
      Record<Answer, number>
    >,
    changesWithNo: count((c) => has(c, 'no')),
    changesWithException: count((c) => !has(c, 'no') && has(c, 'exception')),
  };
}
