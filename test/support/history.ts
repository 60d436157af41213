import type { DomainEvent, StoredEvent } from '#libs/event-sourcing';

const BEGIN = Date.parse('2026-03-02T10:00:00.000Z');

/** An event with the stream that it is in; `by` is the person who did it. */
export interface Happening<E extends DomainEvent> {
  readonly stream: string;
  readonly event: E;
  readonly by?: string;
}

/**
 * Events as a log would give them back: positions 0, 10, 20 … and one second between them, from 2026-03-02T10:00:00.000Z on,
 * with dense revisions in each stream.
 */
export function history<E extends DomainEvent>(happenings: readonly Happening<E>[]): StoredEvent<E>[] {
  const revisions = new Map<string, number>();
  return happenings.map(({ stream, event, by = 'person-nobody' }, i) => {
    const revision = (revisions.get(stream) ?? -1) + 1;
    revisions.set(stream, revision);
    const number = String(i).padStart(12, '0');
    return {
      id: `00000000-0000-5000-8000-${number}`,
      type: event.type,
      data: event.data,
      metadata: {
        actor: by,
        principal: `test|${by}`,
        commandId: `00000000-0000-4000-8000-${number}`,
        commandHash: '0'.repeat(64),
        correlationId: 'correlation-1',
        causationId: 'request-1',
        recordedAt: new Date(BEGIN + i * 1000).toISOString(),
        schemaVersion: 1,
      },
      stream,
      revision,
      position: BigInt(i * 10),
    } as StoredEvent<E>;
  });
}
