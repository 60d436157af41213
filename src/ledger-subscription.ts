import type { EventLog } from '#libs/event-sourcing';
import type { SubscriptionOptions } from '#libs/subscriptions';
import { LEDGER_BATCH, LEDGER_SUBSCRIPTION, recordLeaves } from './ledger/record-leaves.ts';

/** How events become leaves; without a codec, for a leaf is the event as it is stored. The program does it at work, and the auditor's when it restores. */
export function ledgerSubscription(log: Pick<EventLog, 'readStream'>): Pick<SubscriptionOptions, 'name' | 'batchSize' | 'handle'> {
  return { name: LEDGER_SUBSCRIPTION, batchSize: LEDGER_BATCH, handle: recordLeaves(log) };
}
