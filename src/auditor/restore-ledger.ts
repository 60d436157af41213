import { Pool } from 'pg';
import { FILES, linesOf, parseCheckpointLine } from '#libs/audit-export';
import { PostgresEventLog } from '#libs/event-sourcing/postgres';
import { formatNote, formatSignature, type LogKeys, type Verifier } from '#libs/ledger';
import { runSubscription, SubscriptionRegistry } from '#libs/subscriptions';
import { ledgerSubscription } from '../ledger-subscription.ts';

/**
 * Gives a restored database back what its ledger knew: the tree of its events, the key that signs, and every checkpoint of the archive with the
 * witnesses' lines. So it answers for sizes that were signed before, takes no other key, and signs nothing that does not go on from them.
 * When a checkpoint was signed and how long its events had waited is not archived: it has the time of the archive, and no wait.
 *
 * @returns how many checkpoints
 */
export async function restoreLedger(
  folder: string,
  url: string,
  { keys, witnesses, at }: { readonly keys: LogKeys; readonly witnesses: readonly Verifier[]; readonly at: string },
): Promise<number> {
  const pool = new Pool({ connectionString: url, max: 4 });
  pool.on('error', () => undefined);
  const log = new PostgresEventLog({ url });
  try {
    await rebuildTree(pool, log);
    await pool.query('insert into ledger_signer (verifier) values ($1)', [keys.newest.text]);
    let count = 0;
    let before = 0;
    for await (const lines of linesOf(folder, FILES.checkpoints)) {
      for (const line of lines) {
        const { size, root, note } = keys.open(parseCheckpointLine(line.toString('utf8')));
        const own = note.signatures.filter((s) => keys.includes(s));
        const { rowCount } = await pool.query(
          `insert into ledger_checkpoint (size, root, note, signed_at, window_events, window_seconds, published_at)
           values ($1, $2, $3, $4, $5, 0, $4) on conflict (size) do nothing`,
          [size, root, formatNote({ text: note.text, signatures: own }), at, Math.max(0, size - before)],
        );
        count += rowCount ?? 0;
        before = size;
        for (const signature of note.signatures.filter((s) => !own.includes(s))) {
          const { name, keyHash } = signature;
          // Only its name and the hash of its key are on the line; the whole key is known of those that were given.
          const witness = witnesses.find((w) => w.name === name && w.keyHash === keyHash)?.text ?? `${name}+${keyHash}`;
          await pool.query(
            `insert into ledger_cosignature (verifier, size, root, line, witnessed_at) values ($1, $2, $3, $4, $5) on conflict do nothing`,
            [witness, size, root, formatSignature(signature), at],
          );
        }
      }
    }
    return count;
  } finally {
    await log.close();
    await pool.end();
  }
}

async function rebuildTree(pool: Pool, log: PostgresEventLog): Promise<void> {
  const stop = new AbortController();
  const registry = new SubscriptionRegistry();
  const { name, ...how } = ledgerSubscription(log);
  const running = runSubscription({ ...how, name, log, pool, registry, signal: stop.signal });
  try {
    const head = await log.head();
    while (!(await registry.waitForPosition(pool, name, head, 500))) {
      const failure = registry.get(name)?.failure;
      if (failure) throw new Error(`The ledger can't take ${failure.stream}@${failure.revision}: ${failure.message}`);
    }
  } finally {
    stop.abort();
    await running;
  }
}
