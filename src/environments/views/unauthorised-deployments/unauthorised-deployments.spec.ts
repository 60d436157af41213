import type { EnvironmentEvent } from '#libs/contracts';
import { foldView } from '#libs/read-models';
import { history } from '../../../../test/support/history.ts';
import { unauthorisedDeployments } from './unauthorised-deployments.projection.ts';

const observed = (artifact: string): EnvironmentEvent => ({
  type: 'UnauthorisedDeploymentObserved',
  data: {
    environment: 'production',
    service: 'shop',
    artifact,
    change: 'deployed',
    reason: 'never-deployed',
    detail: 'No deployment of ours brought it there.',
    evidence: ['deployment-d1@8'],
    reportedBy: 'cluster-1',
    claimedOccurredAt: '2026-03-02T09:00:00Z',
    skewSeconds: -3600,
  },
});

describe('The unauthorised deployments', () => {
  it('are one row for each report, with what was said and what comes nearest to it', () => {
    const stream = 'environment-production';
    const rows = [
      ...foldView(
        unauthorisedDeployments,
        history([
          { stream, event: observed('pkg:npm/shop@6.6.6') },
          { stream, event: observed('pkg:npm/shop@6.6.7') },
        ]),
      ).values(),
    ];
    expect(rows.map(({ artifact }) => artifact)).toEqual(['pkg:npm/shop@6.6.6', 'pkg:npm/shop@6.6.7']);
    expect(rows[0]).toEqual({
      observation_id: '00000000-0000-5000-8000-000000000000',
      environment: 'production',
      service: 'shop',
      artifact: 'pkg:npm/shop@6.6.6',
      change: 'deployed',
      reason: 'never-deployed',
      detail: 'No deployment of ours brought it there.',
      evidence: ['deployment-d1@8'],
      reported_by: 'cluster-1',
      claimed_occurred_at: '2026-03-02T09:00:00Z',
      skew_seconds: -3600n,
      observed_at: '2026-03-02T10:00:00.000Z',
      position: 0n,
    });
  });
});
