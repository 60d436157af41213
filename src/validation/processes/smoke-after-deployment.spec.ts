import { smokeRunId } from '#libs/contracts';
import { cancelTimer, send, setTimer } from '#libs/processes';
import { processScenario } from '#libs/processes/testing';
import { smokeAfterDeployment } from './smoke-after-deployment.process.ts';

const process = processScenario(smokeAfterDeployment, 'd1');
const smoke = { baseUrl: 'http://127.0.0.1:1', checks: [] };
const succeeded = {
  type: 'DeploymentSucceeded',
  data: { deploymentId: 'd1', releaseId: 'r1', environment: 'production', artifacts: [{ digest: 'sha256:aa' }], smoke },
};
const ofRun = { deploymentId: 'd1', deadline: '2026-03-02T10:05:00.000Z' };

describe('smoke tests after a deployment', () => {
  it('start with the suite of the release, and must find the digests that were deployed', () => {
    process
      .given()
      .when(succeeded)
      .then(
        send('StartSmokeRun', smokeRunId('d1'), {
          deploymentId: 'd1',
          releaseId: 'r1',
          environment: 'production',
          suite: smoke,
          expectedDigests: ['sha256:aa'],
        }),
      );
  });

  it('are none of its business where the release has no suite', () => {
    expect(process.instanceOf({ type: 'DeploymentSucceeded', data: { deploymentId: 'd1' } })).toBeUndefined();
  });

  it('have a deadline that outlives restarts, and that a report ends', () => {
    process.given(succeeded).when({ type: 'SmokeRunStarted', data: ofRun }).then(setTimer('deadline', ofRun.deadline));
    process.given(succeeded).when({ type: 'SmokeRunPassed', data: ofRun }).then(cancelTimer('deadline'));
    process.given(succeeded).when({ type: 'SmokeRunFailed', data: ofRun }).then(cancelTimer('deadline'));
  });

  it('fail by silence', () => {
    process
      .given(succeeded)
      .when({ type: 'ProcessTimerElapsed', data: { timerId: 'deadline' } })
      .then(send('TimeOutSmokeRun', smokeRunId('d1'), {}));
  });
});
