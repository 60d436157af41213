import { execFileSync } from 'node:child_process';
import { createHash, randomUUID } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { accepted, api, until, type Answer, type Client } from './api.ts';
import { testReport } from './junit.ts';
import { outsider } from './outsider.ts';
import { ownServer, runningServer, webhookReceiver, type Server, type WebhookReceiver } from './server.ts';
import { Stage } from './stage.ts';

const HELP = `Plays Plimsoll's main job for real: two published versions of an npm package, released, approved, deployed blue-green,
one of them broken, rolled back by a trigger, the audit report recomputed, and all of it proved by the ledger.

Usage: npm run demo [-- --url http://127.0.0.1:3000] [-- --json] [-- --help]
  --url   a running Plimsoll (default: the one on http://127.0.0.1:3000 if there is one, else one of its own)
          with the PLIMSOLL_DATA_DIR that it was started with, where it was told one
  --json  at the end prints one line of JSON with what was found, for programs
Exit codes: 0 everything was as it should be, 1 something was not, 2 wrong arguments.`;

interface Package {
  readonly alias: string;
  readonly name: string;
  readonly version: string;
  readonly purl: string;
  readonly integrity: string;
  readonly digest: string;
}

/** The persons of the demonstration; each has one account at the embedded issuer. */
async function cast(base: string): Promise<Record<'ada' | 'rita' | 'anna' | 'otto' | 'dan' | 'max' | 'ci' | 'monitor' | 'audrey', Client>> {
  const sign = api(base);
  return {
    ada: await sign('ada', ['developer', 'approver']),
    rita: await sign('rita', ['release-manager', 'approver']),
    anna: await sign('anna', ['approver']),
    otto: await sign('otto', ['approver']),
    dan: await sign('dan', ['deployer']),
    max: await sign('max', ['policy-editor']),
    ci: await sign('ci', ['service']),
    monitor: await sign('monitor', ['service']),
    audrey: await sign('audrey', ['auditor']),
  };
}

type Cast = Awaited<ReturnType<typeof cast>>;

interface Site {
  readonly name: string;
  readonly port: number;
  readonly environment: string;
  readonly product: string;
  readonly service: string;
}

async function play(stage: Stage, server: Server, pager: WebhookReceiver | undefined, sites: Site[]): Promise<Record<string, unknown>> {
  const run = randomUUID().slice(0, 8);
  const site: Site = {
    name: `demo-${run}`,
    port: await freePort(),
    environment: `production-${run}`,
    product: `harbour-shop-${run}`,
    service: 'harbour-shop',
  };
  sites.push(site);
  const [older, newer] = JSON.parse(execFileSync(process.execPath, ['deploy/demo/integrity.mjs'], { encoding: 'utf8' })) as [
    Package,
    Package,
  ];
  const people = await cast(server.url);
  const began = new Date();
  const proxy = `http://127.0.0.1:${site.port}`;
  let monitoring: Monitoring | undefined;

  try {
    stage.heading('Artifacts: two published versions of a real npm package, by the integrity of their tarballs');
    const artifacts = [];
    for (const pack of [older, newer]) {
      const { id } = accepted(await people.ci.post('/v1/artifacts/artifacts', artifactOf(pack)), `Registering ${pack.purl}`).body as {
        id: string;
      };
      artifacts.push(id);
      stage.say(`${pack.purl} is ${pack.integrity.slice(0, 40)}…`);
    }
    const forged = artifactOf({ ...older, digest: `sha512:${'0'.repeat(128)}` });
    const second = await people.ci.post('/v1/artifacts/artifacts', forged);
    stage.check(
      second.status === 409 && problem(second) === 'second-digest',
      'a second digest for the same name and version is refused (409 second-digest)',
    );

    stage.heading('The rules: an environment, its policy, and what watches it');
    accepted(
      await people.max.post('/v1/governance/policies', {
        policyId: `bank-${run}`,
        title: 'Production of a bank',
        gates: [
          { gate: 'artifacts-registered' },
          { gate: 'version-assigned' },
          { gate: 'tests-passed' },
          { gate: 'approved', quorum: 2 },
          { gate: 'duties-separated' },
        ],
        rollbackGates: [{ gate: 'artifacts-registered' }, { gate: 'rollback-target-ran' }],
      }),
      'Publishing the policy',
    );
    accepted(
      await people.rita.post('/v1/environments/environments', {
        environment: site.environment,
        class: 'production',
        policyId: `bank-${run}`,
      }),
      'Defining the environment',
    );
    const trigger = {
      environment: site.environment,
      service: site.service,
      metric: 'http.error_rate',
      threshold: 0.2,
      clearBelow: 0.05,
      minimumRequests: 30,
      windowSeconds: 30,
      bakeSeconds: 600,
      action: 'rollback',
    };
    accepted(await people.rita.post('/v1/incidents/triggers', trigger), 'Defining the trigger');
    stage.say(`${site.environment}: five gates, two approvals; rolled back when 20 % of at least 30 requests fail within 30 s.`);

    stage.heading(`Release 1.0.0: ${older.purl}`);
    const first = await prepare(stage, people, site, '1.0.0', artifacts[0] ?? '', older, undefined);
    const firstDeployment = await deploy(stage, people, site, first);
    stage.check(
      (await fetch(proxy)).headers.get('x-plimsoll-digest') === older.digest,
      `${proxy} is answered by ${older.purl}, by its own digest`,
    );
    await smokePassed(stage, people, firstDeployment);
    monitoring = monitor(server, site, people.monitor);

    stage.heading(`Release 2.0.0: ${newer.purl}, with a fault injected (every second request fails after a warm-up)`);
    const next = await prepare(stage, people, site, '2.0.0', artifacts[1] ?? '', newer, { share: 0.5, afterRequests: 25 });
    const nextDeployment = await deploy(stage, people, site, next);
    stage.say('The smoke tests saw nothing: the fault shows under real traffic only. Now there is some:');

    stage.heading('Real traffic, a measured error rate, and what the trigger makes of it');
    const traffic = users(proxy);
    const rollback = await until('The trigger rolls back', 60, async () => {
      const { body } = await people.audrey.get(`/v1/deployments/timeline?environment=${site.environment}&limit=50`);
      return (body.items as Timeline[]).find((d) => d.rollbackOf?.deploymentId === nextDeployment);
    });
    const fired = await until('The trigger is on record', 10, async () => {
      const report = await people.audrey.get(`/v1/governance/audit-reports/${next.releaseId}`);
      return (report.body?.triggers as Fired[] | undefined)?.[0];
    });
    stage.say(
      `The trigger fired on ${fired.errors} errors in ${fired.requests} measured requests (${(fired.errorRate * 100).toFixed(1)} %).`,
    );
    const rolledBack = await ended(people, rollback.deploymentId, 60);
    stage.check(rolledBack.status === 'succeeded', `a new deployment of release 1.0.0 rolled it back (${rollback.deploymentId})`);
    const statistics = traffic.stop();
    const answers = await Promise.all(Array.from({ length: 20 }, () => fetch(proxy)));
    stage.check(
      answers.every((a) => a.status === 200 && a.headers.get('x-plimsoll-digest') === older.digest),
      `20 of 20 requests are answered by ${older.purl} again`,
    );
    stage.say(`Users sent ${statistics.requests} requests meanwhile; ${statistics.errors} failed.`);

    stage.heading('The incident');
    const incidents = await until('The incident is open', 15, async () => {
      const { body } = await people.audrey.get(`/v1/incidents/incidents?environment=${site.environment}`);
      return (body.items as Incident[]).length > 0 ? (body.items as Incident[]) : undefined;
    });
    stage.check(incidents.length === 1, `exactly one incident was opened: ${incidents[0]?.title ?? ''}`);
    if (pager) {
      await until('The pager has it', 15, async () => (pager.received.length > 0 ? true : undefined));
      stage.check(
        pager.refused() === 0 && new Set(pager.received.map((r) => r.id)).size === 1,
        'the pager got it, signed, under one deduplication key',
      );
    } else {
      stage.say('No pager: this server was started without INCIDENT_WEBHOOK_URL.');
    }

    stage.heading('The audit report: who, what, when, on which evidence, under which policy');
    const report = accepted(await people.audrey.get(`/v1/governance/audit-reports/${next.releaseId}`), 'Reading the report');
    // Sealed as it is proved; opened for whoever watches.
    const opened = await people.audrey.get(`/v1/governance/audit-reports/${next.releaseId}`, { 'plimsoll-text': 'revealed' });
    tell(stage, accepted(opened, 'Reading it opened').body as Report);
    const digest = createHash('sha256').update(report.text).digest('hex');
    const verification = accepted(
      await people.audrey.get(`/v1/governance/audit-reports/${next.releaseId}/verification`),
      'Verifying the report',
    ).body as { identical: boolean; recomputedDigest: string; eventsRead: number };
    stage.check(
      verification.identical && verification.recomputedDigest.endsWith(digest),
      `the report recomputed from ${verification.eventsRead} events of the log is the same, byte for byte (sha256 ${digest.slice(0, 16)}…)`,
    );

    stage.heading('The ledger and the compliance report: what somebody can check who trusts nobody here');
    await outsider(stage, people.audrey, began, [firstDeployment, nextDeployment, rollback.deploymentId]);

    console.log(`\nLook at it:
   the board       ${server.url}/v1/planning/release-board?product=${site.product}
   the rollout     ${server.url}/v1/deployments/timeline/${nextDeployment}
   the rollback    ${server.url}/v1/deployments/timeline/${rollback.deploymentId}
   the map         ${server.url}/v1/environments/map/${site.environment}
   the metric      ${server.url}/v1/observability/metric-timeline?environment=${site.environment}&service=${site.service}
   the report      ${server.url}/v1/governance/audit-reports/${next.releaseId}
   with a token:   curl -s ${server.url}/v1/dev/token -H 'content-type: application/json' -d '{"subject":"audrey","roles":["auditor"]}'`);
    return {
      checks: stage.checks,
      errorRate: fired.errorRate,
      userRequests: statistics.requests,
      userErrors: statistics.errors,
      reportDigest: digest,
    };
  } finally {
    monitoring?.stop();
    tearDown(server, site);
  }
}

/** Composes, versions, plans, tests, and gets approvals; shows what is refused on the way. */
async function prepare(
  stage: Stage,
  people: Cast,
  site: Site,
  version: string,
  artifactId: string,
  pack: Package,
  fault: { share: number; afterRequests: number } | undefined,
): Promise<{ releaseId: string }> {
  const { environment, product } = site;
  const composed = accepted(
    await people.ada.post('/v1/planning/releases', { product, artifactIds: [artifactId] }),
    'Composing the release',
  );
  const releaseId = (composed.body as { id: string }).id;
  accepted(await people.ada.post('/v1/planning/versions', { product, releaseId, version }), 'Assigning the version');
  if (!fault) {
    const circle = await people.ada.post(`/v1/planning/releases/${releaseId}/plan`, {
      environment,
      steps: [step('a', 'exec', 'blue-green/health', {}, 'b'), step('b', 'exec', 'blue-green/health', {}, 'a')],
    });
    stage.check(problem(circle) === 'plan-cycle', `a plan that goes in a circle is refused: ${circle.body.detail as string}`);
  }
  accepted(await people.ada.post(`/v1/planning/releases/${releaseId}/plan`, planOf(site, pack, fault)), 'Planning the release');

  if (!fault) {
    const early = await people.dan.post('/v1/deployments/deployments', { releaseId, environment });
    stage.check(problem(early) === 'gates-not-passed', `a start before its gates pass is refused: ${early.body.detail as string}`);
    for (const reason of early.body.reasons as { detail: string; unblockedBy: string }[])
      stage.say(`  - ${reason.detail} ${reason.unblockedBy}`);
  }
  const report = testReport(pack.alias);
  accepted(
    await people.ci.post(`/v1/evidence/junit?releaseId=${releaseId}&artifactDigest=${pack.digest}&suite=service`, report),
    'Recording the test report',
  );
  stage.say(
    `Tests really run on ${pack.purl}: JUnit report of ${(report.match(/<testcase /g) ?? []).length} cases recorded for its digest.`,
  );

  const requested = accepted(await people.rita.post('/v1/governance/approvals', { releaseId, environment }), 'Requesting approval');
  const approvalId = (requested.body as { id: string }).id;
  const { tupleHash } = (await people.rita.get(`/v1/governance/approvals/${approvalId}`)).body as { tupleHash: string };
  if (!fault) {
    for (const [person, as] of [
      [people.ada, 'who wrote it'],
      [people.rita, 'who requested it'],
    ] as const) {
      const self = await person.post(`/v1/governance/approvals/${approvalId}/grant`, { tupleHash });
      stage.check(self.status === 403, `${person.who}, ${as}, may not approve it (403 ${problem(self)})`);
    }
    const denials = (await people.audrey.get('/v1/governance/denials?limit=50')).body as {
      items: { command: string; about: { releaseId?: string } }[];
    };
    const mine = denials.items.filter((d) => d.command === 'GrantApproval' && d.about.releaseId === releaseId);
    stage.check(mine.length === 2, 'both refusals are events: they are in the list of denials');
    const forged = await people.anna.post(`/v1/governance/approvals/${approvalId}/grant`, { tupleHash, actor: 'otto' });
    stage.check(forged.status === 400, 'a forged actor in the body is refused (400, unknown field)');
  }
  for (const person of [people.anna, people.otto]) {
    accepted(
      await person.post(`/v1/governance/approvals/${approvalId}/grant`, { tupleHash, comment: 'Looked at it.' }),
      `${person.who}'s approval`,
    );
  }
  stage.say(`Approved by anna and otto, bound to ${tupleHash.slice(0, 16)}… (digests, environment, plan, policy, expiry).`);
  return { releaseId };
}

interface Timeline {
  readonly deploymentId: string;
  readonly status: string;
  readonly rollbackOf: { readonly deploymentId: string } | null;
  readonly steps: readonly {
    readonly id: string;
    readonly status: string;
    readonly durationMs: number | null;
    readonly summary: string | null;
  }[];
}
interface Fired {
  readonly requests: number;
  readonly errors: number;
  readonly errorRate: number;
}
interface Incident {
  readonly title: string;
}
interface Report {
  readonly entries: readonly {
    readonly at: string;
    readonly type: string;
    readonly who: { readonly person: string };
    readonly what: string;
  }[];
  readonly verdicts: Readonly<Record<string, { readonly verdict: string; readonly reason: string }>>;
}

/** Starts the deployment and follows it to its end. */
async function deploy(stage: Stage, people: Cast, { environment }: Site, { releaseId }: { releaseId: string }): Promise<string> {
  const started = accepted(await people.dan.post('/v1/deployments/deployments', { releaseId, environment }), 'Starting the deployment');
  const deploymentId = (started.body as { id: string }).id;
  const done = await ended(people, deploymentId, 90);
  for (const s of done.steps)
    stage.say(`  ${s.id.padEnd(8)} ${s.status.padEnd(10)} ${String(s.durationMs ?? '').padStart(6)} ms  ${s.summary ?? ''}`);
  stage.check(done.status === 'succeeded', `deployment ${deploymentId} succeeded`);
  return deploymentId;
}

async function ended(people: Cast, deploymentId: string, seconds: number): Promise<Timeline> {
  return await until(`Deployment ${deploymentId} ends`, seconds, async () => {
    const { status, body } = await people.audrey.get(`/v1/deployments/timeline/${deploymentId}`);
    return status === 200 && ['succeeded', 'failed', 'halted'].includes((body as Timeline).status) ? (body as Timeline) : undefined;
  });
}

async function smokePassed(stage: Stage, people: Cast, deploymentId: string): Promise<void> {
  const smoke = await until('The smoke suite reports', 30, async () => {
    const { body } = await people.audrey.get(`/v1/deployments/timeline/${deploymentId}`);
    const outcome = (body as { smoke?: { outcome?: string } | null }).smoke?.outcome;
    return outcome && outcome !== 'running' ? outcome : undefined;
  });
  stage.check(smoke === 'passed', 'the smoke suite passed over HTTP and observed the deployed digest live');
}

/** A small graph: the proxy and the service start side by side; the switch waits for both. */
function planOf(site: Site, pack: Package, fault: object | undefined): unknown {
  const at = { site: site.name };
  return {
    environment: site.environment,
    steps: [
      step('proxy', 'exec', 'blue-green/proxy', { ...at, port: site.port }),
      step('start', 'exec', 'blue-green/start', {
        ...at,
        service: site.service,
        package: pack.alias,
        digest: pack.digest,
        ...(fault ? { fault } : {}),
      }),
      step('health', 'exec', 'blue-green/health', at, 'start'),
      step('smoke', 'exec', 'blue-green/smoke', at, 'health'),
      step('switch', 'exec', 'blue-green/switch', at, 'proxy', 'smoke'),
    ],
    smoke: {
      baseUrl: `http://127.0.0.1:${site.port}`,
      checks: [
        { name: 'home page', method: 'GET', path: '/', expectStatus: 200 },
        { name: 'what is not there', method: 'GET', path: '/no-such-page.txt', expectStatus: 404 },
      ],
    },
  };
}

function step(id: string, driver: string, action: string, input: object, ...dependsOn: string[]): unknown {
  return { id, driver, action, input, dependsOn: dependsOn.map((s) => ({ step: s, onFailure: 'halt' })) };
}

function artifactOf(pack: Package): unknown {
  const [algorithm, value] = pack.digest.split(':');
  return { name: pack.name, version: pack.version, purl: pack.purl, digest: { algorithm, value }, authors: ['plimsoll-embedded|ada'] };
}

interface Monitoring {
  stop(): void;
}

/** Takes what the proxy has measured, second by second, to Plimsoll: real counts of real answers. */
function monitor(server: Server, site: Site, client: Client): Monitoring {
  const folder = join(server.stepsState, site.name);
  if (!existsSync(join(folder, 'proxy.json'))) {
    throw new Error(
      `The proxy that was just started has left nothing in ${folder}: the Plimsoll at ${server.url} keeps its data elsewhere. ` +
        'Its proxy and services go on running there. Run the demonstration on the same machine and with the same PLIMSOLL_DATA_DIR.',
    );
  }
  let since = Date.now();
  let stopped = false;
  const ship = async (): Promise<void> => {
    const { controlPort } = JSON.parse(readFileSync(join(folder, 'proxy.json'), 'utf8')) as { controlPort: number };
    const token = readFileSync(join(folder, 'control-token'), 'utf8').trim();
    const answer = await fetch(`http://127.0.0.1:${controlPort}/samples?since=${since}`, { headers: { authorization: `Bearer ${token}` } });
    const { buckets } = (await answer.json()) as {
      buckets: { second: number; digest: string; requests: number; errors: number; complete: boolean }[];
    };
    const bySecond = new Map<number, { requests: number; errors: number; digest: string }>();
    for (const { second, digest, requests, errors } of buckets.filter((b) => b.complete)) {
      const sum = bySecond.get(second) ?? { requests: 0, errors: 0, digest };
      bySecond.set(second, { requests: sum.requests + requests, errors: sum.errors + errors, digest });
    }
    if (bySecond.size === 0) return;
    const samples = [...bySecond]
      .sort(([a], [b]) => a - b)
      .map(([second, s]) => ({ at: new Date(second * 1000).toISOString(), seconds: 1, ...s }));
    accepted(
      await client.post('/v1/observability/metric-samples', {
        environment: site.environment,
        service: site.service,
        source: 'blue-green-proxy',
        samples,
      }),
      'Sending samples',
    );
    since = (Math.max(...bySecond.keys()) + 1) * 1000;
  };
  void (async () => {
    while (!stopped) {
      await ship().catch((error: unknown) => (stopped ? undefined : console.error(`   The monitor: ${String(error)}`)));
      await new Promise((resolve) => setTimeout(resolve, 500));
    }
  })();
  return { stop: () => (stopped = true) };
}

/** Users: about fifty requests a second, bounded in time. */
function users(url: string): { stop(): { requests: number; errors: number } } {
  const counted = { requests: 0, errors: 0 };
  let stopped = false;
  const deadline = Date.now() + 120_000;
  void (async () => {
    while (!stopped && Date.now() < deadline) {
      const ok = await fetch(url, { signal: AbortSignal.timeout(5000) }).then(
        async (answer) => (await answer.arrayBuffer(), answer.status < 500),
        () => false,
      );
      counted.requests += 1;
      if (!ok) counted.errors += 1;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  })();
  return {
    stop: () => {
      stopped = true;
      return counted;
    },
  };
}

function tell(stage: Stage, report: Report): void {
  for (const { at, who, what } of report.entries) stage.say(`${at.slice(11, 23)}  ${who.person.slice(0, 8).padEnd(8)}  ${what}`);
  for (const [question, { verdict, reason }] of Object.entries(report.verdicts)) stage.say(`${question}: ${verdict} (${reason})`);
}

/** Ends the demonstration's own processes: proxy and both slots. */
function tearDown(server: Server, site: Site): void {
  try {
    execFileSync(process.execPath, ['deploy/steps/blue-green/teardown.mjs'], {
      input: JSON.stringify({ site: site.name }),
      env: {
        PATH: process.env.PATH ?? '',
        PLIMSOLL_STEPS_STATE: server.stepsState,
        PLIMSOLL_IDEMPOTENCY_KEY: randomUUID(),
        PLIMSOLL_FENCING_TOKEN: String(Number.MAX_SAFE_INTEGER),
        PLIMSOLL_DEPLOYMENT: 'demo',
        PLIMSOLL_STEP: 'teardown',
        PLIMSOLL_ATTEMPT: '1',
      },
      stdio: ['pipe', 'ignore', 'ignore'],
    });
  } catch {
    // It never got as far as having a site.
  }
}

function problem(answer: Answer): string {
  return (
    String((answer.body as { type?: unknown } | undefined)?.type ?? '')
      .split('/')
      .at(-1) ?? ''
  );
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** Whoever interrupts the demonstration, or closes what it prints to, leaves none of its processes behind. */
function stopWhenInterrupted(stop: () => Promise<void>): void {
  const once = (why: string): void => {
    console.error(`\nStopping: ${why}.`);
    stop().finally(() => process.exit(1));
  };
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => once(signal));
  process.stdout.once('error', () => once('nobody reads on'));
}

async function main(args: readonly string[]): Promise<number> {
  if (args.includes('--help')) {
    console.log(HELP);
    return 0;
  }
  const given = args.indexOf('--url');
  const url = given >= 0 ? args[given + 1] : undefined;
  if (given >= 0 && !url?.startsWith('http')) {
    console.error('--url takes the address of a running Plimsoll, such as http://127.0.0.1:3000.');
    return 2;
  }
  const running = await runningServer(url ?? 'http://127.0.0.1:3000');
  if (url && !running) {
    console.error(`No Plimsoll answers at ${url}.`);
    return 1;
  }
  const pager = running ? undefined : await webhookReceiver();
  console.log(
    running
      ? `Playing on the Plimsoll at ${running.url}.`
      : 'No Plimsoll is running: starting one, with an embedded Postgres in a temporary folder.',
  );
  let server: Server | undefined;
  const sites: Site[] = [];
  stopWhenInterrupted(async () => {
    if (server) for (const site of sites) tearDown(server, site);
    await server?.stop();
  });
  try {
    server = running ?? (await ownServer({ INCIDENT_WEBHOOK_URL: pager?.url ?? '', INCIDENT_WEBHOOK_SECRET: pager?.secret ?? '' }));
    const stage = new Stage();
    const found = await play(stage, server, pager, sites);
    console.log(
      `\nAll ${stage.checks} checks held.${running ? '' : ' The server of this demonstration stops now; start one with npm start to follow the links.'}`,
    );
    if (args.includes('--json')) console.log(JSON.stringify(found));
    return 0;
  } catch (error) {
    console.error(`\nThe demonstration failed: ${error instanceof Error ? error.message : String(error)}`);
    return 1;
  } finally {
    pager?.close();
    await server?.stop();
  }
}

process.exitCode = await main(process.argv.slice(2));
