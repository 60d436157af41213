import { digestText, type ArtifactEvent } from '#libs/contracts';
import { unknownEvent, type Aggregate } from '#libs/event-sourcing';

/** A name and version, and the one digest that it stands for. */
export interface Artifact {
  readonly digest?: string;
  /** Accounts that wrote it. */
  readonly authors: readonly string[];
}

export const artifact: Aggregate<Artifact, ArtifactEvent> = {
  category: 'artifact',
  initial: { authors: [] },
  evolve: (state, event) => {
    switch (event.type) {
      case 'ArtifactRegistered':
        return { digest: digestText(event.data.digest), authors: event.data.authors };
      case 'ArtifactAuthorsAdded':
        return { ...state, authors: [...state.authors, ...event.data.authors] };
      default:
        return unknownEvent(event);
    }
  },
};
