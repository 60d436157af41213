import { randomUUID } from 'node:crypto';
import { eventually } from '../support/running-app.ts';
import { ok, type Stage } from './stage.ts';

/** A CDEvent `service.deployed`, as a cluster would send it. */
export function serviceDeployed(environment: string, artifactId: string, timestamp = new Date().toISOString(), service = 'shop'): object {
  return {
    context: {
      specversion: '0.4.1',
      id: randomUUID(),
      source: '/cluster-1',
      type: 'dev.cdevents.service.deployed.0.2.0',
      timestamp,
    },
    subject: { id: service, type: 'service', content: { environment: { id: environment }, artifactId } },
  };
}

/** Sends it as a service, and waits for what became of it. */
export async function report(stage: Stage, event: object): Promise<{ readonly receiptId: string; readonly skewSeconds: number }> {
  const cluster = await stage.app.person('cluster-1', 'service');
  const [{ receiptId }] = ok(await cluster.post('/v1/events', event));
  await eventually('what became of the report', async () =>
    (await stage.stream(`outside-${receiptId}`)).find(({ type }) => type === 'OutsideEventApplied'),
  );
  const [received] = await stage.stream(`outside-${receiptId}`);
  return { receiptId, skewSeconds: (received?.data as { skewSeconds: number }).skewSeconds };
}
