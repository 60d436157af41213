import type { StoredEvent } from '#libs/event-sourcing';
import type { Random } from '../faults/random.ts';

/** A log of many streams, some of one event, with times that rise but for the jitter of several clocks. */
export function randomHistory(random: Random): StoredEvent[] {
  const streams = Array.from({ length: random.whole(1, 15) }, (_, n) => `${random.pick(['approval', 'deployment', 'release'])}-${n}`);
  const revisions = new Map<string, number>();
  let time = Date.parse('2026-03-02T10:00:00.000Z');
  let position = 0;
  return Array.from({ length: random.whole(12, 150) }, (_, n) => {
    const stream = random.chance(0.1) ? `denial-${n}` : random.pick(streams);
    const revision = (revisions.get(stream) ?? -1) + 1;
    revisions.set(stream, revision);
    time += random.whole(0, 60_000);
    position += random.whole(1, 50);
    const hex = random
      .whole(0, 2 ** 32 - 1)
      .toString(16)
      .padStart(8, '0');
    return {
      id: `${hex}-0000-5000-8000-${String(n).padStart(12, '0')}`,
      type: random.pick(['ApprovalGranted', 'StepLeased', 'ReleasePlanned']),
      data: {
        person: `person-${random.whole(0, 99)}`,
        note: random.pick(['fine', 'Grüße 🚢', '"quoted" \\ text']),
        count: random.whole(0, 10_000),
      },
      metadata: {
        actor: `person-${random.whole(0, 99)}`,
        principal: 'issuer|subject',
        commandId: `${hex}-0000-4000-8000-${String(n).padStart(12, '0')}`,
        commandHash: '0'.repeat(64),
        correlationId: 'correlation-1',
        causationId: 'request-1',
        recordedAt: new Date(time - random.whole(0, 2_000)).toISOString(),
        schemaVersion: 1,
      },
      stream,
      revision,
      position: BigInt(position),
    };
  });
}
