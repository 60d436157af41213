import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Pool } from 'pg';
import { incidentId, plimsollCodec, smokeRunId } from '#libs/contracts';
import { BEFORE_ALL, type StoredEvent } from '#libs/event-sourcing';
import { PostgresEventLog } from '#libs/event-sourcing/postgres';
import { compareWithRebuild } from '#libs/read-models';
import { subscriptionStatuses } from '#libs/subscriptions';
import { views } from '../../src/read-models.ts';
import { STEPS, type Deployments } from './deployments.ts';
import type { Answer, Intent, Journal } from './journal.ts';

/** What is wrong, and how much there is that could have been. Every list holds sentences. */
export interface Findings {
  readonly events: number;
  readonly acknowledged: number;
  readonly refused: number;
  /** Outside events that were taken. */
  readonly outside: number;
  readonly lost: readonly string[];
  readonly twice: readonly string[];
  readonly unknown: number;
  /** Unknowns that had been carried out when they were repeated. */
  readonly unknownFound: number;
  /** Unknowns that had not been. */
  readonly unknownAbsent: number;
  readonly views: number;
  readonly rows: number;
  readonly rowsThatDiffer: readonly string[];
  readonly subscriptions: number;
  readonly subscriptionsFailed: readonly string[];
  readonly steps: number;
  readonly stepRuns: number;
  readonly badEffects: readonly string[];
  /** Where a deployment did not lead to one smoke run, and to one incident if that failed. */
  readonly badConsequences: readonly string[];
  readonly timers: number;
  /** Timers of which the table says something else than the streams. */
  readonly badTimers: readonly string[];
}

/** Holds what is stored against what was promised. */
export async function verify(options: {
  readonly databaseUrl: string;
  readonly journal: Journal;
  readonly deployments: Deployments;
}): Promise<Findings> {
  const { databaseUrl, journal } = options;
  const log = new PostgresEventLog({ url: databaseUrl });
  const pool = new Pool({ connectionString: databaseUrl, max: 8 });
  // The Postgres may be stopped before the last connection has heard of the end.
  pool.on('error', () => undefined);
  try {
    const index = new Index(await everything(log));
    const unknown = journal.intents.filter((i) => i.unknown > 0);
    const found = unknown.filter((i) => i.answer?.repeated);
    const viewFindings = await compareViews(log, pool);
    const statuses = await subscriptionStatuses(pool, log, new Date().toISOString());
    return {
      events: index.count,
      acknowledged: journal.acknowledged.length,
      refused: journal.refused.length,
      outside: journal.receipts.length,
      lost: [
        ...journal.acknowledged.flatMap((i) => lostAnswer(i, index)),
        ...journal.refused.flatMap((i) => lostRefusal(i, index)),
        ...journal.receipts.flatMap(({ receiptId }) => lostReceipt(receiptId, index)),
      ],
      twice: [...index.irregularities, ...journal.intents.flatMap((i) => carriedOutTwice(i, index))],
      unknown: unknown.length,
      unknownFound: found.length,
      unknownAbsent: unknown.length - found.length,
      ...viewFindings,
      subscriptions: statuses.length,
      subscriptionsFailed: statuses.flatMap(({ name, state, failure }) =>
        state === 'failed' ? [`${name} stopped at ${failure?.type} of ${failure?.stream}@${failure?.revision}: ${failure?.message}`] : [],
      ),
      ...checkEffects(options.deployments, index),
      badConsequences: options.deployments.ids.flatMap((id) => consequencesOf(id, options.deployments.bad.has(id), index)),
      ...(await checkTimers(pool, index)),
    };
  } finally {
    await pool.end();
    await log.close();
  }
}

async function everything(log: PostgresEventLog): Promise<readonly StoredEvent[]> {
  const events: StoredEvent[] = [];
  for (;;) {
    const batch = await log.readAll({ after: events.at(-1)?.position ?? BEFORE_ALL, maxCount: 2_000 });
    if (batch.length === 0) return events;
    events.push(...batch);
  }
}

/** The log, by stream and by command, and what is irregular in it by itself. */
class Index {
  readonly irregularities: string[] = [];
  /** `stream timer` of timers set and neither elapsed nor cancelled. */
  readonly standingTimers = new Set<string>();
  /** Timers that were ever set. */
  timers = 0;
  readonly count: number;
  private readonly streams = new Map<string, StoredEvent[]>();
  private readonly commands = new Map<string, StoredEvent[]>();

  constructor(events: readonly StoredEvent[]) {
    this.count = events.length;
    const ids = new Map<string, StoredEvent>();
    const inputs = new Set<string>();
    let position = BEFORE_ALL;
    for (const event of events) {
      const at = `${event.stream}@${event.revision}`;
      const sameId = ids.get(event.id);
      if (sameId) this.irregularities.push(`${event.type} at ${at} has the id of ${sameId.type} at ${sameId.stream}@${sameId.revision}.`);
      ids.set(event.id, event);
      if (event.position <= position) this.irregularities.push(`${at} is at position ${event.position}, after ${position}.`);
      position = event.position;
      const stream = entry(this.streams, event.stream);
      if (event.revision !== stream.length) this.irregularities.push(`${at} comes after ${stream.length} events of its stream.`);
      stream.push(event);
      entry(this.commands, event.metadata.commandId).push(event);
      if (event.type.startsWith('ProcessTimer')) this.notice(event);
      if (event.type !== 'ProcessInputTaken') continue;
      const input = `${event.stream} ${(event.data as { eventId: string }).eventId}`;
      if (inputs.has(input)) this.irregularities.push(`${at} takes an input that was taken before.`);
      inputs.add(input);
    }
  }

  private notice(event: StoredEvent): void {
    const timer = `${event.stream} ${(event.data as { timerId: string }).timerId}`;
    if (event.type === 'ProcessTimerSet') {
      this.timers++;
      this.standingTimers.add(timer);
    } else this.standingTimers.delete(timer);
  }

  at(stream: string, revision: number): StoredEvent | undefined {
    return this.streams.get(stream)?.[revision];
  }

  stream(stream: string): readonly StoredEvent[] {
    return this.streams.get(stream) ?? [];
  }

  ofCommand(commandId: string): readonly StoredEvent[] {
    return this.commands.get(commandId) ?? [];
  }
}

function entry<V>(map: Map<string, V[]>, key: string): V[] {
  const present = map.get(key);
  if (present) return present;
  const made: V[] = [];
  map.set(key, made);
  return made;
}

function lostAnswer({ path, key, answer }: Intent & { readonly answer: Answer }, index: Index): string[] {
  const { stream, revision, position, repeated, commandId } = answer;
  // Nothing to store, and nothing stored: a repeat of what others had said before.
  if (revision < 0 && repeated) return [];
  const event = index.at(stream, revision);
  const where = `${path} (${key}), acknowledged at ${stream}@${revision}, position ${position}`;
  if (!event) return [`${where}: not in the log.`];
  if (event.position !== position) return [`${where}: the event there is at position ${event.position}.`];
  // A command that found it so already names an event of somebody else.
  if (event.metadata.commandId !== commandId && !repeated) return [`${where}: the event there is of another command.`];
  return [];
}

/** A governed refusal is an event, and it was stored before it was answered. */
function lostRefusal({ path, key, governed, refusal }: Intent, index: Index): string[] {
  if (!governed || !refusal) return [];
  const stored = refusal.commandId === undefined ? [] : index.ofCommand(refusal.commandId).filter((e) => e.type === 'CommandDenied');
  const told = `${path} (${key}), refused as ${refusal.status} ${refusal.type} (${refusal.detail})`;
  return stored.length === 1 ? [] : [`${told}: ${stored.length} denials in the log.`];
}

/** What came from outside is in the log, and was carried out once. */
function lostReceipt(receiptId: string, index: Index): string[] {
  const told = index
    .stream(`outside-${receiptId}`)
    .map(({ type, data }) => `${type} ${(data as { outcome?: string }).outcome ?? ''}`.trim());
  const expected = ['OutsideEventReceived', 'OutsideEventApplied applied'];
  return told.join() === expected.join()
    ? []
    : [`Outside event ${receiptId}: ${told.join(', ') || 'nothing'} instead of ${expected.join(', ')}.`];
}

/** All events of a command are one append: in one stream, one after the other. A command that was refused has no others. */
function carriedOutTwice({ path, key, answer, refusal }: Intent, index: Index): string[] {
  const commandId = answer?.commandId ?? refusal?.commandId;
  const events = commandId === undefined ? [] : index.ofCommand(commandId);
  const done = events.filter((e) => e.type !== 'CommandDenied');
  const first = done[0];
  if (!first) return [];
  if (refusal) return [`${path} (${key}) was refused as ${refusal.type}, and yet carried out at ${first.stream}@${first.revision}.`];
  return done.every((e, n) => e.stream === first.stream && e.revision === first.revision + n)
    ? []
    : [`${path} (${key}) was carried out twice: ${done.map((e) => `${e.type} at ${e.stream}@${e.revision}`).join(', ')}.`];
}

async function compareViews(log: PostgresEventLog, pool: Pool): Promise<Pick<Findings, 'views' | 'rows' | 'rowsThatDiffer'>> {
  const rowsThatDiffer: string[] = [];
  let rows = 0;
  for (const view of views) {
    const comparison = await compareWithRebuild({ view, log, codec: plimsollCodec(), pool });
    rows += comparison.rows;
    for (const { key, live, rebuilt } of comparison.differing)
      rowsThatDiffer.push(`${view.name} ${key} at ${comparison.position}: ${JSON.stringify(live)} instead of ${JSON.stringify(rebuilt)}.`);
    const untold = comparison.differingCount - comparison.differing.length;
    if (untold > 0) rowsThatDiffer.push(...Array.from({ length: untold }, () => `${view.name}: another row.`));
  }
  return { views: views.length, rows, rowsThatDiffer };
}

interface StepLine {
  readonly deployment: string;
  readonly step: string;
  readonly key: string;
  readonly at?: 'begin' | 'end';
}

/** Every step took its effect once, however often it was run, and its deployment knows of it once. */
function checkEffects(deployments: Deployments, index: Index): Pick<Findings, 'steps' | 'stepRuns' | 'badEffects'> {
  const effects = linesOf(join(deployments.effects, 'effects.jsonl'));
  const runs = linesOf(join(deployments.effects, 'runs.jsonl')).filter((run) => run.at === 'begin');
  const badEffects = deployments.ids.flatMap((deployment) =>
    STEPS.flatMap((step) => {
      const of = (lines: readonly StepLine[]): readonly StepLine[] => lines.filter((l) => l.deployment === deployment && l.step === step);
      const took = of(effects).length;
      const keys = new Set(of(runs).map((run) => run.key)).size;
      const told = index
        .stream(`deployment-${deployment}`)
        .filter((e) => e.type === 'StepSucceeded' && (e.data as { step: string }).step === step).length;
      return took === 1 && keys === 1 && told === 1
        ? []
        : [`Step ${step} of ${deployment} took ${took} effects under ${keys} keys, and is on record as done ${told} times.`];
    }),
  );
  return { steps: deployments.ids.length * STEPS.length, stepRuns: runs.length, badEffects };
}

/** What the processes did about a deployment, each thing once: environment, smoke run, and an incident where that failed. */
function consequencesOf(id: string, bad: boolean, index: Index): string[] {
  const started = index.stream(`deployment-${id}`)[0];
  const { environment } = (started?.data ?? { environment: '' }) as { environment: string };
  const expected: readonly (readonly [stream: string, types: readonly string[]])[] = [
    [`environment-${environment}`, ['EnvironmentDefined', 'EnvironmentReserved', 'EnvironmentFreed']],
    [`smokerun-${smokeRunId(id)}`, ['SmokeRunStarted', bad ? 'SmokeRunFailed' : 'SmokeRunPassed']],
    [`incident-${incidentId(environment, id)}`, bad ? ['IncidentOpened'] : []],
  ];
  return expected.flatMap(([stream, types]) => {
    const found = index.stream(stream).map((event) => event.type);
    return found.join() === types.join()
      ? []
      : [`${stream} has ${found.join(', ') || 'nothing'} instead of ${types.join(', ') || 'nothing'}.`];
  });
}

/** The table of timers has those that stand in the streams, and no others. */
async function checkTimers(pool: Pool, index: Index): Promise<Pick<Findings, 'timers' | 'badTimers'>> {
  const { rows } = await pool.query<{ timer: string }>(`select process || '_process-' || instance || ' ' || timer_id as timer from timer`);
  const kept = new Set(rows.map((row) => row.timer));
  const standing = index.standingTimers;
  return {
    timers: index.timers,
    badTimers: [
      ...[...standing].filter((timer) => !kept.has(timer)).map((timer) => `${timer} stands, and nobody keeps it.`),
      ...[...kept].filter((timer) => !standing.has(timer)).map((timer) => `${timer} is kept, and does not stand.`),
    ],
  };
}

function linesOf(path: string): readonly StepLine[] {
  if (!existsSync(path)) return [];
  return readFileSync(path, 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as StepLine);
}
