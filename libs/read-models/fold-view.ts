import type { StoredEvent } from '#libs/event-sourcing';
import { applyTo, keysOf, type View } from './view.ts';

/**
 * The rows that events come to, by key: the whole view without a database. Rows are frozen, so that a change in place,
 * which would not survive a real table, is a TypeError here.
 */
export function foldView<Row extends object>(view: View<Row>, events: Iterable<StoredEvent>): Map<string, Row> {
  const rows = new Map<string, Row>();
  for (const event of events) {
    for (const key of keysOf(view, event)) {
      const next = applyTo(view, rows.get(key), event, key);
      if (next) rows.set(key, deepFreeze(next));
      else rows.delete(key);
    }
  }
  return rows;
}

function deepFreeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    Object.values(value).forEach(deepFreeze);
  }
  return value;
}
