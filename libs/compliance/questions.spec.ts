import { ComplianceFold, CONTROL_QUESTIONS, type Answer, type Change, type ComplianceReport, type ControlQuestion } from '#libs/compliance';
import {
  changeId,
  type ApprovalTuple,
  type ChangeDossier,
  type ChangeEvent,
  type DecisionReceipt,
  type DossierContents,
  type GateName,
  type GateVerdict,
  type PlannedChangeClass,
  type PlimsollEvent,
  type ReleaseArtifact,
} from '#libs/contracts';
import type { StoredEvent } from '#libs/event-sourcing';
import { defaultPersonId } from '#libs/identity';
import { dossierHashOf, tupleHashOf } from '#libs/policy';
import { boardContents, modelContents } from '#libs/policy/testing';
import { history, type Happening } from '../../test/support/history.ts';

type Told = Happening<PlimsollEvent>;

const p = (name: string): string => defaultPersonId('test', name);
const hex = (c: string): string => c.repeat(64);
const BYPASS = 'bypass-1';
const at = (second: number): string => new Date(Date.parse('2026-03-02T10:00:00.000Z') + second * 1000).toISOString();
const of = { deploymentId: 'd1', releaseId: 'r1', environment: 'production' } as const;
const artifact: ReleaseArtifact = {
  artifactId: 'a1',
  name: 'shop',
  version: '2.0.0',
  purl: 'pkg:npm/shop@2.0.0',
  digest: `sha256:${hex('a')}`,
};
const other: ReleaseArtifact = { ...artifact, digest: `sha256:${hex('b')}` };
const tuple: ApprovalTuple = {
  releaseId: 'r1',
  artifactDigests: [artifact.digest],
  environment: 'production',
  planHash: hex('1'),
  policyId: 'strict',
  policyVersion: 1,
  expiresAt: at(3600),
};
const round = { approvalId: 'ap', releaseId: 'r1', environment: 'production', round: 1 };
const action = { driver: 'exec', action: 'switch', input: {} };
const step = { id: 's', ...action, dependsOn: [] };

const gate = (name: GateName, more: Partial<GateVerdict> = {}): GateVerdict => ({
  gate: name,
  verdict: 'pass',
  detail: 'As it should be.',
  evidence: ['release-r1@0'],
  ...more,
});
const receipt = (gates: readonly GateVerdict[], more: Partial<DecisionReceipt> = {}): DecisionReceipt => ({
  engine: 'gates/1',
  policyId: 'strict',
  policyVersion: 1,
  evaluatedAt: at(9),
  inputs: ['calendar-organisation@-1'],
  factsHash: hex('f'),
  gates,
  verdict: 'pass',
  ...more,
});
/** Before the seventh, engines took a plan's word for its class, and asked nobody's roles. */
const SIXTH = { engine: 'plimsoll-gates/6 cel/0.6.1' };
const SEVENTH = { engine: 'plimsoll-gates/7 cel/0.6.1' };
const LOW = { declared: 'low', floor: 'none', effective: 'low', detail: 'Its risk was declared low.' } as const;
const PASSED = [gate('tests-passed'), gate('approved'), gate('duties-separated')];
const passed = receipt(PASSED);

/** The parts of a change as it should be, in their order; each can be left out or told otherwise. */
const parts = {
  policy: policy(1),
  environment: {
    stream: 'environment-production',
    event: { type: 'EnvironmentDefined', data: { environment: 'production', class: 'production', policyId: 'strict' } },
  },
  registered: {
    stream: 'artifact-a1',
    event: {
      type: 'ArtifactRegistered',
      data: { ...artifact, digest: { algorithm: 'sha256', value: hex('a') }, authors: ['test|ann'] },
    },
  },
  composed: {
    stream: 'release-r1',
    event: { type: 'ReleaseComposed', data: { releaseId: 'r1', product: 'shop', artifacts: [artifact], authors: ['test|ann'] } },
  },
  planned: {
    stream: 'release-r1',
    event: {
      type: 'ReleasePlanned',
      data: { releaseId: 'r1', environment: 'production', steps: [step], stages: [['s']], planHash: tuple.planHash },
    },
  },
  tested: test('unit', 'pass'),
  requested: {
    stream: 'approval-ap',
    by: p('rita'),
    event: {
      type: 'ApprovalRequested',
      data: { ...round, tuple, tupleHash: tupleHashOf(tuple), quorum: 2, requester: p('rita') },
    },
  },
  granted: vote('abe'),
  grantedToo: vote('bea'),
  started: start(),
  confirmed: { stream: 'deployment-d1', event: { type: 'DeploymentConfirmed', data: { ...of, receipt: passed, fencingBase: 0 } } },
  succeeded: succeed(artifact),
  observed: observe(artifact.digest),
} satisfies Record<string, Told>;

function policy(version: number, effectiveFrom = '1970-01-01T00:00:00.000Z', more: object = {}): Told {
  const gates = [{ gate: 'tests-passed' }, { gate: 'approved', quorum: 2 }, { gate: 'duties-separated' }] as const;
  const rollbackGates = [{ gate: 'rollback-target-ran' }] as const;
  const data = { policyId: 'strict', version, title: 'Strict', gates, rollbackGates, clauses: [], effectiveFrom, ...more };
  return { stream: 'policy-strict', event: { type: 'PolicyPublished', data } };
}
function test(suite: string, outcome: 'pass' | 'fail' | 'inconclusive', artifactDigest = artifact.digest): Told {
  const counts = { tests: 3, failures: 0, errors: 0, skipped: 0, failed: [] };
  const data = {
    releaseId: 'r1',
    artifactDigest,
    suite,
    format: 'junit' as const,
    reportDigest: hex('2'),
    outcome,
    ...counts,
    tester: p('tess'),
  };
  return { stream: 'testreport-r1', event: { type: 'TestReportRecorded', data } };
}
function vote(name: string, tupleHash = tupleHashOf(tuple)): Told {
  return { stream: 'approval-ap', by: p(name), event: { type: 'ApprovalGranted', data: { ...round, person: p(name), tupleHash } } };
}
type Start = Extract<PlimsollEvent, { type: 'DeploymentStarted' }>['data'];
function start(more: Partial<Start> = {}, by = more.deployer ?? p('dan')): Told {
  const data: Start = {
    ...of,
    artifacts: [artifact],
    steps: [step],
    planHash: tuple.planHash,
    round: 1,
    deployer: p('dan'),
    tuple,
    receipt: passed,
    ...more,
  };
  return { stream: `deployment-${data.deploymentId}`, by, event: { type: 'DeploymentStarted', data } };
}
function succeed(put: ReleaseArtifact, more: Partial<typeof of> = {}): Told {
  return { stream: 'deployment-d1', event: { type: 'DeploymentSucceeded', data: { ...of, round: 1, artifacts: [put], ...more } } };
}
function observe(text: string, change: 'deployed' | 'rolledback' | 'removed' = 'deployed'): Told {
  const claimed = { reportedBy: '/cluster', claimedOccurredAt: at(0), skewSeconds: 0 };
  const data = { environment: 'production', service: 'shop', artifact: text, change, ...claimed };
  return { stream: 'environment-production', event: { type: 'RunningVersionReported', data } };
}
function bypass(more: object = {}): Told {
  const data = {
    bypassId: BYPASS,
    releaseId: 'r1',
    environment: 'production',
    product: 'shop',
    gates: ['approved'] as const,
    justification: 'Payments are down.',
    requester: p('otto'),
    tuple,
    tupleHash: tupleHashOf(tuple),
    reviewDueAt: at(40),
    ...more,
  };
  return { stream: 'bypass-register', by: p('otto'), event: { type: 'BypassRequested', data } };
}
function review(by: string, outcome: 'approved' | 'rejected' = 'approved', late = false): Told {
  const data = { bypassId: BYPASS, reviewer: p(by), outcome, findings: 'So it was.', late };
  return { stream: 'bypass-register', by: p(by), event: { type: 'BypassReviewed', data } };
}
const waiting: Told = { stream: 'group-a', event: { type: 'GroupDefined', data: { group: 'a', title: 'A' } } };
/** Time goes by, a second each. */
const seconds = (count: number): Told[] => Array.from({ length: count }, () => waiting);

type Name = keyof typeof parts;
/** The story of a change as it should be, but for what is told otherwise; `null` leaves a part out, a list puts several in its place. */
/** It failed, and somebody had it tried again. */
function resumedBy(name: string): Told[] {
  const failed: Told = {
    stream: 'deployment-d1',
    event: { type: 'DeploymentFailed', data: { ...of, round: 1, failedSteps: ['s'], compensated: false } },
  };
  const data = { ...of, steps: ['s'], reason: 'Again.', round: 2, deployer: p(name), receipt: passed };
  const resumed: Told = { stream: 'deployment-d1', by: p(name), event: { type: 'DeploymentResumed', data } };
  return story({ succeeded: [failed, resumed, parts.confirmed, parts.succeeded] });
}
function story(otherwise: { readonly [N in Name]?: Told | readonly Told[] | null } = {}, after: readonly Told[] = []): Told[] {
  const told = (Object.keys(parts) as Name[]).flatMap((name) => {
    const changed = otherwise[name];
    return changed === undefined ? [parts[name]] : changed === null ? [] : changed;
  });
  return [...(told as Told[]), ...after];
}

const YEAR = { from: '2026-01-01T00:00:00.000Z', to: '2027-01-01T00:00:00.000Z' };
function reportOf(told: readonly Told[], query = YEAR): ComplianceReport {
  const fold = new ComplianceFold(query);
  for (const event of history(told)) fold.add(event as StoredEvent);
  return fold.report();
}
const changeIn = (told: readonly Told[], id = 'd1'): Change => reportOf(told).changes.find((change) => change.id === id)!;
const underBypass = (more: Partial<Start> = {}): Told =>
  start({
    tuple: undefined as unknown as ApprovalTuple,
    bypassId: BYPASS,
    receipt: receipt([gate('tests-passed'), gate('approved', { verdict: 'inconclusive', waivedBy: BYPASS }), gate('duties-separated')]),
    ...more,
  });
const ofBypass = (after: readonly Told[] = [], more: Partial<Start> = {}, as: 'normal' | 'emergency' = 'normal'): Told[] =>
  story({ planned: plannedAs(as), requested: null, granted: null, grantedToo: null, started: [bypass(), underBypass(more)] }, after);
/** What asks for nothing. */
const lax = policy(1, undefined, { gates: [] });
const ofLax = (): Told[] =>
  story({
    policy: lax,
    requested: null,
    granted: null,
    grantedToo: null,
    tested: null,
    started: start({ tuple: undefined as unknown as ApprovalTuple, receipt: receipt([]) }),
  });
const back = { deploymentId: 'd2', releaseId: 'r1', environment: 'production' } as const;
const rollback = (deployer = p('dan')): Told[] => [
  start(
    {
      ...back,
      deployer,
      tuple: undefined as unknown as ApprovalTuple,
      rollbackOf: { deploymentId: 'd0', releaseId: 'r0', reason: 'Errors.' },
      receipt: receipt([gate('rollback-target-ran')]),
    },
    deployer,
  ),
];
const halted: Told = { stream: 'deployment-d1', event: { type: 'DeploymentHalted', data: { ...of, round: 1, reason: 'Stopped.' } } };
const calendar: Told = {
  stream: 'calendar-organisation',
  event: {
    type: 'CalendarWithdrawn',
    data: { calendarId: 'c', version: 1, effectiveFrom: at(0), justification: 'None.' },
  },
};
const frozen = (more: Partial<GateVerdict> = {}): GateVerdict =>
  gate('not-frozen', { evidence: ['calendar-organisation@0', 'tzdata:2025c'], ...more });
const link = (subject: string, person: string): Told => ({
  stream: `account-${subject}`,
  event: { type: 'AccountLinked', data: { issuer: 'test', subject, person: p(person) } },
});

const REVIEW_DUE = 45;
/** A change of `r1` for production, submitted to a board of anna, otto and cora with a quorum of two, on what is deployed. */
const ofChange = { changeId: changeId('r1', 'production'), releaseId: 'r1', environment: 'production', round: 1 } as const;
const contents: DossierContents = {
  releaseId: 'r1',
  environment: 'production',
  environmentClass: 'production',
  product: 'shop',
  artifacts: [{ name: artifact.name, version: artifact.version, purl: artifact.purl, digest: artifact.digest }],
  planHash: tuple.planHash,
  policyId: 'strict',
  policyVersion: 1,
  tests: [{ digest: artifact.digest, suite: 'unit', outcome: 'pass' }],
  // Whoever put it together is an author, too.
  authors: [p('ann'), 'person-nobody'].sort(),
};
const dossier = (more: Partial<ChangeDossier> = {}): ChangeDossier => ({
  schema: 'plimsoll.change-dossier.v1',
  changeId: ofChange.changeId,
  round: 1,
  class: 'normal',
  title: 'Shop 2.0.0',
  justification: 'The new checkout.',
  risk: { level: 'high', assessment: 'Payments could fail.' },
  backout: 'Roll back.',
  window: { from: at(0), until: at(600) },
  dependsOn: [],
  requester: p('rita'),
  contents,
  conflicts: [],
  board: { boardId: 'cab', version: 1 },
  ...more,
});
const inChange = (event: ChangeEvent, by = p('rita')): Told => ({ stream: `change-${ofChange.changeId}`, by, event });
type Submission = Extract<PlimsollEvent, { type: 'ChangeSubmitted' }>['data'];
const submitted = (of: ChangeDossier = dossier(), more: Partial<Submission> = {}): Told =>
  inChange({
    type: 'ChangeSubmitted',
    data: {
      ...ofChange,
      round: of.round,
      product: 'shop',
      class: of.class,
      reasons: [],
      route: of.model ? 'model' : of.class === 'emergency' ? 'emergency' : 'board',
      dossier: of,
      dossierHash: dossierHashOf(of),
      requester: p('rita'),
      submittedAt: at(0),
      ...(of.class === 'emergency' ? { reviewDueAt: at(REVIEW_DUE) } : {}),
      inputs: [],
      ...more,
    },
  });
const HASH = dossierHashOf(dossier());
const votes = (name: string, cast: 'for' | 'against' | 'abstain' = 'for', dossierHash = HASH): Told =>
  inChange({ type: 'ChangeVoteCast', data: { ...ofChange, person: p(name), vote: cast, dossierHash, conditions: [] } }, p(name));
type Decision = Extract<PlimsollEvent, { type: 'ChangeDecided' }>['data'];
const decided = (more: Partial<Decision> = {}): Told =>
  inChange({
    type: 'ChangeDecided',
    data: {
      ...ofChange,
      outcome: 'approved',
      by: 'board',
      dossierHash: HASH,
      recused: [],
      conditions: [],
      conflicts: [],
      inputs: [],
      ...more,
    },
  });
const CONDITION = { conditionId: '00000000-0000-4000-8000-0000000000c1', text: 'Back up first.', by: p('anna') };
const confirmed = (name: string): Told =>
  inChange(
    { type: 'ChangeConditionMet', data: { ...ofChange, conditionId: CONDITION.conditionId, confirmedBy: p(name), evidence: 'Done.' } },
    p(name),
  );
const members = (...names: readonly string[]): Told[] =>
  names.map((name) => ({ stream: 'group-cab', event: { type: 'GroupMemberAdded', data: { group: 'cab', person: p(name) } } }));
const board = (more: object = {}): Told => ({
  stream: 'board-cab',
  event: { type: 'BoardDefined', data: { ...boardContents, boardId: 'cab', version: 1, tzdata: '2025b', ...more } } as PlimsollEvent,
});
const CAB: readonly Told[] = [board(), ...members('anna', 'otto', 'cora')];
const DECIDED: readonly Told[] = [submitted(), votes('anna'), votes('otto'), decided()];
const WITH_CHANGE = [...PASSED, gate('change-approved')];
/** Deployed under a policy that asks for a change, after what is told of one. */
const cab = (
  told: readonly Told[],
  { after = [], planned = parts.planned, ...more }: Partial<Start> & { readonly after?: readonly Told[]; readonly planned?: Told } = {},
): Told[] => {
  const gates = [
    { gate: 'tests-passed' },
    { gate: 'approved', quorum: 2 },
    { gate: 'duties-separated' },
    { gate: 'change-approved' },
  ] as const;
  const { receipt: judged = receipt(WITH_CHANGE) } = more;
  const confirm = { ...parts.confirmed, event: { type: 'DeploymentConfirmed', data: { ...of, receipt: judged, fencingBase: 0 } } } as Told;
  return story({
    policy: policy(1, undefined, { gates }),
    planned,
    started: [...told, start({ receipt: judged, ...more })],
    confirmed: [...after, confirm],
  });
};
const model = (modelId = 'patches', more: object = {}): Told[] => {
  const of = { modelId, version: 1 };
  const proposed = {
    ...of,
    ...modelContents,
    conditions: { products: ['shop'] },
    validFrom: at(0),
    validUntil: at(600),
    contentsHash: hex('c'),
    proposer: p('rita'),
  };
  const tally = { for: [p('anna')], against: [], abstain: [], quorum: 1 };
  return [
    { stream: `changemodel-${modelId}`, event: { type: 'ChangeModelProposed', data: { ...proposed, ...more } } as PlimsollEvent },
    {
      stream: `changemodel-${modelId}`,
      by: p('anna'),
      event: { type: 'ChangeModelVoteCast', data: { ...of, person: p('anna'), vote: 'for', contentsHash: hex('c') } },
    },
    {
      stream: `changemodel-${modelId}`,
      event: { type: 'ChangeModelDecided', data: { ...of, outcome: 'approved', contentsHash: hex('c'), tally, recused: [] } },
    },
  ];
};
const suspended: Told = {
  stream: 'changemodel-patches',
  event: { type: 'ChangeModelSuspended', data: { modelId: 'patches', version: 1, reason: 'A deployment failed.' } },
};
const standard = (told: readonly Told[]): Told[] => {
  const { board: _board, ...of } = dossier({ class: 'standard', model: { modelId: 'patches', version: 1 } });
  return cab([...told, submitted(of)], { changeClass: 'standard' });
};
const incident = (type: 'IncidentOpened' | 'IncidentResolved', environment = 'production'): Told => ({
  stream: 'incident-i1',
  event: { type, data: { incidentId: 'i1', environment } } as PlimsollEvent,
});
const emergency = (
  more: readonly Told[] = [],
  before: readonly Told[] = [incident('IncidentOpened')],
  gates: readonly GateVerdict[] = [],
): Told[] => {
  const { board: _board, ...of } = dossier({ class: 'emergency', incidentId: 'i1' });
  const judged = receipt([...WITH_CHANGE, ...gates]);
  return [...cab([...before, submitted(of)], { changeClass: 'emergency', receipt: judged, planned: plannedAs('emergency') }), ...more];
};
const looked = (name: string, outcome: 'approved' | 'rejected' = 'approved'): Told =>
  inChange({ type: 'ChangeReviewed', data: { ...ofChange, reviewer: p(name), outcome, findings: 'So it was.', late: false } }, p(name));
const outside = { webhookId: 'w1', decidedBy: 'agent-7', reference: 'CHG0001' };
const byItsm = (told: readonly Told[], itsm: object | undefined = { whenAway: 'hold', afterMinutes: 10 }): Told[] =>
  cab([board({ itsm }), ...members('anna', 'otto', 'cora'), submitted(dossier(), { route: 'itsm' }), ...told]);

const leaves = (name: string): Told => ({
  stream: `person-${p(name)}`,
  event: { type: 'PersonLeft', data: { person: p(name), reason: 'Retired.' } },
});
const returns = (name: string): Told => ({
  stream: `person-${p(name)}`,
  event: { type: 'PersonRegistered', data: { person: p(name), registeredBy: p('otto') } },
});
const granted = (name: string, grantId = 'g1', environment = 'production'): Told[] => [
  {
    stream: `rolegrants-${p(name)}`,
    event: {
      type: 'RoleGranted',
      data: {
        grantId,
        person: p(name),
        role: 'approver',
        scope: { kind: 'environment', id: environment },
        from: at(0),
        until: at(3600),
        requestedBy: p('otto'),
        confirmedBy: p('olga'),
      },
    },
  },
];
const revoked = (name: string, grantId = 'g1'): Told => ({
  stream: `rolegrants-${p(name)}`,
  event: { type: 'RoleRevoked', data: { grantId, person: p(name), role: 'approver', reason: 'Another job.' } },
});
const joins = (name: string, group = 'keepers'): Told => ({
  stream: `group-${group}`,
  event: { type: 'GroupMemberAdded', data: { group, person: p(name) } } as PlimsollEvent,
});
const quits = (name: string, group = 'keepers'): Told => ({
  stream: `group-${group}`,
  event: { type: 'GroupMemberRemoved', data: { group, person: p(name), reason: 'Another job.' } },
});
/** A vote after those of others had lapsed, so that the approval stands no more. */
const votesOn = (name: string, ...lapsed: readonly string[]): Told =>
  inChange(
    {
      type: 'ChangeVoteCast',
      data: { ...ofChange, person: p(name), vote: 'for', dossierHash: HASH, conditions: [], lapsed: lapsed.map(p) },
    },
    p(name),
  );
const afterVotes = (...told: readonly Told[]): Told[] =>
  story({ started: told.some(({ event }) => event.type === 'DeploymentStarted') ? told : [...told, start()] });
/** Under a policy that asks for two, one of them of a group; what is told before the votes and after them. */
const grouped = (before: readonly Told[], after: readonly Told[] = [], more: Partial<DecisionReceipt> = {}): Told[] => {
  const approved = { gate: 'approved', quorum: 2, groups: [{ group: 'keepers', quorum: 1 }] } as const;
  return story({
    policy: policy(1, undefined, { gates: [{ gate: 'tests-passed' }, approved, { gate: 'duties-separated' }] }),
    granted: [...before, vote('abe')],
    started: [...after, start({ receipt: receipt(PASSED, more) })],
  });
};

type Case = readonly [ControlQuestion, Answer, string, readonly Told[], RegExp?, string?];
const cases: readonly Case[] = [
  ['authorised', 'exception', 'the program started it by itself', story({}, rollback('process:trigger')), /by itself/, 'd2'],
  ['authorised', 'no', 'nothing on record started it', story({ started: null }), /Nothing on record started it/],

  ['requested', 'no', 'nobody asked', story({ requested: null }), /No request/],
  ['requested', 'exception', 'a bypass was asked for', ofBypass(), /asked for the bypass/],
  ['requested', 'exception', 'it is a rollback', story({}, rollback()), /rollback/, 'd2'],
  ['requested', 'exception', 'the policy asks for no approval', ofLax(), /asks for no approval/],

  ['approved-before-deployment', 'no', 'one of two approved', story({ grantedToo: null }), /1 of 2/],
  [
    'approved-before-deployment',
    'no',
    'the second came after the start',
    story({ grantedToo: null, confirmed: [vote('bea'), parts.confirmed] }),
    /1 of 2/,
  ],
  ['approved-before-deployment', 'no', 'one person voted twice', story({ grantedToo: vote('abe') }), /1 of 2/],
  [
    'approved-before-deployment',
    'no',
    'two accounts that voted were known to be one person',
    story({ started: [link(p('bea'), 'abe'), start()] }),
    /1 of 2/,
  ],
  ['approved-before-deployment', 'no', 'an approver has left since', afterVotes(leaves('bea')), /1 of 2.* has left since/],
  ['approved-before-deployment', 'no', 'an approver left and came back', afterVotes(leaves('bea'), returns('bea')), /1 of 2/],
  [
    'approved-before-deployment',
    'yes',
    'who approved had left before and come back',
    story({ grantedToo: [leaves('bea'), returns('bea'), vote('bea')] }),
  ],
  [
    'approved-before-deployment',
    'no',
    'whom the account was taken for has left',
    story({ started: [link(p('bea'), 'zoe'), leaves('bea'), start()] }),
    /1 of 2/,
  ],
  [
    'approved-before-deployment',
    'yes',
    'an approver had left, and the engine did not ask',
    afterVotes(leaves('bea'), start({ receipt: receipt(PASSED, SIXTH) })),
  ],
  [
    'approved-before-deployment',
    'no',
    'a role was revoked',
    story({ grantedToo: [...granted('bea'), vote('bea'), revoked('bea')] }),
    /role .* revoked/,
  ],
  [
    'approved-before-deployment',
    'yes',
    'another role stands',
    story({ grantedToo: [...granted('bea'), ...granted('bea', 'g2'), vote('bea'), revoked('bea')] }),
  ],
  [
    'approved-before-deployment',
    'yes',
    'a role was revoked before, by which nobody approved',
    story({ grantedToo: [...granted('bea'), revoked('bea'), vote('bea')] }),
  ],
  [
    'approved-before-deployment',
    'yes',
    'a role for another environment was revoked',
    story({ grantedToo: [...granted('bea', 'g1', 'elsewhere'), vote('bea'), revoked('bea')] }),
  ],
  [
    'approved-before-deployment',
    'yes',
    'a role was revoked, and the engine did not ask',
    story({
      grantedToo: [...granted('bea'), vote('bea'), revoked('bea')],
      started: start({ receipt: receipt(PASSED, SEVENTH) }),
    }),
  ],
  ['approved-before-deployment', 'yes', 'a member of the group approved', grouped([joins('bea')])],
  ['approved-before-deployment', 'yes', 'an approver has joined the group since', grouped([], [joins('bea')])],
  ['approved-before-deployment', 'no', 'nobody of the group approved', grouped([]), /0 of 1|1 of 2/],
  [
    'approved-before-deployment',
    'no',
    'a member was taken out of the group',
    grouped([joins('bea')], [quits('bea')]),
    /out of group keepers/,
  ],
  [
    'approved-before-deployment',
    'no',
    'a member was taken out of the group, and is in it again',
    grouped([joins('bea')], [quits('bea'), joins('bea')]),
    /out of group keepers/,
  ],
  [
    'approved-before-deployment',
    'yes',
    'a member was out of the group for a while, and the engine did not ask',
    grouped([joins('bea')], [quits('bea'), joins('bea')], SEVENTH),
  ],
  [
    'approved-before-deployment',
    'no',
    'who came back was not taken into the group anew',
    grouped([joins('bea'), leaves('bea'), returns('bea')]),
    /out of group keepers/,
  ],
  ['approved-before-deployment', 'no', 'a vote was for another tuple', story({ grantedToo: vote('bea', hex('9')) }), /1 of 2/],
  ['approved-before-deployment', 'no', 'an approval was taken back', story({ started: [withdrawn('bea'), start()] }), /1 of 2/],
  [
    'approved-before-deployment',
    'no',
    'it was voided',
    story({ started: [{ stream: 'approval-ap', event: { type: 'ApprovalVoided', data: { ...round, reason: 'Amended.' } } }, start()] }),
    /voided/,
  ],
  ['approved-before-deployment', 'no', 'it was rejected', story({ started: [rejected(), start()] }), /rejected/],
  [
    'approved-before-deployment',
    'no',
    'the deployment names no approval',
    story({ started: start({ tuple: undefined as unknown as ApprovalTuple }) }),
    /names none/,
  ],
  [
    'approved-before-deployment',
    'no',
    'what it names was never asked for',
    story({ started: start({ tuple: { ...tuple, planHash: hex('8') } }) }),
    /Nobody was asked/,
  ],
  ['approved-before-deployment', 'no', 'the approval is of another release', rebound({ releaseId: 'r9' }), /release r9/],
  ['approved-before-deployment', 'no', 'it had expired, at the very instant', rebound({ expiresAt: at(9) }), /expired/],
  ['approved-before-deployment', 'yes', 'it was to expire an instant later', rebound({ expiresAt: at(9.001) })],
  ['approved-before-deployment', 'no', 'it was given under another version of the policy', rebound({ policyVersion: 2 }), /version 2/],
  [
    'approved-before-deployment',
    'no',
    'it asked for fewer than the policy does',
    story({ requested: asked({ quorum: 1 }), grantedToo: null }),
    /1 of 2/,
  ],
  ['approved-before-deployment', 'exception', 'a bypass waived it', ofBypass(), /waived approved/],
  ['approved-before-deployment', 'exception', 'the policy asks for none', ofLax(), /asks for no approval/],

  ['approved-digest-deployed', 'no', 'another was to be deployed', story({ started: start({ artifacts: [other] }) }), /deployed was/],
  ['approved-digest-deployed', 'no', 'another was put there', story({ succeeded: succeed(other) }), /deployed was/],
  [
    'approved-digest-deployed',
    'no',
    'nothing says what was approved',
    story({ started: start({ tuple: undefined as unknown as ApprovalTuple }) }),
    /Nothing says/,
  ],
  ['approved-digest-deployed', 'exception', 'a bypass was given for it', ofBypass(), /exactly these digests/],
  ['approved-digest-deployed', 'no', 'a bypass was given for another', ofBypass([], { artifacts: [other] }), /The bypass was given for/],
  [
    'approved-digest-deployed',
    'exception',
    'it took no effect',
    story({ confirmed: halted, succeeded: null, observed: null }),
    /nothing was deployed/,
  ],

  ['approved-plan-deployed', 'no', 'another plan was carried out', story({ started: start({ planHash: hex('7') }) }), /plan/],
  ['approved-plan-deployed', 'exception', 'the policy asks for no approval', ofLax(), /no approved plan/],

  ['change-authorised', 'yes', 'the board approved it', cab([...CAB, ...DECIDED])],
  ['change-authorised', 'yes', 'its policy asks for none, and there is none', story(), /asks for no decision/],
  ['change-authorised', 'no', 'its policy asks for one, and there is none', cab(CAB), /nobody submitted/],
  ['change-authorised', 'no', 'the board had not decided', cab([...CAB, submitted(), votes('anna')]), /board had not decided/],
  [
    'change-authorised',
    'no',
    'the board decided after the start',
    cab([...CAB, submitted(), votes('anna')], { after: [votes('otto'), decided()] }),
    /had not decided/,
  ],
  [
    'change-authorised',
    'no',
    'the board rejected it',
    cab([...CAB, submitted(), votes('anna'), votes('otto'), decided({ outcome: 'rejected' })]),
    /rejected by the board/,
  ],
  [
    'change-authorised',
    'no',
    'it was decided on without the quorum',
    cab([...CAB, submitted(), votes('anna'), decided()]),
    /1 of 2 members/,
  ],
  [
    'change-authorised',
    'no',
    'the votes do not approve it',
    cab([...CAB, submitted(), votes('anna', 'against'), votes('otto', 'against'), decided()]),
    /do not approve/,
  ],
  [
    'change-authorised',
    'no',
    'who voted is not on the board',
    cab([...CAB, submitted(), votes('anna'), votes('zoe'), decided()]),
    /1 of 2 members/,
  ],
  [
    'change-authorised',
    'no',
    'who voted had recused herself',
    cab([...CAB, submitted(), recusal('otto'), votes('anna'), votes('otto'), decided()]),
    /1 of 2 members/,
  ],
  [
    'change-authorised',
    'no',
    'one member voted with two accounts',
    cab([...CAB, link(p('otto'), 'anna'), submitted(), votes('anna'), votes('otto'), decided()]),
    /1 of 2 members/,
  ],
  [
    'change-authorised',
    'no',
    'who voted wrote it',
    cab([board(), ...members('anna', 'otto', 'ann'), submitted(), votes('anna'), votes('ann'), decided()]),
    /voted and was author/,
  ],
  [
    'change-authorised',
    'no',
    'who voted asked for it',
    cab([board(), ...members('anna', 'rita'), submitted(), votes('anna'), votes('rita'), decided()]),
    /voted and was requester/,
  ],
  [
    'change-authorised',
    'no',
    'who voted tested it',
    cab([board(), ...members('anna', 'tess'), submitted(), votes('anna'), votes('tess'), decided()]),
    /voted and was tester/,
  ],
  [
    'change-authorised',
    'no',
    'who voted deployed it',
    cab([board(), ...members('anna', 'dan'), submitted(), votes('anna'), votes('dan'), decided()]),
    /voted and was deployer/,
  ],
  [
    'change-authorised',
    'no',
    'votes were for another dossier',
    cab([...CAB, submitted(), votes('anna'), votes('otto', 'for', hex('9')), decided()]),
    /1 of 2 members/,
  ],
  [
    'change-authorised',
    'no',
    'the decision is on another dossier',
    cab([...CAB, submitted(), votes('anna'), votes('otto'), decided({ dossierHash: hex('9') })]),
    /not on this one/,
  ],
  [
    'change-authorised',
    'no',
    'the dossier on record is not the one of its hash',
    cab([...CAB, submitted(dossier(), { dossierHash: hex('9') }), votes('anna'), votes('otto'), decided()]),
    /not the one of the hash/,
  ],
  [
    'change-authorised',
    'no',
    'another plan was carried out than was decided on',
    cab([...CAB, ...DECIDED], { planHash: hex('7') }),
    /deployment plan of the dossier/,
  ],
  [
    'change-authorised',
    'no',
    'another digest was deployed than was decided on',
    cab([...CAB, ...DECIDED], { artifacts: [other] }),
    /artifacts of the dossier/,
  ],
  [
    'change-authorised',
    'no',
    'a suite failed after it was decided on',
    cab([...CAB, ...DECIDED, test('e2e', 'fail')]),
    /test evidence of the dossier/,
  ],
  [
    'change-authorised',
    'no',
    'the board was defined anew after it was decided on',
    cab([...CAB, ...DECIDED, board({ version: 2 })]),
    /Board cab is now/,
  ],
  ['change-authorised', 'no', 'the board is not on record', cab([...members('anna', 'otto'), ...DECIDED]), /not on record/],
  [
    'change-authorised',
    'no',
    'it was voided after it was decided on',
    cab([...CAB, ...DECIDED, inChange({ type: 'ChangeVoided', data: { ...ofChange, reason: 'The plan changed.' } })]),
    /voided: The plan/,
  ],
  [
    'change-authorised',
    'no',
    'it was withdrawn between its start and its effect',
    cab([...CAB, ...DECIDED], { after: [withdrawnChange()] }),
    /withdrawn/,
  ],
  [
    'change-authorised',
    'no',
    'a newer submission took its place',
    cab([...CAB, ...DECIDED, submitted(dossier({ round: 2 }))]),
    /had not decided/,
  ],
  ['change-authorised', 'no', 'it had been done before', cab([...CAB, ...DECIDED, done('d0')]), /done before, with deployment d0/],
  ['change-authorised', 'yes', 'a first attempt had failed', cab([...CAB, ...DECIDED, done('d0', 'failed')])],
  [
    'change-authorised',
    'no',
    'it was started before its window',
    cab([...CAB, ...inWindow(at(300), at(600))]),
    /Outside of its planned window/,
  ],
  [
    'change-authorised',
    'no',
    'it was started after its window',
    cab([...CAB, ...inWindow(at(0), at(12))]),
    /Outside of its planned window/,
  ],
  [
    'change-authorised',
    'no',
    'it was started as another class than was decided on',
    cab([...CAB, ...DECIDED], { changeClass: 'standard' }),
    /is of class normal/,
  ],
  [
    'change-authorised',
    'no',
    'it was planned as another class than was decided on, and counted as normal',
    cab([...CAB, ...DECIDED], { changeClass: 'normal', planned: plannedAs('standard') }),
    /is of class normal/,
  ],
  ['change-authorised', 'no', 'a voter has left since', cab([...CAB, ...DECIDED, leaves('otto')]), /1 of 2 votes counted.* has left/],
  [
    'change-authorised',
    'no',
    'a voter was taken off the board',
    cab([...CAB, ...DECIDED, quits('otto', 'cab')]),
    /no member|out of the board/,
  ],
  [
    'change-authorised',
    'no',
    'a voter was off the board for a while',
    cab([...CAB, ...DECIDED, quits('otto', 'cab'), joins('otto', 'cab')]),
    /out of the board/,
  ],
  [
    'change-authorised',
    'yes',
    'a voter was off the board for a while, and the engine did not ask',
    cab([...CAB, ...DECIDED, quits('otto', 'cab'), joins('otto', 'cab')], { receipt: receipt(WITH_CHANGE, SEVENTH) }),
  ],
  [
    'change-authorised',
    'no',
    'the role of a voter was revoked',
    cab([...granted('otto'), ...CAB, ...DECIDED, revoked('otto')]),
    /role in which .* voted was revoked/,
  ],
  [
    'change-authorised',
    'yes',
    'a vote too many lapsed',
    cab([...CAB, submitted(), votes('anna'), votes('otto'), votes('cora'), decided(), leaves('cora')]),
  ],
  [
    'change-authorised',
    'yes',
    'votes lapsed, and another member voted on before the start',
    cab([...CAB, ...DECIDED, quits('otto', 'cab'), votesOn('cora', 'otto'), decided()]),
  ],
  [
    'change-authorised',
    'no',
    'votes lapsed, and the board that voted on had not decided anew',
    cab([...CAB, ...DECIDED, quits('otto', 'cab'), votesOn('cora', 'otto')]),
    /had not decided/,
  ],
  [
    'change-authorised',
    'no',
    'a voter left between the start and the effect',
    cab([...CAB, ...DECIDED], { after: [leaves('otto')] }),
    /has left/,
  ],
  [
    'change-authorised',
    'no',
    'it was decided on as of less risk',
    cab([...CAB, ...ofLowRisk()], { planned: plannedAs('normal', { riskClass: 'medium' }) }),
    /as of low risk, and is judged as medium/,
  ],
  ['change-authorised', 'no', 'nobody declared how risky it is', cab([...CAB, ...ofLowRisk()]), /Nobody declared its risk/],
  [
    'change-authorised',
    'yes',
    'it is of no more risk than it was decided on as',
    cab([...CAB, ...ofLowRisk()], { planned: plannedAs('normal', { riskClass: 'low' }) }),
  ],
  [
    'gates-passed',
    'no',
    'its risk was understated',
    story({ planned: plannedAs('normal', { riskClass: 'high' }), started: start({ receipt: receipt(PASSED, { risk: LOW }) }) }),
    /of low risk, and it is one of high/,
  ],
  [
    'gates-passed',
    'yes',
    'its risk was judged as its plan has it',
    story({ planned: plannedAs('normal', { riskClass: 'low' }), started: start({ receipt: receipt(PASSED, { risk: LOW }) }) }),
  ],
  [
    'change-authorised',
    'no',
    'a condition was not met',
    cab([...CAB, ...DECIDED.slice(0, 3), decided({ conditions: [CONDITION] })]),
    /1 conditions 1 were not met/,
  ],
  [
    'change-authorised',
    'yes',
    'its condition was met',
    cab([...CAB, ...DECIDED.slice(0, 3), decided({ conditions: [CONDITION] }), confirmed('cora')]),
  ],
  [
    'change-authorised',
    'no',
    'who deployed it confirmed its condition',
    cab([...CAB, ...DECIDED.slice(0, 3), decided({ conditions: [CONDITION] }), confirmed('dan')]),
    /had a part in it/,
  ],
  ['change-authorised', 'yes', 'a model that the board approved was in force', standard(model())],
  ['change-authorised', 'no', 'its model was suspended', standard([...model(), suspended]), /is suspended/],
  [
    'change-authorised',
    'no',
    'its model was for another product',
    standard(model('patches', { conditions: { products: ['till'] } })),
    /not for product shop/,
  ],
  ['change-authorised', 'no', 'its model was no longer valid', standard(model('patches', { validUntil: at(3) })), /was valid until/],
  ['change-authorised', 'no', 'its model was never approved', standard(model().slice(0, 2)), /not approved/],
  ['change-authorised', 'no', 'there is no such model', standard(model('others')), /no approved version/],
  ['change-authorised', 'yes', 'the ITSM decided', byItsm([decided({ by: 'itsm', itsm: outside })])],
  ['change-authorised', 'no', 'the ITSM had not decided', byItsm([]), /ITSM had not decided/],
  [
    'change-authorised',
    'no',
    'an ITSM decided that the board leaves nothing to',
    cab([...CAB, submitted(), decided({ by: 'itsm', itsm: outside })]),
    /leaves nothing to one/,
  ],
  [
    'change-authorised',
    'no',
    'the board decided in place of the ITSM',
    byItsm([votes('anna'), votes('otto'), decided()]),
    /for the ITSM to decide/,
  ],
  [
    'change-authorised',
    'yes',
    'the board took over from an ITSM that was away',
    byItsm([handedOver(), votes('anna'), votes('otto'), decided()]),
  ],
  ['change-authorised', 'exception', 'it was an emergency that is not reviewed yet', emergency(), /is due at/],
  [
    'change-authorised',
    'exception',
    'it was an emergency that somebody else reviewed',
    emergency([looked('olga')]),
    /reviewed it afterwards/,
  ],
  ['change-authorised', 'no', 'the review of the emergency rejected it', emergency([looked('olga', 'rejected')]), /rejected it/],
  ['change-authorised', 'no', 'the review of the emergency is overdue', emergency(seconds(REVIEW_DUE)), /nobody has reviewed/],
  ['change-authorised', 'no', 'nobody but its deployer reviewed the emergency', emergency([looked('dan')]), /had a part in it/],
  [
    'change-authorised',
    'no',
    'the incident was resolved before',
    emergency([], [incident('IncidentOpened'), incident('IncidentResolved')]),
    /emergency was over/,
  ],
  [
    'change-authorised',
    'no',
    'the incident is of another environment',
    emergency([], [incident('IncidentOpened', 'elsewhere')]),
    /emergency was over/,
  ],
  [
    'change-authorised',
    'exception',
    'a bypass waived it',
    cab(CAB, { receipt: receipt([...PASSED, gate('change-approved', { verdict: 'inconclusive', waivedBy: BYPASS })]) }),
    /waived change-approved/,
  ],
  [
    'change-authorised',
    'exception',
    'the board rejected what its policy does not ask it for',
    story({ started: [...CAB, submitted(), votes('anna'), votes('otto'), decided({ outcome: 'rejected' }), start()] }),
    /asks for no decision on the change. .*rejected/,
  ],

  ['authors-known', 'no', 'nobody is named', authoredBy(), /who wrote it/],
  ['authors-known', 'yes', 'an artifact alone names somebody', story({ composed: composedBy() })],

  ['duties-separated', 'no', 'an author approved', story({ grantedToo: vote('ann') }), /author and approver/],
  ['duties-separated', 'no', 'who asked for it approved', story({ grantedToo: vote('rita') }), /requester and approver/],
  ['duties-separated', 'no', 'who deployed it approved', story({ grantedToo: vote('dan') }), /approver and deployer/],
  ['duties-separated', 'no', 'who approved it resumed it', resumedBy('abe'), /approver and deployer/],
  ['duties-separated', 'yes', 'another deployer resumed it', resumedBy('eve')],
  ['duties-separated', 'no', 'it is not known who wrote it', authoredBy(), /not on record who wrote it/],
  [
    'duties-separated',
    'no',
    'the author was known by an alias then',
    story({ tested: [link('alias', 'abe'), parts.tested], composed: composedBy('test|alias') }),
    /author and approver/,
  ],
  ['duties-separated', 'no', 'who tested it approved', story({ grantedToo: vote('tess') }), /tester and approver/],
  [
    'duties-separated',
    'no',
    'who published its policy approved',
    story({ policy: { ...parts.policy, by: p('abe') } }),
    /approver and policy-editor/,
  ],
  [
    'duties-separated',
    'yes',
    'who tested it approved, and the engine of then did not look',
    story({ grantedToo: vote('tess'), started: start({ receipt: { ...passed, engine: 'plimsoll-gates/4 cel/0.6.1' } }) }),
  ],
  ...(['registered', 'composed', 'planned'] as const).flatMap((did): readonly Case[] => [
    ['duties-separated', 'no', `who ${did} it approved, whatever authors were named`, shapedBy(did), /author and approver/],
    [
      'duties-separated',
      'yes',
      `who ${did} it approved, and the engine of then did not look`,
      shapedBy(did, start({ receipt: { ...passed, engine: 'plimsoll-gates/5 cel/0.6.1' } })),
    ],
  ]),
  [
    'duties-separated',
    'yes',
    'who had composed it before it was amended approved',
    story({ composed: [{ ...parts.composed, by: p('abe') }, amended('ann')] }),
  ],
  [
    'duties-separated',
    'yes',
    'who planned it for another environment approved',
    story({ planned: [plannedFor('elsewhere', 'abe'), parts.planned] }),
  ],
  [
    'duties-separated',
    'no',
    'the policy keeps two more duties apart',
    story({
      policy: policy(1, undefined, {
        gates: [
          { gate: 'tests-passed' },
          { gate: 'approved', quorum: 2 },
          { gate: 'duties-separated', apart: [{ id: 'tester-is-not-author', duties: ['tester', 'author'] }] },
        ],
      }),
      tested: {
        ...parts.tested,
        event: { ...parts.tested.event, data: { ...(parts.tested.event.data as object), tester: p('ann') } } as PlimsollEvent,
      },
    }),
    /author and tester/,
  ],
  ['duties-separated', 'exception', 'a bypass waived the approval', ofBypass(), /no approver/],

  [
    'no-later-duty-violation',
    'no',
    'an alias was learned later, and nobody put it on record',
    story({}, [link('ann', 'abe')]),
    /As is known now/,
  ],
  [
    'no-later-duty-violation',
    'no',
    'an alias was learned later, and is on record',
    story({}, [link('ann', 'abe'), violation()]),
    /turned out/,
  ],
  [
    'no-later-duty-violation',
    'no',
    'who voted on its change turned out to have written it',
    [...cab([...CAB, ...DECIDED]), link('ann', 'otto')],
    /As is known now/,
  ],
  ['no-later-duty-violation', 'yes', 'a violation is of another round', story({}, [violation(['approval-ap@7'])])],
  ['no-later-duty-violation', 'yes', 'an account of an author was learned to be an other author’s', story({}, [link('ann', 'carl')])],

  ['tested', 'no', 'there is no report', story({ tested: null }), /No passing report/],
  ['tested', 'no', 'the report is of another digest', story({ tested: test('unit', 'pass', other.digest) }), /No passing report/],
  ['tested', 'no', 'a suite fails', story({ tested: [parts.tested, test('e2e', 'fail')] }), /e2e/],
  ['tested', 'yes', 'the suite passed in the end', story({ tested: [test('unit', 'fail'), parts.tested] })],
  [
    'tested',
    'no',
    'the report came after the start',
    story({ tested: null, confirmed: [parts.tested, parts.confirmed] }),
    /No passing report/,
  ],
  ['tested', 'no', 'a suite ran nothing', story({ tested: test('unit', 'inconclusive') }), /No passing report/],
  ['tested', 'exception', 'the policy asks for no tests', ofLax(), /asks for no tests/],

  ['gates-passed', 'no', 'a gate was left out', story({ started: start({ receipt: receipt(PASSED.slice(1)) }) }), /left out tests-passed/],
  [
    'gates-passed',
    'no',
    'a gate failed',
    story({ started: start({ receipt: receipt([...PASSED.slice(1), gate('tests-passed', { verdict: 'stale' })]) }) }),
    /stale/,
  ],
  [
    'gates-passed',
    'no',
    'the decision was against it',
    story({ started: start({ receipt: receipt(PASSED, { verdict: 'fail' }) }) }),
    /against it/,
  ],
  ['gates-passed', 'no', 'it took effect without a second look', story({ confirmed: null }), /not judged again/],
  ['gates-passed', 'exception', 'a bypass waived one', ofBypass(), /Waived by bypass/],
  ['gates-passed', 'exception', 'it was stopped', story({ confirmed: halted, succeeded: null, observed: null }), /stopped/],
  ['gates-passed', 'exception', 'it has not come so far', story({ confirmed: null, succeeded: null, observed: null }), /has not come/],

  [
    'policy-in-force',
    'no',
    'a newer version was in force',
    story({ policy: [parts.policy, policy(2, at(1))] }),
    /Version 2 .* was in force/,
  ],
  ['policy-in-force', 'yes', 'a newer version is in force a moment later', story({ policy: [parts.policy, policy(2, at(30))] })],
  [
    'policy-in-force',
    'yes',
    'a newer version was put on record between the decision and its writing',
    story({ started: [policy(2), start({ receipt: receipt(PASSED, { evaluatedAt: at(8.5) }) })] }),
  ],
  [
    'policy-in-force',
    'no',
    'another policy governs the environment',
    story({ started: start({ receipt: receipt(PASSED, { policyId: 'lax' }) }) }),
    /governed by policy strict/,
  ],
  ['policy-in-force', 'no', 'nobody defined the environment', story({ environment: null }), /Nobody had defined/],
  ['policy-in-force', 'no', 'no version was in force yet', story({ policy: policy(1, at(999)) }), /No version/],

  [
    'not-frozen',
    'yes',
    'the calendars were looked at, and are open',
    story({ policy: [parts.policy, calendar], started: start({ receipt: receipt([...PASSED, frozen()]) }) }),
  ],
  [
    'not-frozen',
    'no',
    'a freeze held at the moment of effect',
    story({
      confirmed: {
        stream: 'deployment-d1',
        event: {
          type: 'DeploymentConfirmed',
          data: { ...of, fencingBase: 0, receipt: receipt([...PASSED, frozen({ verdict: 'fail', detail: 'The freeze Books holds.' })]) },
        },
      },
    }),
    /Books/,
  ],
  [
    'not-frozen',
    'no',
    'there were calendars, and the decision did not look',
    story({ policy: [parts.policy, calendar], started: start({ receipt: receipt(PASSED, { inputs: [] }) }) }),
    /did not look/,
  ],
  [
    'not-frozen',
    'exception',
    'a bypass waived it',
    ofBypass([], { receipt: receipt([...PASSED, frozen({ verdict: 'fail', waivedBy: BYPASS })]) }),
    /waived not-frozen/,
  ],
  [
    'not-frozen',
    'exception',
    'its class is bound by no freeze',
    story({ started: start({ changeClass: 'emergency', receipt: receipt([...PASSED, frozen()], SIXTH) }) }),
    /No freeze binds/,
  ],
  ['not-frozen', 'exception', 'an emergency change bore its class', emergency([], undefined, [frozen()]), /No freeze binds/],
  [
    'not-frozen',
    'exception',
    'a bypass for exactly this bore its class',
    ofBypass([], { changeClass: 'emergency', receipt: receipt([...PASSED, frozen()]) }, 'emergency'),
    /No freeze binds/,
  ],
  [
    'not-frozen',
    'no',
    'nothing bears its class',
    story({ planned: plannedAs('emergency'), started: start({ changeClass: 'emergency', receipt: receipt([...PASSED, frozen()]) }) }),
    /which nothing bears/,
  ],
  [
    'not-frozen',
    'no',
    'its plan does not claim its class',
    ofBypass([], { changeClass: 'emergency', receipt: receipt([...PASSED, frozen()]) }),
    /which nothing bears/,
  ],
  [
    'not-frozen',
    'yes',
    'it claimed a class that nothing bears, and counted as normal',
    story({ planned: plannedAs('emergency'), started: start({ changeClass: 'normal', receipt: receipt([...PASSED, frozen()]) }) }),
  ],

  ['bypass-reviewed', 'yes', 'somebody else reviewed it in time', ofBypass([review('rita')])],
  ['bypass-reviewed', 'yes', 'somebody else reviewed the emergency that it was', emergency([looked('olga')])],
  ['bypass-reviewed', 'exception', 'the review of the emergency is not due yet', emergency(), /is due at/],
  ['bypass-reviewed', 'no', 'the review of the emergency is overdue', emergency(seconds(REVIEW_DUE)), /is not done/],
  ['bypass-reviewed', 'no', 'the review of the emergency came late', emergency([...seconds(REVIEW_DUE), looked('olga')]), /came after/],
  ['bypass-reviewed', 'no', 'the review rejected the emergency', emergency([looked('olga', 'rejected')]), /rejected/],
  ['bypass-reviewed', 'no', 'who wrote it reviewed the emergency', emergency([looked('ann')]), /had a part/],
  ['bypass-reviewed', 'exception', 'the review is not due yet', ofBypass(), /is due at/],
  ['bypass-reviewed', 'no', 'the review is overdue, from the very instant', ofBypass(seconds(30)), /is not done/],
  ['bypass-reviewed', 'no', 'the review came late', ofBypass([...seconds(30), review('rita', 'approved', true)]), /came after/],
  ['bypass-reviewed', 'no', 'the review came late, and does not say so', ofBypass([...seconds(30), review('rita')]), /came after/],
  ['bypass-reviewed', 'no', 'the review rejected it', ofBypass([review('rita', 'rejected')]), /rejected/],
  ['bypass-reviewed', 'no', 'who asked for it reviewed it', ofBypass([review('otto')]), /had a part/],
  ['bypass-reviewed', 'no', 'who used it reviewed it', ofBypass([review('dan')]), /had a part/],
  ['bypass-reviewed', 'no', 'who wrote it reviewed it', ofBypass([review('ann')]), /had a part/],
  ['bypass-reviewed', 'no', 'nobody asked for the bypass', story({ started: underBypass() }), /nobody asked for/],
  [
    'bypass-reviewed',
    'exception',
    'it is of class emergency, without a bypass',
    story({ started: start({ changeClass: 'emergency', receipt: receipt(PASSED, SIXTH) }) }),
    /class emergency/,
  ],
  [
    'bypass-reviewed',
    'no',
    'it is of class emergency by its word alone',
    story({ planned: plannedAs('emergency'), started: start({ changeClass: 'emergency' }) }),
    /neither a bypass nor an emergency change bears that/,
  ],

  ['observed', 'yes', 'the report names the package and its version', story({ observed: observe('pkg:npm/shop@2.0.0') })],
  ['observed', 'yes', 'the digest is in a package URL', story({ observed: observe(`pkg:oci/shop@sha256%3A${hex('A')}?tag=2`) })],
  ['observed', 'no', 'another is told of', story({ observed: observe(other.digest) }), /has not told of/],
  ['observed', 'no', 'only its removal is told of', story({ observed: observe(artifact.digest, 'removed') }), /has not told of/],
  ['observed', 'no', 'the environment tells nothing', story({ observed: null }), /Nothing tells/],
  [
    'observed',
    'no',
    'it was told of before it took effect',
    story({ started: [observe(artifact.digest), start()], observed: null }),
    /has not told of/,
  ],
  ['observed', 'exception', 'it took no effect', story({ confirmed: halted, succeeded: null, observed: null }), /took no effect/],
  ['observed', 'no', 'a smoke run found another', story({}, smoke(other.digest)), /smoke run/],
  ['observed', 'yes', 'a smoke run found it', story({ observed: smoke(artifact.digest) })],
];

function recusal(name: string): Told {
  return inChange({ type: 'ChangeRecusalDeclared', data: { ...ofChange, person: p(name), reason: 'My team.' } }, p(name));
}
function withdrawnChange(): Told {
  return inChange({ type: 'ChangeWithdrawn', data: { ...ofChange, person: p('rita'), reason: 'Not today.' } });
}
function done(deploymentId: string, outcome: 'succeeded' | 'failed' = 'succeeded'): Told {
  return inChange({ type: 'ChangeImplemented', data: { ...ofChange, deploymentId, outcome } });
}
function handedOver(): Told {
  return inChange({ type: 'ChangeHandedToBoard', data: { ...ofChange, waitedSince: at(0), reason: 'The ITSM was not reached.' } });
}
/** Decided on for another window. */
function inWindow(from: string, until: string): Told[] {
  const planned = dossier({ window: { from, until } });
  const hash = dossierHashOf(planned);
  return [submitted(planned), votes('anna', 'for', hash), votes('otto', 'for', hash), decided({ dossierHash: hash })];
}
/** As it should be, but that Abe, who approves, did this. */
/** Decided on as of low risk. */
function ofLowRisk(): Told[] {
  const small = dossier({ risk: { level: 'low', assessment: 'Small.' } });
  const hash = dossierHashOf(small);
  return [submitted(small), votes('anna', 'for', hash), votes('otto', 'for', hash), decided({ dossierHash: hash })];
}
function shapedBy(did: 'registered' | 'composed' | 'planned', started: Told = start()): Told[] {
  return story({ [did]: { ...parts[did], by: p('abe') }, started });
}
function amended(by: string): Told {
  const data = { releaseId: 'r1', artifacts: [artifact], authors: ['test|ann'] };
  return { stream: 'release-r1', by: p(by), event: { type: 'ReleaseAmended', data } };
}
function plannedAs(changeClass: PlannedChangeClass, more: object = {}): Told {
  return {
    ...parts.planned,
    event: { ...parts.planned.event, data: { ...parts.planned.event.data, changeClass, ...more } } as PlimsollEvent,
  };
}
function plannedFor(environment: string, by: string): Told {
  return {
    ...parts.planned,
    by: p(by),
    event: { ...parts.planned.event, data: { ...parts.planned.event.data, environment } } as PlimsollEvent,
  };
}
function withdrawn(name: string): Told {
  return { stream: 'approval-ap', by: p(name), event: { type: 'ApprovalWithdrawn', data: { ...round, person: p(name), reason: 'No.' } } };
}
function rejected(): Told {
  const data = { ...round, person: p('carl'), tupleHash: tupleHashOf(tuple), reason: 'No.' };
  return { stream: 'approval-ap', by: p('carl'), event: { type: 'ApprovalRejected', data } };
}
function asked(more: object, bound = tuple): Told {
  const data = { ...round, tuple: bound, tupleHash: tupleHashOf(bound), quorum: 2, requester: p('rita'), ...more };
  return { stream: 'approval-ap', by: p('rita'), event: { type: 'ApprovalRequested', data } };
}
/** Approved and deployed with another tuple. */
function rebound(more: Partial<ApprovalTuple>): Told[] {
  const bound = { ...tuple, ...more };
  const hash = tupleHashOf(bound);
  return story({
    requested: asked({}, bound),
    granted: vote('abe', hash),
    grantedToo: vote('bea', hash),
    started: start({ tuple: bound }),
  });
}
function composedBy(...authors: string[]): Told {
  return {
    stream: 'release-r1',
    event: { type: 'ReleaseComposed', data: { releaseId: 'r1', product: 'shop', artifacts: [artifact], authors } },
  };
}
function authoredBy(...authors: string[]): Told[] {
  const data = { ...artifact, digest: { algorithm: 'sha256' as const, value: hex('a') }, authors };
  return story({ composed: composedBy(...authors), registered: { stream: 'artifact-a1', event: { type: 'ArtifactRegistered', data } } });
}
function violation(evidence: readonly string[] = ['approval-ap@1', 'release-r1@0']): Told {
  const found = { rule: 'approver-is-not-author', person: p('abe'), duties: ['author', 'approver'], evidence, learnedFrom: 'account-ann' };
  const data = { releaseId: 'r1', environment: 'production', ...found };
  return { stream: 'dutyreview-1', event: { type: 'DutyViolationFound', data } };
}
function smoke(observedDigest: string): Told[] {
  const run = { smokeRunId: 's1', ...of };
  const suite = { baseUrl: 'http://127.0.0.1:1', checks: [] };
  return [
    {
      stream: 'smokerun-s1',
      event: { type: 'SmokeRunStarted', data: { ...run, suite, deadline: at(99), expectedDigests: [artifact.digest] } },
    },
    { stream: 'smokerun-s1', event: { type: 'SmokeRunPassed', data: { ...run, checks: [], observedDigest, reason: 'Asked.' } } },
  ];
}

describe('a control question', () => {
  it('is answered by yes, each of them, for a change as it should be', () => {
    const { verdicts } = changeIn(story());
    expect(Object.entries(verdicts).filter(([, { verdict }]) => verdict !== 'yes')).toEqual([]);
    expect(Object.keys(verdicts).sort()).toEqual(Object.keys(CONTROL_QUESTIONS).sort());
  });

  const named = cases.map(([question, answer, where, told, reason, id]) => ({ question, answer, where, told, reason, id }));
  it.each(named)('$question is answered by $answer where $where', ({ question, answer, told, reason, id }) => {
    const judged = changeIn(told, id).verdicts[question];
    expect(judged.verdict).toBe(answer);
    if (reason) expect(judged.reason).toMatch(reason);
  });

  it('has no and exception shown for each that can have them', () => {
    const shown = (answer: Answer): Set<string> => new Set(cases.filter(([, given]) => given === answer).map(([question]) => question));
    const never = { exception: ['authors-known', 'no-later-duty-violation', 'policy-in-force'] };
    const questions = Object.keys(CONTROL_QUESTIONS);
    expect(questions.filter((q) => !shown('no').has(q))).toEqual([]);
    expect(questions.filter((q) => !shown('exception').has(q))).toEqual(never.exception);
  });

  it('takes what was put on record as a violation for one, and says where', () => {
    const data = {
      environment: 'production',
      service: 'shop',
      artifact: artifact.digest,
      reportedBy: '/cluster',
      claimedOccurredAt: at(0),
    };
    const found = { change: 'deployed' as const, reason: 'superseded' as const, detail: 'So.', evidence: [], skewSeconds: 0 };
    const told: Told = { stream: 'environment-production', event: { type: 'UnauthorisedDeploymentObserved', data: { ...data, ...found } } };
    const { accuracy } = reportOf(story({}, [observe(artifact.digest), told]));
    expect(accuracy).toMatchObject({
      reports: 2,
      reportsMatched: 1,
      neverAuthorised: [{ why: 'replaced-before', violation: 'environment-production@3' }],
    });
  });

  it('says what can not be known to be no, and that it can not be known', () => {
    const stranger = changeIn(story({}, [observe(other.digest)]), 'observed-13').verdicts;
    expect(stranger.authorised).toMatchObject({ verdict: 'no' });
    expect(stranger.authorised.unknowable).toBeUndefined();
    for (const question of ['tested', 'duties-separated', 'authors-known', 'not-frozen'] as const)
      expect(stranger[question]).toMatchObject({ verdict: 'no', unknowable: true });
  });
});

describe('a change record', () => {
  const recordIn = (told: readonly Told[]) => reportOf(told).changeRecords[0];

  it('is told with its class and route, its dossier, who voted and decided and when, and conditions with who confirmed them', () => {
    const told = cab([...CAB, ...DECIDED.slice(0, 3), decided({ conditions: [CONDITION] }), confirmed('cora')]);
    const report = reportOf([...told, done('d1')]);
    expect(report.changeRecords).toMatchObject([
      {
        changeId: ofChange.changeId,
        round: 1,
        changeIds: ['d1'],
        class: 'normal',
        route: 'board',
        status: 'implemented',
        dossierHash: HASH,
        requester: p('rita'),
        votes: [
          { person: p('anna'), vote: 'for', ref: `change-${ofChange.changeId}@1`, at: expect.any(String) as string },
          { person: p('otto'), vote: 'for', ref: `change-${ofChange.changeId}@2` },
        ],
        decided: { by: 'board', outcome: 'approved', quorum: 2, ref: `change-${ofChange.changeId}@3` },
        conditions: [{ text: 'Back up first.', by: p('anna'), confirmed: { person: p('cora') } }],
      },
    ]);
    expect(report.changes[0]?.changeRecord).toMatchObject({ changeId: ofChange.changeId, round: 1, route: 'board', dossierHash: HASH });
    expect(report.changes[0]?.verdicts['change-authorised'].evidence).toContain(`change-${ofChange.changeId}@3`);
  });

  it('names the model and who approved it, and who decided outside', () => {
    expect(recordIn(standard(model()))).toMatchObject({
      route: 'model',
      model: { modelId: 'patches', version: 1, approved: { ref: 'changemodel-patches@2' }, voters: [p('anna')] },
    });
    expect(recordIn(byItsm([decided({ by: 'itsm', itsm: outside })]))).toMatchObject({
      route: 'itsm',
      decided: { by: 'itsm', outside: 'agent-7', reference: 'CHG0001' },
    });
  });

  it('is in the report where it was open in the period or a deployment of it rests on it, and nowhere else', () => {
    const told = [...CAB, ...DECIDED, ...seconds(5), withdrawnChange(), ...seconds(9)];
    const listed = (from: number, to: number) => reportOf(told, { from: at(from), to: at(to) }).changeRecords.length;
    // Submitted at 4 s, withdrawn at 13 s.
    expect([listed(0, 4), listed(0, 5), listed(13, 20), listed(14, 20)]).toEqual([0, 1, 1, 0]);
  });

  it('of an emergency is among the emergencies, with its review, and is counted once', () => {
    const { emergencies } = reportOf(emergency([looked('olga')]));
    expect(emergencies).toMatchObject([
      {
        changeIds: ['d1'],
        environment: 'production',
        change: {
          changeId: ofChange.changeId,
          incidentId: 'i1',
          requester: p('rita'),
          justification: 'The new checkout.',
          reviewDueAt: at(REVIEW_DUE),
          state: 'reviewed',
          review: { reviewer: p('olga'), outcome: 'approved', late: false },
        },
      },
    ]);
    expect(reportOf(emergency(seconds(REVIEW_DUE))).emergencies).toMatchObject([{ change: { state: 'overdue' } }]);
    const unused = [incident('IncidentOpened'), submitted(dossier({ class: 'emergency', incidentId: 'i1' }))];
    expect(reportOf(unused).emergencies).toMatchObject([{ changeIds: [], change: { state: 'due' } }]);
  });
});

describe('the population', () => {
  const second = (n: number): string => at(n);
  it('has what was started, took effect or ended in the period, and nothing else', () => {
    // Started at 9 s, in effect at 10 s, ended at 11 s.
    const moments = (from: number, to: number) => reportOf(story(), { from: second(from), to: second(to) }).changes.map((c) => c.inPeriod);
    expect(moments(0, 9)).toEqual([]);
    expect(moments(9, 10)).toEqual([['started']]);
    expect(moments(10, 11)).toEqual([['effect']]);
    expect(moments(11, 12)).toEqual([['ended']]);
    expect(moments(12, 99)).toEqual([]);
    expect(moments(0, 99)).toEqual([['started', 'effect', 'ended']]);
  });

  it('has an attempt that was stopped, one that failed, and one that was tried again', () => {
    const stopped = changeIn(story({ confirmed: halted, succeeded: null, observed: null }));
    expect(stopped).toMatchObject({ outcome: 'halted', ended: { at: at(10) } });
    const failed: Told = {
      stream: 'deployment-d1',
      event: { type: 'DeploymentFailed', data: { ...of, round: 1, failedSteps: ['s'], compensated: false } },
    };
    expect(changeIn(story({ succeeded: failed, observed: null }))).toMatchObject({ outcome: 'failed', deployedDigests: [artifact.digest] });
    const resumed: Told = {
      stream: 'deployment-d1',
      event: { type: 'DeploymentResumed', data: { ...of, steps: ['s'], reason: 'Again.', round: 2 } },
    };
    const again = changeIn(story({ succeeded: [failed, resumed, parts.confirmed, parts.succeeded] }));
    expect(again).toMatchObject({
      outcome: 'succeeded',
      receipts: [{ decision: 'start' }, { decision: 'effect' }, { decision: 'effect' }],
    });
    expect(again.ended?.at).toBe(at(14));
  });

  it('tells what an environment says after another version took its place from what nobody ever deployed', () => {
    const two = { ...artifact, version: '3.0.0', purl: 'pkg:npm/shop@3.0.0', digest: `sha256:${hex('c')}` };
    const next = { deploymentId: 'd2', releaseId: 'r2', environment: 'production' };
    const replaced: Told[] = [
      start({ ...next, artifacts: [two] }),
      { stream: 'deployment-d2', event: { type: 'DeploymentSucceeded', data: { ...next, round: 1, artifacts: [two] } } },
    ];
    const why = (...texts: string[]) =>
      reportOf(story({}, [...replaced, ...texts.map((text) => observe(text))])).accuracy.neverAuthorised.map((o) => o.why);
    expect(why(artifact.digest, 'pkg:npm/shop@2.0.0')).toEqual(['replaced-before', 'replaced-before']);
    expect(why(other.digest, 'pkg:npm/shop@9.0.0')).toEqual(['never-deployed-here', 'never-deployed-here']);
    expect(why('the newest', 'pkg:npm/shop')).toEqual(['names-no-artifact', 'names-no-artifact']);
    expect(why(two.digest, 'pkg:npm/shop@3.0.0')).toEqual([]);
  });
});

describe('who could do what', () => {
  const grant = (role: string, from: number, until: number, grantId = role): Told => {
    const scope = { kind: 'organisation' as const, id: '*' };
    const data = {
      grantId,
      person: p('dan'),
      role,
      scope,
      from: at(from),
      until: at(until),
      requestedBy: p('rita'),
      confirmedBy: p('root'),
    };
    return { stream: 'rolegrants-dan', event: { type: 'RoleGranted', data } };
  };
  const revoked: Told = {
    stream: 'rolegrants-dan',
    event: { type: 'RoleRevoked', data: { grantId: 'deployer', person: p('dan'), role: 'deployer', reason: 'Moved.' } },
  };
  const acted = (told: readonly Told[]) =>
    reportOf(told).access.actedWithoutGrant.flatMap((a) => (a.capability === 'deploy' ? [a.person] : []));

  it('comes from roles in force, as granted, revoked and ended by leaving', () => {
    const left: Told = { stream: 'person-dan', event: { type: 'PersonLeft', data: { person: p('dan'), reason: 'Left.' } } };
    const roles = reportOf([grant('deployer', 0, 100), grant('approver', 0, 2), ...seconds(2), revoked, grant('auditor', 0, 100), left])
      .access.roles;
    expect(roles.map(({ role, from, until, capabilities, ended }) => [role, from, until, capabilities, ended?.at])).toEqual([
      ['approver', at(1), at(2), ['approve'], undefined],
      ['auditor', at(5), at(6), [], at(6)],
      ['deployer', at(0), at(4), ['deploy'], at(4)],
    ]);
  });

  it('has only what held at some moment of the period', () => {
    const told = [grant('deployer', 0, 5), ...seconds(20)];
    expect(reportOf(told, { from: at(5), to: at(9) }).access.roles).toEqual([]);
    expect(reportOf(told, { from: at(4), to: at(5) }).access.roles).toHaveLength(1);
  });

  it('names who deployed without a role on record: none, one that was over, or one that was revoked', () => {
    const with_ = (...told: Told[]): Told[] => [...told, ...story()];
    expect(acted(with_(grant('deployer', 0, 100)))).toEqual([]);
    expect(acted(with_())).toEqual([p('dan')]);
    expect(acted(with_(grant('deployer', 0, 5)))).toEqual([p('dan')]);
    expect(acted(with_(grant('deployer', 0, 100), revoked))).toEqual([p('dan')]);
    expect(acted(with_(grant('approver', 0, 100)))).toEqual([p('dan')]);
  });

  it('has memberships with their begin and end', () => {
    const member = (type: 'GroupMemberAdded' | 'GroupMemberRemoved'): Told => ({
      stream: 'group-a',
      event: { type, data: { group: 'a', person: p('abe'), reason: 'So.' } } as PlimsollEvent,
    });
    const { memberships } = reportOf([
      member('GroupMemberAdded'),
      ...seconds(3),
      member('GroupMemberRemoved'),
      member('GroupMemberAdded'),
    ]).access;
    expect(memberships.map(({ from, until }) => [from, until])).toEqual([
      [at(0), at(4)],
      [at(5), undefined],
    ]);
  });
});

describe('what was appended around Plimsoll', () => {
  it('is read as far as it can be, and listed where it can not', () => {
    const events = history(story()) as StoredEvent[];
    const bare = (event: StoredEvent, data: unknown = event.data): StoredEvent => ({
      ...event,
      data,
      metadata: {} as StoredEvent['metadata'],
    });
    const fold = new ComplianceFold(YEAR);
    for (const event of events) fold.add(event.type === 'DeploymentStarted' ? bare(event) : event);
    fold.add({ ...bare(events[0]!, null), stream: 'policy-broken', revision: 0 });
    const report = fold.report();
    expect(report.changes[0]?.verdicts.authorised).toMatchObject({ verdict: 'no', reason: expect.stringContaining('around Plimsoll') });
    expect(report.log.unreadable).toMatchObject([{ ref: 'policy-broken@0', event: 'PolicyPublished' }]);
  });
});
