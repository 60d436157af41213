import {
  accountId,
  approvalId,
  changeId,
  BYPASS_REGISTER,
  dutyReviewId,
  digestText,
  smokeRunId,
  type ApprovalTuple,
  type ChangeDossier,
  type DecisionReceipt,
  type GateName,
  type GateVerdict,
  type PlimsollEvent,
  type ReleaseArtifact,
} from '#libs/contracts';
import type { ControlQuestion, UnmatchedReason } from '#libs/compliance';
import { derivedId, type StoredEvent } from '#libs/event-sourcing';
import { defaultPersonId } from '#libs/identity';
import { dossierHashOf, ENGINE, hashOf, tupleHashOf } from '#libs/policy';
import { boardContents } from '#libs/policy/testing';

/** What can be wrong, or out of the ordinary, with a change of the year; each has its own answer to every question. */
export const EXCEPTIONS = [
  'self-approval-by-alias-on-record',
  'self-approval-by-alias-nobody-noticed',
  'self-approval-as-known-then',
  'approver-deploys',
  'one-person-approves-twice',
  'approver-lost-the-role',
  'approver-left',
  'approver-left-and-came-back',
  'approver-out-of-the-group',
  'approver-keeps-another-role',
  'approver-stays-in-the-group',
  'risk-understated',
  'late-approval',
  'expired-approval',
  'voided-approval',
  'approval-of-another-policy-version',
  'other-digest-deployed',
  'other-plan-deployed',
  'no-tests',
  'failing-suite',
  'superseded-policy',
  'other-policy',
  'gate-failed-and-went-on',
  'gate-left-out',
  'effect-without-second-look',
  'frozen-at-the-moment-of-effect',
  'no-authors',
  'appended-around',
  'never-started',
  'never-observed',
  'something-else-observed',
  'observed-only',
  'observed-after-it-was-replaced',
  'names-nothing',
  'bypass-reviewed-in-time',
  'bypass-review-missing',
  'bypass-review-late',
  'bypass-rejected',
  'bypass-reviewed-by-its-user',
  'bypass-review-not-due-yet',
  'bypass-for-another-digest',
  'rolled-back',
  'rolled-back-by-itself',
  'halted',
  'under-way',
  'emergency-class',
  'emergency-class-that-nothing-bears',
  'emergency-claimed-and-counted-as-normal',
  'deployer-without-a-role',
  // Of the environment whose policy asks for a change.
  'change-by-board',
  'change-by-itsm',
  'change-by-model',
  'change-without-any',
  'change-voided-after-the-vote',
  'dossier-is-of-another-plan',
  'board-voter-wrote-it',
  'board-voter-recused',
  'board-voter-is-no-member',
  'board-voter-lost-the-role',
  'board-voter-left',
  'board-voter-out-of-the-board',
  'decided-on-as-of-less-risk',
  'condition-not-met',
  'model-suspended',
  'emergency-change-reviewed',
  'emergency-change-review-missing',
  'emergency-change-reviewed-by-its-deployer',
] as const;
export type Planted = (typeof EXCEPTIONS)[number];

type Wanted = Partial<Record<ControlQuestion, 'no' | 'exception'>>;

const WAIVED: Wanted = {
  requested: 'exception',
  'approved-before-deployment': 'exception',
  'approved-digest-deployed': 'exception',
  'approved-plan-deployed': 'exception',
  'duties-separated': 'exception',
  'gates-passed': 'exception',
};
const ROUND_EVERYTHING: Wanted = {
  authorised: 'no',
  requested: 'no',
  'approved-before-deployment': 'no',
  'approved-digest-deployed': 'no',
  'approved-plan-deployed': 'no',
  'change-authorised': 'no',
  'authors-known': 'no',
  'duties-separated': 'no',
  'no-later-duty-violation': 'no',
  tested: 'no',
  'gates-passed': 'no',
  'policy-in-force': 'no',
  'not-frozen': 'no',
};
const ROLLBACK: Wanted = {
  requested: 'exception',
  'approved-before-deployment': 'exception',
  'approved-digest-deployed': 'exception',
  'approved-plan-deployed': 'exception',
  'duties-separated': 'exception',
};

/** Every question that is not answered by yes, for the change that is the exception. */
export const WANTED: Readonly<Record<Planted, Wanted>> = {
  'self-approval-by-alias-on-record': { 'no-later-duty-violation': 'no' },
  'self-approval-by-alias-nobody-noticed': { 'no-later-duty-violation': 'no' },
  'self-approval-as-known-then': { 'duties-separated': 'no' },
  'approver-deploys': { 'duties-separated': 'no' },
  'one-person-approves-twice': { 'approved-before-deployment': 'no' },
  'approver-lost-the-role': { 'approved-before-deployment': 'no' },
  'approver-left': { 'approved-before-deployment': 'no' },
  'approver-left-and-came-back': { 'approved-before-deployment': 'no' },
  'approver-out-of-the-group': { 'approved-before-deployment': 'no' },
  'approver-keeps-another-role': {},
  'approver-stays-in-the-group': {},
  'risk-understated': { 'gates-passed': 'no' },
  'late-approval': { 'approved-before-deployment': 'no' },
  'expired-approval': { 'approved-before-deployment': 'no' },
  'voided-approval': { 'approved-before-deployment': 'no' },
  'approval-of-another-policy-version': { 'approved-before-deployment': 'no' },
  'other-digest-deployed': { 'approved-digest-deployed': 'no' },
  'other-plan-deployed': { 'approved-plan-deployed': 'no' },
  'no-tests': { tested: 'no' },
  'failing-suite': { tested: 'no' },
  'superseded-policy': { 'policy-in-force': 'no' },
  'other-policy': { 'policy-in-force': 'no' },
  'gate-failed-and-went-on': { 'gates-passed': 'no' },
  'gate-left-out': { 'gates-passed': 'no' },
  'effect-without-second-look': { 'gates-passed': 'no' },
  'frozen-at-the-moment-of-effect': { 'gates-passed': 'no', 'not-frozen': 'no' },
  'no-authors': { 'authors-known': 'no', 'duties-separated': 'no' },
  'appended-around': { authorised: 'no' },
  'never-started': ROUND_EVERYTHING,
  'never-observed': { observed: 'no' },
  'something-else-observed': { observed: 'no' },
  'observed-only': ROUND_EVERYTHING,
  'observed-after-it-was-replaced': ROUND_EVERYTHING,
  'names-nothing': ROUND_EVERYTHING,
  'bypass-reviewed-in-time': WAIVED,
  'bypass-review-missing': { ...WAIVED, 'bypass-reviewed': 'no' },
  'bypass-review-late': { ...WAIVED, 'bypass-reviewed': 'no' },
  'bypass-rejected': { ...WAIVED, 'bypass-reviewed': 'no' },
  'bypass-reviewed-by-its-user': { ...WAIVED, 'bypass-reviewed': 'no' },
  'bypass-review-not-due-yet': { ...WAIVED, 'bypass-reviewed': 'exception' },
  'bypass-for-another-digest': { ...WAIVED, 'approved-digest-deployed': 'no' },
  'rolled-back': ROLLBACK,
  'rolled-back-by-itself': { ...ROLLBACK, authorised: 'exception' },
  halted: { 'approved-digest-deployed': 'exception', 'gates-passed': 'exception', observed: 'exception' },
  'under-way': { 'gates-passed': 'exception', observed: 'exception' },
  'emergency-class': { 'bypass-reviewed': 'exception' },
  'emergency-class-that-nothing-bears': { 'bypass-reviewed': 'no' },
  'emergency-claimed-and-counted-as-normal': {},
  'deployer-without-a-role': {},
  'change-by-board': {},
  'change-by-itsm': {},
  'change-by-model': {},
  'change-without-any': { 'change-authorised': 'no' },
  'change-voided-after-the-vote': { 'change-authorised': 'no' },
  'dossier-is-of-another-plan': { 'change-authorised': 'no' },
  'board-voter-wrote-it': { 'change-authorised': 'no' },
  'board-voter-recused': { 'change-authorised': 'no' },
  'board-voter-is-no-member': { 'change-authorised': 'no' },
  'board-voter-lost-the-role': { 'change-authorised': 'no' },
  'board-voter-left': { 'change-authorised': 'no' },
  'board-voter-out-of-the-board': { 'change-authorised': 'no' },
  'decided-on-as-of-less-risk': { 'change-authorised': 'no' },
  'condition-not-met': { 'change-authorised': 'no' },
  'model-suspended': { 'change-authorised': 'no' },
  'emergency-change-reviewed': { 'change-authorised': 'exception' },
  'emergency-change-review-missing': { 'change-authorised': 'no', 'bypass-reviewed': 'no' },
  'emergency-change-reviewed-by-its-deployer': { 'change-authorised': 'no', 'bypass-reviewed': 'no' },
};

/** Those that were to be decided on as changes, by how. */
export const BY_CHANGE: { readonly [P in Planted]?: 'board' | 'itsm' | 'model' | 'emergency' } = {
  'change-by-board': 'board',
  'change-by-itsm': 'itsm',
  'change-by-model': 'model',
  'change-without-any': 'board',
  'change-voided-after-the-vote': 'board',
  'dossier-is-of-another-plan': 'board',
  'board-voter-wrote-it': 'board',
  'board-voter-recused': 'board',
  'board-voter-is-no-member': 'board',
  'board-voter-lost-the-role': 'board',
  'board-voter-left': 'board',
  'board-voter-out-of-the-board': 'board',
  'decided-on-as-of-less-risk': 'board',
  'condition-not-met': 'board',
  'model-suspended': 'model',
  'emergency-change-reviewed': 'emergency',
  'emergency-change-review-missing': 'emergency',
  'emergency-change-reviewed-by-its-deployer': 'emergency',
};

const UNMATCHED: Partial<Record<Planted, UnmatchedReason>> = {
  'observed-only': 'never-deployed-here',
  'observed-after-it-was-replaced': 'replaced-before',
  'names-nothing': 'names-no-artifact',
};

/** A change that is out of the ordinary, as the report has to find it. */
export interface PlantedChange {
  readonly planted: Planted;
  /** Stream of a deployment; for what was only observed the `stream@revision` of the report. */
  readonly where: string;
  readonly wanted: Wanted;
  readonly unmatched?: UnmatchedReason;
}

export interface ComplianceYear {
  readonly from: string;
  readonly to: string;
  /** In the order of the log, from its first event; can be gone through once. */
  batches(): Generator<StoredEvent[]>;
  /** Filled while the batches are gone through. */
  readonly planted: PlantedChange[];
  /** How many changes of the period there are in all. */
  readonly population: () => number;
  /** `person capability` of everybody who acted without a role. */
  readonly withoutRole: ReadonlySet<string>;
}

interface Told {
  readonly at: number;
  readonly stream: string;
  readonly event: PlimsollEvent;
  /** Account and person; the person is what the account is taken for unless told. */
  readonly by: string;
  readonly person?: string;
  /** Appended without anybody's having been authenticated. */
  readonly around?: boolean;
  /** A report that no deployment accounts for. */
  readonly planted?: Planted;
}

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const SERVICES = 200;
const DEVELOPERS = 150;
const APPROVERS = 30;
const DEPLOYERS = 20;
const TESTERS = 10;
const ORDINARY = 'production';
/** Where every deployment needs a change, too; the policy goes by the same name. */
const CHANGES = 'core';
/** Where one of a group must approve; its policy goes by the same name, and so does the group. */
const GROUPED = 'vault';
/** The first approvers are on the boards, and approve nothing else there. */
const MEMBERS = 5;
const SUITES = ['unit', 'e2e'] as const;

/** Account of a person of the year. */
const account = (role: string, n: number): string => `https://idp.example.com|${role}-${n}`;
const personOf = (of: string): string => {
  const bar = of.indexOf('|');
  return defaultPersonId(of.slice(0, bar), of.slice(bar + 1));
};

/**
 * A year of an organisation, generated from a seed: `changes` deployments of 200 services to production, each composed, planned, tested,
 * approved by two, deployed and observed, many at the same time; and among them `each` of every kind of exception. Some changes lie before
 * and after the year, and are none of the report's.
 */
export function complianceYear(options: { readonly seed: number; readonly changes: number; readonly each: number }): ComplianceYear {
  const { seed, changes, each } = options;
  const from = Date.parse('2025-01-01T00:00:00.000Z');
  const to = Date.parse('2026-01-01T00:00:00.000Z');
  const random = mulberry32(seed);
  const pick = (n: number): number => Math.floor(random() * n);
  const planted: PlantedChange[] = [];
  const kinds = placed(changes, each, pick);
  const withoutRole = new Set<string>();
  let population = 0;

  const text = (at: number): string => new Date(at).toISOString();
  /** Versions 1 to 4 of the policy, one a quarter. */
  const versionAt = (at: number): number => (at < from ? 1 : 1 + Math.min(3, Math.floor(((at - from) / (to - from)) * 4)));

  function* beginning(): Generator<Told> {
    const at = from - 30 * DAY;
    const admin = account('admin', 0);
    const tell = (stream: string, event: PlimsollEvent): Told => ({ at, stream, event, by: admin });
    yield tell('identitybootstrap-first', {
      type: 'IdentityBootstrapped',
      data: { issuer: 'https://idp.example.com', subject: 'admin-0', person: personOf(admin), reason: 'The first.' },
    });
    const held: readonly (readonly [string, number])[] = [
      ['approver', APPROVERS],
      ['deployer', DEPLOYERS],
      ['policy-editor', 1],
    ];
    for (const [role, count] of held) {
      for (let n = 0; n < count; n++) {
        const person = personOf(account(role, n));
        const grant = {
          grantId: `${role}-${n}`,
          person,
          role,
          scope: { kind: 'organisation' as const, id: '*' },
          from: text(at),
          until: text(to + 400 * DAY),
          requestedBy: personOf(account('lead', 0)),
        };
        yield tell(`rolegrants-${person}`, { type: 'RoleGranted', data: { ...grant, confirmedBy: personOf(admin) } });
      }
    }
    for (const environment of [ORDINARY, CHANGES, GROUPED]) {
      yield tell(`environment-${environment}`, {
        type: 'EnvironmentDefined',
        data: { environment, class: 'production', policyId: environment, regimes: ['SOX'] },
      });
    }
    yield tell(`group-${GROUPED}`, { type: 'GroupDefined', data: { group: GROUPED, title: 'Keepers of the vault' } });
    yield tell('group-cab', { type: 'GroupDefined', data: { group: 'cab', title: 'Change advisory board' } });
    for (let n = 0; n < MEMBERS; n++) {
      yield tell('group-cab', { type: 'GroupMemberAdded', data: { group: 'cab', person: personOf(account('approver', n)) } });
    }
    for (const boardId of ['cab', 'outside']) {
      const itsm = boardId === 'outside' ? { itsm: { whenAway: 'hold' as const, afterMinutes: 60 } } : {};
      const data = { ...boardContents, quorum: 2, chair: personOf(account('approver', 0)), ...itsm, boardId, version: 1, tzdata: '2025b' };
      yield { ...tell(`board-${boardId}`, { type: 'BoardDefined', data }), by: account('policy-editor', 0) };
    }
    yield* changeModel(at, 'patches');
  }

  /** A model for standard changes that the board approves. */
  function* changeModel(at: number, modelId: string): Generator<Told> {
    const of = { modelId, version: 1 };
    const voter = account('approver', 1);
    const stream = `changemodel-${modelId}`;
    const contentsHash = hashOf(modelId);
    const valid = { validFrom: text(at), validUntil: text(to + 400 * DAY) };
    const proposed = { ...of, title: 'Patches', boardId: 'cab', conditions: { environmentClasses: ['production'] }, ...valid };
    const proposer = account('lead', 0);
    yield {
      at,
      stream,
      by: proposer,
      event: { type: 'ChangeModelProposed', data: { ...proposed, contentsHash, proposer: personOf(proposer) } },
    };
    yield {
      at,
      stream,
      by: voter,
      event: { type: 'ChangeModelVoteCast', data: { ...of, person: personOf(voter), vote: 'for', contentsHash } },
    };
    const tally = { for: [personOf(voter)], against: [], abstain: [], quorum: 1 };
    yield {
      at,
      stream,
      by: voter,
      event: { type: 'ChangeModelDecided', data: { ...of, outcome: 'approved', contentsHash, tally, recused: [] } },
    };
  }

  function* policies(): Generator<Told> {
    const at = from - 29 * DAY;
    const asks = [
      { gate: 'tests-passed' },
      { gate: 'approved', quorum: 2 },
      { gate: 'duties-separated' },
      { gate: 'change-approved' },
    ] as const;
    const ofChanges = {
      policyId: CHANGES,
      version: 1,
      title: 'With changes',
      gates: asks,
      rollbackGates: [],
      clauses: [],
      effectiveFrom: text(at),
    };
    yield { at, stream: `policy-${CHANGES}`, by: account('policy-editor', 0), event: { type: 'PolicyPublished', data: ofChanges } };
    const byGroup = { gate: 'approved', quorum: 2, groups: [{ group: GROUPED, quorum: 1 }] } as const;
    const ofGroup = {
      ...ofChanges,
      policyId: GROUPED,
      title: 'With a group',
      gates: [{ gate: 'tests-passed' }, byGroup, { gate: 'duties-separated' }] as const,
    };
    yield { at, stream: `policy-${GROUPED}`, by: account('policy-editor', 0), event: { type: 'PolicyPublished', data: ofGroup } };
    for (let version = 1; version <= 4; version++) {
      const at = version === 1 ? from - 29 * DAY : from + ((version - 1) * (to - from)) / 4;
      yield {
        at,
        stream: `policy-${ORDINARY}`,
        by: account('policy-editor', 0),
        event: {
          type: 'PolicyPublished',
          data: {
            policyId: ORDINARY,
            version,
            title: `Of quarter ${version}`,
            gates: [{ gate: 'tests-passed' }, { gate: 'approved', quorum: 2 }, { gate: 'duties-separated' }],
            rollbackGates: [{ gate: 'rollback-target-ran' }],
            clauses: [],
            effectiveFrom: text(at),
          },
        },
      };
    }
  }

  /** The story of one change; `number` counts from 0 in the order of their times. */
  function story(number: number, at: number, kind: Planted | undefined): Told[] {
    const told: Told[] = [];
    const route = kind && BY_CHANGE[kind];
    const grouped = kind === 'approver-out-of-the-group' || kind === 'approver-stays-in-the-group';
    const ENVIRONMENT = route ? CHANGES : grouped ? GROUPED : ORDINARY;
    const POLICY = ENVIRONMENT;
    const service = number % SERVICES;
    const name = `service-${service}`;
    const releaseId = derivedId('release', `year-${number}`);
    const deploymentId = derivedId('deployment', `year-${number}`);
    const digest = digestText({ algorithm: 'sha256', value: hashOf(`artifact ${number}`) });
    const artifact: ReleaseArtifact = {
      artifactId: derivedId('artifact', name, `1.${number}.0`),
      name,
      version: `1.${number}.0`,
      purl: `pkg:oci/${name}@1.${number}.0`,
      digest,
    };
    const otherDigest = digestText({ algorithm: 'sha256', value: hashOf(`other ${number}`) });
    const plan = hashOf(`plan ${number}`);
    const author = account('developer', pick(DEVELOPERS));
    const tester = account('tester', pick(TESTERS));
    const requester = account('lead', pick(20));
    const approvers = [pick(APPROVERS), 0];
    approvers[1] = (approvers[0]! + 1 + pick(APPROVERS - 1)) % APPROVERS;
    if (route) approvers.splice(0, 2, MEMBERS + pick(10), MEMBERS + 10 + pick(10));
    let [first, second] = approvers.map((n) => account('approver', n)) as [string, string];
    let deployer = account('deployer', pick(DEPLOYERS));
    let authors = [author];
    const ofDeployment = { deploymentId, releaseId, environment: ENVIRONMENT };
    const deployment = `deployment-${deploymentId}`;
    const approval = approvalId(releaseId, ENVIRONMENT);
    const bypassId = derivedId('bypass', `year-${number}`);
    const bypassed = kind?.startsWith('bypass') === true;
    const started = at + 4 * HOUR;
    const version = route || grouped ? 1 : versionAt(started);
    const policyVersion = kind === 'superseded-policy' ? version - 1 : version;
    const add = (after: number, stream: string, event: PlimsollEvent, by: string, more: Partial<Told> = {}): void => {
      told.push({ at: at + after, stream, event, by, ...more });
    };
    const exception = (what: Planted, where: string): void => void planted.push({ planted: what, where, wanted: WANTED[what] });

    if (kind === 'no-authors') authors = [];
    if (kind === 'board-voter-wrote-it') authors = [account('approver', 1)];
    if (kind === 'self-approval-as-known-then') first = author;
    if (kind?.startsWith('self-approval-by-alias')) authors = [`https://git.example.com|alias-${number}`];
    if (kind === 'approver-deploys') deployer = first;
    if (kind === 'deployer-without-a-role') deployer = account('stranger', number);
    if (kind === 'one-person-approves-twice') second = first;
    // Approves, or votes on the board, and then may not have any more.
    const leaver = account('leaver', number);
    const onBoard = kind?.startsWith('board-voter') === true;
    if (kind?.startsWith('approver-') && kind !== 'approver-deploys') first = leaver;
    if (first === leaver || kind === 'board-voter-lost-the-role' || kind === 'board-voter-left' || kind === 'board-voter-out-of-the-board')
      lapses(kind);
    if (kind === 'self-approval-as-known-then') withoutRole.add(`${personOf(first)} approve`);
    if (kind === 'approver-deploys' || kind === 'deployer-without-a-role') withoutRole.add(`${personOf(deployer)} deploy`);

    const composed = { releaseId, product: name, artifacts: [artifact] };
    const changeClass =
      kind?.startsWith('emergency-cla') || route === 'emergency'
        ? ('emergency' as const)
        : route === 'model'
          ? ('standard' as const)
          : undefined;
    const emergency = changeClass
      ? { changeClass, ...(changeClass === 'emergency' ? { changeReason: 'Customers can not log in.' } : {}) }
      : {};
    const riskClass = kind === 'risk-understated' ? 'high' : kind === 'decided-on-as-of-less-risk' ? 'medium' : route ? 'low' : undefined;
    const action = { driver: 'exec', action: 'switch', input: { service: name } };
    const step = { id: 'switch', ...action, dependsOn: [] };
    if (kind !== 'observed-only' && kind !== 'names-nothing' && kind !== 'never-started') {
      add(
        0,
        `artifact-${artifact.artifactId}`,
        {
          type: 'ArtifactRegistered',
          data: {
            ...artifact,
            digest: { algorithm: 'sha256', value: digest.slice(7) },
            commit: hashOf(`commit ${number}`).slice(0, 40),
            authors,
          },
        },
        author,
      );
      add(60_000, `release-${releaseId}`, { type: 'ReleaseComposed', data: { ...composed, authors } }, author);
      add(
        120_000,
        `versionline-${name}`,
        {
          type: 'VersionAssigned',
          data: { product: name, releaseId, scheme: 'semver', version: artifact.version },
        },
        author,
      );
      add(
        180_000,
        `release-${releaseId}`,
        {
          type: 'ReleasePlanned',
          data: {
            releaseId,
            environment: ENVIRONMENT,
            steps: [step],
            stages: [['switch']],
            planHash: plan,
            ...emergency,
            ...(riskClass ? { riskClass } : {}),
          },
        },
        author,
      );
      for (const suite of SUITES) {
        if (kind === 'no-tests') continue;
        const outcome = kind === 'failing-suite' && suite === 'e2e' ? ('fail' as const) : ('pass' as const);
        const counts = { tests: 40, failures: outcome === 'fail' ? 1 : 0, errors: 0, skipped: 0, failed: [] };
        add(
          HOUR,
          `testreport-${releaseId}`,
          {
            type: 'TestReportRecorded',
            data: {
              releaseId,
              artifactDigest: digest,
              suite,
              format: 'junit',
              reportDigest: hashOf(`report ${number} ${suite}`),
              outcome,
              ...counts,
              tester: personOf(tester),
            },
          },
          tester,
        );
      }
    }

    const expiresAt = text(kind === 'expired-approval' ? started : started + 3 * DAY);
    const tuple: ApprovalTuple = {
      releaseId,
      artifactDigests: [digest],
      environment: ENVIRONMENT,
      planHash: kind === 'other-plan-deployed' ? hashOf(`other plan ${number}`) : plan,
      policyId: kind === 'other-policy' ? 'lenient' : POLICY,
      policyVersion: kind === 'approval-of-another-policy-version' ? policyVersion + 10 : policyVersion,
      expiresAt,
    };
    const tupleHash = tupleHashOf(tuple);
    const inRound = { approvalId: approval, releaseId, environment: ENVIRONMENT, round: 1 };
    const vote = (after: number, by: string): void =>
      add(after, `approval-${approval}`, { type: 'ApprovalGranted', data: { ...inRound, person: personOf(by), tupleHash } }, by);
    const unattended: readonly (Planted | undefined)[] = ['observed-only', 'names-nothing', 'never-started'];
    if (!unattended.includes(kind) && !bypassed) {
      add(
        2 * HOUR,
        `approval-${approval}`,
        {
          type: 'ApprovalRequested',
          data: { ...inRound, tuple, tupleHash, quorum: 2, requester: personOf(requester) },
        },
        requester,
      );
      vote(2.5 * HOUR, first);
      vote(kind === 'late-approval' ? 5 * HOUR : 3 * HOUR, second);
      if (kind === 'voided-approval')
        add(3.5 * HOUR, `approval-${approval}`, { type: 'ApprovalVoided', data: { ...inRound, reason: 'An approver left.' } }, requester);
    }
    if (route && kind !== 'change-without-any') asChange(route);
    if (bypassed) {
      const bound = kind === 'bypass-for-another-digest' ? { ...tuple, artifactDigests: [otherDigest] } : tuple;
      add(
        3 * HOUR,
        `bypass-${BYPASS_REGISTER}`,
        {
          type: 'BypassRequested',
          data: {
            bypassId,
            releaseId,
            environment: ENVIRONMENT,
            product: name,
            gates: ['approved'],
            justification: 'Payments are down, and nobody who may approve answers.',
            requester: personOf(requester),
            tuple: bound,
            tupleHash: tupleHashOf(bound),
            reviewDueAt: text(at + 3 * DAY),
          },
        },
        requester,
      );
      add(
        4 * HOUR + 5000,
        `bypass-${BYPASS_REGISTER}`,
        {
          type: 'BypassUsed',
          data: { bypassId, deploymentId, deployer: personOf(deployer), at: text(started) },
        },
        deployer,
      );
      const review = (after: number, by: string, outcome: 'approved' | 'rejected'): void =>
        add(
          after,
          `bypass-${BYPASS_REGISTER}`,
          {
            type: 'BypassReviewed',
            data: { bypassId, reviewer: personOf(by), outcome, findings: 'As it was told.', late: after >= 3 * DAY },
          },
          by,
        );
      const reviewer = account('auditor', pick(5));
      if (kind === 'bypass-reviewed-in-time' || kind === 'bypass-for-another-digest') review(DAY, reviewer, 'approved');
      if (kind === 'bypass-review-late') review(3 * DAY, reviewer, 'approved');
      if (kind === 'bypass-rejected') review(DAY, reviewer, 'rejected');
      if (kind === 'bypass-reviewed-by-its-user') review(DAY, deployer, 'approved');
    }

    /** What somebody is let do who approves or votes here, and what becomes of that before the start. */
    function lapses(what: Planted | undefined): void {
      const person = personOf(leaver);
      const admin = account('admin', 0);
      const group = onBoard ? 'cab' : grouped ? GROUPED : undefined;
      const scope = { kind: 'environment' as const, id: ENVIRONMENT };
      const asked = { person, role: 'approver', scope, requestedBy: personOf(account('lead', 0)), confirmedBy: personOf(admin) };
      const grant = (grantId: string): void =>
        add(
          0,
          `rolegrants-${person}`,
          { type: 'RoleGranted', data: { ...asked, grantId, from: text(at), until: text(to + 400 * DAY) } },
          admin,
        );
      const revoke = (grantId: string): void =>
        add(
          3.6 * HOUR,
          `rolegrants-${person}`,
          { type: 'RoleRevoked', data: { grantId, person, role: 'approver', reason: 'Another job.' } },
          admin,
        );
      const of = { group: group ?? '', person, requestedBy: personOf(account('lead', 0)) };
      grant(`leaver-${number}`);
      if (group) add(0, `group-${group}`, { type: 'GroupMemberAdded', data: { ...of, confirmedBy: personOf(admin) } }, admin);
      switch (what) {
        case 'approver-keeps-another-role':
          grant(`leaver-${number}-too`);
          return revoke(`leaver-${number}`);
        case 'approver-lost-the-role':
        case 'board-voter-lost-the-role':
          return revoke(`leaver-${number}`);
        case 'approver-left-and-came-back':
          add(3.6 * HOUR, `person-${person}`, { type: 'PersonLeft', data: { person, reason: 'Retired.' } }, admin);
          return add(3.7 * HOUR, `person-${person}`, { type: 'PersonRegistered', data: { person, registeredBy: personOf(admin) } }, admin);
        case 'approver-left':
        case 'board-voter-left':
          return add(3.6 * HOUR, `person-${person}`, { type: 'PersonLeft', data: { person, reason: 'Retired.' } }, admin);
        case 'approver-out-of-the-group':
        case 'board-voter-out-of-the-board':
          return add(
            3.6 * HOUR,
            `group-${group ?? ''}`,
            { type: 'GroupMemberRemoved', data: { group: group ?? '', person, reason: 'Another job.' } },
            admin,
          );
        default:
      }
    }

    /** The change as it is submitted, decided on, carried out and looked at. */
    function asChange(how: NonNullable<typeof route>): void {
      const change = changeId(releaseId, ENVIRONMENT);
      const stream = `change-${change}`;
      const of = { changeId: change, releaseId, environment: ENVIRONMENT, round: 1 };
      const model = kind === 'model-suspended' ? `patches-${number}` : 'patches';
      const incident = derivedId('incident', `year-${number}`);
      if (kind === 'model-suspended') {
        told.push(...changeModel(at, model));
        const suspended = { modelId: model, version: 1, reason: 'A deployment under it failed.' };
        add(3.9 * HOUR, `changemodel-${model}`, { type: 'ChangeModelSuspended', data: suspended }, account('approver', 2));
      }
      if (how === 'emergency') {
        const about = {
          incidentId: incident,
          deploymentId,
          releaseId,
          environment: ENVIRONMENT,
          title: 'Logins fail.',
          severity: 'critical' as const,
        };
        add(
          3 * HOUR,
          `incident-${incident}`,
          { type: 'IncidentOpened', data: { ...about, cause: 'Unknown.', deduplicationKey: incident } },
          requester,
        );
      }
      const persons = [...new Set([...authors, author])].map(personOf).sort();
      const dossier: ChangeDossier = {
        schema: 'plimsoll.change-dossier.v1',
        changeId: change,
        round: 1,
        class: changeClass ?? 'normal',
        title: `${name} 1.${number}.0`,
        justification: 'As planned.',
        risk: { level: 'low', assessment: 'Small.' },
        backout: 'Roll back.',
        window: { from: text(started - HOUR), until: text(started + HOUR) },
        dependsOn: [],
        requester: personOf(requester),
        contents: {
          releaseId,
          environment: ENVIRONMENT,
          environmentClass: 'production',
          product: name,
          version: artifact.version,
          artifacts: [{ name, version: artifact.version, purl: artifact.purl, digest }],
          planHash: kind === 'dossier-is-of-another-plan' ? hashOf(`other plan ${number}`) : plan,
          policyId: POLICY,
          policyVersion,
          tests: [...SUITES].sort().map((suite) => ({ digest, suite, outcome: 'pass' })),
          authors: persons,
        },
        conflicts: [],
        ...(how === 'board'
          ? { board: { boardId: 'cab', version: 1 } }
          : how === 'itsm'
            ? { board: { boardId: 'outside', version: 1 } }
            : {}),
        ...(how === 'model' ? { model: { modelId: model, version: 1 } } : {}),
        ...(how === 'emergency' ? { incidentId: incident } : {}),
      };
      const dossierHash = dossierHashOf(dossier);
      const cast = (after: number, by: string): void =>
        add(after, stream, { type: 'ChangeVoteCast', data: { ...of, person: personOf(by), vote: 'for', dossierHash, conditions: [] } }, by);
      const due = how === 'emergency' ? { reviewDueAt: text(at + 3 * HOUR + 3 * DAY) } : {};
      const submission = { ...of, product: name, class: dossier.class, reasons: [], route: how, dossier, dossierHash, inputs: [], ...due };
      add(
        3.1 * HOUR,
        stream,
        { type: 'ChangeSubmitted', data: { ...submission, requester: personOf(requester), submittedAt: text(at + 3.1 * HOUR) } },
        requester,
      );
      const condition = {
        conditionId: derivedId('condition', `year-${number}`),
        text: 'Back up first.',
        by: personOf(account('approver', 0)),
      };
      const decision = {
        ...of,
        outcome: 'approved' as const,
        dossierHash,
        recused: [],
        conditions: kind === 'condition-not-met' ? [condition] : [],
        conflicts: [],
        inputs: [],
      };
      if (how === 'board') {
        if (kind === 'board-voter-recused') {
          const recused = { ...of, person: personOf(account('approver', 1)), reason: 'It is my own team’s.' };
          add(3.2 * HOUR, stream, { type: 'ChangeRecusalDeclared', data: recused }, account('approver', 1));
        }
        const other = account('approver', kind === 'board-voter-is-no-member' ? MEMBERS + 1 : 1);
        cast(3.3 * HOUR, account('approver', 0));
        cast(3.4 * HOUR, told.some(({ stream: of }) => of === `rolegrants-${personOf(leaver)}`) ? leaver : other);
        add(3.4 * HOUR + 1, stream, { type: 'ChangeDecided', data: { ...decision, by: 'board' } }, account('approver', 1));
      }
      if (how === 'itsm') {
        const itsm = { webhookId: `w-${number}`, decidedBy: 'agent-7', reference: `CHG${number}` };
        add(3.4 * HOUR, stream, { type: 'ChangeDecided', data: { ...decision, by: 'itsm', itsm } }, 'plimsoll|system:itsm');
      }
      if (kind === 'change-voided-after-the-vote')
        add(3.8 * HOUR, stream, { type: 'ChangeVoided', data: { ...of, reason: 'The test evidence changed.' } }, 'plimsoll|process:change');
      const ended = { deploymentId, outcome: 'succeeded' as const };
      add(4 * HOUR + 12_000, stream, { type: 'ChangeImplemented', data: { ...of, ...ended } }, 'plimsoll|process:change');
      if (how === 'model')
        add(
          4 * HOUR + 13_000,
          `changemodel-${model}`,
          { type: 'ChangeModelUsed', data: { modelId: model, version: 1, changeId: change, ...ended } },
          'plimsoll|process:change',
        );
      const look = (by: string): void => {
        const reviewed = { ...of, reviewer: personOf(by), outcome: 'approved' as const, findings: 'As it was told.', late: false };
        add(DAY, stream, { type: 'ChangeReviewed', data: reviewed }, by);
      };
      if (kind === 'emergency-change-reviewed') look(account('auditor', 1));
      if (kind === 'emergency-change-reviewed-by-its-deployer') look(deployer);
    }

    const judged = (
      gates: readonly GateName[],
      when: number,
      of: 'deployment' | 'rollback' = 'deployment',
      who = deployer,
    ): DecisionReceipt => ({
      // Before the seventh, engines took a plan's word for its class.
      engine: kind === 'emergency-class' ? 'plimsoll-gates/6 cel/0.6.1' : ENGINE,
      subject: { releaseId, environment: ENVIRONMENT, kind: of, deployer: personOf(who), ...(bypassed ? { bypassId } : {}) },
      policyId: kind === 'other-policy' ? 'lenient' : POLICY,
      policyVersion,
      evaluatedAt: text(when),
      inputs: [`approval-${approval}@2`, 'calendar-organisation@-1', `policy-${POLICY}@${policyVersion - 1}`, `release-${releaseId}@1`],
      factsHash: hashOf(`facts ${number} ${when}`),
      gates: gates.map((gate): GateVerdict => {
        const waived = bypassed && gate === 'approved';
        const fails = gate === 'not-frozen' || (kind === 'gate-failed-and-went-on' && gate === 'duties-separated');
        return {
          gate,
          verdict: waived ? 'inconclusive' : fails ? 'fail' : 'pass',
          detail: fails ? 'It is closed.' : 'As it should be.',
          evidence: gate === 'not-frozen' ? ['calendar-organisation@3', 'tzdata:2025b'] : [`release-${releaseId}@1`],
          ...(waived ? { waivedBy: bypassId } : {}),
        };
      }),
      verdict: 'pass',
    });
    const gates: readonly GateName[] =
      kind === 'gate-left-out'
        ? ['tests-passed', 'approved']
        : ['tests-passed', 'approved', 'duties-separated', ...(route ? ['change-approved' as const] : [])];
    const environment = `environment-${ENVIRONMENT}`;
    const rollout = 'plimsoll|system:rollout';
    const system = 'plimsoll|system:deployer';
    const report = (after: number, artifactText: string, change: 'deployed' | 'rolledback' = 'deployed', more: Partial<Told> = {}): void =>
      add(
        after,
        environment,
        {
          type: 'RunningVersionReported',
          data: {
            environment: ENVIRONMENT,
            service: name,
            artifact: artifactText,
            change,
            reportedBy: 'https://cluster.example.com/agent',
            claimedOccurredAt: text(at + after - 30_000),
            skewSeconds: -30,
          },
        },
        account('agent', 0),
        more,
      );

    const ordinary = !unattended.includes(kind);
    if (ordinary) {
      add(
        4 * HOUR,
        deployment,
        {
          type: 'DeploymentStarted',
          data: {
            ...ofDeployment,
            artifacts: [artifact],
            steps: [step],
            planHash: plan,
            round: 1,
            deployer: personOf(deployer),
            ...(bypassed ? { bypassId } : { tuple }),
            ...(changeClass ? { changeClass: kind === 'emergency-claimed-and-counted-as-normal' ? 'normal' : changeClass } : {}),
            receipt: {
              ...judged(gates, started),
              ...(kind === 'risk-understated' ? { risk: { declared: 'low', floor: 'none', effective: 'low', detail: 'Small.' } } : {}),
            },
          },
        },
        deployer,
        kind === 'appended-around' ? { around: true } : {},
      );
      population++;
      if (kind && !UNMATCHED[kind] && !kind.startsWith('rolled-back')) exception(kind, deployment);
      if (kind === 'halted') {
        const reason = 'An approval was withdrawn.';
        add(4 * HOUR + 2000, deployment, { type: 'DeploymentHalted', data: { ...ofDeployment, round: 1, reason } }, rollout);
      }
    }
    if (ordinary && kind !== 'halted' && kind !== 'under-way') {
      add(
        4 * HOUR + 1000,
        environment,
        { type: 'EnvironmentReserved', data: { environment: ENVIRONMENT, deploymentId, releaseId, round: 1 } },
        rollout,
      );
      const again: readonly GateName[] = kind === 'frozen-at-the-moment-of-effect' ? [...gates, 'not-frozen'] : gates;
      if (kind !== 'effect-without-second-look')
        add(
          4 * HOUR + 2000,
          deployment,
          {
            type: 'DeploymentConfirmed',
            data: { ...ofDeployment, receipt: judged(again, started + 2000), fencingBase: number },
          },
          rollout,
        );
      const lease = { step: 'switch', attempt: 1, fencingToken: number + 1, compensating: false };
      add(
        4 * HOUR + 3000,
        deployment,
        {
          type: 'StepLeased',
          data: { ...ofDeployment, ...lease, holder: 'deployer-1', leasedUntil: text(started + 60_000) },
        },
        system,
      );
      add(
        4 * HOUR + 9000,
        deployment,
        {
          type: 'StepSucceeded',
          data: { ...ofDeployment, ...lease, summary: 'Switched.', logDigest: hashOf(`log ${number}`), durationMs: 6000 },
        },
        system,
      );
    }
    if (kind === 'never-started') {
      exception(kind, deployment);
      population++;
    }
    if ((ordinary && kind !== 'halted' && kind !== 'under-way') || kind === 'never-started') {
      const put = kind === 'other-digest-deployed' ? { ...artifact, digest: otherDigest } : artifact;
      add(4 * HOUR + 10_000, deployment, { type: 'DeploymentSucceeded', data: { ...ofDeployment, round: 1, artifacts: [put] } }, system);
      add(
        4 * HOUR + 11_000,
        environment,
        {
          type: 'EnvironmentFreed',
          data: { environment: ENVIRONMENT, deploymentId, releaseId, round: 1, outcome: 'succeeded' },
        },
        rollout,
      );
      // Agents tell digests, package URLs with one, or package URLs with a version.
      const forms = [put.digest, `pkg:oci/${name}@${put.digest.replace(':', '%3A')}?tag=1.${number}.0`, artifact.purl];
      if (kind === 'something-else-observed') {
        const run = { smokeRunId: smokeRunId(deploymentId), ...ofDeployment };
        const suite = { baseUrl: 'http://127.0.0.1:1', checks: [] };
        const deadline = text(started + HOUR);
        add(
          4 * HOUR + 20_000,
          `smokerun-${run.smokeRunId}`,
          {
            type: 'SmokeRunStarted',
            data: { ...run, suite, deadline, expectedDigests: [digest] },
          },
          system,
        );
        add(
          4 * HOUR + 30_000,
          `smokerun-${run.smokeRunId}`,
          {
            type: 'SmokeRunFailed',
            data: { ...run, checks: [], observedDigest: otherDigest, reason: 'Another digest answers.' },
          },
          system,
        );
      } else if (kind !== 'never-observed') report(4 * HOUR + 40_000, kind === 'other-digest-deployed' ? put.digest : forms[number % 3]!);
    }
    if (kind === 'observed-only') {
      report(4 * HOUR, digestText({ algorithm: 'sha256', value: hashOf(`stranger ${number}`) }), 'deployed', { planted: kind });
      add(
        4 * HOUR,
        environment,
        {
          type: 'UnauthorisedDeploymentObserved',
          data: {
            environment: ENVIRONMENT,
            service: name,
            artifact: digestText({ algorithm: 'sha256', value: hashOf(`stranger ${number}`) }),
            change: 'deployed',
            reason: 'never-deployed',
            detail: 'No deployment of ours brought it there.',
            evidence: [],
            reportedBy: 'https://cluster.example.com/agent',
            claimedOccurredAt: text(at + 4 * HOUR - 30_000),
            skewSeconds: -30,
          },
        },
        account('agent', 0),
      );
    }
    if (kind === 'names-nothing') report(4 * HOUR, `${name}, the newest`, 'deployed', { planted: kind });
    if (kind === 'observed-after-it-was-replaced') {
      // What ran of the service before is put back by hand, and nobody asked.
      report(5 * HOUR, digestText({ algorithm: 'sha256', value: hashOf(`artifact ${number - SERVICES}`) }), 'deployed', { planted: kind });
    }
    if (kind && UNMATCHED[kind]) population++;

    if (kind === 'rolled-back' || kind === 'rolled-back-by-itself') {
      const before = number - SERVICES;
      const target = derivedId('release', `year-${before}`);
      const beforeName = artifact.name;
      const put: ReleaseArtifact = {
        artifactId: derivedId('artifact', beforeName, `1.${before}.0`),
        name: beforeName,
        version: `1.${before}.0`,
        purl: `pkg:oci/${beforeName}@1.${before}.0`,
        digest: digestText({ algorithm: 'sha256', value: hashOf(`artifact ${before}`) }),
      };
      const back = { deploymentId: derivedId('rollback', deploymentId), releaseId: target, environment: ENVIRONMENT };
      const rollbackOf = { deploymentId, releaseId, reason: 'Errors rise.' };
      const stream = `deployment-${back.deploymentId}`;
      const byItself = kind === 'rolled-back-by-itself';
      const who = byItself ? 'plimsoll|process:trigger' : deployer;
      const person = byItself ? 'process:trigger' : personOf(deployer);
      const decided = { ...judged(['rollback-target-ran'], at + 6 * HOUR, 'rollback', who), policyVersion: versionAt(at + 6 * HOUR) };
      add(
        6 * HOUR,
        stream,
        {
          type: 'DeploymentStarted',
          data: {
            ...back,
            artifacts: [put],
            steps: [step],
            planHash: hashOf(`plan ${before}`),
            round: 1,
            deployer: person,
            rollbackOf,
            receipt: decided,
          },
        },
        who,
        { person },
      );
      add(6 * HOUR + 2000, stream, { type: 'DeploymentConfirmed', data: { ...back, receipt: decided, fencingBase: number } }, rollout);
      add(6 * HOUR + 10_000, stream, { type: 'DeploymentSucceeded', data: { ...back, round: 1, rollbackOf, artifacts: [put] } }, system);
      report(6 * HOUR + 40_000, put.digest, 'rolledback');
      exception(kind, stream);
      population++;
    }

    if (kind?.startsWith('self-approval-by-alias')) {
      // Months later it turns out whose account it was that wrote it.
      const [issuer = '', subject = ''] = authors[0]!.split('|');
      const learned = 40 * DAY;
      add(
        learned,
        `account-${accountId(issuer, subject)}`,
        {
          type: 'AccountLinked',
          data: {
            issuer,
            subject,
            person: personOf(first),
            requestedBy: personOf(account('lead', 0)),
            confirmedBy: personOf(account('admin', 0)),
          },
        },
        account('admin', 0),
      );
      if (kind === 'self-approval-by-alias-on-record') {
        add(
          learned + 5000,
          `dutyreview-${dutyReviewId(releaseId, ENVIRONMENT)}`,
          {
            type: 'DutyViolationFound',
            data: {
              releaseId,
              environment: ENVIRONMENT,
              rule: 'approver-is-not-author',
              person: personOf(first),
              duties: ['author', 'approver'],
              evidence: [`approval-${approval}@1`, `release-${releaseId}@1`],
              learnedFrom: `account-${accountId(issuer, subject)}`,
            },
          },
          'plimsoll|system:alias_watch',
        );
      }
    }
    return told;
  }

  function* events(): Generator<Told> {
    const pending: Told[] = [...beginning(), ...policies()];
    function* until(at: number): Generator<Told> {
      pending.sort((a, b) => a.at - b.at);
      let count = 0;
      while (count < pending.length && pending[count]!.at < at) count++;
      yield* pending.splice(0, count);
    }
    // One change before the year and one after it for every service, so that every change has one before it.
    const gap = (to - from - 2 * DAY) / changes;
    const counted = population;
    for (let n = 0; n < SERVICES; n++) pending.push(...story(n, from - 20 * DAY + n * 600_000, undefined));
    population = counted;
    for (let n = 0; n < changes; n++) {
      const at = from + n * gap + Math.floor(random() * gap);
      const kind = kinds.get(n);
      // What is to be due, or under way, at the end of the log must come to its end.
      const late = kind === 'bypass-review-not-due-yet';
      // Apart from each other: two of one service at once would be one another's history.
      const begin = late ? to - 10 * HOUR - (n % 3000) * 10_000 : at;
      for (const told of story(n + SERVICES, begin, kind)) pending.push(told);
      if (n % 50 === 0) yield* until(at);
    }
    const within = population;
    pending.push(...story(changes + SERVICES, to + 4 * HOUR, undefined));
    population = within;
    yield* until(to + DAY);
    yield* until(Infinity);
  }

  function* batches(): Generator<StoredEvent[]> {
    const revisions = new Map<string, number>();
    let position = 0;
    let batch: StoredEvent[] = [];
    for (const { at, stream, event, by, person, around, planted: kind } of events()) {
      // The log ends with the day after the year: what would come later has not happened yet.
      if (at >= to + DAY) continue;
      const revision = (revisions.get(stream) ?? -1) + 1;
      revisions.set(stream, revision);
      const unmatched = kind && UNMATCHED[kind];
      if (kind && unmatched) planted.push({ planted: kind, where: `${stream}@${revision}`, wanted: WANTED[kind], unmatched });
      const id = derivedId('event', stream, String(revision));
      const recordedAt = text(at);
      const metadata = {
        actor: person ?? (by.startsWith('plimsoll|') ? by.slice(9) : personOf(by)),
        principal: by,
        commandId: id,
        commandHash: hashOf(id),
        correlationId: `year-${position}`,
        causationId: 'http:req-1',
        recordedAt,
        schemaVersion: event.type === 'PolicyPublished' ? 2 : 1,
      };
      const kept = around ? { recordedAt, schemaVersion: 1 } : metadata;
      batch.push({
        id,
        type: event.type,
        data: event.data,
        metadata: kept as typeof metadata,
        stream,
        revision,
        position: BigInt(position * 10),
      });
      position++;
      if (batch.length === 2000) {
        yield batch;
        batch = [];
      }
    }
    if (batch.length > 0) yield batch;
  }

  return { from: text(from), to: text(to), batches, planted, population: () => population, withoutRole };
}

/** Kinds of exceptions at places of their own: not in the first quarter, which has no policy before it, and apart from each other by service. */
function placed(changes: number, each: number, pick: (n: number) => number): ReadonlyMap<number, Planted> {
  const places = new Map<number, Planted>();
  const low = Math.ceil(changes / 4) + 1;
  // Two exceptions of one service in a row would be one another's history.
  const free = (n: number): boolean => !places.has(n) && !places.has(n - SERVICES) && !places.has(n + SERVICES);
  for (const kind of EXCEPTIONS) {
    for (let count = 0; count < each;) {
      const n = low + pick(Math.floor(changes * 0.6));
      if (!free(n)) continue;
      places.set(n, kind);
      count++;
    }
  }
  return places;
}

/** A small generator of numbers in [0, 1), the same for the same seed (mulberry32, Tommy Ettinger, public domain). */
function mulberry32(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}
