import type { RecordEvent } from '#libs/contracts';
import { unknownEvent, type Aggregate } from '#libs/event-sourcing';

/** What became of a record that is kept beside the log: nothing, until it expires. */
export interface KeptRecordState {
  readonly status: 'at-hand' | 'expired';
  /** The manifest in the archive that holds it, where it has expired. */
  readonly manifest?: { readonly object: string; readonly sha256: string };
  readonly sha256?: string;
}

export const record: Aggregate<KeptRecordState, RecordEvent> = {
  category: 'record',
  initial: { status: 'at-hand' },
  evolve: (state, event) => {
    switch (event.type) {
      case 'RecordExpired': {
        const { manifest, manifestSha256, sha256 } = event.data;
        return { status: 'expired', manifest: { object: manifest, sha256: manifestSha256 }, sha256 };
      }
      case 'RecordExpiryStayed':
        return { ...state, status: 'at-hand' };
      default:
        return unknownEvent(event);
    }
  },
};
