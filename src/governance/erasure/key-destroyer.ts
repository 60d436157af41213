import type { PersonEvent } from '#libs/contracts';
import type { Aggregates } from '#libs/cqrs';
import type { StoredEvent } from '#libs/event-sourcing';
import type { PostgresSubjectKeys } from '#libs/privacy';
import { holdsOn } from './erase-person.ts';

/**
 * Destroys the keys of persons who are erased, after the event says so. A crash anywhere between is made good: the event comes again, and what
 * was noted is done. Legal hold beats erasure also here: a hold that was placed while the erasure was being confirmed keeps the key until it is
 * released.
 */
export class KeyDestroyer {
  constructor(
    private readonly ports: {
      readonly aggregates: Aggregates;
      readonly keys: Pick<PostgresSubjectKeys, 'noteErasure' | 'openErasures' | 'destroy'>;
    },
  ) {}

  /** Handles a batch of the log. Repeating it is safe at any point. */
  async handle(events: readonly StoredEvent[]): Promise<void> {
    const { keys } = this.ports;
    const erased = events.filter((event) => event.type === 'PersonErased') as StoredEvent<Extract<PersonEvent, { type: 'PersonErased' }>>[];
    for (const { id, data } of erased) await keys.noteErasure(id, data.person);
    if (erased.length === 0 && !events.some((event) => event.type === 'LegalHoldReleased')) return;
    for (const { eventId, subject } of await keys.openErasures()) await keys.destroy(eventId, async () => !(await this.isHeld(subject)));
  }

  private async isHeld(subject: string): Promise<boolean> {
    return (await holdsOn(this.ports.aggregates.read, subject)).holds.length > 0;
  }
}
