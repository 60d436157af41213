import type { IncidentEvent } from '#libs/contracts';
import { issued, scenario } from '#libs/event-sourcing/testing';
import { incident } from './incident.ts';
import {
  openIncident,
  OpenIncident,
  reportIncidentDelivery,
  ReportIncidentDelivery,
  resolveIncident,
  ResolveIncident,
} from './open-incident.ts';

const incidents = scenario(incident);
const of = { deploymentId: 'd1', releaseId: 'r1', environment: 'production' };
const open = issued(OpenIncident, { ...of, title: 'Errors', severity: 'critical', cause: 'trigger' }, 'i1');
const opened: IncidentEvent = {
  type: 'IncidentOpened',
  data: { incidentId: 'i1', ...of, deduplicationKey: 'plimsoll-incident-i1', title: 'Errors', severity: 'critical', cause: 'trigger' },
};
const deliver = (delivered: boolean) => issued(ReportIncidentDelivery, { channel: 'webhook', delivered, detail: 'x' }, 'i1');

describe('an incident', () => {
  it('opens once, however often it is asked for', () => {
    incidents.given().when(openIncident, open).then(opened);
    incidents.given(opened).when(openIncident, open).thenNothing();
  });

  it('is delivered to a channel once, after any number of failures', () => {
    const failed = incidents.given(opened).when(reportIncidentDelivery, deliver(false)).decision as IncidentEvent[];
    expect(failed).toMatchObject([{ type: 'IncidentDeliveryFailed', data: { reason: 'x' } }]);
    const delivered = incidents.given(opened, ...failed).when(reportIncidentDelivery, deliver(true)).decision as IncidentEvent[];
    expect(delivered).toMatchObject([{ type: 'IncidentDelivered', data: { deduplicationKey: 'plimsoll-incident-i1' } }]);
    incidents
      .given(opened, ...failed, ...delivered)
      .when(reportIncidentDelivery, deliver(true))
      .thenNothing();
  });

  it('is resolved once, and only where there is one', () => {
    const resolve = issued(ResolveIncident, { resolution: 'rolled back' }, 'i1');
    const resolved = incidents.given(opened).when(resolveIncident, resolve).decision as IncidentEvent[];
    expect(resolved).toMatchObject([{ type: 'IncidentResolved' }]);
    incidents
      .given(opened, ...resolved)
      .when(resolveIncident, resolve)
      .thenNothing();
    incidents.given().when(resolveIncident, resolve).thenRefused('incident-unknown');
  });
});
