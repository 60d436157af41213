import { foldView } from '#libs/read-models';
import { history } from '../../../../test/support/history.ts';
import { DEPLOYMENT, ENVIRONMENT, INCIDENT, RELEASE, story, storyUntil, type Told } from '../../../../test/support/story.ts';
import { incidentList, MOST_DELIVERIES } from './incident-list.projection.ts';

describe('The list of incidents', () => {
  it('shows an incident from when it is opened, whom it reached, and how it was resolved', () => {
    expect(foldView(incidentList, storyUntil('IncidentOpened')).get(INCIDENT)).toMatchObject({
      deployment_id: DEPLOYMENT,
      release_id: RELEASE,
      environment: ENVIRONMENT,
      severity: 'critical',
      status: 'open',
      deliveries: [],
      opened_at: '2026-03-02T10:00:22.000Z',
      resolved_at: null,
    });
    expect(foldView(incidentList, history(story)).get(INCIDENT)).toMatchObject({
      status: 'resolved',
      resolution: 'Rolled back.',
      deliveries: [{ channel: 'webhook', outcome: 'delivered', reference: 'INC-1', at: '2026-03-02T10:00:23.000Z' }],
      resolved_at: '2026-03-02T10:00:27.000Z',
    });
  });

  it('shows why it reached nobody, and does not grow without end where it never does', () => {
    const failed: Told = {
      stream: `incident-${INCIDENT}`,
      event: {
        type: 'IncidentDeliveryFailed',
        data: {
          incidentId: INCIDENT,
          deploymentId: DEPLOYMENT,
          releaseId: RELEASE,
          environment: ENVIRONMENT,
          channel: 'webhook',
          reason: 'Status 503.',
        },
      },
    };
    const opened = story.slice(0, storyUntil('IncidentOpened').length);
    const deliveries = (times: number) =>
      foldView(incidentList, history([...opened, ...Array.from({ length: times }, () => failed)])).get(INCIDENT)?.deliveries;
    expect(deliveries(1)).toEqual([{ channel: 'webhook', outcome: 'failed', reason: 'Status 503.', at: '2026-03-02T10:00:23.000Z' }]);
    expect(deliveries(MOST_DELIVERIES + 1)).toHaveLength(MOST_DELIVERIES);
  });
});
