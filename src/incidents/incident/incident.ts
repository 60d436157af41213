import type { IncidentEvent } from '#libs/contracts';
import { unknownEvent, type Aggregate } from '#libs/event-sourcing';

export interface Incident {
  readonly status: 'none' | 'open' | 'resolved';
  readonly deploymentId?: string;
  readonly releaseId?: string;
  readonly environment?: string;
  readonly deduplicationKey?: string;
  /** Channels that have it. */
  readonly delivered: readonly string[];
}

export const incident: Aggregate<Incident, IncidentEvent> = {
  category: 'incident',
  initial: { status: 'none', delivered: [] },
  evolve: (state, event) => {
    switch (event.type) {
      case 'IncidentOpened': {
        const { deploymentId, releaseId, environment, deduplicationKey } = event.data;
        return { ...state, status: 'open', deploymentId, releaseId, environment, deduplicationKey };
      }
      case 'IncidentDelivered':
        return { ...state, delivered: [...state.delivered, event.data.channel] };
      case 'IncidentDeliveryFailed':
        return state;
      case 'IncidentResolved':
        return { ...state, status: 'resolved' };
      default:
        return unknownEvent(event);
    }
  },
};
