import { smokeRunId, type DeploymentEvent, type SmokeRunEvent } from '#libs/contracts';
import { cancelTimer, defineProcess, send, setTimer } from '#libs/processes';

type Input = Extract<DeploymentEvent, { type: 'DeploymentSucceeded' }> | SmokeRunEvent;

const DEADLINE = 'deadline';

/** Starts a deployment's smoke suite and holds it to its deadline: silence is failure, also across restarts (M5.1). */
export const smokeAfterDeployment = defineProcess<null, Input>({
  name: 'smoke_after_deployment',
  instance: {
    DeploymentSucceeded: (e) => (e.data.smoke ? e.data.deploymentId : undefined),
    SmokeRunStarted: (e) => e.data.deploymentId,
    SmokeRunPassed: (e) => e.data.deploymentId,
    SmokeRunFailed: (e) => e.data.deploymentId,
    SmokeRunTimedOut: (e) => e.data.deploymentId,
  },
  initial: null,
  evolve: (state) => state,
  react: (_state, input, { instance: deploymentId }) => {
    switch (input.type) {
      case 'DeploymentSucceeded': {
        const { releaseId, environment, smoke, artifacts } = input.data;
        if (!smoke) return [];
        const expectedDigests = artifacts.map((a) => a.digest);
        return [send('StartSmokeRun', smokeRunId(deploymentId), { deploymentId, releaseId, environment, suite: smoke, expectedDigests })];
      }
      case 'SmokeRunStarted':
        return [setTimer(DEADLINE, input.data.deadline)];
      case 'SmokeRunPassed':
      case 'SmokeRunFailed':
        return [cancelTimer(DEADLINE)];
      case 'ProcessTimerElapsed':
        return [send('TimeOutSmokeRun', smokeRunId(deploymentId), {})];
      default:
        return [];
    }
  },
});
