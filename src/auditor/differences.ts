import type { Finding } from './findings.ts';
import { restoredTime, timeBudget, type TimeBudget } from './restored-time.ts';

/** A leaf as the ledger signed it. */
export interface SignedLeaf {
  readonly sequence: number;
  /** `stream@revision` */
  readonly event: string;
  readonly id: string;
  /** Hex. */
  readonly hash: string;
}

/** An event as the export has it, in its order. */
export interface FoundEvent {
  readonly hash: string;
  readonly id: string;
  readonly stream: string;
  readonly revision: number;
  readonly created: string;
  /** The line; only where the ledger has no such leaf. */
  readonly line?: string;
}

/** How far an event's time may be behind that of an earlier one: clocks differ, and appends take time. */
export const CLOCK_TOLERANCE_MS = 5 * 60_000;

/**
 * What was done to events so that they are no longer those that the ledger signed, one finding for each event. Leaves are matched with events
 * by their hash, what is left by event id, and what is then left by place.
 */
export function differences(
  leaves: readonly SignedLeaf[],
  events: readonly FoundEvent[],
  toleranceMs = CLOCK_TOLERANCE_MS,
  onProgress: (what: string) => void = () => undefined,
): Finding[] {
  const findings: Finding[] = [];
  const leafOf = matched(leaves, events);
  const changed = new Set<number>();
  pairByIdThenPlace(leaves, events, leafOf, changed);

  const moved = outOfOrder(leafOf);
  for (const place of moved) {
    const leaf = leaves[leafOf[place]!]!;
    findings.push({
      name: 'reordering',
      where: whereOf(events[place]!),
      detail: `It is line ${place + 1}; the ledger has it at sequence ${leaf.sequence}.`,
    });
  }
  const budget = timeBudget();
  let looked = 0;
  for (const place of changed) {
    findings.push(change(leaves[leafOf[place]!]!, events, place, toleranceMs, budget));
    onProgress(`${++looked} of ${changed.size} changed events looked into`);
  }
  const used = new Map<string, number>();
  events.forEach((event, place) => {
    if (leafOf[place] === -1) {
      const twice = used.has(event.hash) ? ' It is there twice.' : '';
      findings.push({
        name: 'insertion',
        where: whereOf(event),
        detail: `Line ${place + 1} is an event that the ledger does not have.${twice}`,
      });
    } else used.set(event.hash, place);
  });
  findings.push(...missing(leaves, leafOf));
  return findings;
}

function whereOf({ stream, revision }: FoundEvent): string {
  return `${stream}@${revision}`;
}

/** For every event the index of the leaf with its hash; -1 where there is none, or another event has it already. */
function matched(leaves: readonly SignedLeaf[], events: readonly FoundEvent[]): number[] {
  const byHash = new Map(leaves.map((leaf, index) => [leaf.hash, index]));
  return events.map(({ hash }) => {
    const index = byHash.get(hash);
    byHash.delete(hash);
    return index ?? -1;
  });
}

function pairByIdThenPlace(leaves: readonly SignedLeaf[], events: readonly FoundEvent[], leafOf: number[], changed: Set<number>): void {
  const free = new Set(leaves.keys());
  for (const index of leafOf) free.delete(index);
  const byId = new Map([...free].map((index) => [leaves[index]!.id, index]));
  const pair = (place: number, index: number): void => {
    leafOf[place] = index;
    free.delete(index);
    changed.add(place);
  };
  events.forEach(({ id }, place) => {
    const index = leafOf[place] === -1 ? byId.get(id) : undefined;
    if (index !== undefined && free.has(index)) pair(place, index);
  });
  // An event in the very place of a missing one, right after the same neighbour, was put there instead of it.
  events.forEach((_event, place) => {
    if (leafOf[place] !== -1) return;
    const index = place === 0 ? 0 : leafOf[place - 1]! + 1;
    const follows = place + 1 >= events.length ? index === leaves.length - 1 : leafOf[place + 1] === index + 1 || leafOf[place + 1] === -1;
    if (free.has(index) && follows) pair(place, index);
  });
}

/** Places that are not on the longest run of leaves in their order: the fewest that must have been moved. */
function outOfOrder(leafOf: readonly number[]): number[] {
  const present = leafOf.flatMap((index, place) => (index === -1 ? [] : [place]));
  // Patience sorting: `ends[n]` is the place with the smallest leaf at which a run of n + 1 ends.
  const ends: number[] = [];
  const before = new Map<number, number>();
  for (const place of present) {
    const index = leafOf[place]!;
    let low = 0;
    for (let high = ends.length; low < high;) {
      const middle = (low + high) >> 1;
      if (leafOf[ends[middle]!]! < index) low = middle + 1;
      else high = middle;
    }
    if (low > 0) before.set(place, ends[low - 1]!);
    ends[low] = place;
  }
  const kept = new Set<number>();
  for (let place = ends.at(-1); place !== undefined; place = before.get(place)) kept.add(place);
  return present.filter((place) => !kept.has(place));
}

function change(leaf: SignedLeaf, events: readonly FoundEvent[], place: number, toleranceMs: number, budget: TimeBudget): Finding {
  const event = events[place]!;
  const where = whereOf(event);
  const restored = event.line && restoredTime(event.line, leaf.hash, [events[place - 1]?.created, events[place + 1]?.created], budget);
  if (restored) {
    const { claimed, recorded } = restored;
    const detail = `It claims ${claimed}; the ledger's hash of sequence ${leaf.sequence} says ${recorded}.`;
    return claimed < recorded
      ? { name: 'back-dating', where, detail: `${detail} Nothing else was changed.` }
      : { name: 'edit', where, detail };
  }
  const previous = events[place - 1]?.created;
  if (previous !== undefined && Date.parse(event.created) < Date.parse(previous) - toleranceMs) {
    return {
      name: 'back-dating',
      where,
      detail: `It claims ${event.created}, after an event of ${previous}, and is not what the ledger has at sequence ${leaf.sequence}.`,
    };
  }
  return { name: 'edit', where, detail: `It is not what the ledger has at sequence ${leaf.sequence}.` };
}

/** A missing event after which its stream goes on was deleted; where nothing of the log or of its stream follows, the end was cut off. */
function missing(leaves: readonly SignedLeaf[], leafOf: readonly number[]): Finding[] {
  const present = new Set(leafOf);
  const last = leafOf.reduce((most, index) => Math.max(most, index), -1);
  const ends = new Map<string, number>();
  leaves.forEach(({ event }, index) => {
    if (present.has(index)) ends.set(streamOf(event), Math.max(ends.get(streamOf(event)) ?? -1, revisionOf(event)));
  });
  return [...leaves.keys()]
    .filter((index) => !present.has(index))
    .map((index): Finding => {
      const { sequence, event } = leaves[index]!;
      const where = `${event} (sequence ${sequence})`;
      if (index > last) return { name: 'truncation', where, detail: 'It is missing, and all after it: the end of the log was cut off.' };
      return (ends.get(streamOf(event)) ?? -1) > revisionOf(event)
        ? { name: 'deletion', where, detail: 'It is missing: it was taken out, and its stream goes on after it.' }
        : { name: 'truncation', where, detail: 'It is missing, and nothing of its stream is there after it: the stream was cut off.' };
    });
}

function streamOf(event: string): string {
  return event.slice(0, event.lastIndexOf('@'));
}

function revisionOf(event: string): number {
  return Number(event.slice(event.lastIndexOf('@') + 1));
}
