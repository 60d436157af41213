import { incidentId, rollbackId, type DeploymentEvent, type SmokeRunEvent, type TriggerEvent } from '#libs/contracts';
import { defineProcess, send, type Effect } from '#libs/processes';

type Input =
  | Extract<TriggerEvent, { type: 'TriggerFired' }>
  | Extract<DeploymentEvent, { type: 'DeploymentFailed' }>
  | Extract<SmokeRunEvent, { type: 'SmokeRunFailed' | 'SmokeRunTimedOut' }>;

/**
 * What happens when a deployment turns out bad: one incident, whatever says so and however often (its id is derived from the deployment),
 * and a rollback where the trigger's policy says so.
 */
export const incidentResponse = defineProcess<null, Input>({
  name: 'incident_response',
  instance: {
    TriggerFired: (e) => e.data.deploymentId,
    DeploymentFailed: (e) => e.data.deploymentId,
    SmokeRunFailed: (e) => e.data.deploymentId,
    SmokeRunTimedOut: (e) => e.data.deploymentId,
  },
  initial: null,
  evolve: (state) => state,
  react: (_state, input, { instance: deploymentId }): readonly Effect[] => {
    const open = (of: { releaseId: string; environment: string }, severity: 'critical' | 'major', title: string, cause: string): Effect =>
      send('OpenIncident', incidentId(of.environment, deploymentId), {
        deploymentId,
        releaseId: of.releaseId,
        environment: of.environment,
        severity,
        title: title.slice(0, 200),
        cause: cause.slice(0, 2000),
      });
    switch (input.type) {
      case 'TriggerFired': {
        const { environment, service, evidence, threshold, action } = input.data;
        const rate = `${(evidence.errorRate * 100).toFixed(1)} % of ${evidence.requests} requests failed`;
        const incident = open(
          input.data,
          'critical',
          `${service} in ${environment}: ${rate}`,
          `${rate}; the threshold is ${(threshold * 100).toFixed(1)} %.`,
        );
        return action === 'rollback'
          ? [send('RollBackDeployment', rollbackId(deploymentId), { deploymentId, reason: `The trigger fired: ${rate}.` }), incident]
          : [incident];
      }
      case 'DeploymentFailed': {
        const { environment, failedSteps } = input.data;
        return [open(input.data, 'major', `Deployment to ${environment} failed`, `Failed steps: ${failedSteps.join(', ')}.`)];
      }
      case 'SmokeRunFailed':
        return [open(input.data, 'major', `Smoke suite failed in ${input.data.environment}`, input.data.reason)];
      case 'SmokeRunTimedOut':
        return [
          open(
            input.data,
            'major',
            `Smoke suite is silent in ${input.data.environment}`,
            `Nothing was reported by ${input.data.deadline}.`,
          ),
        ];
      default:
        return [];
    }
  },
});
