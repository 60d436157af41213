import type { TriggerEvent } from '#libs/contracts';
import { issued, scenario } from '#libs/event-sourcing/testing';
import { defineTrigger, DefineTrigger } from './define-trigger.ts';
import { evaluateTrigger, EvaluateTrigger, type TriggerFacts } from './evaluate-trigger.ts';
import { trigger } from './trigger.ts';

const triggers = scenario(trigger);
const fields = {
  environment: 'production',
  service: 'api',
  metric: 'http.error_rate' as const,
  threshold: 0.1,
  clearBelow: 0.05,
  minimumRequests: 20,
  windowSeconds: 30,
  bakeSeconds: 600,
  action: 'rollback' as const,
};
const define = issued(DefineTrigger, fields, 't1');
const defined: TriggerEvent = { type: 'TriggerDefined', data: { triggerId: 't1', ...fields } };
const evaluate = (at = '2026-03-02T10:01:00.000Z') =>
  issued(EvaluateTrigger, { environment: 'production', service: 'api', at }, 't1', { now: '2026-03-02T23:00:00.000Z' });
const deployment = { deploymentId: 'd1', releaseId: 'r1', endedAt: '2026-03-02T10:00:00.000Z' };
const measured = (requests: number, errors: number, at = '2026-03-02T10:00:50.000Z'): TriggerFacts => ({
  deployment,
  samples: [{ at, seconds: 1, requests, errors }],
  inputs: ['environment-production@4', 'metrics-1@7'],
});

describe('a trigger', () => {
  it('is defined once, and needs hysteresis that makes sense', () => {
    triggers.given().when(defineTrigger, define).then(defined);
    triggers.given(defined).when(defineTrigger, define).thenNothing();
    triggers
      .given()
      .when(defineTrigger, issued(DefineTrigger, { ...fields, clearBelow: 0.2 }, 't1'))
      .thenRefused('no-hysteresis');
  });

  it('fires at the threshold with the samples it used, once for a deployment', () => {
    const fired = triggers.given(defined).when(evaluateTrigger, evaluate(), measured(100, 10)).decision as TriggerEvent[];
    expect(fired).toMatchObject([
      {
        type: 'TriggerFired',
        data: {
          deploymentId: 'd1',
          action: 'rollback',
          evidence: { requests: 100, errors: 10, errorRate: 0.1, inputs: ['environment-production@4', 'metrics-1@7'] },
        },
      },
    ]);
    triggers
      .given(defined, ...fired)
      .when(evaluateTrigger, evaluate(), measured(100, 50))
      .thenNothing();
  });

  it.each([
    ['just below the threshold', measured(100, 9)],
    ['with too few requests to tell', measured(19, 19)],
    ['on traffic from before the deployment', measured(100, 50, '2026-03-02T09:59:59.999Z')],
    ['on traffic that is older than the window', measured(100, 50, '2026-03-02T10:00:29.999Z')],
    ['on traffic from after the moment that is judged', measured(100, 50, '2026-03-02T10:01:00.001Z')],
    ['where nothing was deployed', { samples: measured(100, 50).samples, inputs: [] }],
  ])('does not fire %s', (_what, facts) => {
    triggers.given(defined).when(evaluateTrigger, evaluate(), facts).thenNothing();
  });

  it('does not fire after the bake period', () => {
    expect(
      triggers.given(defined).when(evaluateTrigger, evaluate('2026-03-02T10:10:00.000Z'), measured(100, 50, '2026-03-02T10:09:50.000Z'))
        .decision,
    ).toHaveLength(1);
    triggers
      .given(defined)
      .when(evaluateTrigger, evaluate('2026-03-02T10:10:00.001Z'), measured(100, 50, '2026-03-02T10:09:50.000Z'))
      .thenNothing();
  });

  it('clears only below the lower mark, and once', () => {
    const fired = triggers.given(defined).when(evaluateTrigger, evaluate(), measured(100, 50)).decision as TriggerEvent[];
    triggers
      .given(defined, ...fired)
      .when(evaluateTrigger, evaluate(), measured(100, 5))
      .thenNothing();
    const cleared = triggers.given(defined, ...fired).when(evaluateTrigger, evaluate(), measured(100, 4)).decision as TriggerEvent[];
    expect(cleared).toMatchObject([{ type: 'TriggerCleared' }]);
    triggers
      .given(defined, ...fired, ...cleared)
      .when(evaluateTrigger, evaluate(), measured(100, 4))
      .thenNothing();
  });
});
