import type { StoredEvent } from '#libs/event-sourcing';
import type { ProcessTimerSet } from './events.ts';

const OF_TIMERS = ['ProcessTimerSet', 'ProcessTimerCancelled', 'ProcessTimerElapsed'];

/** Whether an event is about a timer. */
export function isOfTimers(event: StoredEvent): boolean {
  return OF_TIMERS.includes(event.type);
}

/** The setting of a timer that still stands in a process's stream: neither elapsed nor cancelled since; undefined where there is none. */
export function standingTimer(own: readonly StoredEvent[], timerId: string): StoredEvent<ProcessTimerSet> | undefined {
  const last = own.findLast((event) => isOfTimers(event) && (event.data as { timerId: string }).timerId === timerId);
  return last?.type === 'ProcessTimerSet' ? (last as StoredEvent<ProcessTimerSet>) : undefined;
}
