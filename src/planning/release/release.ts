import type { ReleaseArtifact, ReleaseEvent } from '#libs/contracts';
import { unknownEvent, type Aggregate } from '#libs/event-sourcing';

/** A release: the artifacts it is composed of, and how it goes to each environment. */
export interface Release {
  readonly product?: string;
  readonly artifacts: readonly ReleaseArtifact[];
  readonly authors: readonly string[];
  /** Plan hash by environment. */
  readonly plans: Readonly<Record<string, string>>;
}

export const release: Aggregate<Release, ReleaseEvent> = {
  category: 'release',
  initial: { artifacts: [], authors: [], plans: {} },
  evolve: (state, event) => {
    switch (event.type) {
      case 'ReleaseComposed':
        return { ...state, product: event.data.product, artifacts: event.data.artifacts, authors: event.data.authors };
      case 'ReleaseAmended':
        return { ...state, artifacts: event.data.artifacts, authors: event.data.authors };
      case 'ReleasePlanned':
        return { ...state, plans: { ...state.plans, [event.data.environment]: event.data.planHash } };
      default:
        return unknownEvent(event);
    }
  },
};
