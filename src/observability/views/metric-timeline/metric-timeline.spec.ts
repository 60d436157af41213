import type { MetricSample } from '#libs/contracts';
import { foldView } from '#libs/read-models';
import { history } from '../../../../test/support/history.ts';
import { DEPLOYMENT, ENVIRONMENT, OLD_RELEASE, RELEASE, ROLLBACK, story, storyUntil, type Told } from '../../../../test/support/story.ts';
import { metricTimeline, MOST_POINTS } from './metric-timeline.projection.ts';

const BEGIN = Date.parse('2026-03-02T09:00:00.000Z');
const sample = (second: number): MetricSample => ({
  at: new Date(BEGIN + second * 1000).toISOString(),
  seconds: 1,
  requests: 10,
  errors: second % 2,
});
const sent = (source: string, ...samples: readonly MetricSample[]): Told => ({
  stream: 'metrics-shop',
  event: { type: 'MetricSamplesRecorded', data: { environment: ENVIRONMENT, service: 'shop', source, samples } },
});
const points = (...told: readonly Told[]) => foldView(metricTimeline, history(told)).get(`${ENVIRONMENT}/shop`)?.points ?? [];

describe('The timeline of a metric', () => {
  it('has the points of all sources in the order of time', () => {
    expect(
      points(sent('proxy-1', sample(1), sample(3)), sent('proxy-2', sample(2), sample(3))).map((p) => `${p.source} ${p.at.slice(17, 19)}`),
    ).toEqual(['proxy-1 01', 'proxy-2 02', 'proxy-1 03', 'proxy-2 03']);
    expect(points(sent('proxy-1', { ...sample(1), latencyP95Ms: 12.5, digest: 'sha256:ab' }))).toEqual([
      { at: '2026-03-02T09:00:01.000Z', seconds: 1, requests: 10, errors: 1, latencyP95Ms: 12.5, digest: 'sha256:ab', source: 'proxy-1' },
    ]);
  });

  it('keeps the newest points, also where old ones come late', () => {
    const many = Array.from({ length: MOST_POINTS }, (_, n) => sample(n + 10));
    const kept = points(sent('proxy-1', ...many), sent('proxy-2', sample(1), sample(MOST_POINTS + 10)));
    expect([kept.length, kept[0]?.at, kept.at(-1)?.at]).toEqual([MOST_POINTS, sample(11).at, sample(MOST_POINTS + 10).at]);
  });

  it('marks deployments and rollbacks, with how they ended', () => {
    const marks = (told: typeof story) => foldView(metricTimeline, history(told)).get(`${ENVIRONMENT}/`)?.marks;
    expect(marks(story.slice(0, storyUntil('DeploymentStarted').length))).toEqual([
      { at: '2026-03-02T10:00:11.000Z', deploymentId: DEPLOYMENT, releaseId: RELEASE, kind: 'deployment', outcome: 'started' },
    ]);
    expect(marks(story)).toMatchObject([
      { deploymentId: DEPLOYMENT, kind: 'deployment', outcome: 'succeeded', endedAt: '2026-03-02T10:00:18.000Z' },
      { deploymentId: ROLLBACK, releaseId: OLD_RELEASE, kind: 'rollback', outcome: 'succeeded' },
    ]);
    const resumed: Told = {
      stream: `deployment-${DEPLOYMENT}`,
      event: {
        type: 'DeploymentResumed',
        data: { deploymentId: DEPLOYMENT, releaseId: RELEASE, environment: ENVIRONMENT, steps: [], reason: 'again', round: 2 },
      },
    };
    const [first, second] = marks([...story, resumed]) ?? [];
    expect([first?.outcome, first?.endedAt, second?.outcome]).toEqual(['started', undefined, 'succeeded']);
  });
});
