import { backoff, pause, runSubscription, SubscriptionRegistry } from '#libs/subscriptions';
import { rebuildWhere } from './rebuild-view.ts';
import { viewSubscription } from './view.ts';
import { subscriptionOf, withClient, type ViewHostOptions } from './view-host.ts';
import { prepareView } from './view-table.ts';

/**
 * Keeps a view until `signal` says stop; never rejects. Where the declaration is of a later version than the table, it rebuilds
 * the view first, beside the live one, which answers meanwhile. Where it is of an earlier one (an old program beside a new one),
 * it waits and touches nothing. How it fares is in the registry under `viewSubscription(view)`, and under that name with `:next` for a rebuild.
 */
export async function runView<Row extends object>(options: ViewHostOptions<Row>): Promise<void> {
  const { view, pool, signal, registry = new SubscriptionRegistry() } = options;
  const name = viewSubscription(view);
  for (let attempt = 0; !signal.aborted; attempt++) {
    try {
      const version = await withClient(pool, (client) => prepareView(client, view));
      if (version === view.version) return await runSubscription(subscriptionOf({ ...options, registry }, name, view.table));
      if (version > view.version)
        throw new Error(`The view ${view.name} is at version ${version} already; this program has version ${view.version}.`);
      await rebuildWhere({ ...options, registry }, { seenVersion: version, onFailure: 'wait' });
      attempt = -1;
    } catch (error) {
      if (signal.aborted) break;
      registry.update(name, { state: 'waiting', interruption: error instanceof Error ? error.message : String(error) });
      options.onError?.(error);
      await pause(backoff(attempt), signal);
    }
  }
  registry.update(name, { state: 'stopped' });
}
