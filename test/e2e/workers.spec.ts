import { randomBytes } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { freshDatabase, type FreshDatabase } from '../support/database.ts';
import { eventually, startApp, type Person, type RunningApp } from '../support/running-app.ts';

interface Effect {
  readonly step: string;
  readonly key: string;
}

/** One program in several roles: the API in one, and two workers that share everything else. */
describe('two workers side by side', () => {
  let database: FreshDatabase;
  let api: RunningApp;
  let workers: RunningApp[];
  let folder: string;
  /** What all processes of one Plimsoll have. */
  const shared = () => ({ DATABASE_URL: database.url, PLIMSOLL_SUBJECT_KEY_FILE: join(folder, 'subject-master-key') });
  const worker = (): Promise<RunningApp> =>
    startApp({
      ...shared(),
      PLIMSOLL_ROLES: 'projector,correlator,deployer,publisher',
      PLIMSOLL_EXEC_FOLDER: resolve(__dirname, '../faults/steps'),
      // A worker that stops in the middle of a step keeps the next one waiting for no longer than this.
      PLIMSOLL_STEP_LEASE_SECONDS: '2',
    });
  const effects = (): Effect[] =>
    readFileSync(join(folder, 'effects.jsonl'), 'utf8')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Effect);
  const ok = <T extends { status: number; text: string; body: unknown }>(answer: T): { id: string } => {
    if (answer.status >= 300) throw new Error(answer.text);
    return answer.body as { id: string };
  };
  const deployment = async (reader: Person, id: string): Promise<{ status: string }> =>
    (await reader.get(`/v1/deployments/deployments/${id}`)).body as { status: string };

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'plimsoll-effects-'));
    database = await freshDatabase();
    writeFileSync(join(folder, 'subject-master-key'), randomBytes(32).toString('base64'), { mode: 0o600 });
    api = await startApp({ ...shared(), PLIMSOLL_ROLES: 'api' });
    workers = [await worker(), await worker()];
  });
  afterAll(async () => {
    for (const app of [...workers, api]) await app.stop();
    await database.drop();
    rmSync(folder, { recursive: true, force: true });
  });

  /** Everything up to the start of a deployment of `steps` steps, all of which may run side by side. */
  async function started(name: string, steps: number): Promise<string> {
    const editor = await api.person('max', 'policy-editor');
    const manager = await api.person('rita', 'release-manager');
    const dev = await api.person('ada', 'developer');
    const gates = [{ gate: 'artifacts-registered' }];
    ok(
      await editor.post('/v1/governance/policies', {
        policyId: `p-${name}`,
        title: name,
        gates,
        rollbackGates: [{ gate: 'rollback-target-ran' }],
      }),
    );
    ok(await manager.post('/v1/environments/environments', { environment: `e-${name}`, class: 'staging', policyId: `p-${name}` }));
    const artifact = {
      name,
      version: '1.0.0',
      purl: `pkg:npm/${name}@1.0.0`,
      digest: { algorithm: 'sha256', value: 'a'.repeat(64) },
      authors: [],
    };
    const { id } = ok(await dev.post('/v1/artifacts/artifacts', artifact));
    const { id: releaseId } = ok(await dev.post('/v1/planning/releases', { product: name, artifactIds: [id] }));
    const plan = Array.from({ length: steps }, (_, i) => ({
      id: `s${i}`,
      driver: 'exec',
      action: 'effect',
      input: { folder, milliseconds: 100 },
      dependsOn: i >= 4 ? [{ step: `s${i - 4}`, onFailure: 'halt' }] : [],
    }));
    ok(await dev.post(`/v1/planning/releases/${releaseId}/plan`, { environment: `e-${name}`, steps: plan }));
    const deployer = await api.person('dan', 'deployer');
    return ok(await deployer.post('/v1/deployments/deployments', { releaseId, environment: `e-${name}` })).id;
  }

  it('take every step of a deployment once, and end it once', async () => {
    const id = await started('together', 12);
    const reader = await api.person('reader');
    await eventually('The deployment ends', async () => ((await deployment(reader, id)).status === 'succeeded' ? true : undefined), 60_000);
    expect(
      effects()
        .map((e) => e.step)
        .sort(),
    ).toEqual(Array.from({ length: 12 }, (_, i) => `s${i}`).sort());
    const { events } = await api.plimsoll.infrastructure.log.readStream(`deployment-${id}`);
    expect(events.filter((e) => e.type === 'DeploymentSucceeded')).toHaveLength(1);
    expect(events.filter((e) => e.type === 'StepSucceeded')).toHaveLength(12);
    expect(events.filter((e) => e.type === 'DeploymentConfirmed')).toHaveLength(1);
  });

  it('carry on when one of them stops in the middle, and what one has written the other one and the API show', async () => {
    const before = effects().length;
    const id = await started('alone', 8);
    await eventually('It has begun', async () => (effects().length > before ? true : undefined), 30_000);
    await workers.shift()?.stop();
    const reader = await api.person('reader');
    const ended = await eventually(
      'The deployment ends',
      async () => {
        const answer = await reader.get(`/v1/deployments/timeline/${id}`);
        return answer.status === 200 && answer.body.status === 'succeeded' ? answer : undefined;
      },
      90_000,
    );
    expect(ended.headers.get('plimsoll-view-position')).toBeTruthy();
    const own = effects().slice(before);
    expect(new Set(own.map((e) => e.key)).size).toBe(8);
    expect(own).toHaveLength(8);
  });
});
