import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Pool } from 'pg';
import { MemoryEventLog } from '#libs/event-sourcing/memory';
import {
  formatCheckpoint,
  formatNote,
  formatSignature,
  formatSigner,
  leafHash,
  openCheckpoint,
  parseNote,
  parseSigner,
  rootOfLeaves,
  signatureOf,
  verifyNote,
  type Hash,
} from '#libs/ledger';
import { freshDatabase, type FreshDatabase } from '../../test/support/database.ts';
import { WitnessPrograms } from '../../test/support/witness-program.ts';
import { ledgerStatus } from './ledger-status.ts';
import { checkpointNote } from '#libs/ledger/postgres';
import { WitnessSender, type WitnessTarget } from './witness-sender.ts';

const NOW = '2026-03-02T10:00:00.000Z';
const signer = parseSigner(formatSigner('log.example/one', 'ed25519', Buffer.alloc(32, 1)));
const witnessKey = parseSigner(formatSigner('witness.example', 'cosignature/v1', Buffer.alloc(32, 2)));

let database: FreshDatabase;
let pool: Pool;
let folder: string;
const programs = new WitnessPrograms();
const servers: Server[] = [];

beforeAll(async () => {
  database = await freshDatabase();
  pool = new Pool({ connectionString: database.url });
  pool.on('error', () => undefined);
});
beforeEach(async () => {
  await pool.query('truncate ledger_leaf, ledger_node, ledger_tree, ledger_checkpoint, ledger_cosignature, ledger_witness, ledger_signer');
  folder = await mkdtemp(join(tmpdir(), 'plimsoll-witnessed-'));
});
afterEach(async () => {
  await programs.killAll();
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
  await rm(folder, { recursive: true, force: true });
});
afterAll(async () => {
  await pool.end();
  await database.drop();
});

const leavesOf = (count: number, salt = ''): Hash[] => Array.from({ length: count }, (_, n) => leafHash(`${n}${salt}`));

/** A ledger of these leaves, signed and published at its whole size. */
async function publish(leaves: readonly Hash[]): Promise<string> {
  await pool.query('truncate ledger_leaf');
  await pool.query(
    `insert into ledger_leaf (sequence, position, event_id, stream, revision, hash)
       select n - 1, n - 1, gen_random_uuid(), 'thing-1', n - 1, h from unnest($1::bytea[]) with ordinality as l(h, n)`,
    [leaves],
  );
  const root = rootOfLeaves(leaves);
  const text = formatCheckpoint({ origin: signer.verifier.name, size: leaves.length, root });
  const note = formatNote({ text, signatures: [signatureOf(text, signer, 0)] });
  await pool.query(
    `insert into ledger_checkpoint (size, root, note, signed_at, window_events, window_seconds, published_at) values ($1, $2, $3, $4, 0, 0, $4)
       on conflict (size) do update set root = excluded.root, note = excluded.note`,
    [leaves.length, root, note, NOW],
  );
  return note;
}

function sending(...witnesses: WitnessTarget[]) {
  const problems: string[] = [];
  const sender = new WitnessSender({
    pool,
    witnesses,
    now: () => NOW,
    timeoutMs: 20_000,
    onProblem: (witness, problem) => problems.push(`${witness}: ${problem}`),
  });
  return { sender, problems };
}

async function answering(listener: RequestListener): Promise<WitnessTarget> {
  const server = createServer(listener);
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { url: new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}`), verifier: witnessKey.verifier };
}

const statusOf = async () => (await ledgerStatus(pool, new MemoryEventLog(), NOW)).witnesses;

describe('a published checkpoint', () => {
  it('is signed by a witness, and goes on from the one that it signed before', async () => {
    const { url, verifier } = await programs.start(folder, signer.verifier);
    const { sender, problems } = sending({ url: new URL(url), verifier });
    for (const size of [5, 300]) {
      await publish(leavesOf(size));
      await sender.tick();
      // And twice is once.
      await sender.tick();
      const note = (await checkpointNote(pool))!;
      expect(openCheckpoint(note, signer.verifier)).toMatchObject({ size });
      expect(verifyNote(parseNote(note), [verifier])).toMatchObject([{ name: 'witness.example' }]);
      expect(parseNote(note).signatures).toHaveLength(2);
    }
    expect(problems).toEqual([]);
    expect(await statusOf()).toEqual([{ verifier: verifier.text, size: 300, witnessedAt: NOW }]);
  });

  it('is signed all the same where this side has forgotten what the witness saw last', async () => {
    const { url, verifier } = await programs.start(folder, signer.verifier);
    const { sender, problems } = sending({ url: new URL(url), verifier });
    await publish(leavesOf(5));
    await sender.tick();
    await pool.query('truncate ledger_cosignature');
    await publish(leavesOf(9));
    await sender.tick();
    expect(problems).toEqual([]);
    expect(await statusOf()).toMatchObject([{ size: 9 }]);
  });

  it('waits for a witness that is away, and no other waits for it', async () => {
    const { url, verifier } = await programs.start(folder, signer.verifier);
    const gone = await answering(() => undefined);
    const closed = servers.pop()!;
    await new Promise((resolve) => closed.close(resolve));
    const { sender, problems } = sending(gone, { url: new URL(url), verifier });
    await publish(leavesOf(5));
    await sender.tick();
    await sender.tick();
    expect(problems).toEqual(['witness.example: away']);
    expect(await statusOf()).toEqual(
      expect.arrayContaining([
        { verifier: verifier.text, size: 5, witnessedAt: NOW },
        { verifier: gone.verifier.text, size: 0, problem: expect.objectContaining({ code: 'away' }) },
      ]),
    );
  });

  it('is not sent before it is published, for then it may still be lost', async () => {
    let asked = 0;
    const witness = await answering((_, response) => {
      asked += 1;
      response.writeHead(500).end();
    });
    await publish(leavesOf(5));
    await pool.query('update ledger_checkpoint set published_at = null');
    const { sender } = sending(witness);
    await sender.tick();
    expect(asked).toBe(0);
    await pool.query('update ledger_checkpoint set published_at = $1', [NOW]);
    await sender.tick();
    expect(asked).toBe(1);
  });
});

describe('a history that a witness knows otherwise is named', () => {
  /** A witness that has signed 8 leaves, and what comes of these. */
  async function problemWith(leaves: readonly Hash[]): Promise<string[]> {
    const { url, verifier } = await programs.start(folder, signer.verifier);
    const { sender, problems } = sending({ url: new URL(url), verifier });
    await publish(leavesOf(8));
    await sender.tick();
    expect(problems).toEqual([]);
    await pool.query('truncate ledger_checkpoint, ledger_cosignature');
    await publish(leaves);
    await sender.tick();
    expect((await statusOf())[0]?.problem?.code).toBe(problems[0]?.split(': ')[1]);
    return problems;
  }

  it('but where it goes on, there is nothing to name', async () => {
    expect(await problemWith(leavesOf(12))).toEqual([]);
  });
  it('as a rollback, where fewer leaves were signed here than there', async () => {
    expect(await problemWith(leavesOf(6))).toEqual(['witness.example: rollback']);
  });
  it('as a fork, where the same size has another root', async () => {
    expect(await problemWith(leavesOf(8, 'forged'))).toEqual(['witness.example: fork']);
  });
  it('as a bad proof, where a longer log does not go on', async () => {
    expect(await problemWith(leavesOf(12, 'forged'))).toEqual(['witness.example: bad-proof']);
  });
});

describe('an answer that is no signature of the witness', () => {
  const line = (text: string, key = witnessKey): string => `${formatSignature(signatureOf(text, key, 1_700_000_000))}\n`;
  const other = parseSigner(formatSigner('witness.example', 'cosignature/v1', Buffer.alloc(32, 3)));
  const text = (count: number): string =>
    formatCheckpoint({ origin: signer.verifier.name, size: count, root: rootOfLeaves(leavesOf(count)) });

  it.each([
    ['of another key', line(text(5), other)],
    ['under another checkpoint', line(text(6))],
    ['that is none', 'signed!\n'],
    ['that is empty', ''],
  ])('is not taken: one %s', async (_what, body) => {
    await publish(leavesOf(5));
    const { sender, problems } = sending(await answering((_request, response) => response.writeHead(200).end(body)));
    await sender.tick();
    expect(problems).toEqual(['witness.example: bad-cosignature']);
    expect(parseNote((await checkpointNote(pool))!).signatures).toHaveLength(1);
  });

  it('is taken where it is one, beside lines of other keys', async () => {
    await publish(leavesOf(5));
    const body = line(text(5), other) + line(text(5));
    const { sender, problems } = sending(await answering((_request, response) => response.writeHead(200).end(body)));
    await sender.tick();
    expect(problems).toEqual([]);
    expect(verifyNote(parseNote((await checkpointNote(pool))!), [witnessKey.verifier])).toHaveLength(1);
  });

  it('reaches a log without its control characters', async () => {
    await publish(leavesOf(5));
    const said: string[] = [];
    const witness = await answering((_request, response) => response.writeHead(403).end('no\n{"level":60}\u001b[31m'));
    await new WitnessSender({ pool, witnesses: [witness], now: () => NOW, onProblem: (_w, _p, detail) => said.push(detail) }).tick();
    expect(said).toEqual(['It answered 403: no {"level":60} [31m']);
  });
});
