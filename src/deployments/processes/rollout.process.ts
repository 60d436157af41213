import type { DeploymentEvent, EnvironmentEvent } from '#libs/contracts';
import { defineProcess, send, type Effect } from '#libs/processes';

interface Rollout {
  readonly releaseId?: string;
  readonly environment?: string;
  readonly round: number;
  readonly ended: boolean;
}

type Input =
  | Extract<
      DeploymentEvent,
      { type: 'DeploymentStarted' | 'DeploymentResumed' | 'DeploymentHalted' | 'DeploymentSucceeded' | 'DeploymentFailed' }
    >
  | Extract<EnvironmentEvent, { type: 'EnvironmentReserved' }>;

/**
 * Takes a deployment through its environment: reserves it, has the gates checked once more at that moment, and lets it go at the end.
 * The steps between are the deployers' affair.
 */
export const rollout = defineProcess<Rollout, Input>({
  name: 'rollout',
  instance: {
    DeploymentStarted: (e) => e.data.deploymentId,
    DeploymentResumed: (e) => e.data.deploymentId,
    DeploymentHalted: (e) => e.data.deploymentId,
    DeploymentSucceeded: (e) => e.data.deploymentId,
    DeploymentFailed: (e) => e.data.deploymentId,
    EnvironmentReserved: (e) => e.data.deploymentId,
  },
  initial: { round: 0, ended: false },
  evolve: (state, event) => {
    switch (event.type) {
      case 'DeploymentStarted':
      case 'DeploymentResumed':
        return { releaseId: event.data.releaseId, environment: event.data.environment, round: event.data.round, ended: false };
      case 'DeploymentHalted':
      case 'DeploymentSucceeded':
      case 'DeploymentFailed':
        return { ...state, ended: true };
      default:
        return state;
    }
  },
  react: (state, input, { instance: deploymentId }): readonly Effect[] => {
    const { releaseId, environment, round } = state;
    if (!releaseId || !environment) return [];
    const free = (outcome: 'succeeded' | 'failed' | 'halted'): Effect =>
      send('FreeEnvironment', environment, { deploymentId, releaseId, round, outcome });
    switch (input.type) {
      case 'DeploymentStarted':
      case 'DeploymentResumed':
        return [send('ReserveEnvironment', environment, { deploymentId, releaseId, round })];
      case 'EnvironmentReserved':
        // A reservation that comes after the end would hold the environment for nobody.
        return state.ended ? [free('halted')] : [send('ConfirmDeployment', deploymentId, {})];
      case 'ProcessCommandRefused':
        return input.data.command === 'ReserveEnvironment' ? [send('HaltDeployment', deploymentId, { reason: input.data.detail })] : [];
      case 'DeploymentHalted':
        return [free('halted')];
      case 'DeploymentSucceeded':
        return [free('succeeded')];
      case 'DeploymentFailed':
        return [free('failed')];
      default:
        return [];
    }
  },
});
