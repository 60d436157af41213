import type { Pool, PoolClient } from 'pg';
import { ageInSeconds, type EventLog } from '#libs/event-sourcing';
import { EMPTY_ROOT, formatCheckpoint, formatNote, signatureOf, signSuccession, type Hash, type Signer } from '#libs/ledger';
import type { MessageBus } from '#libs/messaging';
import { pause } from '#libs/subscriptions';
import type { CheckpointFile } from './checkpoint-file.ts';
import { LogDiffersFromLedger, mustBeInLog } from './record-leaves.ts';
import { NotSigned, sizeSeenBy, type WitnessTarget } from './witness-sender.ts';
import { LedgerDamaged, leafBy, rootAt, treeHead, type TreeHead } from '#libs/ledger/postgres';

export const CHECKPOINT_TOPIC = 'plimsoll.ledger.checkpoints.v1';
/** How often the signer looks whether something is due, milliseconds. */
const TICK_MS = 200;
/** Between two times that witnesses are asked who did not answer, milliseconds. */
const ASK_AGAIN_MS = 2_000;

/** Why nothing is signed. Each is a matter for a person: something was lost, changed or set up wrongly. */
export type AlarmCode =
  | 'another-key' // this log is signed with another key
  | 'behind-signed' // fewer leaves than were signed: rolled back, or being rebuilt
  | 'behind-witness' // a witness has signed more than is known here to be signed: rolled back, or another process has this key
  | 'witness-unheard' // no witness has said yet how much it has signed
  | 'differs-from-signed' // the leaves that were signed are others now: a fork
  | 'log-behind-ledger' // the event log has lost events
  | 'log-differs-from-ledger' // an event of the log is not what its leaf says
  | 'ledger-damaged'; // a hash is missing

export interface Alarm {
  readonly code: AlarmCode;
  readonly detail: string;
}

export interface CheckpointSignerOptions {
  readonly pool: Pool;
  readonly log: EventLog;
  readonly bus: MessageBus;
  readonly signer: Signer;
  /** The key that `signer` succeeds, where it is the log's still. */
  readonly predecessor?: Signer;
  readonly file: CheckpointFile;
  /** Asked before this process signs for the first time; none unless told. */
  readonly witnesses?: readonly WitnessTarget[];
  /** A checkpoint is due after so many leaves … */
  readonly everyEvents: number;
  /** … or when the oldest event that is under none is so old. */
  readonly everySeconds: number;
  /** ISO 8601. */
  readonly now: () => string;
  /** Told once when nothing can be signed any more, and again when the reason is another. */
  readonly onAlarm: (alarm: Alarm) => void;
}

/** Refuses to sign, and says why. */
class Refused extends Error {
  constructor(readonly alarm: Alarm) {
    super(alarm.detail);
  }
}

interface Signed {
  readonly size: number;
  readonly root: Buffer;
}

/**
 * Signs the ledger's size and root, and never two that do not go on from one another: before it signs it holds the tree against everything
 * that was signed, in the database and in the file beside it, and against the log. What it signed is stored before anybody is told of it.
 *
 * The database and the file may have been put back together, or be new ones: so before a process signs for the first time, a witness says how much
 * of this log it has signed.
 */
export class CheckpointSigner {
  private alarm: AlarmCode | undefined;
  private said = false;
  /** The first leaf that is under no signature, and since when it has been known here to be under none. */
  private waiting: { readonly first: number; readonly since: number } | undefined;

  /** Witnesses have been heard, and know of nothing that is not known here. */
  private heard = false;
  private unheard: { readonly alarm: Alarm; readonly at: number } | undefined;

  constructor(private readonly options: CheckpointSignerOptions) {}

  /** Runs until the signal ends it; an interruption of the world is waited for. */
  async run(signal: AbortSignal, onError: (error: unknown) => void): Promise<void> {
    while (!signal.aborted) {
      await this.tick().catch(onError);
      await pause(TICK_MS, signal);
    }
  }

  /** Signs if a checkpoint is due, at once where `now` is told, and publishes what is not published. */
  async tick(at: 'due' | 'now' = 'due'): Promise<void> {
    try {
      if (!(await this.nothingNew())) {
        await this.hearWitnesses();
        await this.sign(at);
      }
      await this.raise(undefined);
    } catch (error) {
      if (error instanceof Refused) return await this.raise(error.alarm);
      if (error instanceof LogDiffersFromLedger) return await this.raise({ code: 'log-differs-from-ledger', detail: error.message });
      if (error instanceof LedgerDamaged) return await this.raise({ code: 'ledger-damaged', detail: error.message });
      throw error;
    }
    await this.remember();
    await this.publish();
  }

  /** Whether the tree is exactly what was signed last: asked without a lock, many times a minute. */
  private async nothingNew(): Promise<boolean> {
    const { pool, log, file, signer } = this.options;
    const { rows } = await pool.query<{ nothing_new: boolean; position: string; size: string }>(
      `select t.size = c.size and t.root = c.root and s.verifier = $1 as nothing_new, t.position, t.size
         from ledger_tree t, ledger_signer s, (select size, root from ledger_checkpoint order by size desc limit 1) c`,
      [signer.verifier.text],
    );
    const [row] = rows;
    if (!row?.nothing_new || (await log.head()) < BigInt(row.position)) return false;
    return file.last?.origin !== signer.verifier.name || file.last.size <= Number(row.size);
  }

  /**
   * One answer is enough: a witness that was away finds a fork when it is sent the next checkpoint.
   *
   * @throws Refused a witness has signed more than is known to be signed here, or none says how much it has
   */
  private async hearWitnesses(): Promise<void> {
    const { pool, signer, predecessor, witnesses = [], now } = this.options;
    if (this.heard || witnesses.length === 0) return;
    const at = Date.parse(now());
    if (this.unheard && at - this.unheard.at < ASK_AGAIN_MS) throw new Refused(this.unheard.alarm);
    const { rows } = await pool.query<{ verifier: string }>('select verifier from ledger_signer');
    // Of a log that another key signs nothing is signed anyway.
    if (rows[0] && ![signer.verifier.text, predecessor?.verifier.text].includes(rows[0].verifier)) return;
    const alarm = await this.askWitnesses(witnesses);
    this.unheard = alarm && { alarm, at };
    if (alarm) throw new Refused(alarm);
    this.heard = true;
  }

  private async askWitnesses(witnesses: readonly WitnessTarget[]): Promise<Alarm | undefined> {
    const offered = (await this.lastStored()) ?? { size: 0, note: this.signed(0, EMPTY_ROOT) };
    const answers = await Promise.all(
      witnesses.map(async (witness) => {
        const { name } = witness.verifier;
        return await sizeSeenBy(witness, offered).then(
          (seen) => ({ name, seen }),
          (error: unknown) => {
            if (error instanceof NotSigned) return { name, why: error.message };
            throw error;
          },
        );
      }),
    );
    // Read after they have answered: another process of this database may have signed meanwhile.
    const known = Math.max((await this.lastStored())?.size ?? 0, this.remembered()?.size ?? 0);
    const told = answers.flatMap((answer) => ('seen' in answer ? [answer] : []));
    const ahead = told.find(({ seen }) => seen > known);
    if (ahead) {
      return {
        code: 'behind-witness',
        detail: `The witness ${ahead.name} has signed ${ahead.seen} leaves of this log, and here ${known} are known to be signed: database and data folder were put back or are new, or another process signs with this key.`,
      };
    }
    if (told.length > 0) return undefined;
    const why = answers.map((answer) => `${answer.name}: ${'why' in answer ? answer.why : ''}`);
    return {
      code: 'witness-unheard',
      detail: `Before anything is signed a witness must say how much of this log it has signed, and none does. ${why.join(' ')}`,
    };
  }

  private async lastStored(): Promise<{ readonly size: number; readonly note: string } | undefined> {
    const { rows } = await this.options.pool.query<{ size: string; note: string }>(
      'select size, note from ledger_checkpoint order by size desc limit 1',
    );
    return rows.map(({ size, note }) => ({ size: Number(size), note }))[0];
  }

  /** The last checkpoint of this log in the file. */
  private remembered(): Signed | undefined {
    const { file, signer } = this.options;
    return file.last?.origin === signer.verifier.name ? file.last : undefined;
  }

  private signed(size: number, root: Hash): string {
    const { signer, now } = this.options;
    const text = formatCheckpoint({ origin: signer.verifier.name, size, root });
    return formatNote({ text, signatures: [signatureOf(text, signer, Date.parse(now()) / 1000)] });
  }

  private async sign(at: 'due' | 'now'): Promise<void> {
    const { pool } = this.options;
    const client = await pool.connect();
    let broken = true;
    try {
      await client.query('begin');
      const predecessor = await this.claim(client);
      await this.signUnderLock(client, at, predecessor);
      await client.query('commit');
      broken = false;
    } catch (error) {
      broken = await client.query('rollback').then(
        () => false,
        () => true,
      );
      throw error;
    } finally {
      client.release(broken);
    }
  }

  /**
   * One signer at a time, and one key until it names another.
   *
   * @returns the key that signs until now, where ours is to succeed it
   */
  private async claim(client: PoolClient): Promise<Signer | undefined> {
    const { predecessor, signer } = this.options;
    const { text } = signer.verifier;
    await client.query('insert into ledger_signer (verifier) values ($1) on conflict do nothing', [text]);
    const { rows } = await client.query<{ verifier: string }>('select verifier from ledger_signer for update');
    if (predecessor?.verifier.text === rows[0]?.verifier && predecessor?.verifier.name === signer.verifier.name) return predecessor;
    if (rows[0]?.verifier !== text) {
      throw new Refused({
        code: 'another-key',
        detail: `This log is signed by ${rows[0]?.verifier}, and the key here is ${text}. Give every process of the role publisher the same PLIMSOLL_LEDGER_KEY_FILE.`,
      });
    }
    return undefined;
  }

  private async signUnderLock(client: PoolClient, at: 'due' | 'now', predecessor: Signer | undefined): Promise<void> {
    const { log, now, signer, everyEvents, everySeconds } = this.options;
    const tree = await treeHead(client);
    const { rows } = await client.query<{ size: string; root: Buffer }>(
      'select size, root from ledger_checkpoint order by size desc limit 1',
    );
    const stored = rows.map((row) => ({ size: Number(row.size), root: row.root }))[0];
    const signed = [stored, this.remembered()].flatMap((s) => s ?? []);
    for (const before of signed) await mustGoOnFrom(client, before, tree);
    if (!tree || tree.size === 0) return;
    const last = Math.max(0, ...signed.map(({ size }) => size));
    await logMustReach(log, tree);
    // After a crash before the file was written, and the other way round: what is missing is signed again, the same size and root.
    if (tree.size === last && stored?.size === last) return;

    const oldest = await mustBeInLog(log, await leafBy(client, { sequence: Math.min(last, tree.size - 1) }));
    if (this.waiting?.first !== last) this.waiting = { first: last, since: Date.parse(now()) };
    // By its own clock, too: an event that claims a time to come would else put the signature off until then.
    const seconds = Math.max(ageInSeconds(oldest, now()), (Date.parse(now()) - this.waiting.since) / 1000);
    // Whoever gives a log another key waits for it to be named.
    if (!predecessor && at === 'due' && tree.size - last < everyEvents && seconds < everySeconds) return;

    // The events between the oldest and this one came through one subscription, which looks back at every step.
    await mustBeInLog(log, await leafBy(client, { sequence: tree.size - 1 }));
    const checkpoint = { origin: signer.verifier.name, size: tree.size, root: tree.root };
    const note = predecessor
      ? signSuccession(checkpoint, predecessor, signer, Date.parse(now()) / 1000)
      : this.signed(tree.size, tree.root);
    await client.query(
      `insert into ledger_checkpoint (size, root, note, signed_at, window_events, window_seconds) values ($1, $2, $3, $4, $5, $6)`,
      [tree.size, tree.root, note, now(), tree.size - last, seconds],
    );
    if (predecessor) await client.query('update ledger_signer set verifier = $1', [signer.verifier.text]);
  }

  /** What other processes signed, too: a file that lacks it would not notice that the database was put back to before it. */
  private async remember(): Promise<void> {
    const { pool, file } = this.options;
    const { rows } = await pool.query<{ note: string; signed_at: Date }>(
      'select note, signed_at from ledger_checkpoint where size > $1 order by size limit 1000',
      [file.last?.size ?? 0],
    );
    for (const { note, signed_at } of rows) await file.append(note, signed_at.toISOString());
  }

  /** First the file, then the bus: whoever hears of a checkpoint may rely on the signer's remembering it. */
  private async publish(): Promise<void> {
    const { pool, bus, file, now, signer } = this.options;
    const { rows } = await pool.query<{ size: string; note: string; signed_at: Date }>(
      'select size, note, signed_at from ledger_checkpoint where published_at is null order by size limit 100',
    );
    for (const { size, note, signed_at } of rows) {
      await file.append(note, signed_at.toISOString());
      const headers = { 'content-type': 'text/plain; charset=utf-8', 'plimsoll-ledger-size': size };
      await bus.publish(CHECKPOINT_TOPIC, [{ key: signer.verifier.name, value: note, headers }]);
      await pool.query('update ledger_checkpoint set published_at = $2 where size = $1', [size, now()]);
    }
  }

  private async raise(alarm: Alarm | undefined): Promise<void> {
    // The first time also where all is well: a process before this one may have left its alarm.
    if (this.said && alarm?.code === this.alarm && this.alarm === undefined) return;
    this.said = true;
    const { pool, now, onAlarm, signer } = this.options;
    if (alarm?.code !== this.alarm && alarm) onAlarm(alarm);
    this.alarm = alarm?.code;
    // What another process with another key says of itself does not concern the one that signs.
    if (alarm?.code === 'another-key') return;
    await pool.query(
      `insert into ledger_signer (verifier, alarm) values ($1, $2) on conflict (singleton) do update set alarm = excluded.alarm`,
      [signer.verifier.text, alarm ? { ...alarm, at: now() } : null],
    );
  }
}

/** @throws Refused, LedgerDamaged */
async function mustGoOnFrom(client: PoolClient, { size, root }: Signed, tree: TreeHead | undefined): Promise<void> {
  const present = tree?.size ?? 0;
  if (present < size) {
    throw new Refused({
      code: 'behind-signed',
      detail: `The ledger has ${present} leaves, and ${size} were signed: the database was rolled back, or the ledger is being built again.`,
    });
  }
  const now = present === size ? tree!.root : await rootAt(client, size);
  if (!now.equals(root)) {
    throw new Refused({
      code: 'differs-from-signed',
      detail: `The first ${size} leaves of the ledger have the root ${now.toString('base64')}, and ${root.toString('base64')} was signed: the log was changed.`,
    });
  }
}

/** The log may have been put back to an earlier state. @throws Refused */
async function logMustReach(log: EventLog, tree: TreeHead): Promise<void> {
  const head = await log.head();
  if (head >= tree.position) return;
  throw new Refused({
    code: 'log-behind-ledger',
    detail: `The event log ends at position ${head}, and the ledger holds an event at ${tree.position}: the log has lost events.`,
  });
}
