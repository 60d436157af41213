import type { StoredEvent } from './event.ts';
import { own } from './own.ts';

/** Lifts the data of a schema version to the next one. Pure. */
export type Upcaster = (data: unknown) => unknown;

export interface EventDeclaration {
  /** The version that is written today; 1 unless told. */
  readonly version: number;
  /** `upcasters[n]` lifts version n to n + 1; one for every version below `version`. */
  readonly upcasters: Readonly<Record<number, Upcaster>>;
}

/**
 * Knows every event type, its schema version and how old versions read today. Built once from `libs/contracts`.
 * An unknown type passes through untouched: what to do with it is for the fold (throws) or the projection (ignores) to say.
 */
export class EventCodec {
  constructor(private readonly declarations: Readonly<Record<string, EventDeclaration>>) {}

  schemaVersion(type: string): number {
    return own(this.declarations, type)?.version ?? 1;
  }

  knows(type: string): boolean {
    return Object.hasOwn(this.declarations, type);
  }

  upcast(event: StoredEvent): StoredEvent {
    const declaration = own(this.declarations, event.type);
    if (!declaration || event.metadata.schemaVersion === declaration.version) return event;
    if (event.metadata.schemaVersion > declaration.version) {
      throw new Error(
        `${event.type} at ${event.stream}@${event.revision} has schema version ${event.metadata.schemaVersion}; this program knows ${declaration.version}.`,
      );
    }
    let data = event.data;
    for (let version = event.metadata.schemaVersion; version < declaration.version; version++) {
      const upcaster = declaration.upcasters[version];
      if (!upcaster) throw new Error(`No upcaster lifts ${event.type} from version ${version}.`);
      data = upcaster(data);
    }
    return { ...event, data, metadata: { ...event.metadata, schemaVersion: declaration.version } };
  }
}
