import {
  approvalId,
  artifactId,
  type ApprovalEvent,
  type ApprovalTuple,
  type ArtifactEvent,
  type CalendarEvent,
  type EnvironmentEvent,
  type GateRule,
  type JudgedRisk,
  ORGANISATION,
  type PlannedChangeClass,
  type PlannedStep,
  type PolicyClause,
  type PolicyDraft,
  type PolicyEvent,
  type Regime,
  type ReleaseArtifact,
  type ReleaseEvent,
  type RiskClass,
  type RiskFloor,
  type SmokeSuite,
  type TestReportEvent,
  type VersionLineEvent,
  versionLineId,
  digestText,
} from '#libs/contracts';
import { aheadFor, own, type Aggregate, type DomainEvent, type Loaded, type ReadAggregate, type StoredEvent } from '#libs/event-sourcing';
import { inForce as countingOf, inScope, tzdataVersion, type CalendarInForce, type CalendarVersion } from '#libs/calendar';
import { ACCOUNT } from '#libs/identity';
import { authorAccounts } from './authors.ts';
import { bypassSource, readBypass, type BypassGrant } from './bypass.ts';
import {
  board,
  change,
  changeCalendar,
  changeHistory,
  changeModel,
  countedClass,
  incidentSource,
  readChangeFacts,
  readChangeHands,
  type ChangeFacts,
  type CountedClass,
} from './changes/index.ts';
import { ENGINE, traitsOf } from './engines.ts';
import { Entitlements, grantsSource, isStale, ownershipSource, wasOutSince, type LeftAt } from './entitlement.ts';
import type { ExpressionOutcome } from './expressions/index.ts';
import { groupSource, readGroups } from './groups.ts';
import { gatesFor, inForceAt } from './in-force.ts';
import { accountSource, addressSource, personOfAccount } from './person-of-account.ts';
import { personSource } from './person-source.ts';
import { tallyVotes } from './quorum.ts';
import { Ran } from './ran.ts';
import { judgeRisk } from './risk.ts';

/**
 * What gates read, folded from the source streams themselves and never from a view (principle 1). These folds keep only what a gate
 * judges; each area has its own, richer fold for its own decisions. An event that a gate does not judge leaves the state as it is.
 */

interface PlanSource {
  readonly steps: readonly PlannedStep[];
  readonly planHash: string;
  readonly smoke?: SmokeSuite;
  readonly changeClass?: PlannedChangeClass;
  readonly riskClass?: RiskClass;
}

interface ReleaseSource {
  readonly product?: string;
  readonly artifacts: readonly ReleaseArtifact[];
  readonly authors: readonly string[];
  readonly plans: Readonly<Record<string, PlanSource>>;
  /** The account that composed or amended it last, and those that made its plans. */
  readonly composer?: string;
  readonly planners: Readonly<Record<string, string>>;
}

const releaseSource: Aggregate<ReleaseSource, ReleaseEvent> = {
  category: 'release',
  initial: { artifacts: [], authors: [], plans: {}, planners: {} },
  evolve: (state, event) => {
    const { type, data } = event;
    const account = accountOf(event);
    const { composer: _before, ...others } = state;
    const composed = { ...others, ...(account ? { composer: account } : {}) };
    switch (type) {
      case 'ReleaseComposed':
        return { ...composed, product: data.product, artifacts: data.artifacts, authors: data.authors };
      case 'ReleaseAmended':
        return { ...composed, artifacts: data.artifacts, authors: data.authors };
      case 'ReleasePlanned':
        return {
          ...state,
          plans: {
            ...state.plans,
            [data.environment]: {
              steps: data.steps,
              planHash: data.planHash,
              ...(data.smoke ? { smoke: data.smoke } : {}),
              ...(data.changeClass ? { changeClass: data.changeClass } : {}),
              ...(data.riskClass ? { riskClass: data.riskClass } : {}),
            },
          },
          planners: { ...state.planners, ...(account ? { [data.environment]: account } : {}) },
        };
      default:
        return state;
    }
  },
};

interface ArtifactSource {
  readonly digest?: string;
  readonly authors: readonly string[];
  /** The account that registered it, and the one that is named as its builder. */
  readonly registrar?: string;
  readonly builder?: string;
}

const artifactSource: Aggregate<ArtifactSource, ArtifactEvent> = {
  category: 'artifact',
  initial: { authors: [] },
  evolve: (state, event) => {
    const { type, data } = event;
    if (type !== 'ArtifactRegistered') return { ...state, authors: [...state.authors, ...data.authors] };
    const registrar = accountOf(event);
    // A builder may be the name of a build server, which is no account.
    const builder = data.builder !== undefined && ACCOUNT.test(data.builder) ? data.builder : undefined;
    return { digest: digestText(data.digest), authors: data.authors, ...(registrar ? { registrar } : {}), ...(builder ? { builder } : {}) };
  },
};

/** Versions of a product, the newest first, each with those before it: a long line grows without being copied. */
interface VersionLineSource {
  readonly newest?: { readonly releaseId: string; readonly version: string; readonly before: VersionLineSource };
}

const versionLineSource: Aggregate<VersionLineSource, VersionLineEvent> = {
  category: 'versionline',
  initial: {},
  evolve: (before, { data: { releaseId, version } }) => ({ newest: { releaseId, version, before } }),
};

function versionIn(line: VersionLineSource, releaseId: string): string | undefined {
  for (let { newest } = line; newest; newest = newest.before.newest) if (newest.releaseId === releaseId) return newest.version;
  return undefined;
}

interface EnvironmentSource {
  readonly class?: string;
  readonly policyId?: string;
  readonly regimes?: readonly Regime[];
  /** Releases that were deployed here with success. */
  readonly ran: Ran;
}

export const environmentSource: Aggregate<EnvironmentSource, EnvironmentEvent> = {
  category: 'environment',
  initial: { ran: Ran.none },
  evolve: (state, { type, data }) => {
    switch (type) {
      case 'EnvironmentDefined':
        return { ran: state.ran, class: data.class, policyId: data.policyId, ...(data.regimes ? { regimes: data.regimes } : {}) };
      case 'EnvironmentFreed':
        return data.outcome === 'succeeded' ? { ...state, ran: state.ran.with(data.releaseId) } : state;
      default:
        return state;
    }
  },
};

/**
 * The account (`issuer|subject`) that caused an event. Folds are given events as they are stored, with their metadata; an example without
 * has none.
 */
function accountOf(event: DomainEvent): string | undefined {
  return (event as Partial<StoredEvent>).metadata?.principal;
}

/** A published version of a policy. */
export interface PolicyVersion {
  readonly version: number;
  /** ISO 8601. */
  readonly effectiveFrom: string;
  readonly gates: readonly GateRule[];
  readonly rollbackGates: readonly GateRule[];
  readonly clauses: readonly PolicyClause[];
  readonly riskFloors?: readonly RiskFloor[];
  /** The account that published it. */
  readonly editor?: string;
}

/** Every version of a policy, in the order of publishing. */
export const policySource: Aggregate<readonly PolicyVersion[], PolicyEvent> = {
  category: 'policy',
  initial: [],
  evolve: (versions, event) => {
    const { version, effectiveFrom, gates, rollbackGates, clauses, riskFloors } = event.data;
    const editor = accountOf(event);
    const said = { version, effectiveFrom, gates, rollbackGates, clauses, ...(riskFloors ? { riskFloors } : {}) };
    return [...versions, { ...said, ...(editor ? { editor } : {}) }];
  },
};

/** A version of a policy as it was published, and where that is written; undefined where there is none. */
export async function readPolicyVersion(
  read: ReadAggregate,
  policyId: string,
  version: number,
): Promise<(PolicyVersion & { readonly ref: string }) | undefined> {
  const { state, ref } = await read(policySource, policyId);
  const found = state.find((published) => published.version === version);
  return found && { ...found, ref };
}

interface ReportSource {
  readonly suite: string;
  readonly outcome: 'pass' | 'fail' | 'inconclusive';
  readonly tester: string;
}

/** The newest report of every suite, by artifact digest. */
type TestReportsSource = Readonly<Record<string, Readonly<Record<string, ReportSource>>>>;

const testReportSource: Aggregate<
  {
    readonly reports: TestReportsSource;
    /** The account that recorded each of them, by digest and suite. */
    readonly accounts: Readonly<Record<string, Readonly<Record<string, string>>>>;
  },
  TestReportEvent
> = {
  category: 'testreport',
  initial: { reports: {}, accounts: {} },
  evolve: ({ reports, accounts }, event) => {
    const { artifactDigest: digest, suite, outcome, tester } = event.data;
    const { [suite]: _older, ...others } = accounts[digest] ?? {};
    const account = accountOf(event);
    return {
      reports: { ...reports, [digest]: { ...reports[digest], [suite]: { suite, outcome, tester } } },
      accounts: { ...accounts, [digest]: { ...others, ...(account ? { [suite]: account } : {}) } },
    };
  },
};

interface ApprovalSource {
  readonly tuple?: ApprovalTuple;
  readonly tupleHash?: string;
  readonly requester?: string;
  readonly approvers: readonly string[];
  readonly closed?: string;
}

const approvalSource: Aggregate<
  {
    readonly round: ApprovalSource;
    /** The account that requested this round, and those with which each person has approved it. */
    readonly requester?: string;
    readonly accounts: Readonly<Record<string, string>>;
    /** When each of them did, ISO 8601. */
    readonly times: Readonly<Record<string, string>>;
  },
  ApprovalEvent
> = {
  category: 'approval',
  initial: { round: { approvers: [] }, accounts: {}, times: {} },
  evolve: (state, event) => {
    const account = accountOf(event);
    const round = roundAfter(state.round, event);
    switch (event.type) {
      case 'ApprovalRequested':
        return { round, accounts: {}, times: {}, ...(account ? { requester: account } : {}) };
      case 'ApprovalGranted': {
        const { person } = event.data;
        const at = (event as Partial<StoredEvent>).metadata?.recordedAt;
        return {
          ...state,
          round,
          accounts: account ? { ...state.accounts, [person]: account } : state.accounts,
          times: at ? { ...state.times, [person]: at } : state.times,
        };
      }
      default:
        return { ...state, round };
    }
  },
};

function roundAfter(state: ApprovalSource, { type, data }: ApprovalEvent): ApprovalSource {
  switch (type) {
    case 'ApprovalRequested':
      return { tuple: data.tuple, tupleHash: data.tupleHash, requester: data.requester, approvers: [] };
    case 'ApprovalGranted':
      return { ...state, approvers: [...state.approvers, data.person] };
    case 'ApprovalRejected':
      return { ...state, closed: `rejected: ${data.reason}` };
    case 'ApprovalVoided':
      // Whether its time is over is judged by the clock, and not by the event that a timer writes.
      return data.because === 'expired' ? state : { ...state, closed: `voided: ${data.reason}` };
    case 'ApprovalWithdrawn':
      return { ...state, approvers: state.approvers.filter((person) => person !== data.person) };
    default:
      return state;
  }
}

/** Versions of every calendar, by calendar id, in their order. */
export type CalendarsSource = Readonly<Record<string, readonly CalendarVersion[]>>;

export const calendarsSource: Aggregate<CalendarsSource, CalendarEvent> = {
  category: 'calendar',
  initial: {},
  evolve: (state, event) => {
    const { calendarId, version, effectiveFrom } = event.data;
    const next: CalendarVersion = { calendarId, version, effectiveFrom, ...contentsOf(event) };
    return { ...state, [calendarId]: [...(own(state, calendarId) ?? []), next] };
  },
};

function contentsOf(event: CalendarEvent): Pick<CalendarVersion, 'contents'> {
  if (event.type === 'CalendarWithdrawn') return {};
  const { title, kind, scope, zone, window, passes } = event.data;
  return { contents: { title, kind, scope, zone, window, passes } };
}

/** Everything the gates of one release and environment judge, with `stream@revision` of all that was read. */
export interface GateFacts {
  readonly releaseId: string;
  readonly environment: string;
  readonly environmentClass?: string;
  readonly regimes?: readonly Regime[];
  readonly product?: string;
  readonly artifacts: readonly ReleaseArtifact[];
  /** Digest found in each artifact's own stream, by artifact id. */
  readonly registered: Readonly<Record<string, string>>;
  readonly version?: string;
  readonly plan?: PlanSource;
  /** How risky it is judged to be; absent where the engine did not judge it. */
  readonly risk?: JudgedRisk;
  /** The version in force at the time of the decision, and which of its gates count for this environment and change. */
  readonly policy: {
    readonly id: string;
    /** 0 where none is in force. */
    readonly version: number;
    readonly gates: readonly GateRule[];
    readonly rollbackGates: readonly GateRule[];
  };
  /** What the policy's own gates say, by gate; see `judgeExpressions`. */
  readonly expressions?: Readonly<Record<string, ExpressionOutcome>>;
  readonly reports: TestReportsSource;
  /** Its persons are those that their accounts are known to be now. */
  readonly approval: ApprovalSource;
  /** Who approved and has left since, sorted: it counts no more, and the duty stays; absent where nobody did. */
  readonly left?: readonly string[];
  /** Who approved in a role that was revoked since, sorted: it counts no more, either. */
  readonly unentitled?: readonly string[];
  /**
   * Who is in a group that the policy names and does not count for it, sorted: who was out of it since approving, or has left since joining.
   * Absent where nobody is.
   */
  readonly expelled?: Readonly<Record<string, readonly string[]>>;
  /** Members of those groups who could not approve now, and why; absent where it takes nobody, or all could. */
  readonly unable?: Readonly<Record<string, 'left' | 'role'>>;
  /** Members of the groups that the policy names; absent where it names none. */
  readonly groups?: Readonly<Record<string, readonly string[]>>;
  /** The bypass that was asked for, and what it grants; without a grant there is none of that id. */
  readonly bypass?: { readonly id: string; readonly grant?: BypassGrant };
  /** The change and what it rests on; absent where the policy asks for none and the plan claims no class that needs one. */
  readonly change?: ChangeFacts;
  /** What it counts as; absent where the plan claims no class but `normal`, or the engine took its word. */
  readonly counted?: CountedClass;
  /** Persons, sorted. */
  readonly authors: readonly string[];
  /** Persons who recorded the reports that count, sorted; absent where the engine did not judge it. */
  readonly testers?: readonly string[];
  /** Who published the policy that is in force; absent where none is, or the engine did not judge it. */
  readonly policyEditor?: string;
  readonly ranBefore: boolean;
  /** Freezes and allowed windows that are about it; absent where no calendar is. */
  readonly calendars?: readonly CalendarInForce[];
  /** Edition of the time zone database that calendars are reckoned with. */
  readonly tzdata?: string;
  readonly refs: {
    readonly release: string;
    readonly environment: string;
    readonly policy: string;
    readonly approval: string;
    readonly reports: string;
    readonly versions: string;
    readonly artifacts: Readonly<Record<string, string>>;
    readonly accounts: readonly string[];
    /** Of those who approved; absent where the engine did not ask whether they have left. */
    readonly persons?: Readonly<Record<string, string>>;
    /** Of the roles of those who approved, and of those who could; absent where the engine did not ask. */
    readonly grants?: Readonly<Record<string, string>>;
    readonly ownership?: string;
    readonly groups?: Readonly<Record<string, string>>;
    readonly bypass?: string;
    readonly calendars?: string;
    readonly change?: Readonly<Record<string, string>>;
  };
}

interface DutyFacts extends Pick<GateFacts, 'approval' | 'testers' | 'policyEditor'> {
  readonly refs: readonly string[];
  readonly left?: readonly string[];
  readonly unentitled?: readonly string[];
  readonly persons?: Readonly<Record<string, string>>;
  /** Votes that count but for groups, with whom each was taken for then. */
  readonly counting: readonly Vote[];
  readonly leftAt: LeftAt;
}

interface Vote {
  readonly then: string;
  readonly person: string;
  /** ISO 8601; absent in examples without metadata. */
  readonly at?: string;
}

/** Who requested, approved and tested, and who published the policy: by the accounts that did it, as the persons that they are known to be now. */
async function readDuties(
  read: ReadAggregate,
  from: {
    readonly digests: readonly string[];
    readonly reports: StateOf<typeof testReportSource>;
    readonly approval: StateOf<typeof approvalSource>;
    readonly editor: string | undefined;
    /** Whether an approver who has left since counts no more. */
    readonly stayed: boolean;
    /** The roles by which approvers approved; absent where the engine did not ask. */
    readonly roles: Entitlements | undefined;
  },
): Promise<DutyFacts> {
  const { round, accounts, times, requester: asker } = from.approval;
  const recorded = [...new Set(from.digests)].flatMap((digest) =>
    Object.values(from.reports.reports[digest] ?? {}).map((report) => ({
      person: report.tester,
      account: from.reports.accounts[digest]?.[report.suite],
    })),
  );
  const acted = Object.values(accounts);
  const asked = [...acted, ...(asker ? [asker] : []), ...recorded.flatMap((r) => r.account ?? []), ...(from.editor ? [from.editor] : [])];
  const known = new Map(
    await Promise.all([...new Set(asked)].map(async (account) => [account, await personOfAccount(read, account)] as const)),
  );
  const now = (account: string | undefined, then: string): string => known.get(account ?? '')?.person ?? then;
  const { requester } = round;
  const votes = round.approvers.map((then): Vote => {
    const at = own(times, then);
    return { then, person: now(accounts[then], then), ...(at === undefined ? {} : { at }) };
  });
  // Also whom the account was taken for then: nobody stays by having an account linked to somebody else.
  const asPersons = from.stayed ? [...new Set(votes.flatMap(({ then, person }) => [then, person]))].sort() : [];
  const [present] = await Promise.all([
    Promise.all(asPersons.map(async (id) => [id, await read(personSource, id)] as const)),
    from.roles?.read(votes.map(({ then }) => then)),
  ]);
  const persons = new Map(present);
  const gone = (id: string, votedAt: string | undefined): boolean => {
    const { left, leftAt } = persons.get(id)?.state ?? { left: false };
    // Who came back approves anew.
    return left || (leftAt !== undefined && (votedAt === undefined || votedAt <= leftAt));
  };
  const stays = votes.filter(({ then, person, at }) => !gone(then, at) && !gone(person, at));
  const counting = stays.filter(({ then, at }) => at === undefined || !from.roles?.revokedSince(then, at));
  const without = (those: readonly Vote[], remain: readonly Vote[]): readonly string[] =>
    [...new Set(those.map(({ person }) => person).filter((person) => !remain.some((vote) => vote.person === person)))].sort();
  const left = from.stayed ? without(votes, stays) : [];
  const unentitled = without(stays, counting);
  return {
    approval: {
      ...round,
      ...(requester === undefined ? {} : { requester: now(asker, requester) }),
      approvers: votes.map(({ person }) => person),
    },
    counting,
    leftAt: (id) => persons.get(id)?.state.leftAt,
    ...(left.length > 0 ? { left } : {}),
    ...(unentitled.length > 0 ? { unentitled } : {}),
    ...(persons.size > 0 ? { persons: Object.fromEntries([...persons].map(([id, { ref }]) => [id, ref])) } : {}),
    testers: [...new Set(recorded.map(({ person, account }) => now(account, person)))].sort(),
    ...(from.editor ? { policyEditor: now(from.editor, from.editor) } : {}),
    refs: [...known.values()].flatMap((resolved) => resolved.refs),
  };
}

/** Who of the groups that are asked for does not count for them, and who could not approve; read where it takes somebody. */
async function readStanding(
  read: ReadAggregate,
  {
    gates,
    groups,
    duties,
    roles,
    now,
  }: {
    readonly gates: readonly GateRule[];
    readonly groups: Awaited<ReturnType<typeof readGroups>>;
    readonly duties: DutyFacts;
    readonly roles: Entitlements;
    readonly now: string;
  },
): Promise<Pick<GateFacts, 'expelled' | 'unable'> & { readonly persons: Readonly<Record<string, string>> }> {
  const voters = [...new Set(duties.counting.map(({ person }) => person))];
  const outsideOf = (among: readonly string[], leftAt: LeftAt): Readonly<Record<string, readonly string[]>> =>
    Object.fromEntries(
      Object.entries(groups.groups).flatMap(([name, group]) => {
        const out = group.members.filter((person) => {
          if (!among.includes(person)) return false;
          if (isStale(group, person, leftAt)) return true;
          const votes = duties.counting.filter((vote) => vote.person === person);
          return votes.length > 0 && votes.every(({ then, at }) => at !== undefined && wasOutSince(group, [then, person], at));
        });
        return out.length > 0 ? [[name, out] as const] : [];
      }),
    );
  const said = (expelled: Readonly<Record<string, readonly string[]>>) => (Object.keys(expelled).length > 0 ? { expelled } : {});
  const first = outsideOf(voters, duties.leftAt);
  const counting = membersBut(groups.members, first);
  const short = gates.some((rule) => rule.gate === 'approved' && tallyVotes(voters, rule, counting).missing > 0);
  if (!short) return { ...said(first), persons: {} };
  const others = [...new Set(Object.values(groups.members).flat())].filter((person) => !voters.includes(person)).sort();
  const [persons] = await Promise.all([Promise.all(others.map((person) => read(personSource, person))), roles.read(others)]);
  const byId = new Map(persons.map((person) => [person.id, person]));
  const unable = others.flatMap((person): readonly (readonly [string, 'left' | 'role'])[] => {
    if (byId.get(person)?.state.left) return [[person, 'left']];
    return roles.lacksRole(person, now) ? [[person, 'role']] : [];
  });
  return {
    ...said(outsideOf([...voters, ...others], (id) => byId.get(id)?.state.leftAt ?? duties.leftAt(id))),
    ...(unable.length > 0 ? { unable: Object.fromEntries(unable) } : {}),
    persons: Object.fromEntries(persons.map(({ id, ref }) => [id, ref])),
  };
}

/** Members of groups, but for those who do not count for them. */
export function membersBut(
  members: Readonly<Record<string, readonly string[]>>,
  expelled: Readonly<Record<string, readonly string[]>> = {},
): Readonly<Record<string, readonly string[]>> {
  return Object.fromEntries(
    Object.entries(members).map(([group, persons]) => [group, persons.filter((person) => !own(expelled, group)?.includes(person))]),
  );
}

type StateOf<A> = A extends Aggregate<infer S, infer _E> ? S : never;

/** Folds of everything that gates read, one of each category: what a replay has to keep. */
export const sources: readonly Aggregate<unknown, DomainEvent>[] = [
  releaseSource,
  artifactSource,
  versionLineSource,
  environmentSource,
  policySource,
  testReportSource,
  approvalSource,
  accountSource,
  addressSource,
  groupSource,
  bypassSource,
  calendarsSource,
  change,
  changeModel,
  changeCalendar,
  changeHistory,
  board,
  incidentSource,
  personSource,
  grantsSource,
  ownershipSource,
].map((source) => source as unknown as Aggregate<unknown, DomainEvent>);

/** For `ReadAggregate.ahead`: what gates of a release read for an environment is much the same every time. */
export function gatesTopic(releaseId: string, environment: string): string {
  return `gates ${releaseId} ${environment}`;
}

/**
 * Reads all sources of a release's gates for an environment.
 *
 * @param now ISO 8601, server time: the version of the policy that is in force then counts
 * @param bypassId the bypass that is asked to waive gates, where there is one
 * @param engine as which to judge: one of `ENGINES`
 * @param draft what is tried in place of the version in force, whose number it goes by: approvals that were given under that one count
 */
export async function readGateFacts(
  log: ReadAggregate,
  releaseId: string,
  environment: string,
  now: string,
  bypassId?: string,
  engine: string = ENGINE,
  draft?: PolicyDraft,
): Promise<GateFacts> {
  const read = onceEach(aheadFor(log, gatesTopic(releaseId, environment)));
  const facts = await readFacts(read, releaseId, environment, now, bypassId, engine, draft);
  const { countsAgain, entitled } = traitsOf(engine);
  if (!facts.change || !countsAgain) return facts;
  const { board: of, members = [] } = facts.change;
  const group = of?.contents?.group;
  const voting = entitled && group !== undefined ? { group, members, environment, ...productOf(facts) } : undefined;
  const { hands, refs, members: present } = await readChangeHands(read, (await read(change, facts.change.id)).state, voting);
  const cited = Object.fromEntries(refs.map((ref) => [ref.slice(0, ref.lastIndexOf('@')), ref]));
  return {
    ...facts,
    change: { ...facts.change, hands, ...(present ? { members: present } : {}) },
    refs: { ...facts.refs, change: { ...facts.refs.change, ...cited } },
  };
}

async function readFacts(
  read: ReadAggregate,
  releaseId: string,
  environment: string,
  now: string,
  bypassId: string | undefined,
  engine: string,
  draft: PolicyDraft | undefined,
): Promise<GateFacts> {
  const { everyDuty, everyHand, risk: byRisk, builders, inOrder, classBorne, dutiesAlways, stayed, entitled } = traitsOf(engine);
  // Every round is a way to the log and back: what can be named already is asked for together.
  const [release, target, approval, reports, calendars] = await Promise.all([
    read(releaseSource, releaseId),
    read(environmentSource, environment),
    read(approvalSource, approvalId(releaseId, environment)),
    read(testReportSource, releaseId),
    read(calendarsSource, ORGANISATION),
  ]);
  const policyId = target.state.policyId ?? 'none';
  const [policy, versions, ...artifacts] = await Promise.all([
    read(policySource, policyId),
    read(versionLineSource, versionLineId(release.state.product ?? '')),
    ...release.state.artifacts.map((artifact) => read(artifactSource, artifactId(artifact.name, artifact.version))),
  ]);
  const hands = authorAccounts(
    {
      named: [...release.state.authors, ...artifacts.flatMap((a) => a.state.authors)],
      shaped: [release.state.composer, own(release.state.planners, environment), ...artifacts.map((a) => a.state.registrar)],
      builders: artifacts.map((a) => a.state.builder),
    },
    { everyHand, builders },
  );
  const version = versionIn(versions.state, releaseId);
  const plan = byRisk ? own(release.state.plans, environment) : withoutRisk(own(release.state.plans, environment));
  const inForce = inForceAt(policy.state, now);
  const asked = draft ?? inForce;
  const where = { environmentClass: target.state.class, regimes: target.state.regimes ?? [] };
  const risk = byRisk
    ? judgeRisk(plan?.riskClass, asked?.riskFloors ?? [], { ...where, artifacts: release.state.artifacts.length })
    : undefined;
  const place = { releaseId, environment, ...productOf(release.state) };
  const claimed = classBorne && plan?.changeClass !== undefined && plan.changeClass !== 'normal' ? plan.changeClass : undefined;
  /** The gates that count for a class of change, and what they alone ask for. */
  const gatesOf = async (changeClass: PlannedChangeClass, change?: Awaited<ReturnType<typeof readChangeFacts>>) => {
    const counting = asked ? gatesFor(asked, { ...where, changeClass, risk: risk?.effective }) : [];
    // A policy asks for approvals or does not; whom it lets approve is not its affair (principle 4).
    const apart = dutiesAlways && approval.state.round.approvers.length > 0 && !counting.some((rule) => rule.gate === 'duties-separated');
    const gates: readonly GateRule[] = apart ? [...counting, { gate: 'duties-separated' }] : counting;
    const named = gates.flatMap((rule) => (rule.gate === 'approved' ? (rule.groups ?? []).map((g) => g.group) : []));
    const asksForChange = gates.some((rule) => rule.gate === 'change-approved');
    const [groups, changed] = await Promise.all([
      named.length > 0 ? readGroups(read, named) : undefined,
      change ?? (asksForChange ? readChangeFacts(read, place, undefined, inOrder) : undefined),
    ]);
    return { gates, groups, changed };
  };
  const roles = entitled ? new Entitlements(read, { environment, ...productOf(release.state) }) : undefined;
  const [accounts, duties, bypass, claim, plain] = await Promise.all([
    Promise.all(hands.map((account) => personOfAccount(read, account))),
    everyDuty
      ? readDuties(read, {
          digests: release.state.artifacts.map((a) => a.digest),
          reports: reports.state,
          approval: approval.state,
          editor: inForce?.editor,
          stayed,
          roles,
        })
      : Promise.resolve<DutyFacts>({ approval: approval.state.round, refs: [], counting: [], leftAt: () => undefined }),
    bypassId === undefined ? undefined : readBypass(read, bypassId),
    claimed && readChangeFacts(read, place, undefined, inOrder),
    claimed ? undefined : gatesOf(plan?.changeClass ?? 'normal'),
  ]);
  const about = {
    environment,
    ...(target.state.class ? { environmentClass: target.state.class } : {}),
    ...(release.state.product ? { product: release.state.product } : {}),
    services: release.state.artifacts.map((a) => a.name),
  };
  const concerned = Object.values(calendars.state)
    .flatMap(countingOf)
    .filter((c) => inScope(c.scope, about));
  const facts: GateFacts = {
    releaseId,
    environment,
    ...(target.state.class ? { environmentClass: target.state.class } : {}),
    ...(target.state.regimes ? { regimes: target.state.regimes } : {}),
    ...(release.state.product ? { product: release.state.product } : {}),
    artifacts: release.state.artifacts,
    registered: Object.fromEntries(artifacts.flatMap((a) => (a.state.digest ? [[a.id, a.state.digest]] : []))),
    ...(version ? { version } : {}),
    ...(plan ? { plan } : {}),
    ...(risk ? { risk } : {}),
    policy: {
      id: policyId,
      version: inForce?.version ?? (draft ? 1 : 0),
      gates: [],
      rollbackGates: asked?.rollbackGates ?? [],
    },
    reports: reports.state.reports,
    approval: duties.approval,
    ...(duties.left ? { left: duties.left } : {}),
    ...(duties.unentitled ? { unentitled: duties.unentitled } : {}),
    ...(bypass ? { bypass: bypass.bypass } : {}),
    authors: [...new Set(accounts.map((a) => a.person))].sort(),
    ranBefore: target.state.ran.has(releaseId),
    ...(duties.testers ? { testers: duties.testers } : {}),
    ...(duties.policyEditor ? { policyEditor: duties.policyEditor } : {}),
    ...(concerned.length > 0 ? { calendars: concerned, tzdata: tzdataVersion() } : {}),
    refs: {
      release: release.ref,
      environment: target.ref,
      policy: policy.ref,
      approval: approval.ref,
      reports: reports.ref,
      versions: versions.ref,
      artifacts: Object.fromEntries(artifacts.map((a) => [a.id, a.ref])),
      accounts: [...new Set([...accounts.flatMap((a) => a.refs), ...duties.refs])].sort(),
      ...(duties.persons ? { persons: duties.persons } : {}),
      ...(bypass ? { bypass: bypass.ref } : {}),
      calendars: calendars.ref,
    },
  };
  const counted = claimed && countedClass(withChangeOf(facts, claim), claimed, now);
  const { gates, groups, changed } = plain ?? (await gatesOf(counted?.class ?? 'normal', claim));
  const standing = groups && roles ? await readStanding(read, { gates, groups, duties, roles, now }) : undefined;
  const persons = { ...duties.persons, ...standing?.persons };
  return {
    ...withChangeOf(facts, changed),
    policy: { ...facts.policy, gates },
    ...(counted ? { counted } : {}),
    ...(groups ? { groups: groups.members } : {}),
    ...(standing?.expelled ? { expelled: standing.expelled } : {}),
    ...(standing?.unable ? { unable: standing.unable } : {}),
    refs: {
      ...withChangeOf(facts, changed).refs,
      ...(Object.keys(persons).length > 0 ? { persons } : {}),
      ...(groups ? { groups: groups.refs } : {}),
      ...roles?.refs,
    },
  };
}

function withChangeOf(facts: GateFacts, read: Awaited<ReturnType<typeof readChangeFacts>> | undefined): GateFacts {
  return read ? { ...facts, change: read.change, refs: { ...facts.refs, change: read.refs } } : facts;
}

/** As engines read it that knew no risks. */
function withoutRisk(plan: PlanSource | undefined): PlanSource | undefined {
  if (!plan) return undefined;
  const { riskClass: _riskClass, ...others } = plan;
  return others;
}

function productOf({ product }: Pick<ReleaseSource, 'product'>): { product?: string } {
  return product === undefined ? {} : { product };
}

/** Reads every stream of an aggregate once: two gates that rest on one stream must not see two revisions of it. */
function onceEach(read: ReadAggregate): ReadAggregate {
  const known = new Map<unknown, Map<string, Promise<unknown>>>();
  return <S, E extends DomainEvent>(aggregate: Aggregate<S, E>, id: string): Promise<Loaded<S>> => {
    let ofAggregate = known.get(aggregate);
    if (!ofAggregate) known.set(aggregate, (ofAggregate = new Map<string, Promise<unknown>>()));
    let loaded = ofAggregate.get(id);
    if (!loaded) ofAggregate.set(id, (loaded = read(aggregate, id)));
    return loaded as Promise<Loaded<S>>;
  };
}
