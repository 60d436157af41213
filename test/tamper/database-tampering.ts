import type { Client } from 'pg';
import type { StoredEvent } from '#libs/event-sourcing';
import { eventLeafHash } from '#libs/ledger';
import type { FindingName } from '../../src/auditor/findings.ts';
import type { Random } from '../faults/random.ts';
import { logKey, signedCheckpoint } from '../support/exports.ts';

/** A database as it was before: its log, and the sizes that were signed, the last of them the log's. */
export interface Before {
  readonly client: Client;
  readonly events: readonly StoredEvent[];
  readonly sizes: readonly number[];
}

/** What whoever owns the database can do to it, and by which name the verifier must call it. */
export interface DatabaseTampering {
  readonly what: string;
  readonly name: FindingName;
  /** Only who has kept the last checkpoint, or knows a witness that signed it, can know. */
  readonly needs?: 'known' | 'witness';
  /** What it did; undefined where it could not be done here. */
  apply(before: Before, random: Random): Promise<string | undefined>;
}

type Row = StoredEvent & { readonly data: Readonly<Record<string, unknown>> };
const whereOf = ({ stream, revision }: StoredEvent): string => `${stream}@${revision}`;

async function set(
  client: Client,
  event: StoredEvent,
  column: 'type' | 'data' | 'metadata' | 'stream' | 'revision' | 'id',
  value: unknown,
) {
  const { rowCount } = await client.query(`update event_log.events set ${column} = $2 where position = $1`, [
    String(event.position),
    typeof value === 'object' ? JSON.stringify(value) : value,
  ]);
  if (rowCount !== 1) throw new Error(`${whereOf(event)} is not in the log.`);
}

/** An edit of one field of one event. */
const edit = (
  what: string,
  column: Parameters<typeof set>[2],
  change: (event: Row, random: Random) => unknown,
  name: FindingName = 'edit',
): DatabaseTampering => ({
  what,
  name,
  apply: async ({ client, events }, random) => {
    const event = random.pick(events) as Row;
    await set(client, event, column, change(event, random));
    return whereOf(event);
  },
});

/** A change of one leaf beside the events. */
const editLeaf = (what: string, sql: string): DatabaseTampering => ({
  what,
  name: 'edit',
  apply: async ({ client, events }, random) => {
    const sequence = random.whole(0, events.length - 1);
    await client.query(`update ledger_leaf set ${sql} where sequence = $1`, [sequence]);
    return `sequence ${sequence}`;
  },
});

/** A change of one signed checkpoint's note. */
const editCheckpoint = (what: string, change: (lines: string[], random: Random) => void): DatabaseTampering => ({
  what,
  name: 'forged-checkpoint',
  apply: async ({ client, sizes }, random) => {
    const size = random.pick(sizes);
    const { rows } = await client.query<{ note: string }>('select note from ledger_checkpoint where size = $1', [size]);
    const lines = rows[0]!.note.split('\n');
    change(lines, random);
    await client.query('update ledger_checkpoint set note = $2 where size = $1', [size, lines.join('\n')]);
    return `size ${size}`;
  },
});

const otherBytes = (base64: string, at: number): string => {
  const bytes = Buffer.from(base64, 'base64');
  bytes[at]! ^= 1;
  return bytes.toString('base64');
};

/** Puts an event before the one of a place, with a leaf's position free for it, and the rest one further. */
async function makeRoom(client: Client, position: bigint): Promise<void> {
  for (const table of ['event_log.events', 'ledger_leaf']) {
    await client.query(`update ${table} set position = -position where position >= $1`, [String(position)]);
    await client.query(`update ${table} set position = 1 - position where position < 0`);
  }
}

/** Log, leaves, tree and checkpoints as they were at a size that was signed: a restored backup. */
async function putBack({ client, events }: Before, size: number): Promise<void> {
  const last = events[size - 1]!;
  await client.query('delete from event_log.events where position > $1', [String(last.position)]);
  await client.query('delete from ledger_leaf where sequence >= $1', [size]);
  await client.query('delete from ledger_checkpoint where size > $1', [size]);
  await client.query('delete from ledger_cosignature where size > $1', [size]);
  await client.query('update ledger_tree set size = $1, position = $2', [size, String(last.position)]);
}

export const databaseTamperings: readonly DatabaseTampering[] = [
  edit('somebody else did it', 'metadata', ({ metadata }) => ({ ...metadata, actor: `${metadata.actor}-x` })),
  edit('a word in the data is another', 'data', ({ data }) => ({ ...data, person: `${String(data['person'])}-x` })),
  edit('a number in the data is another', 'data', ({ data }, random) => ({ ...data, count: Number(data['count']) + random.whole(1, 9) })),
  edit('something is gone from the data', 'data', ({ data: { note: _gone, ...rest } }) => rest),
  edit('an event is of another type', 'type', ({ type }) => `${type}2`),
  edit('an event is in another stream', 'stream', ({ stream, revision }) => `${stream}-other-${revision}`),
  edit('an event has another revision', 'revision', ({ revision }, random) => revision + 1000 + random.whole(0, 9)),
  edit('an event has another id', 'id', ({ id }) => `ffffffff${id.slice(8)}`),
  edit('an event claims a later time', 'metadata', ({ metadata }, random) => ({
    ...metadata,
    recordedAt: new Date(Date.parse(metadata.recordedAt) + random.pick([7, 900, 45_000, 86_400_000])).toISOString(),
  })),
  edit(
    'an event claims an earlier time',
    'metadata',
    ({ metadata }, random) => ({
      ...metadata,
      recordedAt: new Date(Date.parse(metadata.recordedAt) - random.pick([7, 900, 45_000, 86_400_000])).toISOString(),
    }),
    'back-dating',
  ),
  {
    what: 'an event of a stream that goes on is gone',
    name: 'deletion',
    apply: async ({ client, events }, random) => {
      const inside = events.filter((e) => events.some((later) => later.stream === e.stream && later.revision > e.revision));
      if (inside.length === 0) return undefined;
      const event = random.pick(inside);
      await client.query('delete from event_log.events where position = $1', [String(event.position)]);
      return whereOf(event);
    },
  },
  {
    what: 'the end of a stream is gone',
    name: 'truncation',
    apply: async ({ client, events }, random) => {
      const { stream, revision } = random.pick(events);
      await client.query('delete from event_log.events where stream = $1 and revision >= $2', [stream, revision]);
      return `${stream} from ${revision} on`;
    },
  },
  {
    what: 'the end of the log is gone',
    name: 'truncation',
    apply: async ({ client, events }, random) => {
      const event = random.pick(events.slice(1));
      await client.query('delete from event_log.events where position >= $1', [String(event.position)]);
      return `from ${whereOf(event)} on`;
    },
  },
  {
    what: 'two events have changed places',
    name: 'reordering',
    apply: async ({ client, events }, random) => {
      const n = random.whole(0, events.length - 2);
      const [a, b] = [events[n]!, random.pick(events.slice(n + 1))];
      await client.query('update event_log.events set position = -2 where position = $1', [String(a.position)]);
      await set(client, b, 'revision', b.revision);
      await client.query('update event_log.events set position = $1 where position = $2', [String(a.position), String(b.position)]);
      await client.query('update event_log.events set position = $1 where position = -2', [String(b.position)]);
      return `${whereOf(a)} and ${whereOf(b)}`;
    },
  },
  {
    what: 'an event that never was',
    name: 'insertion',
    apply: async ({ client, events }, random) => {
      const n = random.whole(1, events.length - 1);
      await makeRoom(client, events[n]!.position);
      await client.query(
        `insert into event_log.events (position, stream, revision, id, type, data, metadata)
         select $1, stream, revision + 1000, $3, type, data, metadata from event_log.events where position = $2`,
        [String(events[n]!.position), String(events[n - 1]!.position), `eeeeeeee${events[n]!.id.slice(8)}`],
      );
      return `before ${whereOf(events[n]!)}`;
    },
  },
  {
    what: 'an event that no command led to',
    name: 'insertion',
    apply: async ({ client, events }, random) => {
      const n = random.whole(1, events.length - 1);
      await makeRoom(client, events[n]!.position);
      await client.query(
        `insert into event_log.events (position, stream, revision, id, type, data, metadata) values ($1, 'evil-1', 0, $2, 'Evil', '{}', $3)`,
        [String(events[n]!.position), `eeeeeeee${events[n]!.id.slice(8)}`, random.pick(['{}', 'null', '[]'])],
      );
      return `before ${whereOf(events[n]!)}`;
    },
  },
  {
    what: 'an event was edited, and its leaf with it',
    name: 'fork',
    apply: async ({ client, events }, random) => {
      const n = random.whole(0, events.length - 1);
      const event = { ...events[n]!, metadata: { ...events[n]!.metadata, actor: 'person-other' } };
      await set(client, event, 'metadata', event.metadata);
      await client.query('update ledger_leaf set hash = $2 where sequence = $1', [n, eventLeafHash(event)]);
      return whereOf(event);
    },
  },
  editLeaf('a leaf has another hash', String.raw`hash = set_byte(hash, 7, get_byte(hash, 7) # 1)`),
  editLeaf('a leaf is of another event', `stream = stream || 'x'`),
  editLeaf('a leaf is of another revision', 'revision = revision + 1'),
  editLeaf('a leaf has another id', `event_id = ('ffffffff' || substr(event_id::text, 9))::uuid`),
  {
    what: 'a leaf is gone',
    name: 'malformed',
    apply: async ({ client, events }, random) => {
      const sequence = random.whole(0, events.length - 1);
      await client.query('delete from ledger_leaf where sequence = $1', [sequence]);
      return `sequence ${sequence}`;
    },
  },
  editCheckpoint('a checkpoint says another size', (lines) => (lines[1] = String(Number(lines[1]) + 1))),
  editCheckpoint('a checkpoint says another root', (lines, random) => (lines[2] = otherBytes(lines[2]!, random.whole(0, 31)))),
  editCheckpoint('a checkpoint is of another log', (lines) => (lines[0] += '2')),
  editCheckpoint('a signature is another', (lines, random) => {
    const [dash, name, bytes] = lines[4]!.split(' ');
    lines[4] = `${dash} ${name} ${otherBytes(bytes!, random.whole(4, 67))}`;
  }),
  {
    what: 'the log has signed another history of the same size',
    name: 'fork',
    apply: async ({ client, events, sizes }, random) => {
      const size = random.pick(sizes);
      const other = events.map((event, n) => (n === size - 1 ? { ...event, type: `Other${random.whole(0, 9)}` } : event));
      const note = signedCheckpoint(other.map(eventLeafHash), size, logKey());
      await client.query('update ledger_checkpoint set note = $2 where size = $1', [size, note]);
      return `size ${size}`;
    },
  },
  {
    what: 'the last checkpoints are gone',
    name: 'rollback',
    needs: 'known',
    apply: async ({ client, sizes }, random) => {
      const size = random.pick(sizes);
      await client.query('delete from ledger_checkpoint where size >= $1', [size]);
      return `from size ${size} on`;
    },
  },
  {
    what: 'all was put back to an earlier checkpoint',
    name: 'rollback',
    needs: 'known',
    apply: async (before, random) => {
      if (before.sizes.length < 2) return undefined;
      const size = random.pick(before.sizes.slice(0, -1));
      await putBack(before, size);
      return `size ${size}`;
    },
  },
  {
    what: 'the tree says that it is smaller than what was signed',
    name: 'rollback',
    apply: async ({ client, events, sizes }, random) => {
      const size = random.whole(1, events.length - 1);
      if (sizes.includes(size)) return undefined;
      await client.query('update ledger_tree set size = $1', [size]);
      return `size ${size}`;
    },
  },
  {
    what: "the witness's signatures are gone",
    name: 'unwitnessed',
    needs: 'witness',
    apply: async ({ client }) => {
      await client.query('delete from ledger_cosignature');
      return 'all';
    },
  },
  {
    what: "a witness's signature is another",
    name: 'forged-checkpoint',
    needs: 'witness',
    apply: async ({ client, sizes }, random) => {
      if (sizes.length < 2) return undefined;
      const { rows } = await client.query<{ line: string }>('select line from ledger_cosignature order by size');
      const [dash, name, bytes] = rows[0]!.line.split(' ');
      // Of the first one: the others cover the export.
      const line = `${dash} ${name} ${otherBytes(bytes!, random.whole(12, 75))}`;
      await client.query('update ledger_cosignature set line = $2 where size = $1', [sizes[0], line]);
      return `size ${sizes[0]}`;
    },
  },
  {
    what: 'the key that the database names is another',
    name: 'malformed',
    apply: async ({ client }, random) => {
      const other = logKey(random.chance(0.5) ? 'ledger.example/other' : 'ledger.example/plimsoll2').verifier.text;
      await client.query('update ledger_signer set verifier = $1', [other]);
      return other;
    },
  },
];
