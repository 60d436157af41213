import type { DecisionReceipt } from '#libs/contracts';
import { recheckReceipt } from '#libs/policy';
import { eventually, startApp, type RunningApp } from '../support/running-app.ts';
import { ok, personId, problemOf, Stage, step, STEPS, type Planned } from './stage.ts';

/** Whoever has failed steps tried again deploys, as much as who started: attacks that hope that nobody asks a second time. */
describe('a deployment that failed and is resumed', () => {
  let app: RunningApp;
  let stage: Stage;
  const failing = { ...step('a'), action: 'fails-first' };
  const resume = (who: Stage['anna'], deploymentId: string) =>
    who.post(`/v1/deployments/deployments/${deploymentId}/resume`, { reason: 'The disk was full.' });
  /** Of ada's, approved by anna, started by dan, and failed. */
  const failed = async (name: string): Promise<{ readonly release: Planned; readonly deploymentId: string }> => {
    const release = await stage.planned(name);
    ok(await stage.plan(release, [failing]));
    ok(await stage.grant(stage.anna, await stage.request(release)));
    const { id: deploymentId } = ok(await stage.start(stage.dan, release)) as { id: string };
    expect(await stage.ended(deploymentId)).toContain('DeploymentFailed');
    return { release, deploymentId };
  };

  beforeAll(async () => {
    app = await startApp(STEPS);
    stage = await Stage.on(app);
  }, 60_000);
  afterAll(() => app.stop());

  it('is not resumed by who approved it, and by another deployer it is, once, on a receipt of its own', async () => {
    const { deploymentId } = await failed('resumed');
    const refused = await resume(stage.anna, deploymentId);
    expect({ status: refused.status, problem: problemOf(refused) }).toEqual({ status: 409, problem: 'gates-not-passed' });
    expect(refused.body.reasons).toMatchObject([
      { code: 'gate-duties-separated-fail', detail: expect.stringContaining('approver and deployer') },
    ]);
    const position = BigInt(refused.headers.get('plimsoll-position') ?? '-1');
    const [denial] = await app.plimsoll.infrastructure.log.readAll({ after: position - 1n, maxCount: 1 });
    expect(denial).toMatchObject({ type: 'CommandDenied', data: { command: 'ResumeDeployment', refusal: 'gates-not-passed' } });
    // The refusal has a receipt, too, which an auditor executes again; whoever asked is told the reasons.
    const refusal = (denial?.data as { receipt: DecisionReceipt }).receipt;
    expect(refusal).toMatchObject({ verdict: 'fail', subject: { deployer: personId('anna'), deployedBefore: [personId('dan')] } });
    expect(await recheckReceipt(refusal, (name) => stage.stream(name))).toMatchObject({ outcome: 'same' });
    expect(refused.body).not.toHaveProperty('receipt');

    const eve = await app.person('eve', 'deployer');
    ok(await resume(eve, deploymentId));
    expect(await resume(eve, deploymentId)).toMatchObject({ status: 200 });
    await eventually('the second round', async () =>
      (await stage.stream(`deployment-${deploymentId}`)).some((e) => e.type === 'DeploymentSucceeded') ? true : undefined,
    );
    const rounds = (await stage.stream(`deployment-${deploymentId}`)).filter((e) => e.type === 'DeploymentResumed');
    expect(rounds).toMatchObject([{ data: { round: 2, deployer: personId('eve') } }]);
    const { receipt } = rounds[0]?.data as { receipt: DecisionReceipt };
    expect(receipt.subject).toMatchObject({ deployer: personId('eve'), deployedBefore: [personId('dan')] });
    expect(await recheckReceipt(receipt, (name) => stage.stream(name))).toMatchObject({ outcome: 'same' });
  });

  it('is not resumed as something else: what was amended meanwhile is deployed anew', async () => {
    const { release, deploymentId } = await failed('amended');
    const { id: other } = ok(await stage.artifact('amended', '1.0.1', 'b')) as { id: string };
    ok(await stage.ada.post(`/v1/planning/releases/${release.releaseId}/amend`, { artifactIds: [other] }));
    ok(await stage.grant(stage.anna, await stage.request(release)));
    expect(problemOf(await resume(stage.dan, deploymentId))).toBe('release-changed');
    ok(await stage.start(stage.dan, release));
  });
});
