import {
  BACKTEST_ENDINGS,
  plimsollCodec,
  type BacktestCase,
  type BacktestEnding,
  type BacktestEndings,
  type BacktestResult,
  type BacktestTally,
  type BacktestVerdict,
  type DeploymentEvent,
  type GateRule,
  type IncidentEvent,
  type PolicyDraft,
} from '#libs/contracts';
import {
  categoryOf,
  EventsMissing,
  idOf,
  NO_STREAM,
  streamName,
  type Aggregate,
  type CommandDenied,
  type DomainEvent,
  type EventCodec,
  type Loaded,
  type ReadAggregate,
  type StoredEvent,
} from '#libs/event-sourcing';
import { ENGINE } from './engines.ts';
import { judgeGates, letsPass } from './gates.ts';
import { asksAsMuch, gatesFor, inForceAt } from './in-force.ts';
import { judgeExpressions, type DecisionKind, type DecisionSubject, type Evaluate } from './judge-expressions.ts';
import { evaluateExpression } from './expressions/index.ts';
import type { ReadStream } from './recheck.ts';
import { placeOf } from './risk.ts';
import { environmentSource, policySource, readGateFacts, sources, type GateFacts } from './sources.ts';

export interface BacktestQuestion {
  readonly policyId: string;
  readonly draft: PolicyDraft;
  /** ISO 8601 with milliseconds, UTC, inclusive. */
  readonly from: string;
  /** ISO 8601 with milliseconds, UTC, exclusive. */
  readonly to: string;
}

export interface BacktestOptions {
  /** A stream's events, for the few that went on between what a decision read and the event that records it. */
  readonly readStream: ReadStream;
  readonly codec?: EventCodec;
  /** More than these in the period end the backtest; `MAX_DECISIONS` unless told. */
  readonly maxDecisions?: number;
}

/** Most decisions of one backtest: every one is kept until it is known how it ended. */
export const MAX_DECISIONS = 1_000_000;
/** Most decisions that are told one by one; all are counted. */
export const MAX_CASES = 1000;
/** Most bytes of them as JSON: they are stored in one event. */
export const MAX_CASE_BYTES = 600_000;
/** Most characters of what a gate says. */
const MAX_WHY = 300;

/** The period has more decisions than are judged at once. */
export class TooManyDecisions extends Error {
  override readonly name = 'TooManyDecisions';
}

type Told = DeploymentEvent | IncidentEvent | CommandDenied;

/** A decision as the log has it. */
interface Decided extends DecisionSubject {
  /** Of the deployment that was started; absent where it was denied. */
  readonly deploymentId?: string;
  /** Server time of the decision. */
  readonly now: string;
  /** `stream@revision` of what it read, as far as it says. */
  readonly read: readonly string[];
  /** Gates that did not pass then. */
  readonly missed: readonly string[];
}

/** What the draft says of one. */
interface Judged {
  readonly verdict: BacktestVerdict;
  readonly kind: DecisionKind;
  readonly found?: Omit<BacktestCase, 'ending'>;
  ending: BacktestEnding;
}

/** A deployment of any time: what may be rolled back, or end. */
interface Started {
  readonly releaseId: string;
  readonly environment: string;
  judged?: Judged;
}

/**
 * Tells what a draft policy would have said of every deployment and rollback that was decided in a period, accepted and denied, on the
 * facts as they were then, and how those that were accepted ended. It is given the log from its beginning, once, event by event in its
 * order, and keeps the folds of the streams that gates read: the work is linear in the log, however many decisions there are.
 *
 * A decision is judged on the revisions that it cites; what it does not cite is as the log had it at its place. Approvals count under the
 * version that they were given under: the draft asks whether there were enough, not for which text. Bypasses waive of the draft what they
 * waived then. The checks at the confirmation are not judged again: they only ever stop what was let through. It judges as the program of
 * today does: what an earlier engine did not look at counts.
 *
 * Pure but for the edition of the time zone database: the same log and question give the same result.
 */
export class PolicyBacktest {
  private readonly codec: EventCodec;
  private readonly streams = new Map<string, Kept>();
  private readonly folds = new Map(sources.map((source) => [source.category, source]));
  private readonly deployments = new Map<string, Started>();
  private readonly tallies = { deployment: newTally(), rollback: newTally() };
  private readonly gates = new Map<string, { blocked: number; unknowable: number }>();
  /** Decisions that differ, in their order. */
  private readonly differing: Judged[] = [];
  private judgedCount = 0;
  private others = 0;
  private deniedOtherwise = 0;
  private byBypass = 0;
  private given = 0;

  constructor(
    private readonly question: BacktestQuestion,
    private readonly options: BacktestOptions,
  ) {
    this.codec = options.codec ?? plimsollCodec();
  }

  /** Events that were given. */
  get events(): number {
    return this.given;
  }

  /** Decisions that were judged. */
  get decisions(): number {
    return this.judgedCount;
  }

  /** @throws TooManyDecisions @throws EventsMissing a stream that gates read has a gap: nothing can be said of what is left */
  async add(stored: StoredEvent): Promise<void> {
    this.given++;
    const category = categoryOf(stored.stream);
    const fold = this.folds.get(category);
    const told = category === 'deployment' || category === 'denial' || category === 'incident';
    if (!fold && !told) return;
    const event = this.codec.upcast(stored);
    if (told) await this.follow(event as unknown as Told, event);
    if (fold) this.keep(fold, event);
  }

  private keep(fold: Aggregate<unknown, DomainEvent>, event: StoredEvent): void {
    let kept = this.streams.get(event.stream);
    if (!kept) this.streams.set(event.stream, (kept = new Kept(event.stream, fold.initial)));
    kept.goOn(fold, event);
  }

  private async follow({ type, data }: Told, event: StoredEvent): Promise<void> {
    switch (type) {
      case 'DeploymentStarted': {
        const { deploymentId, releaseId, environment, deployer, bypassId, rollbackOf, receipt } = data;
        if (rollbackOf) this.end(rollbackOf.deploymentId, 'rolled-back');
        this.deployments.set(deploymentId, { releaseId, environment });
        const kind = rollbackOf ? 'rollback' : 'deployment';
        const decided = { deploymentId, releaseId, environment, kind, deployer, ...(bypassId ? { bypassId } : {}) } as const;
        return await this.judge({ ...decided, now: receipt.evaluatedAt, read: receipt.inputs, missed: [] }, event);
      }
      case 'CommandDenied':
        return await this.denied(data, event);
      case 'DeploymentSucceeded':
        return this.end(data.deploymentId, 'succeeded');
      case 'DeploymentFailed':
        return this.end(data.deploymentId, 'failed');
      case 'DeploymentHalted':
        return this.end(data.deploymentId, 'halted');
      case 'IncidentOpened':
        return this.end(data.deploymentId, 'incident');
      default:
        return;
    }
  }

  private async denied({ command, asked, kind, reasons }: CommandDenied['data'], event: StoredEvent): Promise<void> {
    const { actor: deployer, recordedAt: now } = event.metadata;
    const subject = command === 'StartDeployment' ? startOf(asked) : command === 'RollBackDeployment' ? this.rollbackOf(asked) : undefined;
    if (!subject || !this.inPeriod(now)) return;
    if (kind === 'gate' || kind === 'frozen') {
      const missed = reasons.flatMap(({ code }) => /^gate-(.+)-(?:fail|inconclusive|stale)$/.exec(code)?.[1] ?? []);
      return await this.judge({ ...subject, deployer, now, read: reasons.flatMap((reason) => reason.evidence ?? []), missed }, event);
    }
    if (this.policyOf(subject.environment) === this.question.policyId) this.deniedOtherwise++;
  }

  /** What a rollback would have gone back to, as its command finds it. */
  private rollbackOf({ deploymentId }: CommandDenied['data']['asked']): Omit<DecisionSubject, 'deployer'> | undefined {
    const withdrawn = typeof deploymentId === 'string' ? this.deployments.get(deploymentId) : undefined;
    if (!withdrawn) return undefined;
    const { environment } = withdrawn;
    const releaseId = this.stateOf(environmentSource, environment).ran.newestBut(withdrawn.releaseId);
    return releaseId === undefined ? undefined : { kind: 'rollback', environment, releaseId };
  }

  private async judge(decided: Decided, event: StoredEvent): Promise<void> {
    const { policyId, draft } = this.question;
    const { releaseId, environment, kind, deployer, bypassId, now, deploymentId } = decided;
    if (!this.inPeriod(now)) return;
    const read = this.readerAt(citedIn(decided.read));
    if (((await read(environmentSource, environment)).state.policyId ?? 'none') !== policyId) {
      this.others++;
      return;
    }
    const { maxDecisions = MAX_DECISIONS } = this.options;
    if (this.judgedCount >= maxDecisions) {
      throw new TooManyDecisions(`More than ${maxDecisions} decisions lie in the period: name a shorter one.`);
    }
    this.judgedCount++;
    const request = { deployer, now };
    const facts = await judgeExpressions(
      await readGateFacts(read, releaseId, environment, now, bypassId, ENGINE, draft),
      request,
      kind,
      evaluateWithoutAdvice,
    );
    const { gates, passes } = judgeGates(facts, request, kind, false);
    const failing = gates.filter((gate) => !letsPass(gate));
    const then = rulesThen((await read(policySource, policyId)).state, facts, kind, now);
    const rules = new Map((kind === 'rollback' ? facts.policy.rollbackGates : facts.policy.gates).map((rule) => [rule.gate, rule]));
    // Nobody was asked then for what only the draft asks for: that it is missing says nothing of what would have been.
    const wasAsked = (rule: GateRule): boolean =>
      then.some((asked) => asksAsMuch(asked, rule) || (decided.missed.includes(rule.gate) && asksAsMuch(rule, asked)));
    const unknown =
      facts.plan !== undefined &&
      failing.every(({ gate, verdict }) => {
        const rule = rules.get(gate);
        return verdict === 'inconclusive' && rule !== undefined && !wasAsked(rule);
      });
    const verdict: BacktestVerdict = passes ? 'letThrough' : unknown ? 'unknowable' : 'blocked';
    if (passes && gates.some((gate) => gate.waivedBy !== undefined)) this.byBypass++;
    if (!passes) this.countGates(failing, verdict);
    const differs = verdict !== (deploymentId === undefined ? 'blocked' : 'letThrough');
    const [first] = failing;
    const judged: Judged = {
      verdict,
      kind,
      ending: deploymentId === undefined ? 'denied' : 'under-way',
      ...(differs
        ? {
            found: {
              kind,
              ...(deploymentId === undefined ? { denial: event.stream } : { deploymentId }),
              releaseId,
              environment,
              ...(bypassId ? { bypassId } : {}),
              at: now,
              position: String(event.position),
              verdict,
              gates: failing.map((gate) => gate.gate),
              ...(first ? { why: clipped(first.detail) } : {}),
            },
          }
        : {}),
    };
    if (differs) this.differing.push(judged);
    if (deploymentId === undefined) this.tallies[kind].denied[verdict]++;
    else {
      const endings = this.tallies[kind].accepted[verdict];
      endings.count++;
      endings['under-way']++;
      const started = this.deployments.get(deploymentId);
      if (started) started.judged = judged;
    }
  }

  private countGates(failing: readonly { readonly gate: string }[], verdict: 'blocked' | 'unknowable' | 'letThrough'): void {
    if (verdict === 'letThrough') return;
    for (const { gate } of failing) {
      const counted = this.gates.get(gate) ?? { blocked: 0, unknowable: 0 };
      counted[verdict]++;
      this.gates.set(gate, counted);
    }
  }

  /** An incident says more of how a deployment ended than a rollback, and that more than that its steps succeeded. */
  private end(deploymentId: string, ending: Exclude<BacktestEnding, 'denied'>): void {
    const judged = this.deployments.get(deploymentId)?.judged;
    if (!judged || judged.ending === 'denied' || judged.ending === 'incident' || (judged.ending === 'rolled-back' && ending !== 'incident'))
      return;
    const endings = this.tallies[judged.kind].accepted[judged.verdict];
    endings[judged.ending]--;
    endings[ending]++;
    judged.ending = ending;
  }

  private inPeriod(now: string): boolean {
    return now >= this.question.from && now < this.question.to;
  }

  private policyOf(environment: string): string | undefined {
    return this.stateOf(environmentSource, environment).policyId;
  }

  private stateOf<S, E extends DomainEvent>(aggregate: Aggregate<S, E>, id: string): S {
    return (this.streams.get(streamName(aggregate.category, id))?.state ?? aggregate.initial) as S;
  }

  /** Streams as the log has them here, but no later than a decision cites them. */
  private readerAt(cited: ReadonlyMap<string, number>): ReadAggregate {
    return <S, E extends DomainEvent>(aggregate: Aggregate<S, E>, id: string): Promise<Loaded<S>> => {
      const fold = this.folds.get(aggregate.category);
      if (!fold || fold !== (aggregate as unknown)) {
        throw new Error(`Gates read ${aggregate.category}, which is not among the sources that a replay keeps.`);
      }
      const stream = streamName(aggregate.category, id);
      const kept = this.streams.get(stream) ?? new Kept(stream, fold.initial);
      const upTo = cited.get(stream) ?? kept.revision;
      return (upTo < kept.revision ? this.before(fold, stream, upTo) : Promise.resolve(kept)) as Promise<Loaded<S>>;
    };
  }

  /** A stream as it was at a revision; what is not there any more can't be. */
  private async before(fold: Aggregate<unknown, DomainEvent>, stream: string, upTo: number): Promise<Kept> {
    const kept = new Kept(stream, fold.initial);
    for (const stored of await this.options.readStream(stream)) {
      if (stored.revision > upTo) break;
      kept.goOn(fold, this.codec.upcast(stored));
    }
    return kept;
  }

  result(): BacktestResult {
    const { deployment: deployments, rollback: rollbacks } = this.tallies;
    return {
      decisions: this.judgedCount,
      deployments: structuredClone(deployments),
      rollbacks: structuredClone(rollbacks),
      notJudged: { underOtherPolicies: this.others, deniedOtherwise: this.deniedOtherwise },
      letThroughByBypass: this.byBypass,
      gates: Object.fromEntries([...this.gates].sort(([a], [b]) => (a < b ? -1 : 1)).map(([gate, counted]) => [gate, { ...counted }])),
      differing: this.differing.length,
      cases: chosen(this.differing.flatMap(({ found, ending }) => (found ? [{ ...found, ending }] : []))),
    };
  }
}

/** A stream's state, as it is read. */
class Kept implements Loaded<unknown> {
  revision = NO_STREAM;
  readonly events = [];

  constructor(
    readonly stream: string,
    public state: unknown,
  ) {}

  /** @throws EventsMissing */
  goOn(fold: Aggregate<unknown, DomainEvent>, event: StoredEvent): void {
    if (event.revision !== this.revision + 1) {
      const gone = `from revision ${this.revision + 1} to ${event.revision - 1}`;
      throw new EventsMissing(`Stream ${this.stream} lacks the events ${gone}: it was deleted or truncated.`);
    }
    if (event.stray) throw new EventsMissing(`${this.stream}@${event.revision} was appended around Plimsoll.`);
    this.state = fold.evolve(this.state, event);
    this.revision = event.revision;
  }

  get id(): string {
    return idOf(this.stream);
  }

  get exists(): boolean {
    return this.revision !== NO_STREAM;
  }

  get ref(): string {
    return `${this.stream}@${this.revision}`;
  }
}

/** At hand, since their cost was bounded before the draft was taken; and nobody waits for the moment at which they would pass. */
const evaluateWithoutAdvice: Evaluate = async (expressions, facts) => expressions.map((text) => evaluateExpression(text, facts, false));

function startOf({ releaseId, environment, bypassId }: CommandDenied['data']['asked']): Omit<DecisionSubject, 'deployer'> | undefined {
  if (typeof releaseId !== 'string' || typeof environment !== 'string') return undefined;
  return { kind: 'deployment', releaseId, environment, ...(typeof bypassId === 'string' ? { bypassId } : {}) };
}

/** The rules that were asked then, of the version in force then. */
function rulesThen(
  versions: Parameters<typeof inForceAt<PolicyDraft & { version: number; effectiveFrom: string }>>[0],
  facts: GateFacts,
  kind: DecisionKind,
  now: string,
): readonly GateRule[] {
  const version = inForceAt(versions, now);
  if (!version) return [];
  return kind === 'rollback' ? version.rollbackGates : gatesFor(version, placeOf(facts, version.riskFloors));
}

/** Revisions by stream; of one that is cited twice, the earlier. */
function citedIn(refs: readonly string[]): ReadonlyMap<string, number> {
  const cited = new Map<string, number>();
  for (const ref of refs) {
    const at = ref.lastIndexOf('@');
    const revision = at > 0 ? Number(ref.slice(at + 1)) : NaN;
    if (!Number.isInteger(revision) || revision < NO_STREAM) continue;
    const stream = ref.slice(0, at);
    cited.set(stream, Math.min(revision, cited.get(stream) ?? revision));
  }
  return cited;
}

/** Where there are too many: of every verdict and ending the first, in the order of the log, and as many of each as there is room for. */
function chosen(cases: readonly BacktestCase[]): readonly BacktestCase[] {
  const kinds = new Map<string, number[]>();
  for (const [i, { kind, verdict, ending }] of cases.entries()) {
    const same = kinds.get(`${kind} ${verdict} ${ending}`);
    if (same) same.push(i);
    else kinds.set(`${kind} ${verdict} ${ending}`, [i]);
  }
  const kept: number[] = [];
  let bytes = 0;
  for (let round = 0; kept.length < MAX_CASES && [...kinds.values()].some((same) => round < same.length); round++) {
    for (const same of kinds.values()) {
      const [index, one] = [same[round], cases[same[round] ?? -1]];
      if (index === undefined || !one || kept.length >= MAX_CASES) continue;
      bytes += Buffer.byteLength(JSON.stringify(one)) + 1;
      if (bytes > MAX_CASE_BYTES) return kept.sort((a, b) => a - b).flatMap((i) => cases[i] ?? []);
      kept.push(index);
    }
  }
  return kept.sort((a, b) => a - b).flatMap((i) => cases[i] ?? []);
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] extends number ? number : Mutable<T[K]> };

function newTally(): Mutable<BacktestTally> {
  const endings = (): Mutable<BacktestEndings> =>
    Object.fromEntries(['count', ...BACKTEST_ENDINGS.filter((e) => e !== 'denied')].map((name) => [name, 0])) as Mutable<BacktestEndings>;
  return {
    accepted: { letThrough: endings(), blocked: endings(), unknowable: endings() },
    denied: { letThrough: 0, blocked: 0, unknowable: 0 },
  };
}

function clipped(text: string): string {
  return text.length <= MAX_WHY ? text : `${text.slice(0, MAX_WHY)}…`;
}
