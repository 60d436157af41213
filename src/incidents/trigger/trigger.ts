import type { TriggerEvent } from '#libs/contracts';
import { unknownEvent, type Aggregate } from '#libs/event-sourcing';

export type TriggerDefinition = Extract<TriggerEvent, { type: 'TriggerDefined' }>['data'];

export interface Trigger {
  readonly definition?: TriggerDefinition;
  /** Fired and not cleared since: hysteresis keeps it from firing again at every sample. */
  readonly tripped: boolean;
  /** Deployments it has fired for; it fires once for each. */
  readonly firedFor: readonly string[];
}

export const trigger: Aggregate<Trigger, TriggerEvent> = {
  category: 'trigger',
  initial: { tripped: false, firedFor: [] },
  evolve: (state, event) => {
    switch (event.type) {
      case 'TriggerDefined':
        return { ...state, definition: event.data };
      case 'TriggerFired':
        return { ...state, tripped: true, firedFor: [...state.firedFor, event.data.deploymentId] };
      case 'TriggerCleared':
        return { ...state, tripped: false };
      default:
        return unknownEvent(event);
    }
  },
};
