import type { Client } from 'pg';
import { backoff, pause } from './waiting.ts';

const CHANNEL = 'event_log';
/** Whoever appended is answered before all those begin who follow the log: they are many, and have the time. */
const ANSWER_FIRST_MS = 5;

/**
 * Tells readers that there may be something new: of appends of this process by itself, of those of others by LISTEN.
 * A notification can be lost with its connection, so nobody should wait on it alone for ever.
 */
export class Wakeups {
  private version = 0;
  private announced = -1n;
  private readonly waiting = new Set<() => void>();
  private readonly closing = new AbortController();
  private listening: Promise<void> | undefined;
  private soon: NodeJS.Timeout | undefined;

  constructor(private readonly connect: () => Client) {}

  /** To be taken before looking: whatever is announced after it ends the wait. */
  ticket(): number {
    return this.version;
  }

  /** Something was appended, up to a position: told by the writer, and told again by the notification, which is then no news. */
  announce(position: bigint): void {
    if (position <= this.announced) return;
    this.announced = position;
    this.soon ??= setTimeout(() => this.wakeAll(), ANSWER_FIRST_MS);
  }

  /** Waits for an announcement after the ticket, at most so many milliseconds, or until the signal aborts. */
  async after(ticket: number, atMostMs: number, signal: AbortSignal): Promise<void> {
    this.listening ??= this.listen();
    if (this.version !== ticket || signal.aborted) return;
    await new Promise<void>((resolve) => {
      const wake = (): void => {
        clearTimeout(timer);
        this.waiting.delete(wake);
        signal.removeEventListener('abort', wake);
        resolve();
      };
      const timer = setTimeout(wake, atMostMs);
      this.waiting.add(wake);
      signal.addEventListener('abort', wake);
    });
  }

  async close(): Promise<void> {
    this.closing.abort();
    this.wakeAll();
    await this.listening;
  }

  private wakeAll(): void {
    clearTimeout(this.soon);
    this.soon = undefined;
    this.version++;
    for (const wake of [...this.waiting]) wake();
  }

  private async listen(): Promise<void> {
    const { signal } = this.closing;
    for (let attempt = 0; !signal.aborted; attempt++) {
      const client = this.connect();
      const lost = new Promise<void>((resolve) => client.on('error', () => resolve()).on('end', resolve));
      client.on('notification', ({ payload }) => this.announce(BigInt(payload ?? -1)));
      const end = (): void => void client.end().catch(() => undefined);
      signal.addEventListener('abort', end);
      try {
        await client.connect();
        await client.query(`listen ${CHANNEL}`);
        attempt = 0;
        // While nobody listened, something may have come.
        this.wakeAll();
        await lost;
      } catch {
        // Readers look by themselves from time to time; here there is only to try again.
      }
      signal.removeEventListener('abort', end);
      await client.end().catch(() => undefined);
      if (!signal.aborted) await pause(backoff(attempt), signal);
    }
  }
}
