import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { startEmbeddedPostgres } from '#libs/embedded-postgres';
import { Client } from './client.ts';
import { Deployments } from './deployments.ts';
import { Journal } from './journal.ts';
import { prepare, publishFromOutside, reportMetrics, workOnReleases } from './load.ts';
import type { Variant } from './options.ts';
import { planKills } from './plan.ts';
import type { Random } from './random.ts';
import { Server, type Program } from './server.ts';
import { SmokedService } from './smoked-service.ts';
import { carryOut, type Death } from './supervisor.ts';
import { verify, type Findings } from './verify.ts';
import { holdsWithin, pause, waitUntil } from './waiting.ts';

export interface VariantRun {
  readonly variant: Variant;
  readonly deaths: readonly Death[];
  /** Deaths with a deployment under way. */
  readonly deathsInDeployment: number;
  readonly deployments: number;
  readonly notConverged: readonly string[];
  /** From the end of the load until every subscription had handled everything, milliseconds; undefined where it never did. */
  readonly settledMs: number | undefined;
  readonly findings: Findings;
}

const AUTHORS = 4;
const SERVICES = 2;
const SETTLE_PATIENCE_MS = 120_000;

/** Roles of the two processes of a split run; the first has the clients. */
const SPLIT_ROLES = ['api,projector,correlator', 'projector,publisher,deployer,correlator'];

interface VariantOptions {
  readonly variant: Variant;
  readonly kills: number;
  readonly random: Random;
  readonly program: Program;
  readonly folder: string;
  readonly say: (line: string) => void;
}

/** One variant from an empty folder to the verdict. */
export async function runVariant(options: VariantOptions): Promise<VariantRun> {
  mkdirSync(join(options.folder, 'effects'), { recursive: true });
  return options.variant === 'embedded' ? await runEmbedded(options) : await runSplit(options);
}

async function runEmbedded(options: VariantOptions): Promise<VariantRun> {
  const { folder, program } = options;
  const server = new Server({ name: 'plimsoll', program, folder, env: { PLIMSOLL_DATA_DIR: join(folder, 'data') } });
  const dataDir = join(folder, 'data', 'postgres');
  return await withServers([server], async () => {
    const run = await underLoad(options, [server], dataDir);
    await server.stop();
    const postgres = await startEmbeddedPostgres({ dataDir });
    try {
      return { ...run, findings: await verify({ ...run.promised, databaseUrl: postgres.url }) };
    } finally {
      await postgres.stop();
    }
  });
}

async function runSplit(options: VariantOptions): Promise<VariantRun> {
  const { folder, program } = options;
  const dataDir = join(folder, 'postgres');
  const postgres = await startEmbeddedPostgres({ dataDir });
  try {
    const servers = SPLIT_ROLES.map((roles, n) => {
      const env = { PLIMSOLL_DATA_DIR: join(folder, 'data'), DATABASE_URL: postgres.url, PLIMSOLL_ROLES: roles };
      return new Server({ name: `plimsoll-${n + 1}`, program, folder, env });
    });
    return await withServers(servers, async () => {
      const run = await underLoad(options, servers, dataDir);
      for (const server of servers) await server.stop();
      return { ...run, findings: await verify({ ...run.promised, databaseUrl: postgres.url }) };
    });
  } finally {
    await postgres.stop();
  }
}

/** However this ends, this program included, the processes end with it. */
async function withServers<T>(servers: readonly Server[], work: () => Promise<T>): Promise<T> {
  const killAll = (): void => servers.forEach((server) => server.killNow());
  process.once('exit', killAll);
  try {
    return await work();
  } finally {
    process.off('exit', killAll);
    for (const server of servers) await server.dispose();
  }
}

type Promised = Omit<Parameters<typeof verify>[0], 'databaseUrl'>;

/** Clients work and processes die, until all kills are done; then waits until everything has come to rest. */
async function underLoad(
  options: VariantOptions,
  servers: readonly Server[],
  postgres: string,
): Promise<Omit<VariantRun, 'findings'> & { readonly promised: Promised }> {
  const { variant, kills, random, folder, say } = options;
  for (const server of servers) await server.start();
  const server = servers[0]!;
  const journal = new Journal();
  const client = (subject: string): Client => new Client(subject, server, journal, `${variant}-${subject}`);
  await prepare(client('editor'));

  const service = await SmokedService.start();
  const stop = new AbortController();
  const effects = join(folder, 'effects');
  const deployments = new Deployments(client('deploying-author'), client('deploying-approver'), client('deployer'), effects, service);
  const underWay = { deployment: false };
  const working = Promise.all([
    ...Array.from({ length: AUTHORS }, (_, n) =>
      workOnReleases(client(`author-${n}`), client(`approver-${n}`), random.split(), stop.signal),
    ),
    ...Array.from({ length: SERVICES }, (_, n) => reportMetrics(client(`service-${n}`), random.split(), stop.signal)),
    publishFromOutside(client('pipeline'), random.split(), stop.signal),
    keepDeploying(deployments, underWay, stop.signal),
  ]);
  // Whoever fails is heard at once, and not only when everybody is waited for.
  const failed = working.then(() => new Promise<never>(() => undefined));

  const deaths: Death[] = [];
  let deathsInDeployment = 0;
  const killing = (async (): Promise<void> => {
    let done = 0;
    for (const kill of planKills(variant, kills, random.split())) {
      await waitUntil(() => underWay.deployment, SETTLE_PATIENCE_MS, 'a deployment to be under way');
      const victim = servers[kill.victim]!;
      const death = await carryOut(kill, victim, postgres, () => {
        if (underWay.deployment && kill.how.kind !== 'freeze') deathsInDeployment++;
      });
      deaths.push(death);
      if (kill.how.kind !== 'freeze') done++;
      const who = `${victim.name}${death.withPostgres && death.at !== 'postgres' ? ' and its Postgres' : ''}`;
      say(`${variant} ${done}/${kills}: ${who}: ${death.at}; ready again after ${(death.recoveryMs / 1000).toFixed(1)} s`);
    }
  })();
  await Promise.race([killing, failed]);

  stop.abort();
  const stopped = performance.now();
  await working;
  const outcomes = [...(await deployments.outcomes(SETTLE_PATIENCE_MS))];
  const settled = await holdsWithin(() => atRest(server), SETTLE_PATIENCE_MS);
  await service.stop();
  return {
    variant,
    deaths,
    deathsInDeployment,
    deployments: outcomes.length,
    notConverged: outcomes.flatMap(([id, outcome]) => (outcome === 'succeeded' ? [] : [`Deployment ${id} is ${outcome}.`])),
    settledMs: settled ? performance.now() - stopped : undefined,
    promised: { journal, deployments },
  };
}

/** One deployment after the other, so that one is always under way. */
async function keepDeploying(deployments: Deployments, underWay: { deployment: boolean }, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    await deployments.start();
    underWay.deployment = true;
    while (!signal.aborted && (await deployments.underWay()).length > 0) await pause(100);
    underWay.deployment = false;
  }
}

/** Twice in a row, so that what the last event led to is done as well. */
async function atRest(server: Server): Promise<boolean> {
  for (const look of [1, 2]) {
    if (look === 2) await pause(1_000);
    const response = await fetch(`${server.url}/metrics`, { signal: AbortSignal.timeout(10_000) }).catch(() => undefined);
    const lags = [...((await response?.text()) ?? '').matchAll(/^plimsoll_subscription_lag_seconds\{.*\} (\S+)$/gm)];
    if (lags.length === 0 || lags.some(([, seconds]) => Number(seconds) > 0)) return false;
  }
  return true;
}
