import { streamName, type DomainEvent, type StoredEvent } from '#libs/event-sourcing';
import type { Effect, Process } from '#libs/processes';

/** A process in words: given the inputs it has taken, when one more comes, then these effects. Pure: no host, no mocks. */
export function processScenario<State>(process: Process<State>, instance: string) {
  const stored = (event: DomainEvent): StoredEvent => ({
    ...event,
    id: `event-${event.type}`,
    stream: streamName(process.name, instance),
    revision: 0,
    position: 0n,
    metadata: {
      actor: 'person-test',
      principal: 'test|test',
      commandId: 'command-1',
      commandHash: '0'.repeat(64),
      correlationId: 'correlation-1',
      causationId: 'causation-1',
      recordedAt: '2026-03-02T10:00:00.000Z',
      schemaVersion: 1,
    },
  });
  return {
    given: (...inputs: readonly DomainEvent[]) => ({
      when: (input: DomainEvent): { then(...effects: readonly Effect[]): void } => {
        const state = [...inputs, input].reduce(process.evolve, process.initial);
        const effects = process.react(state, stored(input), { instance, now: '2026-03-02T10:00:00.000Z' });
        return { then: (...expected) => expect(effects).toEqual(expected) };
      },
    }),
    /** Which instance of the process an event is for, where it is for one. */
    instanceOf: (event: DomainEvent): string | undefined => process.instancesOf(stored(event))[0],
    /** Which instances of the process an event is for. */
    instancesOf: (event: DomainEvent): readonly string[] => process.instancesOf(stored(event)),
  };
}
