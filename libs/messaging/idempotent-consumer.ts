import type { Pool, PoolClient } from 'pg';
import { backoffMs, pause, type Backoff } from './backoff.ts';
import { isNew, markConsumed, messageIdOf } from './consumed.ts';
import { DeadLetters, withheld } from './dead-letters.ts';
import type { Consumption, MessageBus, ReceivedMessage } from './message-bus.ts';

/**
 * `transactional`: its writes through `client`, the mark that the message is consumed, both or neither: exactly once, as far as the
 * client is the only effect. `external`: effects first, then the mark: a crash in between repeats them, so they are idempotent.
 */
export type ConsumerHandler =
  | { readonly transactional: (message: ReceivedMessage, client: PoolClient) => Promise<void> }
  | { readonly external: (message: ReceivedMessage) => Promise<void> };

export interface IdempotentConsumerOptions {
  readonly bus: MessageBus;
  /** Holds one connection for each partition that is being handled transactionally. */
  readonly pool: Pool;
  readonly group: string;
  readonly topics: readonly string[];
  readonly handle: ConsumerHandler;
  /** By which UUID a repeated message is known; `messageIdOf` unless told. */
  readonly identify?: (message: ReceivedMessage) => string;
  /** How often a message is tried before it becomes a dead letter; 5 unless told. */
  readonly attempts?: number;
  /** Between two tries, with jitter; 100 ms doubling up to 5 s unless told. Other messages of the partition wait meanwhile. */
  readonly backoff?: Backoff;
  /** Milliseconds that a try may take before it counts as failed; 120,000 unless told. */
  readonly timeoutMs?: number;
  /** Told of every try that failed (with its message), and of interruptions that the consumer recovers from by itself. */
  readonly onError?: (error: unknown, message?: ReceivedMessage) => void;
}

export interface ConsumerCounts {
  readonly handled: number;
  /** Delivered again after it had been consumed or buried; not handled again. */
  readonly repeated: number;
  readonly retried: number;
  readonly buried: number;
}

/** `consumed-before`: the message had been handled after all (it was delivered twice at once). */
export type Redriven =
  | { readonly outcome: 'redriven' | 'consumed-before' | 'redriven-before' | 'unknown' }
  | { readonly outcome: 'failed'; readonly reason: string };

/** Thrown by a handler: trying again would not help (a malformed message). It becomes a dead letter at once. */
export class Unprocessable extends Error {
  override readonly name = 'Unprocessable';
  /** The message holds what must not be stored: its dead letter tells its digest, and not what it said. */
  readonly withhold: boolean;
  constructor(message: string, { withhold = false, ...options }: ErrorOptions & { readonly withhold?: boolean } = {}) {
    super(message, options);
    this.withhold = withhold;
  }
}

/** The handler failed, as opposed to our own bookkeeping, whose failures are nobody's message's fault. */
class HandlerFailed extends Error {
  override readonly name = 'HandlerFailed';
  constructor(
    override readonly cause: unknown,
    /** It may still be at work. */
    readonly late = false,
  ) {
    super('The handler failed.', { cause });
  }
}

/** SQLSTATE classes with which a commit says that the handler's own writes were at fault: integrity, rollback. */
const COMMIT_REFUSED = /^(23|40)/;

/**
 * Handles each message of a group once, however often it is delivered; tries again what fails; buries what keeps failing in
 * `messaging.dead_letters` with a copy to `<topic>.dlq`, and goes on with the next. While the database is away nothing is
 * buried and nothing is lost: the bus delivers again until it is back.
 */
export class IdempotentConsumer {
  readonly deadLetters: DeadLetters;
  private readonly stopping = new AbortController();
  private readonly count = { handled: 0, repeated: 0, retried: 0, buried: 0 };
  private consumption: Consumption | undefined;

  constructor(private readonly options: IdempotentConsumerOptions) {
    this.deadLetters = new DeadLetters(options.pool);
  }

  async start(): Promise<void> {
    const { bus, group, topics } = this.options;
    this.consumption = await bus.consume({
      group,
      topics,
      handler: (message) => this.handle(message),
      // The handler's own failures were told one by one.
      onError: (error, message) => !(error instanceof HandlerFailed) && this.tell(error, message),
    });
    await this.forward();
  }

  /** Waits for the tries in hand; a message between two tries is left to whoever consumes next. */
  async stop(): Promise<void> {
    this.stopping.abort();
    await this.consumption?.stop();
  }

  counts(): ConsumerCounts {
    return { ...this.count };
  }

  /** Handles a dead letter of this group again, once. Safe to call twice, also at once: the second finds it done. */
  async redrive(id: string): Promise<Redriven> {
    const { group } = this.options;
    try {
      return await this.inTransaction(async (client) => {
        const letter = await this.deadLetters.lock(client, id, group);
        if (!letter) return { outcome: 'unknown' };
        if (letter.redrivenAt) return { outcome: 'redriven-before' };
        await this.deadLetters.markRedriven(client, id, 0);
        if (!(await markConsumed(client, group, letter.messageId))) return { outcome: 'consumed-before' };
        await this.run(letter.message, client);
        await this.deadLetters.markRedriven(client, id, 1);
        return { outcome: 'redriven' };
      });
    } catch (error) {
      if (!(error instanceof HandlerFailed)) throw error;
      await this.deadLetters.markFailedAgain(id, error.cause);
      return { outcome: 'failed', reason: (await this.deadLetters.get(id))?.reason ?? '' };
    }
  }

  private tell(error: unknown, message?: ReceivedMessage): void {
    this.options.onError?.(error, message);
  }

  private async forward(): Promise<void> {
    await this.deadLetters
      .forward(this.options.group, this.options.bus, (error) => this.tell(error))
      .catch((error: unknown) => this.tell(error));
  }

  private async handle(message: ReceivedMessage): Promise<void> {
    const { attempts = 5, backoff = { firstMs: 100, maxMs: 5_000 }, group, identify = messageIdOf } = this.options;
    const messageId = identify(message);
    for (let tries = 1; ; tries++) {
      try {
        if (await this.attempt(message, messageId)) this.count.handled++;
        else {
          this.count.repeated++;
          await this.forward();
        }
        return;
      } catch (error) {
        if (!(error instanceof HandlerFailed)) throw error;
        this.tell(error.cause, message);
        if (tries >= attempts || error.cause instanceof Unprocessable) {
          const withhold = error.cause instanceof Unprocessable && error.cause.withhold;
          await this.deadLetters.bury(group, messageId, withhold ? withheld(message) : message, error.cause, tries);
          this.count.buried++;
          await this.forward();
          return;
        }
        this.count.retried++;
        await pause(backoffMs(tries, backoff), this.stopping.signal);
        if (this.stopping.signal.aborted) throw error;
      }
    }
  }

  /** False where the message needs no handling. @throws HandlerFailed, or what the database throws */
  private async attempt(message: ReceivedMessage, messageId: string): Promise<boolean> {
    const { pool, group, handle } = this.options;
    if ('external' in handle) {
      if (!(await isNew(pool, group, messageId))) return false;
      await this.run(message);
      await markConsumed(pool, group, messageId);
      return true;
    }
    return await this.inTransaction(async (client) => {
      if (!(await markConsumed(client, group, messageId))) return false;
      await this.run(message, client);
      return true;
    });
  }

  /** @throws HandlerFailed */
  private async run(message: ReceivedMessage, client?: PoolClient): Promise<void> {
    const { handle, timeoutMs = 120_000 } = this.options;
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_resolve, reject) => {
      const error = new Error(`The handler did not finish within ${timeoutMs} ms.`);
      timer = setTimeout(() => reject(new HandlerFailed(error, true)), timeoutMs);
    });
    try {
      await Promise.race(['external' in handle ? handle.external(message) : handle.transactional(message, client!), late]);
    } catch (error) {
      throw error instanceof HandlerFailed ? error : new HandlerFailed(error);
    } finally {
      clearTimeout(timer);
    }
  }

  private async inTransaction<T>(work: (client: PoolClient) => Promise<T>): Promise<T> {
    const client = await this.options.pool.connect();
    // A connection that breaks between two queries says so here; the next query says it again, and that one is caught.
    const ignore = (): void => undefined;
    client.on('error', ignore);
    let broken = false;
    try {
      await client.query('begin');
      const result = await work(client);
      await client.query('commit').catch((error: unknown) => {
        throw COMMIT_REFUSED.test(String((error as { code?: unknown }).code)) ? new HandlerFailed(error) : error;
      });
      return result;
    } catch (error) {
      broken = true;
      // A handler that is late may still be writing: its connection is not put back, and takes the transaction with it.
      if (error instanceof HandlerFailed && error.late) throw error;
      // A connection that can't even roll back is the database's fault, whatever the handler said.
      await client.query('rollback');
      broken = false;
      throw error;
    } finally {
      client.off('error', ignore);
      client.release(broken);
    }
  }
}
