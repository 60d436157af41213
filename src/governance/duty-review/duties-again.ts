import {
  approvalId,
  BYPASS_REGISTER,
  changeId,
  digestText,
  type ApprovalEvent,
  type ApprovalTuple,
  type ArtifactEvent,
  type BypassEvent,
  type ChangeEvent,
  type DeploymentEvent,
  type ReleaseEvent,
  type TestReportEvent,
} from '#libs/contracts';
import { isProgram, type Aggregate, type DomainEvent, type Issued, type ReadAggregate, type StoredEvent } from '#libs/event-sourcing';
import { ACCOUNT, type Duty, type DutyAssignment, type SeparationRule } from '#libs/identity';
import {
  authorAccounts,
  gatesFor,
  personOfAccount,
  placeOf,
  readGateFacts,
  readPolicyVersion,
  separationRules,
  traitsThen,
  traitsOf,
  ENGINE,
  type EngineTraits,
  type GateFacts,
  type ResolvedPerson,
} from '#libs/policy';
import type { DutyReview, ReviewDuties } from './review-duties.ts';

/** Who had which duty in what was decided, and what was to be kept apart by the policy of then. */
export interface RoundOfDuties {
  readonly duties: readonly DutyAssignment[];
  readonly rules: readonly SeparationRule[];
}

/** Parts that are second looks at the work of others, beside approving. */
export type SecondLook = 'board-voter' | 'condition-confirmer' | 'change-reviewer' | 'bypass-reviewer';

/** Who took a second look, and who had which duty in what was looked at. */
export interface LookedAt {
  readonly look: SecondLook;
  readonly by: readonly { readonly person: string; readonly evidence: string }[];
  readonly duties: readonly DutyAssignment[];
}

/** Everything that a release for an environment was decided by, as its accounts are known now. */
export interface DutiesAgain {
  readonly rounds: readonly RoundOfDuties[];
  readonly looks: readonly LookedAt[];
  /** Streams in which it may be learned later who somebody is, or who else wrote it; sorted. */
  readonly parties: readonly string[];
  /** Deployments, sorted. */
  readonly deployments: readonly string[];
}

const eventsOf = <E extends DomainEvent>(category: string): Aggregate<null, E> => ({ category, initial: null, evolve: (state) => state });
const approvals = eventsOf<ApprovalEvent>('approval');
const artifacts = eventsOf<ArtifactEvent>('artifact');
const bypasses = eventsOf<BypassEvent>('bypass');
const changes = eventsOf<ChangeEvent>('change');
const deploymentDeeds = eventsOf<DeploymentEvent>('deployment');
const releases = eventsOf<ReleaseEvent>('release');
const testReports = eventsOf<TestReportEvent>('testreport');

type Of<E extends DomainEvent, T extends E['type']> = StoredEvent<Extract<E, { readonly type: T }>>;
type Start = Of<DeploymentEvent, 'DeploymentStarted' | 'DeploymentResumed'>;

function typed<E extends DomainEvent, T extends E['type']>(events: readonly StoredEvent[], ...types: readonly T[]): readonly Of<E, T>[] {
  return events.filter((event) => (types as readonly string[]).includes(event.type)) as unknown as readonly Of<E, T>[];
}

/** What was decided on, and where in the log: what counted then is what was there by then. */
interface Subject {
  readonly digests: readonly string[];
  /** Positions of the votes and starts that rest on it, at least one. */
  readonly decided: readonly bigint[];
  readonly traits: EngineTraits;
}

/**
 * Reads who took which part in a release for an environment: by the accounts that acted then, what counted then, and what is known of persons
 * now. Who wrote it may be learned later, too. Whether a part was taken before or after another is known makes no difference to what is found.
 */
export async function readDutiesAgain(
  read: ReadAggregate,
  { releaseId, environment, deployments, meta }: Issued<ReviewDuties>,
  state: DutyReview,
): Promise<DutiesAgain> {
  const ids = [...new Set([...state.deployments, ...deployments])].sort();
  const [facts, approval, change, register, release, reports, ...deployed] = await Promise.all([
    readGateFacts(read, releaseId, environment, meta.now),
    read(approvals, approvalId(releaseId, environment)),
    read(changes, changeId(releaseId, environment)),
    read(bypasses, BYPASS_REGISTER),
    read(releases, releaseId),
    read(testReports, releaseId),
    ...ids.map((id) => read(deploymentDeeds, id)),
  ]);
  const known = new PersonsAgain(read);
  const hands = new HandsAgain(read, known, environment, release.events, reports.events);
  const requests = typed<ApprovalEvent, 'ApprovalRequested'>(approval.events, 'ApprovalRequested');
  const begun = deployed.map(({ events }) => startsOf(events));
  const started = begun.flatMap(({ starts, rollback }) => starts.map((start) => ({ start, rollback })));
  const policies = new PoliciesAgain(read, known, facts);

  const byRound = requests.map(async (request, nth) => {
    const { tuple, round } = request.data;
    const until = requests[nth + 1]?.position;
    const starts = started
      .filter(({ start, rollback }) => !rollback && judged(start, 'duties-separated'))
      .map(({ start }) => start)
      .filter(({ position }) => position > request.position && (until === undefined || position < until));
    const votes = votesOf(
      approval.events.filter((event) => (event.data as { readonly round?: number }).round === round),
      starts,
    );
    const decided = [...votes, ...starts].map(({ position }) => position);
    if (decided.length === 0) return [];
    const traits = traitsOfStart(starts[0]);
    const subject = { digests: tuple.artifactDigests, decided, traits };
    return [
      await roundOf(subject, await policies.of(tuple.policyId, tuple.policyVersion, traits), [
        ...(await known.took('requester', [request])),
        ...(await known.took('approver', votes)),
        ...(await known.took('deployer', starts)),
      ]),
    ];
  });
  // What a start rests on where nobody asked for an approval, and a rollback by gates of its own where these keep duties apart.
  const alone = started.map(async ({ start, rollback }) => {
    const { receipt } = start.data;
    const request = requests.findLast(({ position }) => position < start.position);
    if (!receipt || !judged(start, 'duties-separated') || (request && !rollback)) return [];
    const votes = request
      ? votesOf(
          approval.events.filter((event) => (event.data as { readonly round?: number }).round === request.data.round),
          [start],
        )
      : [];
    const traits = traitsOfStart(start);
    const digests = hands.composedAt(start.position);
    const policy = await policies.of(receipt.policyId, receipt.policyVersion, traits, rollback);
    return [
      await roundOf({ digests, decided: [start.position], traits }, policy, [
        ...(await known.took('requester', request ? [request] : [])),
        ...(await known.took('approver', votes)),
        ...(await known.took('deployer', [start])),
      ]),
    ];
  });
  async function roundOf(subject: Subject, policy: PolicyAgain, acted: readonly DutyAssignment[]): Promise<RoundOfDuties> {
    return { duties: [...(await hands.on(subject)), ...acted, ...policy.editors], rules: policy.rules };
  }

  const rounds = (await Promise.all([...byRound, ...alone])).flat();
  const looks = [
    ...(await looksAtChanges(
      change.events,
      started.flatMap(({ start, rollback }) => (rollback ? [] : [start])),
      hands,
      known,
    )),
    ...(await looksAtBypasses(
      register.events,
      { releaseId, environment },
      started.map(({ start }) => start),
      hands,
      known,
    )),
  ];
  return { rounds, looks, parties: [...new Set([...known.streams, ...hands.streams])].sort(), deployments: ids };
}

/** Who had a deployment run; programs are nobody who could approve. */
function startsOf(events: readonly StoredEvent[]): { readonly starts: readonly Start[]; readonly rollback: boolean } {
  const [first] = typed<DeploymentEvent, 'DeploymentStarted'>(events, 'DeploymentStarted');
  const starts = typed<DeploymentEvent, 'DeploymentStarted' | 'DeploymentResumed'>(events, 'DeploymentStarted', 'DeploymentResumed');
  return { starts: starts.filter(isSomebodys), rollback: first?.data.rollbackOf !== undefined };
}

function isSomebodys({ metadata }: StoredEvent): boolean {
  return !isProgram({ person: metadata.actor });
}

/** Whether a start was let pass by a gate: what a policy of then did not ask, or a bypass waived, was not decided by it. */
function judged({ data: { receipt } }: Start, gate: 'duties-separated' | 'change-approved'): boolean {
  if (!receipt) return gate === 'duties-separated';
  return receipt.gates.some((said) => said.gate === gate && said.verdict === 'pass');
}

function traitsOfStart(start: Start | undefined): EngineTraits {
  return start?.data.receipt ? traitsThen(start.data.receipt.engine) : traitsOf(ENGINE);
}

/** The votes of a round that stand, or on which something was started: a vote that was taken back before is no vote. */
function votesOf(round: readonly StoredEvent[], starts: readonly Start[]): readonly Of<ApprovalEvent, 'ApprovalGranted'>[] {
  const standing = (until?: bigint): readonly Of<ApprovalEvent, 'ApprovalGranted'>[] => {
    const votes = new Map<string, Of<ApprovalEvent, 'ApprovalGranted'>>();
    for (const event of typed<ApprovalEvent, 'ApprovalGranted' | 'ApprovalWithdrawn'>(round, 'ApprovalGranted', 'ApprovalWithdrawn')) {
      if (until !== undefined && event.position > until) break;
      if (event.type === 'ApprovalWithdrawn') votes.delete(event.data.person);
      else votes.set(event.data.person, event as Of<ApprovalEvent, 'ApprovalGranted'>);
    }
    return [...votes.values()];
  };
  return [...new Set([...standing(), ...starts.flatMap(({ position }) => standing(position))])];
}

/** Whose accounts are, as known now, and the streams that say so: where it can become known that it is otherwise. */
class PersonsAgain {
  readonly streams = new Set<string>();
  private readonly resolved = new Map<string, Promise<ResolvedPerson>>();

  constructor(private readonly read: ReadAggregate) {}

  async whose(account: string): Promise<string> {
    const resolving = this.resolved.get(account) ?? personOfAccount(this.read, account);
    this.resolved.set(account, resolving);
    const { person, refs } = await resolving;
    for (const ref of refs) this.streams.add(ref.slice(0, ref.lastIndexOf('@')));
    return person;
  }

  async took(duty: Duty, events: readonly StoredEvent[]): Promise<readonly DutyAssignment[]> {
    return await Promise.all(
      events.filter(isSomebodys).map(async (event) => ({
        person: await this.whose(event.metadata.principal),
        duty,
        evidence: `${event.stream}@${event.revision}`,
      })),
    );
  }
}

/** Who wrote and tested what was decided on. */
class HandsAgain {
  readonly streams = new Set<string>();
  private readonly compositions: readonly Of<ReleaseEvent, 'ReleaseComposed' | 'ReleaseAmended'>[];
  private readonly plans: readonly Of<ReleaseEvent, 'ReleasePlanned'>[];
  private readonly reports: readonly Of<TestReportEvent, 'TestReportRecorded'>[];

  constructor(
    private readonly read: ReadAggregate,
    private readonly known: PersonsAgain,
    environment: string,
    release: readonly StoredEvent[],
    reports: readonly StoredEvent[],
  ) {
    this.compositions = typed<ReleaseEvent, 'ReleaseComposed' | 'ReleaseAmended'>(release, 'ReleaseComposed', 'ReleaseAmended');
    this.plans = typed<ReleaseEvent, 'ReleasePlanned'>(release, 'ReleasePlanned').filter(({ data }) => data.environment === environment);
    this.reports = typed<TestReportEvent, 'TestReportRecorded'>(reports, 'TestReportRecorded');
  }

  composedAt(position: bigint): readonly string[] {
    return this.compositions.findLast((event) => event.position < position)?.data.artifacts.map(({ digest }) => digest) ?? [];
  }

  async on(subject: Subject): Promise<readonly DutyAssignment[]> {
    const [authors, testers] = await Promise.all([this.authorsOf(subject), subject.traits.everyDuty ? this.testersOf(subject) : []]);
    return [...authors, ...testers];
  }

  /** Who shaped it by the time of a decision; and whoever was named as an author of the same by then or is since. */
  private async authorsOf({ digests, decided, traits }: Subject): Promise<readonly DutyAssignment[]> {
    const first = decided.reduce((a, b) => (a < b ? a : b));
    const same = this.compositions.filter(({ data }) => textOf(data.artifacts.map(({ digest }) => digest)) === textOf(digests));
    const then = decided.flatMap((position) => this.compositions.findLast((event) => event.position < position) ?? []);
    const plans = decided.flatMap((position) => this.plans.findLast((event) => event.position < position) ?? []);
    const accounts: (readonly [account: string, evidence: string])[] = [];
    for (const event of new Set([...then, ...same.filter(({ position }) => position > first), ...plans])) {
      const named = event.type === 'ReleasePlanned' ? [] : event.data.authors;
      // An amendment afterwards says who wrote it, and does not make who amends an author of what was decided on before.
      const shaped = event.position > first && !then.includes(event as never) && !plans.includes(event as never) ? [] : [event];
      const by = shaped.map(({ metadata }) => metadata.principal);
      for (const account of authorAccounts({ named, shaped: by, builders: [] }, traits))
        accounts.push([account, `${event.stream}@${event.revision}`]);
    }
    const ids = [...new Set(same.flatMap(({ data }) => data.artifacts.map(({ artifactId }) => artifactId)))].sort();
    for (const { stream, ref, events } of await Promise.all(ids.map((id) => this.read(artifacts, id)))) {
      this.streams.add(stream);
      const [registered] = typed<ArtifactEvent, 'ArtifactRegistered'>(events, 'ArtifactRegistered');
      if (!registered || !digests.includes(digestText(registered.data.digest))) continue;
      const { builder } = registered.data;
      const named = events.flatMap((event) => (event as unknown as ArtifactEvent).data.authors);
      const builders = builder !== undefined && ACCOUNT.test(builder) ? [builder] : [];
      for (const account of authorAccounts({ named, shaped: [registered.metadata.principal], builders }, traits))
        accounts.push([account, ref]);
    }
    return await Promise.all(
      accounts.map(async ([account, evidence]) => ({ person: await this.known.whose(account), duty: 'author' as const, evidence })),
    );
  }

  /** Who recorded the newest report of a suite by the time of a decision. */
  private async testersOf({ digests, decided }: Subject): Promise<readonly DutyAssignment[]> {
    const about = this.reports.filter(({ data }) => digests.includes(data.artifactDigest));
    const counted = decided.flatMap((position) => {
      const newest = new Map(
        about
          .filter((report) => report.position < position)
          .map((report) => [JSON.stringify([report.data.artifactDigest, report.data.suite]), report]),
      );
      return [...newest.values()];
    });
    return await this.known.took('tester', [...new Set(counted)]);
  }
}

function textOf(digests: readonly string[]): string {
  return [...digests].sort().join();
}

interface PolicyAgain {
  readonly editors: readonly DutyAssignment[];
  readonly rules: readonly SeparationRule[];
}

/** Who published a version of a policy, and what it keeps apart. */
class PoliciesAgain {
  constructor(
    private readonly read: ReadAggregate,
    private readonly known: PersonsAgain,
    private readonly facts: GateFacts,
  ) {}

  async of(policyId: string, version: number, { everyDuty }: EngineTraits, rollback = false): Promise<PolicyAgain> {
    const published = await readPolicyVersion(this.read, policyId, version);
    if (!published) return { editors: [], rules: separationRules([]) };
    const rules = separationRules(rollback ? published.rollbackGates : gatesFor(published, placeOf(this.facts, published.riskFloors)));
    if (published.editor === undefined || !everyDuty) return { editors: [], rules };
    return { editors: [{ person: await this.known.whose(published.editor), duty: 'policy-editor', evidence: published.ref }], rules };
  }
}

/** Votes of a board, confirmed conditions and reviews of emergencies, by the submission that they are about. */
async function looksAtChanges(
  events: readonly StoredEvent[],
  started: readonly Start[],
  hands: HandsAgain,
  known: PersonsAgain,
): Promise<readonly LookedAt[]> {
  const submissions = typed<ChangeEvent, 'ChangeSubmitted'>(events, 'ChangeSubmitted');
  const looked = submissions.map(async (submitted, nth) => {
    const { round, dossier } = submitted.data;
    const until = submissions[nth + 1]?.position;
    const own = events.filter((event) => (event.data as { readonly round?: number }).round === round);
    const starts = started.filter(
      (start) => judged(start, 'change-approved') && start.position > submitted.position && (until === undefined || start.position < until),
    );
    const seconds: readonly (readonly [SecondLook, readonly StoredEvent[]])[] = [
      ['board-voter', typed<ChangeEvent, 'ChangeVoteCast'>(own, 'ChangeVoteCast')],
      ['condition-confirmer', typed<ChangeEvent, 'ChangeConditionMet'>(own, 'ChangeConditionMet')],
      ['change-reviewer', typed<ChangeEvent, 'ChangeReviewed'>(own, 'ChangeReviewed')],
    ];
    const decided = [...seconds.flatMap(([, acted]) => acted), ...starts].map(({ position }) => position);
    if (decided.length === 0) return [];
    const digests = dossier.contents.artifacts.map(({ digest }) => digest);
    const duties = [
      ...(await hands.on({ digests, decided, traits: traitsOfStart(starts[0]) })),
      ...(await known.took('requester', [submitted])),
      ...(await known.took('deployer', starts)),
    ];
    return await Promise.all(
      seconds.map(async ([look, acted]): Promise<LookedAt> => ({ look, by: await known.took('approver', acted), duties })),
    );
  });
  return (await Promise.all(looked)).flat();
}

/** Reviews of bypasses that were asked for it. */
async function looksAtBypasses(
  events: readonly StoredEvent[],
  about: { readonly releaseId: string; readonly environment: string },
  started: readonly Start[],
  hands: HandsAgain,
  known: PersonsAgain,
): Promise<readonly LookedAt[]> {
  const asked = typed<BypassEvent, 'BypassRequested'>(events, 'BypassRequested').filter(
    ({ data }) => data.releaseId === about.releaseId && data.environment === about.environment,
  );
  return await Promise.all(
    asked.map(async (request): Promise<LookedAt> => {
      const { bypassId, tuple }: { readonly bypassId: string; readonly tuple: ApprovalTuple } = request.data;
      const reviews = typed<BypassEvent, 'BypassReviewed'>(events, 'BypassReviewed').filter(({ data }) => data.bypassId === bypassId);
      const used = started.filter(({ data }) => data.bypassId === bypassId);
      const decided = [request, ...used].map(({ position }) => position);
      const written = await hands.on({ digests: tuple.artifactDigests, decided, traits: traitsOf(ENGINE) });
      return {
        look: 'bypass-reviewer',
        by: await known.took('approver', reviews),
        duties: [
          // Who tested it may judge whether it was right to do without the gates.
          ...written.filter(({ duty }) => duty === 'author'),
          ...(await known.took('requester', [request])),
          ...(await known.took('deployer', used)),
        ],
      };
    }),
  );
}
