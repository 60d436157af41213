import type { VariantRun } from './run-variant.ts';

/** The figures of all variants together, and every sentence about what is wrong. */
export interface Summary {
  readonly seed: number;
  readonly kills: number;
  /** How many deaths at which place. */
  readonly killsAt: Readonly<Record<string, number>>;
  /** Processes that were stopped for longer than any lease and then went on. */
  readonly frozen: number;
  readonly killsWithPostgres: number;
  readonly killsInDeployment: number;
  readonly events: number;
  readonly acknowledged: number;
  readonly refused: number;
  readonly outside: number;
  readonly lost: number;
  readonly twice: number;
  readonly unknown: number;
  readonly unknownFound: number;
  readonly unknownAbsent: number;
  readonly views: number;
  readonly rows: number;
  readonly rowsThatDiffer: number;
  readonly subscriptions: number;
  readonly subscriptionsFailed: number;
  readonly deployments: number;
  readonly deploymentsConverged: number;
  readonly steps: number;
  readonly stepRuns: number;
  readonly badEffects: number;
  readonly badConsequences: number;
  readonly timers: number;
  readonly badTimers: number;
  /** From the start of a process to its answer that it is ready, milliseconds. */
  readonly recoveryMs: { readonly median: number; readonly p95: number; readonly most: number };
  /** Per variant, from the end of the load to rest, milliseconds; null where it never came to rest. */
  readonly settledMs: Readonly<Record<string, number | null>>;
  readonly wrong: readonly string[];
}

export function summarise(seed: number, runs: readonly VariantRun[]): Summary {
  const sum = (of: (run: VariantRun) => number): number => runs.reduce((total, run) => total + of(run), 0);
  const all = runs.flatMap((run) => run.deaths);
  const deaths = all.filter((death) => death.at !== 'frozen');
  const killsAt: Record<string, number> = {};
  for (const { at } of deaths) killsAt[at] = (killsAt[at] ?? 0) + 1;
  const recoveries = deaths.map((death) => death.recoveryMs).sort((a, b) => a - b);
  const quantile = (q: number): number => Math.round(recoveries[Math.ceil(q * recoveries.length) - 1] ?? 0);
  return {
    seed,
    kills: deaths.length,
    killsAt: Object.fromEntries(Object.entries(killsAt).sort(([a], [b]) => (a < b ? -1 : 1))),
    frozen: all.length - deaths.length,
    killsWithPostgres: deaths.filter((death) => death.withPostgres).length,
    killsInDeployment: sum((run) => run.deathsInDeployment),
    events: sum((run) => run.findings.events),
    acknowledged: sum((run) => run.findings.acknowledged),
    refused: sum((run) => run.findings.refused),
    outside: sum((run) => run.findings.outside),
    lost: sum((run) => run.findings.lost.length),
    twice: sum((run) => run.findings.twice.length),
    unknown: sum((run) => run.findings.unknown),
    unknownFound: sum((run) => run.findings.unknownFound),
    unknownAbsent: sum((run) => run.findings.unknownAbsent),
    views: sum((run) => run.findings.views),
    rows: sum((run) => run.findings.rows),
    rowsThatDiffer: sum((run) => run.findings.rowsThatDiffer.length),
    subscriptions: sum((run) => run.findings.subscriptions),
    subscriptionsFailed: sum((run) => run.findings.subscriptionsFailed.length),
    deployments: sum((run) => run.deployments),
    deploymentsConverged: sum((run) => run.deployments - run.notConverged.length),
    steps: sum((run) => run.findings.steps),
    stepRuns: sum((run) => run.findings.stepRuns),
    badEffects: sum((run) => run.findings.badEffects.length),
    badConsequences: sum((run) => run.findings.badConsequences.length),
    timers: sum((run) => run.findings.timers),
    badTimers: sum((run) => run.findings.badTimers.length),
    recoveryMs: { median: quantile(0.5), p95: quantile(0.95), most: quantile(1) },
    settledMs: Object.fromEntries(runs.map((run) => [run.variant, run.settledMs === undefined ? null : Math.round(run.settledMs)])),
    wrong: runs.flatMap(({ variant, notConverged, settledMs, findings }) =>
      [
        ...findings.lost.map((s) => `Lost: ${s}`),
        ...findings.twice.map((s) => `Twice: ${s}`),
        ...findings.rowsThatDiffer.map((s) => `Differs: ${s}`),
        ...findings.subscriptionsFailed.map((s) => `Failed: ${s}`),
        ...findings.badEffects.map((s) => `Effect: ${s}`),
        ...findings.badConsequences.map((s) => `Consequence: ${s}`),
        ...findings.badTimers.map((s) => `Timer: ${s}`),
        ...notConverged,
        ...(settledMs === undefined ? ['It never came to rest: some subscription stays behind.'] : []),
      ].map((sentence) => `${variant}: ${sentence}`),
    ),
  };
}

/** Whether every promise was kept. A run that looked at nothing proves nothing. */
export function isSound(summary: Summary): boolean {
  return summary.wrong.length === 0 && summary.acknowledged > 0 && summary.views > 0 && summary.deployments > 0;
}

export function printFigures(summary: Summary): void {
  const seconds = (ms: number | null): string => (ms === null ? 'never' : `${(ms / 1000).toFixed(1)} s`);
  const { recoveryMs } = summary;
  const at = Object.entries(summary.killsAt).map(([place, count]) => `${count} ${place}`);
  const figures: readonly (readonly [string, string])[] = [
    ['kills', `${summary.kills} (${at.join(', ')}); Postgres too in ${summary.killsWithPostgres}; ${summary.frozen} frozen`],
    ['in a deployment', `${summary.killsInDeployment} of them`],
    [
      'acknowledged',
      `${summary.acknowledged} commands, ${summary.refused} refusals, ${summary.outside} outside events; ${summary.events} events in the log`,
    ],
    ['lost', String(summary.lost)],
    ['twice', String(summary.twice)],
    ['unknown', `${summary.unknown}: ${summary.unknownFound} had been carried out, ${summary.unknownAbsent} had not`],
    ['views', `${summary.views} compared with their rebuild, ${summary.rows} rows, ${summary.rowsThatDiffer} differ`],
    ['subscriptions', `${summary.subscriptions}, ${summary.subscriptionsFailed} failed`],
    [
      'deployments',
      `${summary.deploymentsConverged} of ${summary.deployments} converged, ${summary.badConsequences} of their consequences wrong`,
    ],
    ['steps', `${summary.steps}, run ${summary.stepRuns} times, ${summary.badEffects} with another effect than one`],
    ['timers', `${summary.timers} set, ${summary.badTimers} kept otherwise than they stand`],
    ['recovery', `median ${seconds(recoveryMs.median)}, p95 ${seconds(recoveryMs.p95)}, most ${seconds(recoveryMs.most)}`],
    [
      'at rest',
      Object.entries(summary.settledMs)
        .map(([variant, ms]) => `${variant} ${seconds(ms)} after the last client`)
        .join(', '),
    ],
  ];
  console.log(`seed             ${summary.seed}`);
  for (const [name, figure] of figures) console.log(`${name.padEnd(16)} ${figure}`);
  for (const sentence of summary.wrong.slice(0, 50)) console.log(`WRONG ${sentence}`);
  if (summary.wrong.length > 50) console.log(`WRONG and ${summary.wrong.length - 50} more`);
}
