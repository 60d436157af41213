import { digestText, type ArtifactEvent } from '#libs/contracts';
import type { Aggregate } from '#libs/event-sourcing';

/** A name and version, and the one digest that it stands for. */
export interface Artifact {
  readonly digest?: string;
}

export const artifact: Aggregate<Artifact, ArtifactEvent> = {
  category: 'artifact',
  initial: {},
  evolve: (_state, event) => ({ digest: digestText(event.data.digest) }),
};
