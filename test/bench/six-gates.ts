import { createServer, type Server } from 'node:http';
import { writeFile } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { DecisionReceipt } from '#libs/contracts';
import { PostgresEventLog } from '#libs/event-sourcing/postgres';
import { defaultPersonId } from '#libs/identity';
import type { App } from './app.ts';
import { artifactOf } from './commands.ts';
import type { Answer } from './http-client.ts';
import { loadOf } from './load.ts';

const HOUR = 3_600_000;
const PREPARING = 8;
const PATIENCE_MS = 60_000;
/** All of them read sources: approval and two groups, persons behind accounts, reports, calendars, change, board and its group, environment. */
const GATES = [
  {
    gate: 'approved',
    quorum: 2,
    groups: [
      { group: 'bench-owners', quorum: 1 },
      { group: 'bench-operations', quorum: 1 },
    ],
  },
  { gate: 'duties-separated' },
  { gate: 'tests-passed' },
  { gate: 'not-frozen' },
  { gate: 'change-approved' },
  { gate: 'expression:own', expression: 'environment.class == "production" && "unit" in tests.passed && approvals.count >= 2' },
];
const JUNIT = '<testsuite name="unit" tests="2"><testcase classname="bench" name="a"/><testcase classname="bench" name="b"/></testsuite>';

/** A target of steps that does nothing and says so: what follows a start is to be what follows one that goes well. */
export interface Site {
  /** For `PLIMSOLL_HTTP_TARGETS`. */
  readonly targetsFile: string;
  stop(): void;
}

export async function startSite(folder: string): Promise<Site> {
  const server: Server = createServer((request, response) => {
    request
      .resume()
      .on('end', () => response.setHeader('content-type', 'application/json').end('{"outcome":"succeeded","summary":"Done."}'));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const targetsFile = join(folder, 'bench-targets.json');
  const secret = `whsec_${Buffer.alloc(32, 1).toString('base64')}`;
  await writeFile(targetsFile, JSON.stringify({ bench: { url: `http://127.0.0.1:${port}/`, secret } }));
  return {
    targetsFile,
    stop: () => {
      server.close();
      server.closeAllConnections();
    },
  };
}

export interface SixGates {
  /** Makes so many releases ready, each for an environment of its own: composed, planned, tested, approved by two, its change decided on. */
  prepare(count: number): Promise<void>;
  /** Starts the next one; it must be accepted. */
  start(key?: string): Promise<void>;
  /** @throws Error a deployment that was started has no receipt of six gates that pass */
  check(): Promise<void>;
}

export async function sixGates({ client, token, databaseUrl }: App): Promise<SixGates> {
  const [developer, manager, tester, owner, operator, chair, deployer, editor, admin] = await Promise.all([
    token('six-ada', 'developer'),
    token('six-rita', 'release-manager'),
    token('six-tess', 'tester'),
    token('six-anna', 'approver'),
    token('six-otto', 'approver'),
    token('six-cora', 'approver'),
    token('six-dan', 'deployer'),
    token('six-max', 'policy-editor'),
    token('six-ida', 'identity-admin'),
  ] as const);
  const must = (path: string, answer: Answer): { readonly id: string } => {
    if (answer.status >= 300) throw new Error(`${path} was answered with ${answer.status}: ${answer.body}`);
    return JSON.parse(answer.body) as { id: string };
  };
  const post = async (path: string, body: unknown, by: string, key?: string): Promise<{ readonly id: string }> =>
    must(path, await client.post(path, body, { token: by, ...(key ? { key } : {}) }));
  /** A process puts what was submitted into the calendar of changes, and the board does not vote before. */
  const onceScheduled = async (path: string, body: unknown, by: string): Promise<void> => {
    for (const until = performance.now() + PATIENCE_MS; ; await sleep(50)) {
      const answer = await client.post(path, body, { token: by });
      if (answer.status === 409 && answer.body.includes('/not-scheduled-yet"') && performance.now() < until) continue;
      return void must(path, answer);
    }
  };
  const get = async <T>(path: string): Promise<T> => JSON.parse((await client.get(path, { token: manager })).body) as T;
  const personOf = (subject: string): string => defaultPersonId('plimsoll-embedded', subject);
  const inHours = (hours: number): string => new Date(Date.now() + hours * HOUR).toISOString();

  for (const [group, person] of [
    ['bench-owners', 'six-anna'],
    ['bench-operations', 'six-otto'],
    ['bench-board', 'six-cora'],
  ] as const) {
    await post('/v1/governance/groups', { group, title: group }, admin);
    await post(`/v1/governance/groups/${group}/members`, { person: personOf(person) }, admin);
  }
  const meetings = { zone: 'UTC', start: inHours(48).slice(0, 16), durationMinutes: 60, rule: 'FREQ=WEEKLY' };
  const board = { boardId: 'bench-board', title: 'Board', group: 'bench-board', quorum: 1, chair: personOf('six-cora'), meetings };
  await post('/v1/governance/boards', { ...board, cutoffHours: 24 }, editor);
  await post(
    '/v1/governance/policies',
    { policyId: 'six-gates', title: 'Six gates', gates: GATES, rollbackGates: GATES.slice(3, 4) },
    editor,
  );
  // It recurs, so that it is reckoned with, and is not now.
  const window = { kind: 'recurring', start: inHours(72).slice(0, 16), durationMinutes: 60, rule: 'FREQ=WEEKLY' };
  const freeze = {
    calendarId: 'bench-books',
    title: 'Books',
    kind: 'freeze',
    scope: { environmentClass: 'production' },
    zone: 'Europe/Zurich',
  };
  await post('/v1/governance/calendars', { ...freeze, window, justification: 'The books are closed.' }, manager);
  const artifact = artifactOf('six-service', '1.0.0');
  const { id: artifactId } = await post('/v1/artifacts/artifacts', { ...artifact, authors: ['plimsoll-embedded|six-ada'] }, developer);
  const digest = `sha256:${(artifact.digest as { value: string }).value}`;

  const ready: { readonly releaseId: string; readonly environment: string }[] = [];
  const started: string[] = [];
  let made = 0;
  const makeReady = async (): Promise<void> => {
    const environment = `six-${made++}`;
    await post('/v1/environments/environments', { environment, class: 'production', policyId: 'six-gates' }, manager);
    const { id: releaseId } = await post('/v1/planning/releases', { product: environment, artifactIds: [artifactId] }, developer);
    const steps = [{ id: 'deploy', driver: 'http', action: 'bench/deploy', input: {}, dependsOn: [] }];
    await post(`/v1/planning/releases/${releaseId}/plan`, { environment, riskClass: 'low', steps }, developer);
    const about = new URLSearchParams({ releaseId, artifactDigest: digest, suite: 'unit' });
    must('evidence', await client.postText(`/v1/evidence/junit?${about}`, JUNIT, 'application/xml', { token: tester }));

    const { id } = await post('/v1/governance/approvals', { releaseId, environment }, manager);
    const { tupleHash } = await get<{ tupleHash: string }>(`/v1/governance/approvals/${id}`);
    for (const by of [owner, operator]) await post(`/v1/governance/approvals/${id}/grant`, { tupleHash }, by);

    const change = { releaseId, environment, title: 'Change', justification: 'It is wanted.', boardId: 'bench-board' };
    const risk = { riskLevel: 'low', riskAssessment: 'None that is known.', backout: 'Roll back.' };
    const changed = await post('/v1/governance/changes', { ...change, ...risk, from: inHours(-1), until: inHours(5) }, manager);
    const { dossierHash } = await get<{ dossierHash: string }>(`/v1/governance/changes/${changed.id}`);
    const of = `/v1/governance/changes/${changed.id}`;
    await onceScheduled(`${of}/open-vote`, { dossierHash, reason: 'The bench does not wait.' }, chair);
    await onceScheduled(`${of}/votes`, { dossierHash, vote: 'for' }, chair);
    ready.push({ releaseId, environment });
  };

  return {
    prepare: async (count) => void (await loadOf(PREPARING, count - ready.length, makeReady)),
    start: async (key) => {
      const next = ready.pop();
      if (!next) throw new Error('Nothing is left to start.');
      started.push((await post('/v1/deployments/deployments', next, deployer, key)).id);
    },
    check: async () => {
      const log = new PostgresEventLog({ url: databaseUrl });
      try {
        for (const id of started.splice(0)) {
          const [first] = (await log.readStream(`deployment-${id}`, { maxCount: 1 })).events;
          const { receipt } = (first?.data ?? {}) as { receipt?: DecisionReceipt };
          const passed = receipt?.gates.filter((gate) => gate.verdict === 'pass').map(({ gate }) => gate);
          const wanted = GATES.map(({ gate }) => gate);
          if (JSON.stringify(passed) !== JSON.stringify(wanted)) throw new Error(`Its gates are ${JSON.stringify(receipt?.gates)}.`);
        }
      } finally {
        await log.close();
      }
    },
  };
}
