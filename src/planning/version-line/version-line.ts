import type { VersionLineEvent } from '#libs/contracts';
import type { Aggregate } from '#libs/event-sourcing';

/** The versions of a product in their order. */
export interface VersionLine {
  readonly latest?: string;
  readonly byRelease: Readonly<Record<string, string>>;
}

export const versionLine: Aggregate<VersionLine, VersionLineEvent> = {
  category: 'versionline',
  initial: { byRelease: {} },
  evolve: (state, { data }) => ({ latest: data.version, byRelease: { ...state.byRelease, [data.releaseId]: data.version } }),
};
