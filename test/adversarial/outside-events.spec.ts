import { startApp, type RunningApp } from '../support/running-app.ts';
import { report, serviceDeployed } from './outside-reports.ts';
import { ok, problemOf, Stage, step, STEPS, type Planned } from './stage.ts';

/** What comes from outside is a report. Each attack stands beside the report that is as it should be. */
describe('a deployment around Plimsoll, and a past that is made up', () => {
  let app: RunningApp;
  let stage: Stage;
  const violations = async ({ environment }: Pick<Planned, 'environment'>): Promise<Record<string, unknown>[]> =>
    ok(await stage.view(`/v1/environments/unauthorised-deployments?environment=${environment}`)).items;
  const rollBack = (deploymentId: string) =>
    stage.dan.post('/v1/deployments/rollbacks', { deploymentId, reason: 'It ran there before, they say.' });

  beforeAll(async () => {
    app = await startApp(STEPS);
    stage = await Stage.on(app);
  });
  afterAll(() => app.stop());

  it('a deployment without approval that arrives as an event is a violation on record, and the report of an approved one is not', async () => {
    const release = await stage.planned('around');
    const deploymentId = await stage.deployed(release);
    await report(stage, serviceDeployed(release.environment, `pkg:oci/around@${release.digest}`));
    await report(stage, serviceDeployed(release.environment, release.purl));
    expect(await violations(release)).toEqual([]);
    const reports = (await stage.stream(`environment-${release.environment}`)).filter(({ type }) => type === 'RunningVersionReported');
    expect(reports.map(({ data }) => (data as { authorisedBy?: object }).authorisedBy)).toEqual([
      { deploymentId, by: 'digest' },
      { deploymentId, by: 'package-url' },
    ]);

    const smuggled = `pkg:oci/around@sha256:${'e'.repeat(64)}`;
    await report(stage, serviceDeployed(release.environment, smuggled));
    expect(await violations(release)).toMatchObject([
      {
        environment: release.environment,
        artifact: smuggled,
        reason: 'never-deployed',
        reportedBy: '/cluster-1',
        skewSeconds: expect.any(String),
      },
    ]);
    const csv = await stage.view(`/v1/environments/unauthorised-deployments.csv?environment=${release.environment}`);
    expect(csv.text.split('\r\n')).toHaveLength(3);
    expect(csv.text).toContain(smuggled);
  });

  it('a report is never laundered into an approved deployment: what was never deployed here did not run before', async () => {
    const release = await stage.planned('laundered');
    const other = await stage.planned('laundered-other');
    // A release of the same environment that only an outside report says has run.
    ok(await stage.plan({ ...other, environment: release.environment }));
    await report(stage, serviceDeployed(release.environment, other.purl));
    await report(stage, serviceDeployed(release.environment, `pkg:oci/laundered-other@${other.digest}`));
    const deploymentId = await stage.deployed(release);
    const answer = await rollBack(deploymentId);
    expect([answer.status, problemOf(answer)]).toEqual([409, 'no-rollback-target']);
    const { deployed, observed } = ok(await stage.view(`/v1/environments/map/${release.environment}`));
    expect(deployed).toMatchObject({ deploymentId, releaseId: release.releaseId });
    expect(observed.shop.artifact).toContain(other.digest);
    expect(await violations(release)).toHaveLength(2);
    expect(problemOf(await stage.start(stage.dan, other))).toBe('gates-not-passed');
    // And what did run before, through Plimsoll, is rolled back to.
    const next = ok(await stage.artifact('laundered', '1.1.0', 'c'));
    const { id } = ok(await stage.ada.post('/v1/planning/releases', { product: 'laundered', artifactIds: [next.id] }));
    const second = { ...release, releaseId: id as string };
    ok(await stage.plan(second, [step('a')]));
    ok(await rollBack(await stage.deployed(second)));
  });

  it.each([
    ['long ago', '2019-01-01T00:00:00Z'],
    ['in the future', '2031-01-01T00:00:00Z'],
  ])('back-dated ingestion: a report that claims to be from %s is flagged, and its time decides nothing', async (_when, claimed) => {
    const name = `dated-${claimed.slice(0, 4)}`;
    const release = await stage.planned(name);
    await stage.deployed(release);
    const next = ok(await stage.artifact(name, '1.1.0', 'c'));
    const { id } = ok(await stage.ada.post('/v1/planning/releases', { product: name, artifactIds: [next.id] }));
    const second = { ...release, releaseId: id as string };
    ok(await stage.plan(second));
    const newest = await stage.deployed(second);
    // The old one again, around Plimsoll; the claim would put it to when it was the approved one, or to when nobody can look.
    const { skewSeconds } = await report(stage, serviceDeployed(release.environment, release.purl, claimed));
    expect(Math.abs(skewSeconds)).toBeGreaterThan(86_400 * 365);
    expect(await violations(release)).toMatchObject([{ reason: 'superseded', claimedOccurredAt: new Date(claimed).toISOString() }]);
    // What is as it should be passes, with the same claim: the time is neither for nor against it.
    await report(stage, serviceDeployed(release.environment, `pkg:npm/${name}@1.1.0`, claimed));
    const last = (await stage.stream(`environment-${release.environment}`)).at(-1);
    expect(last).toMatchObject({ type: 'RunningVersionReported', data: { authorisedBy: { deploymentId: newest } } });
    expect(Math.abs((last?.data as { skewSeconds: number }).skewSeconds)).toBeGreaterThan(86_400 * 365);
    expect(Math.abs(Date.parse(last?.metadata.recordedAt ?? '') - Date.now())).toBeLessThan(60_000);
  });
});
