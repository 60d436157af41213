import type { DomainEvent, NewEvent } from '#libs/event-sourcing';
import { testEvent } from '#libs/event-sourcing/testing';
import { defineView } from '../view.ts';

/** A small domain for the specs of views: beds with plants. */
export type GardenEvent =
  | DomainEvent<'BedDug', { readonly bed: string; readonly at: string }>
  | DomainEvent<'PlantSet', { readonly bed: string; readonly plant: string }>
  | DomainEvent<'RainFell', { readonly beds: readonly string[]; readonly litres: number }>
  | DomainEvent<'BedRemoved', { readonly bed: string }>
  | DomainEvent<'GnomeStolen', { readonly gnome: string }>;

export interface BedRow {
  bed_id: string;
  plants: readonly string[];
  litres: number;
  rains: number;
  last_position: bigint;
  dug_at: string | null;
  dry: boolean;
}

/** Beds with what grows in them and how much it has rained there. */
export const beds = defineView<BedRow, GardenEvent>({
  name: 'beds',
  version: 1,
  table: 'bed',
  key: 'bed_id',
  columns: {
    bed_id: 'text',
    plants: 'jsonb',
    litres: 'double precision',
    rains: 'integer',
    last_position: 'bigint',
    dug_at: 'timestamptz',
    dry: 'boolean',
  },
  indexes: [['dug_at']],
  on: {
    BedDug: {
      key: (e) => e.data.bed,
      apply: (row, e) =>
        row ?? { bed_id: e.data.bed, plants: [], litres: 0, rains: 0, last_position: e.position, dug_at: e.data.at, dry: true },
    },
    PlantSet: {
      key: (e) => e.data.bed,
      apply: (row, e) => row && { ...row, plants: [...row.plants, e.data.plant], last_position: e.position },
    },
    RainFell: {
      key: (e) => e.data.beds,
      apply: (row, e) => row && { ...row, litres: row.litres + e.data.litres, rains: row.rains + 1, dry: false, last_position: e.position },
    },
    BedRemoved: { key: (e) => e.data.bed, apply: () => undefined },
    GnomeStolen: 'ignored',
  },
});

/** An event of the garden, ready to append. */
export function gardenEvent<T extends GardenEvent['type']>(type: T, data: Extract<GardenEvent, { type: T }>['data']): NewEvent {
  return testEvent(0, { type, data });
}
