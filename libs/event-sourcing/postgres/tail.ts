import type { StoredEvent } from '#libs/event-sourcing';
import { countThatFits, lengthOf, toStoredEvent, type EventRow } from './rows.ts';

/** Most events that are kept, and most characters of their JSON. */
const MOST_EVENTS = 2_000;
const MOST_LENGTH = 4 * 1024 * 1024;
/** Events of the first read, before it is known how large they are, and most of every other. */
const CAREFUL_READ = 100;
const MOST_AT_ONCE = 500;

interface Kept {
  readonly event: StoredEvent;
  readonly length: number;
}

/**
 * The end of the log, read once for all subscriptions of a process. They all want the newest events, at nearly the same time: without this, each
 * of some forty asks the database for the same rows and parses them.
 */
export class Tail {
  /** All events after position `after` up to what was read last, in order: none between them is missing. */
  private kept: Kept[] = [];
  private after: bigint | undefined;
  private length = 0;
  private count = CAREFUL_READ;
  private complete = { ticket: -1, at: -Infinity };
  private reading: Promise<void> | undefined;

  constructor(
    private readonly read: (after: bigint, maxCount: number) => Promise<readonly EventRow[]>,
    /** For how long the end of the log is believed to be where it was found, unless something is announced; ms. */
    private readonly believeMs: number,
    private readonly ticket: () => number,
  ) {}

  /** Begins to keep what comes after a position at which the log was found to end, unless it is at it, or further, already. */
  begin(position: bigint): void {
    const inUse = performance.now() - this.complete.at < this.believeMs;
    if (this.after !== undefined && (inUse || position <= this.end)) return;
    this.kept = [];
    this.length = 0;
    this.after = position;
  }

  /**
   * What follows a position: at most so many events and characters, though one event at least where there is one; none only where
   * nothing more was there when it was asked; undefined where what follows is not kept (any more): a reader that is behind reads for itself.
   *
   * @param ticket of `Wakeups`: whatever was announced before it is there
   */
  async next(position: bigint, maxCount: number, maxLength: number, ticket: number): Promise<readonly StoredEvent[] | undefined> {
    const oldest = performance.now() - this.believeMs;
    while (this.after !== undefined && position >= this.after) {
      const found = this.following(position, maxCount, maxLength);
      if (found.length > 0 || (this.complete.ticket >= ticket && this.complete.at > oldest)) return found;
      await this.extend();
    }
    return undefined;
  }

  /** Position of the last event that was read. */
  private get end(): bigint {
    return this.kept.at(-1)?.event.position ?? this.after!;
  }

  private following(position: bigint, maxCount: number, maxLength: number): readonly StoredEvent[] {
    const { kept } = this;
    let first = kept.length;
    while (first > 0 && kept[first - 1]!.event.position > position) first--;
    const found: StoredEvent[] = [];
    let length = 0;
    for (let i = first; i < kept.length && found.length < maxCount; i++) {
      length += kept[i]!.length;
      if (found.length > 0 && length > maxLength) break;
      found.push(kept[i]!.event);
    }
    return found;
  }

  /** One read at a time: whoever comes meanwhile waits for it, and looks again whether it was begun late enough. */
  private extend(): Promise<void> {
    this.reading ??= this.readOn().finally(() => (this.reading = undefined));
    return this.reading;
  }

  private async readOn(): Promise<void> {
    const begun = { ticket: this.ticket(), at: performance.now() };
    const { end, count } = this;
    const rows = await this.read(end, count);
    // It began anew elsewhere meanwhile.
    if (end !== this.end) return;
    for (const row of rows) {
      const length = lengthOf(row);
      this.kept.push({ event: toStoredEvent(row), length });
      this.length += length;
    }
    if (rows.length < count) this.complete = begun;
    if (rows.length > 0) this.count = countThatFits(rows, MOST_AT_ONCE, MOST_LENGTH);
    this.forgetOldest();
  }

  private forgetOldest(): void {
    let gone = 0;
    while (this.kept.length - gone > 1 && (this.kept.length - gone > MOST_EVENTS || this.length > MOST_LENGTH)) {
      const { event, length } = this.kept[gone++]!;
      this.after = event.position;
      this.length -= length;
    }
    if (gone > 0) this.kept.splice(0, gone);
  }
}
