import type { ClientBase } from 'pg';
import { BEFORE_ALL } from '#libs/event-sourcing';
import { pause, runSubscription, SubscriptionRegistry } from '#libs/subscriptions';
import { projectRange } from './project.ts';
import { viewSubscription, type View } from './view.ts';
import { subscriptionOf, withClient, type ViewHostOptions } from './view-host.ts';
import { createTableSql, inTransaction, lockView, misfits, nextTable, storedVersion } from './view-table.ts';
import { ViewWriter } from './view-writer.ts';

export interface Rebuilt {
  /** False where another worker has brought the view to this version in the meantime. */
  readonly swapped: boolean;
  /** Position that the view had handled at the swap. */
  readonly position: bigint;
}

/** So few events may be missing when the swap begins: they are written within it, while the live view waits. */
const LITTLE = 2000;
/** SQLSTATE of a lock that was not to be had in time. */
const LOCK_NOT_AVAILABLE = '55P03';

/**
 * Rebuilds a view from the first event into `<table>__next` and puts that in the place of the live table when it has caught up.
 * The live view answers, and is written, until the moment of the swap, which is one transaction: names, checkpoint and version
 * change together, so that no event is lost or counted twice. A rebuild that is interrupted leaves the live view as it was; the next
 * one begins anew. Rebuilds of one view run one after the other. Holds a connection of the pool for as long as it takes.
 *
 * @throws Error the view can't be rebuilt: it can't handle an event, or the database has a later version
 * @throws whatever `signal` was aborted with
 */
export async function rebuildView<Row extends object>(options: ViewHostOptions<Row>): Promise<Rebuilt> {
  const seenVersion = await storedVersion(options.pool, options.view);
  if (seenVersion === undefined) throw new Error(`The view ${options.view.name} has never run: there is nothing to rebuild.`);
  return await rebuildWhere(options, { seenVersion, onFailure: 'throw' });
}

/** Rebuilds unless the stored version is no longer the one that the caller has seen. On an event that it can't handle it throws, or waits for `resumeSubscription`. */
export async function rebuildWhere<Row extends object>(
  options: ViewHostOptions<Row>,
  { seenVersion, onFailure }: { readonly seenVersion: number; readonly onFailure: 'throw' | 'wait' },
): Promise<Rebuilt> {
  const { view, pool, signal } = options;
  if (seenVersion > view.version)
    throw new Error(`The view ${view.name} is at version ${seenVersion} already; this program has version ${view.version}.`);
  return await withClient(pool, async (client) => {
    await takeTurn(client, view, signal);
    if ((await storedVersion(client, view)) !== seenVersion) {
      await endTurn(client, view);
      return { swapped: false, position: BEFORE_ALL };
    }
    await prepareNext(client, view);
    await catchUp(options, onFailure);
    const position = await swapWhenFree(options, client, seenVersion);
    await endTurn(client, view);
    return { swapped: true, position };
  });
}

function nextSubscription<Row extends object>(view: View<Row>): string {
  return `${viewSubscription(view)}:next`;
}

/** A lock of the session: it ends with the connection, however this process ends. */
async function takeTurn<Row extends object>(client: ClientBase, view: View<Row>, signal: AbortSignal): Promise<void> {
  for (;;) {
    signal.throwIfAborted();
    const { rows } = await client.query<{ taken: boolean }>(`select pg_try_advisory_lock(hashtext('rebuild'), hashtext($1)) as taken`, [
      view.name,
    ]);
    if (rows[0]?.taken) return;
    await pause(200, signal);
  }
}

async function endTurn<Row extends object>(client: ClientBase, view: View<Row>): Promise<void> {
  await client.query(`select pg_advisory_unlock(hashtext('rebuild'), hashtext($1))`, [view.name]);
}

/** An empty table and a checkpoint at the beginning. The token rises, so that a rebuild that was given up can't write into this one. */
async function prepareNext<Row extends object>(client: ClientBase, view: View<Row>): Promise<void> {
  const next = nextTable(view);
  await inTransaction(client, async () => {
    await client.query(`drop table if exists ${next}`);
    const fits = (await misfits(client, view))?.length === 0;
    await client.query(fits ? `create table ${next} (like ${view.table} including all)` : createTableSql(view, next));
    await setCheckpoint(client, nextSubscription(view), BEFORE_ALL, 'idle');
  });
}

/** Projects into the next table until hardly anything is missing, then stops. */
async function catchUp<Row extends object>(options: ViewHostOptions<Row>, onFailure: 'throw' | 'wait'): Promise<void> {
  const { view, log, pool, signal, registry = new SubscriptionRegistry() } = options;
  const name = nextSubscription(view);
  const stop = new AbortController();
  const running = runSubscription({
    ...subscriptionOf(options, name, nextTable(view)),
    registry,
    signal: AbortSignal.any([signal, stop.signal]),
  });
  try {
    for (;;) {
      const target = await log.head();
      while (!(await registry.waitForPosition(pool, name, target, 200))) {
        signal.throwIfAborted();
        const failure = registry.get(name)?.failure;
        if (!failure) continue;
        if (onFailure === 'throw')
          throw new Error(`The view ${view.name} can't be rebuilt: at ${failure.stream}@${failure.revision} ${failure.message}`);
        await pause(200, signal);
      }
      if ((await log.readAll({ after: target, maxCount: LITTLE })).length < LITTLE) return;
    }
  } finally {
    stop.abort();
    await running;
    registry.forget(name);
  }
}

/** Tries again and again where a long reader is in the way: waiting for it without an end would keep all later readers waiting too. */
async function swapWhenFree<Row extends object>(options: ViewHostOptions<Row>, client: ClientBase, seenVersion: number): Promise<bigint> {
  for (;;) {
    options.signal.throwIfAborted();
    try {
      return await swap(options, client, seenVersion);
    } catch (error) {
      if ((error as { code?: unknown }).code !== LOCK_NOT_AVAILABLE) throw error;
      await pause(500, options.signal);
    }
  }
}

/** The moment of the change; gives back the position that the view has then. */
async function swap<Row extends object>(options: ViewHostOptions<Row>, client: ClientBase, seenVersion: number): Promise<bigint> {
  const { view } = options;
  const next = nextTable(view);
  const live = viewSubscription({ name: view.name, version: seenVersion });
  return await inTransaction(client, async () => {
    await client.query(`set local lock_timeout = '1s'`);
    await lockView(client, view);
    // Tables before checkpoints: the order in which a projection takes them, or the two would wait for each other.
    await client.query(`lock table ${view.table}, ${next} in access exclusive mode`);
    const liveAt = await lockCheckpoint(client, live);
    const nextAt = (await lockCheckpoint(client, nextSubscription(view))) ?? BEFORE_ALL;
    const position = liveAt !== undefined && liveAt > nextAt ? liveAt : nextAt;
    await projectRange(options, new ViewWriter(view, next), client, { after: nextAt, upTo: position });
    await client.query(`drop table ${view.table}`);
    await client.query(`alter table ${next} rename to ${view.table}`);
    await setCheckpoint(client, nextSubscription(view), position, 'retired');
    if (seenVersion !== view.version) await setCheckpoint(client, live, position, 'retired');
    await setCheckpoint(client, viewSubscription(view), position, 'idle');
    await client.query('update read_model set version = $2, rebuilt_at = clock_timestamp() where name = $1', [view.name, view.version]);
    return position;
  });
}

async function lockCheckpoint(client: ClientBase, name: string): Promise<bigint | undefined> {
  const { rows } = await client.query<{ position: string }>('select position from subscription where name = $1 for update', [name]);
  return rows[0] && BigInt(rows[0].position);
}

/** Puts a subscription somewhere and takes it from whoever has it: a batch in hand rolls back, and what it remembers is void. */
async function setCheckpoint(client: ClientBase, name: string, position: bigint, state: 'idle' | 'retired'): Promise<void> {
  await client.query(
    `insert into subscription (name, position, state) values ($1, $2, $3)
     on conflict (name) do update set position = excluded.position, state = excluded.state, token = subscription.token + 1,
       holder = null, lease_until = null, failure = null, updated_at = clock_timestamp()`,
    [name, position, state],
  );
}
