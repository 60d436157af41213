import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client } from 'pg';
import { startApp, type App } from './app.ts';
import { artifactOf } from './commands.ts';
import { figure, type BenchOptions, type BenchReport } from './report.ts';
import { percentile } from './statistics.ts';

const COMMANDS_A_SECOND = 200;
/** How long the watcher rests between two looks, milliseconds. */
const LOOK_EVERY_MS = 2;

interface Sample {
  readonly position: bigint;
  /** When the command was answered, by `performance.now()`. */
  readonly answeredAt: number;
  /** How long the command took from when it was due, milliseconds. */
  readonly took: number;
}

interface Round {
  readonly samples: readonly Sample[];
  /** Lags in milliseconds, by subscription. */
  readonly lags: ReadonlyMap<string, readonly number[]>;
  /** Between two looks, milliseconds. */
  readonly looks: readonly number[];
}

/** How long after a command's answer its views have it: an open loop of commands, and a watcher of the views' checkpoints. */
export async function lagBench(folder: string, { quick, progress }: BenchOptions): Promise<BenchReport> {
  const [rounds, seconds] = quick ? [1, 3] : [3, 20];
  const app = await startApp(join(folder, 'lag'));
  try {
    const token = await app.token('bench-developer', 'developer');
    progress('lag, warming up');
    await measure(app, token, quick ? 1 : 5);
    const measured: Round[] = [];
    for (let round = 0; round < rounds; round++) {
      progress(`lag, round ${round + 1} of ${rounds}`);
      measured.push(await measure(app, token, seconds));
    }
    return reportOf(measured, seconds);
  } finally {
    await app.stop();
  }
}

function reportOf(measured: readonly Round[], seconds: number): BenchReport {
  const of = (subscription: string, p: number): number[] => measured.map(({ lags }) => percentile(lags.get(subscription)!, p));
  const all = (p: number): number[] => measured.map(({ lags }) => percentile([...lags.values()].flat(), p));
  const subscriptions = [...measured[0]!.lags.keys()];
  return {
    bench: `Lag of views: ${COMMANDS_A_SECOND} commands a second for ${seconds} s, from a command's answer until a view has its event`,
    figures: [
      figure('lag of all views, p50', 'ms', all(50)),
      figure('lag of all views, p99', 'ms', all(99), { below: 250 }),
      figure('lag of all views, worst', 'ms', all(100)),
      ...subscriptions.map((name) => figure(`${name}, p99`, 'ms', of(name, 99))),
      figure(
        'commands carried out',
        'a second',
        measured.map(({ samples }) => samples.length / seconds),
      ),
      ...[50, 99].map((p) =>
        figure(
          `a command, p${p}`,
          'ms',
          measured.map(({ samples }) =>
            percentile(
              samples.map((s) => s.took),
              p,
            ),
          ),
        ),
      ),
      figure(
        'between two looks at the checkpoints, p50',
        'ms',
        measured.map(({ looks }) => percentile(looks, 50)),
      ),
      figure(
        'between two looks at the checkpoints, p99',
        'ms',
        measured.map(({ looks }) => percentile(looks, 99)),
      ),
    ],
    notes: [
      `open loop: commands are sent when they are due, whatever became of earlier ones; a command's time counts from then`,
      'seen from outside, in the committed checkpoints of all views: a lag is too long by up to the time between two looks, which is itself work for the machine',
      'rows and checkpoint are one transaction',
    ],
  };
}

async function measure(app: App, token: string, seconds: number): Promise<Round> {
  const watcher = await Watcher.open(app);
  const samples: Sample[] = [];
  const inFlight = new Set<Promise<void>>();
  const began = performance.now();
  const run = randomUUID();
  const command = async (n: number, due: number): Promise<void> => {
    const { status, headers, body } = await app.client.post('/v1/artifacts/artifacts', artifactOf(`lag-${run}`, `1.0.${n}`), { token });
    if (status !== 201) throw new Error(`A command was answered with ${status}: ${body}`);
    const sample = {
      position: BigInt(headers['plimsoll-position'] as string),
      answeredAt: performance.now(),
      took: performance.now() - due,
    };
    samples.push(sample);
    watcher.expect(sample);
  };
  for (let n = 0; n < COMMANDS_A_SECOND * seconds; n++) {
    const due = began + (n * 1000) / COMMANDS_A_SECOND;
    while (performance.now() < due) await sleep(1);
    const sent = command(n, due).finally(() => inFlight.delete(sent));
    inFlight.add(sent);
  }
  await Promise.all(inFlight);
  return { samples, ...(await watcher.finish()) };
}

/** Looks at the checkpoints of all views again and again, and notes when each has reached what was written. */
class Watcher {
  private readonly waiting: Map<string, Sample[]>;
  private readonly lags: Map<string, number[]>;
  private readonly looks: number[] = [];
  private finishing: number | undefined;
  private readonly running: Promise<void>;

  private constructor(
    private readonly client: Client,
    subscriptions: readonly string[],
  ) {
    this.waiting = new Map(subscriptions.map((name) => [name, []]));
    this.lags = new Map(subscriptions.map((name) => [name, []]));
    this.running = this.run();
    this.running.catch(() => undefined);
  }

  static async open({ databaseUrl, subscriptions }: App): Promise<Watcher> {
    const client = new Client({ connectionString: databaseUrl });
    await client.connect();
    return new Watcher(client, subscriptions);
  }

  expect(sample: Sample): void {
    for (const samples of this.waiting.values()) samples.push(sample);
  }

  /** Waits until all views have everything. */
  async finish(): Promise<{ lags: ReadonlyMap<string, readonly number[]>; looks: readonly number[] }> {
    this.finishing = performance.now();
    try {
      await this.running;
    } finally {
      await this.client.end();
    }
    return { lags: this.lags, looks: this.looks };
  }

  private async run(): Promise<void> {
    let before = performance.now();
    while (this.finishing === undefined || [...this.waiting.values()].some((samples) => samples.length > 0)) {
      if (this.finishing !== undefined && performance.now() - this.finishing > 60_000) {
        throw new Error('A view has not reached the last event a minute after its command.');
      }
      await sleep(LOOK_EVERY_MS);
      const { rows } = await this.client.query<{ name: string; position: string }>({
        name: 'look',
        text: 'select name, position from subscription where name = any($1)',
        values: [[...this.waiting.keys()]],
      });
      const now = performance.now();
      this.looks.push(now - before);
      before = now;
      for (const { name, position } of rows) this.reached(name, BigInt(position), now);
    }
  }

  private reached(name: string, position: bigint, now: number): void {
    const samples = this.waiting.get(name)!;
    this.lags.get(name)!.push(...samples.filter((s) => s.position <= position).map((s) => Math.max(0, now - s.answeredAt)));
    this.waiting.set(
      name,
      samples.filter((s) => s.position > position),
    );
  }
}
