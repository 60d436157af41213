import type { DomainEvent } from '#libs/event-sourcing';
import { send } from '#libs/processes';
import { processScenario } from '#libs/processes/testing';
import { rollout } from './rollout.process.ts';

const of = { deploymentId: 'd1', releaseId: 'r1', environment: 'production' };
const started: DomainEvent = { type: 'DeploymentStarted', data: { ...of, round: 1 } };
const reserved: DomainEvent = { type: 'EnvironmentReserved', data: { ...of, round: 1 } };
const refused = (command: string): DomainEvent => ({
  type: 'ProcessCommandRefused',
  data: { command, detail: 'production is held by d0' },
});
const free = (outcome: string, round = 1) => send('FreeEnvironment', 'production', { deploymentId: 'd1', releaseId: 'r1', round, outcome });
const process = processScenario(rollout, 'd1');

describe('the rollout process', () => {
  it('reserves the environment first, then has the gates checked once more', () => {
    process
      .given()
      .when(started)
      .then(send('ReserveEnvironment', 'production', { deploymentId: 'd1', releaseId: 'r1', round: 1 }));
    process
      .given(started)
      .when(reserved)
      .then(send('ConfirmDeployment', 'd1', {}));
  });

  it('halts the deployment when the environment is held by another', () => {
    process
      .given(started)
      .when(refused('ReserveEnvironment'))
      .then(send('HaltDeployment', 'd1', { reason: 'production is held by d0' }));
    process.given(started).when(refused('FreeEnvironment')).then();
  });

  it.each([
    ['DeploymentSucceeded', 'succeeded'],
    ['DeploymentFailed', 'failed'],
    ['DeploymentHalted', 'halted'],
  ])('lets the environment go at %s', (type, outcome) => {
    process
      .given(started, reserved)
      .when({ type, data: { ...of, round: 1 } })
      .then(free(outcome));
  });

  it('does not keep an environment that it gets after the end', () => {
    process
      .given(started, { type: 'DeploymentHalted', data: { ...of, round: 1 } })
      .when(reserved)
      .then(free('halted'));
  });

  it('reserves anew when the deployment is resumed', () => {
    process
      .given(started, reserved, { type: 'DeploymentFailed', data: { ...of, round: 1 } })
      .when({ type: 'DeploymentResumed', data: { ...of, round: 2 } })
      .then(send('ReserveEnvironment', 'production', { deploymentId: 'd1', releaseId: 'r1', round: 2 }));
  });
});
