import { incidentId, rollbackId, triggerId } from '#libs/contracts';
import type { DomainEvent } from '#libs/event-sourcing';
import { send } from '#libs/processes';
import { processScenario } from '#libs/processes/testing';
import { incidentResponse } from './incident-response.process.ts';
import { triggerWatch } from './trigger-watch.process.ts';

const process = processScenario(incidentResponse, 'd1');
const of = { deploymentId: 'd1', releaseId: 'r1', environment: 'production' };
const fired = (action: string): DomainEvent => ({
  type: 'TriggerFired',
  data: { ...of, service: 'api', action, threshold: 0.1, evidence: { requests: 200, errorRate: 0.5 } },
});
const incident = (severity: string, title: string, cause: string) =>
  send('OpenIncident', incidentId('production', 'd1'), { ...of, severity, title, cause });

describe('the response to a bad deployment', () => {
  it('rolls back and opens an incident when a trigger fires whose policy says so', () => {
    process
      .given()
      .when(fired('rollback'))
      .then(
        send('RollBackDeployment', rollbackId('d1'), { deploymentId: 'd1', reason: 'The trigger fired: 50.0 % of 200 requests failed.' }),
        incident('critical', 'api in production: 50.0 % of 200 requests failed', '50.0 % of 200 requests failed; the threshold is 10.0 %.'),
      );
  });

  it('only opens an incident where a person is to decide', () => {
    process
      .given()
      .when(fired('propose'))
      .then(
        incident('critical', 'api in production: 50.0 % of 200 requests failed', '50.0 % of 200 requests failed; the threshold is 10.0 %.'),
      );
  });

  it('opens the same incident for a failed deployment, failed smoke tests and silence', () => {
    process
      .given()
      .when({ type: 'DeploymentFailed', data: { ...of, failedSteps: ['switch'] } })
      .then(incident('major', 'Deployment to production failed', 'Failed steps: switch.'));
    process
      .given()
      .when({ type: 'SmokeRunFailed', data: { ...of, reason: 'home: got 500' } })
      .then(incident('major', 'Smoke suite failed in production', 'home: got 500'));
    process
      .given()
      .when({ type: 'SmokeRunTimedOut', data: { ...of, deadline: '2026-03-02T10:05:00.000Z' } })
      .then(incident('major', 'Smoke suite is silent in production', 'Nothing was reported by 2026-03-02T10:05:00.000Z.'));
  });
});

describe('the watch over triggers', () => {
  it('has the trigger of a service evaluated whenever its traffic was measured', () => {
    processScenario(triggerWatch, 'measurement-1')
      .given()
      .when({ type: 'MetricSamplesRecorded', data: { environment: 'production', service: 'api', samples: [] } })
      .then(
        send('EvaluateTrigger', triggerId('production', 'api', 'http.error_rate'), {
          environment: 'production',
          service: 'api',
          at: '2026-03-02T10:00:00.000Z',
        }),
      );
  });

  it('remembers nothing, so that it stays quick however much is measured', () => {
    const measured = { type: 'MetricSamplesRecorded', data: { environment: 'production', service: 'api', samples: [] } };
    expect(processScenario(triggerWatch, 'any').instanceOf(measured)).toBe('event-MetricSamplesRecorded');
  });
});
