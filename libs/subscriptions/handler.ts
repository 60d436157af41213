import type { PoolClient } from 'pg';
import type { StoredEvent } from '#libs/event-sourcing';

export interface BatchContext {
  readonly name: string;
  /** Fencing token of the lease under which this batch runs; rises with every change of holder. */
  readonly token: bigint;
  /**
   * Changes whenever what a handler remembers of earlier batches may not have been committed, or may have been changed by
   * another worker since: after a rollback, a lost lease, a restart. A cache across batches is valid within one epoch only.
   */
  readonly epoch: number;
  /** Aborted when the lease is lost or the subscription stops: a long external effect should end. */
  readonly signal: AbortSignal;
}

interface Concerned {
  /** Whether an event means anything to the handler; each does unless told. A batch in which none does only moves the checkpoint on. */
  readonly concerns?: (event: StoredEvent) => boolean;
}

/**
 * Runs in one Postgres transaction together with the checkpoint: rows and checkpoint are there both or not at all, and the
 * transaction rolls back if the lease has passed to another worker. Exactly once, as far as `client` is the only effect.
 */
export interface TransactionalHandler extends Concerned {
  readonly transactional: (events: readonly StoredEvent[], client: PoolClient, context: BatchContext) => Promise<void>;
}

/** Effects first, checkpoint afterwards: at least once. A batch may come again, whole or in part, also cut otherwise; so effects are idempotent. */
export interface ExternalHandler extends Concerned {
  readonly external: (events: readonly StoredEvent[], context: BatchContext) => Promise<void>;
}

export type SubscriptionHandler = TransactionalHandler | ExternalHandler;
