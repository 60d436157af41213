import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { startApp, type App } from './app.ts';
import { artifactOf } from './commands.ts';
import type { Answer } from './http-client.ts';
import { inTurns, loadOf, type Load } from './load.ts';
import { figure, type BenchOptions, type BenchReport, type Figure } from './report.ts';
import { sixGates, startSite } from './six-gates.ts';
import { Rest } from './rest.ts';
import { percentile } from './statistics.ts';

const COMMENT = 'Looked at the canary for an hour and at the plan; nothing is out of the ordinary.';
const ENVIRONMENT = 'production';
/** Votes on one approval before the next one is used. */
const APPROVERS = 8;
/** How often a release that is not ready is tried: views tell of every refusal. */
const REFUSALS = 8;
const CLIENTS = 8;

/** Something to ask for again and again; `prepare` makes ready, untimed, what so many askings need. */
interface Asking {
  readonly name: string;
  readonly prepare?: (count: number) => Promise<void>;
  readonly once: () => Promise<void>;
  /** Told of the time at one client. */
  readonly goal?: { readonly below: number };
}

/** Commands over HTTP against the whole program, beside a request that does nothing. */
export async function commandsBench(folder: string, { quick, progress }: BenchOptions): Promise<BenchReport> {
  const [rounds, alone, together] = quick ? [2, 30, 80] : [5, 200, 800];
  const site = await startSite(folder);
  const app = await startApp(join(folder, 'commands'), { PLIMSOLL_HTTP_TARGETS: site.targetsFile }).catch((error: unknown) => {
    site.stop();
    throw error;
  });
  try {
    // First, because what follows thousands of approvals (every one has duties looked at again) goes on for a minute after the last.
    progress('commands, under six gates, making releases ready');
    const rest = new Rest(app);
    const sixGated = await underSixGates(app, rest, rounds, quick ? 3 : 30, progress);
    progress('commands, warming up');
    const askings = await askingsOf(app);
    const measure = (clients: number, count: number) => async (asking: Asking) => {
      await asking.prepare?.(count);
      return await loadOf(clients, count, asking.once);
    };
    for (const asking of askings) await measure(CLIENTS, together)(asking);
    progress('commands, 1 client');
    const oneClient = await inTurns(rounds, askings, measure(1, alone));
    progress(`commands, ${CLIENTS} clients`);
    const manyClients = await inTurns(rounds, askings, measure(CLIENTS, together));
    return {
      bench: 'Commands over HTTP: the whole program on its embedded default, in a process of its own',
      figures: [
        ...[...oneClient].flatMap(([asking, loads]) => latencyFigures(`${asking.name}, 1 client`, loads, asking.goal)),
        ...sixGated,
        ...[...manyClients].flatMap(([asking, loads]) => [
          figure(
            `${asking.name}, ${CLIENTS} clients`,
            'a second',
            loads.map((load) => load.perSecond),
          ),
          figure(
            `${asking.name}, ${CLIENTS} clients, p99`,
            'ms',
            loads.map((load) => percentile(load.latencies, 99)),
          ),
        ]),
      ],
      notes: [
        `each round is ${alone} requests at 1 client and ${together} at ${CLIENTS}; clients, program and database share the machine`,
        'GrantApproval and StartDeployment read nine other streams to judge (release, environment, policy, approval, reports, versions, artifact, accounts); ' +
          'the refused StartDeployment stores its denial',
        'under six gates: approved (two groups), duties-separated, tests-passed, not-frozen (a recurring freeze), change-approved (a board) and one in CEL; ' +
          'every receipt is read afterwards and must have all six, passed; settled: begun when views have everything and the log has stopped growing; ' +
          'back to back: what follows each start (its rollout and its step) goes on meanwhile',
        ...(rest.missed > 0 ? [`the machine did not come to rest ${rest.missed} times: "settled" is not true of those`] : []),
      ],
    };
  } finally {
    await app.stop();
    site.stop();
  }
}

/**
 * A deployment under six gates, which is accepted, by one client: each when nothing follows any more from the one before, beside the plainest
 * command and a request that does nothing; and one after the other, where each also waits for the rollouts of those before.
 */
async function underSixGates(app: App, rest: Rest, rounds: number, count: number, progress: BenchOptions['progress']): Promise<Figure[]> {
  const gates = await sixGates(app);
  const developer = await app.token('bench-rita', 'developer');
  const register = async (): Promise<void> => {
    const { status, body } = await app.client.post('/v1/artifacts/artifacts', artifactOf('bench-beside', randomUUID()), {
      token: developer,
    });
    if (status !== 201) throw new Error(`An artifact was answered with ${status}: ${body}`);
  };
  const goal = { below: 12 };
  const { prepare } = gates;
  const askings: readonly (Asking & { readonly backToBack?: true })[] = [
    { name: 'GET /health/live, settled', once: async () => void (await app.client.get('/health/live')) },
    { name: 'RegisterArtifact, settled', once: register },
    { name: 'StartDeployment accepted under six gates, settled', once: () => gates.start(), prepare, goal },
    {
      name: 'StartDeployment accepted under six gates, settled, with Idempotency-Key',
      once: () => gates.start(randomUUID()),
      prepare,
      goal,
    },
    { name: 'StartDeployment accepted under six gates, back to back', once: () => gates.start(), prepare, backToBack: true },
  ];
  const measure = async ({ prepare: makeReady, once, backToBack }: (typeof askings)[number]): Promise<Load> => {
    await makeReady?.(count);
    await rest.come();
    if (backToBack) return await loadOf(1, count, once);
    const latencies: number[] = [];
    for (let i = 0; i < count; i++) {
      await rest.come();
      latencies.push(...(await loadOf(1, 1, once)).latencies);
    }
    return { perSecond: NaN, latencies };
  };
  for (const asking of askings) await measure(asking);
  progress('commands, under six gates, 1 client');
  const loads = await inTurns(rounds, askings, measure);
  await gates.check();
  return [...loads].flatMap(([asking, found]) => latencyFigures(`${asking.name}, 1 client`, found, asking.goal));
}

function latencyFigures(what: string, loads: readonly Load[], goal: Asking['goal']): Figure[] {
  return [50, 95, 99].map((p) =>
    figure(
      `${what}, p${p}`,
      'ms',
      loads.map((load) => percentile(load.latencies, p)),
      p === 50 ? goal : undefined,
    ),
  );
}

async function askingsOf(app: App): Promise<readonly Asking[]> {
  const { client } = app;
  const developer = await app.token('bench-rita', 'developer', 'release-manager', 'policy-editor');
  const deployer = await app.token('bench-dana', 'deployer');
  const approvers = await Promise.all(Array.from({ length: APPROVERS }, (_, i) => app.token(`bench-approver-${i}`, 'approver')));
  const post = async (path: string, body: unknown, token: string, expected: number, key?: string): Promise<Answer> => {
    const answer = await client.post(path, body, { token, ...(key ? { key } : {}) });
    if (answer.status !== expected) throw new Error(`${path} was answered with ${answer.status}: ${answer.body}`);
    return answer;
  };
  const idOf = (answer: Answer): string => (JSON.parse(answer.body) as { id: string }).id;

  const gates = [
    { gate: 'artifacts-registered' },
    { gate: 'version-assigned' },
    { gate: 'tests-passed' },
    { gate: 'approved', quorum: APPROVERS },
    { gate: 'duties-separated' },
    { gate: 'expression:own', expression: 'environment.class == "production" && artifacts.count < 9' },
  ];
  await post('/v1/governance/policies', { policyId: 'bench', title: 'Bench', gates, rollbackGates: gates }, developer, 201);
  await post('/v1/environments/environments', { environment: ENVIRONMENT, class: 'production', policyId: 'bench' }, developer, 201);
  const artifact = idOf(await post('/v1/artifacts/artifacts', artifactOf('bench-service', '1.0.0'), developer, 201));
  const plan = { environment: ENVIRONMENT, steps: [{ id: 'deploy', driver: 'exec', action: 'start', input: {}, dependsOn: [] }] };

  const newRelease = async (): Promise<string> => {
    const release = idOf(await post('/v1/planning/releases', { product: 'bench', artifactIds: [artifact] }, developer, 201));
    await post(`/v1/planning/releases/${release}/plan`, plan, developer, 200);
    return release;
  };
  const votes: { readonly path: string; readonly tupleHash: string; readonly token: string }[] = [];
  const prepareVotes = async (count: number): Promise<void> => {
    const approvals: { readonly path: string; readonly tupleHash: string }[] = [];
    await loadOf(CLIENTS, Math.ceil((count - votes.length) / APPROVERS), async () => {
      const releaseId = await newRelease();
      const id = idOf(await post('/v1/governance/approvals', { releaseId, environment: ENVIRONMENT }, developer, 201));
      const { body } = await client.get(`/v1/governance/approvals/${id}`, { token: developer });
      approvals.push({ path: `/v1/governance/approvals/${id}/grant`, tupleHash: (JSON.parse(body) as { tupleHash: string }).tupleHash });
    });
    // One approver after the other, so that votes that are cast at the same time are on different approvals.
    for (const token of approvers) votes.push(...approvals.map((approval) => ({ ...approval, token })));
  };
  const grant = async (key?: string, comment?: string): Promise<void> => {
    const vote = votes.pop();
    if (!vote) throw new Error('Nothing is left to approve.');
    await post(vote.path, { tupleHash: vote.tupleHash, ...(comment === undefined ? {} : { comment }) }, vote.token, 200, key);
  };
  const register = async (key?: string): Promise<void> => {
    await post('/v1/artifacts/artifacts', artifactOf('bench-other', randomUUID()), developer, 201, key);
  };
  const unready: string[] = [];
  const prepareReleases = async (count: number): Promise<void> => {
    const releases: string[] = [];
    await loadOf(CLIENTS, Math.ceil((count - unready.length) / REFUSALS), async () => void releases.push(await newRelease()));
    for (let i = 0; i < REFUSALS; i++) unready.push(...releases);
  };
  const start = async (key?: string): Promise<void> => {
    const body = { releaseId: unready.pop(), environment: ENVIRONMENT };
    await post('/v1/deployments/deployments', body, deployer, 409, key);
  };
  return [
    { name: 'GET /health/live', once: async () => void (await client.get('/health/live')) },
    { name: 'RegisterArtifact', once: () => register() },
    { name: 'RegisterArtifact with Idempotency-Key', once: () => register(randomUUID()) },
    { name: 'GrantApproval', once: () => grant(), prepare: prepareVotes, goal: { below: 8 } },
    { name: 'GrantApproval with Idempotency-Key', once: () => grant(randomUUID()), prepare: prepareVotes, goal: { below: 8 } },
    // Its comment is sealed with the approver's key, which is read for it.
    { name: 'GrantApproval with a comment', once: () => grant(undefined, COMMENT), prepare: prepareVotes, goal: { below: 8 } },
    { name: 'StartDeployment refused', once: () => start(), prepare: prepareReleases, goal: { below: 8 } },
    {
      name: 'StartDeployment refused, with Idempotency-Key',
      once: () => start(randomUUID()),
      prepare: prepareReleases,
      goal: { below: 8 },
    },
  ];
}
