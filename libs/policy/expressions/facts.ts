/** What a gate expression may speak of. A fact that is not listed here is refused when the policy is published. */
export type FactType = 'bool' | 'int' | 'string' | 'timestamp' | 'list<string>';

export interface FactDeclaration {
  readonly type: FactType;
  /** Where it comes from. */
  readonly from: string;
  /** All the values that it can have; absent where they are not known beforehand. */
  readonly values?: readonly string[];
  /** It may be missing: what is said of it is then inconclusive, never a pass. */
  readonly mayBeAbsent?: true;
}

export const declaredFacts = {
  now: { type: 'timestamp', from: "the server's time of the decision" },
  'change.class': { type: 'string', from: 'the plan of the change', values: ['standard', 'normal', 'emergency'] },
  'change.risk': {
    type: 'string',
    from: 'the plan of the change, and the floors of the policy: what it is judged as',
    values: ['low', 'medium', 'high'],
  },
  'change.kind': { type: 'string', from: 'the command', values: ['deployment', 'rollback'] },
  'change.deployer': { type: 'string', from: 'the token of who would deploy' },
  'environment.name': { type: 'string', from: 'stream environment' },
  'environment.class': {
    type: 'string',
    from: 'stream environment',
    values: ['development', 'test', 'staging', 'production'],
    mayBeAbsent: true,
  },
  'environment.regimes': { type: 'list<string>', from: 'stream environment' },
  'environment.ran_before': { type: 'bool', from: 'stream environment: the release ran there with success' },
  'release.product': { type: 'string', from: 'stream release', mayBeAbsent: true },
  'release.version': { type: 'string', from: 'stream versionline', mayBeAbsent: true },
  'release.authors': { type: 'list<string>', from: 'streams release, artifact and account, as persons' },
  'artifacts.names': { type: 'list<string>', from: 'stream release' },
  'artifacts.digests': { type: 'list<string>', from: 'stream release' },
  'artifacts.count': { type: 'int', from: 'stream release' },
  'artifacts.registered': { type: 'int', from: 'streams artifact: how many are registered with the digest of the release' },
  'tests.passed': {
    type: 'list<string>',
    from: "stream testreport: suites that pass for every digest they were run on, of the release's digests",
  },
  'tests.failed': { type: 'list<string>', from: "stream testreport: suites that fail for one of the release's digests" },
  'approvals.count': { type: 'int', from: 'stream approval: distinct persons' },
  'approvals.persons': { type: 'list<string>', from: 'stream approval' },
  'approvals.requester': { type: 'string', from: 'stream approval', mayBeAbsent: true },
  'approvals.expires_at': { type: 'timestamp', from: 'stream approval', mayBeAbsent: true },
  'plan.steps': { type: 'int', from: 'stream release: the plan for this environment', mayBeAbsent: true },
  'plan.drivers': { type: 'list<string>', from: 'stream release: the plan for this environment', mayBeAbsent: true },
} as const satisfies Readonly<Record<string, FactDeclaration>>;

export type FactName = keyof typeof declaredFacts;

/** Facts as values of JSON: timestamps as ISO 8601, ints as numbers. What is not there is absent. */
export type FactValues = Readonly<Partial<Record<FactName, boolean | number | string | readonly string[]>>>;

export function declarationOf(name: string): FactDeclaration | undefined {
  return Object.hasOwn(declaredFacts, name) ? declaredFacts[name as FactName] : undefined;
}

/** Most entries of a list that an expression judges; what is longer is inconclusive. */
export const MAX_LIST = 200;
