import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { leafHash, openCheckpoint, parseCanonical, parseVerifier, verifyConsistency, verifyInclusion, type Hash } from '#libs/ledger';
import { eventually, startApp, type Answer, type Person, type RunningApp } from '../support/running-app.ts';

const bytes = (base64: string): Hash => Buffer.from(base64, 'base64');
const proofIn = ({ body }: Answer): Hash[] => (body.proof as string[]).map(bytes);

/** What an outsider does with the ledger: over HTTP, with nothing of the server but its public key. */
describe('the ledger over HTTP', () => {
  let app: RunningApp;
  let folder: string;
  let dev: Person;
  let auditor: Person;
  const register = async (name: string): Promise<void> => {
    const artifact = {
      name,
      version: '1.0.0',
      purl: `pkg:npm/${name}@1.0.0`,
      digest: { algorithm: 'sha256', value: 'a1'.repeat(32) },
      authors: ['plimsoll-embedded|ada'],
    };
    expect((await dev.post('/v1/artifacts/artifacts', artifact)).status).toBe(201);
  };
  /** Waits until everything that is in the log now is signed. */
  const signed = (): Promise<Answer> =>
    eventually('a checkpoint of everything', async () => {
      const head = await app.plimsoll.infrastructure.log.head();
      const { body } = await auditor.get('/v1/ledger');
      return BigInt(body.position) >= head && body.unanchoredEvents === 0 ? await auditor.get('/v1/ledger/checkpoint') : undefined;
    });

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'plimsoll-ledger-'));
    app = await startApp({ PLIMSOLL_DATA_DIR: folder, PLIMSOLL_LEDGER_EVERY_EVENTS: '1', PLIMSOLL_LEDGER_EVERY_SECONDS: '1' });
    dev = await app.person('dora', 'developer');
    auditor = await app.person('audrey', 'auditor');
  });
  afterAll(async () => {
    await app.stop();
    await rm(folder, { recursive: true, force: true });
  });

  it('has nothing signed before there is an event', async () => {
    expect(await auditor.get('/v1/ledger/checkpoint')).toMatchObject({
      status: 404,
      body: { detail: expect.stringContaining('Nothing is signed yet') },
    });
    expect((await auditor.get('/v1/ledger')).body).toMatchObject({ size: 0, signedSize: 0, unanchoredEvents: 0 });
  });

  it('proves to a stranger that an event is in it, and that it only grew', async () => {
    for (const name of ['one', 'two', 'three']) await register(name);
    const first = await signed();
    expect(first.headers.get('content-type')).toBe('text/plain; charset=utf-8');
    for (const name of ['four', 'five']) await register(name);
    const second = await signed();

    const verifier = parseVerifier((await auditor.get('/v1/ledger')).body.verifier as string);
    const [before, now] = [openCheckpoint(first.text, verifier), openCheckpoint(second.text, verifier)];
    expect(now.size).toBeGreaterThan(before.size);
    const consistency = await auditor.get(`/v1/ledger/consistency-proof?first=${before.size}`);
    expect(verifyConsistency(before.size, now.size, before.root, now.root, proofIn(consistency))).toBe(true);
    expect((await auditor.get(`/v1/ledger/checkpoints/${before.size}`)).text).toBe(first.text);

    const events = await app.plimsoll.infrastructure.log.readAll({ after: -1n, maxCount: 1000 });
    for (const [sequence, event] of events.entries()) {
      const proof = await auditor.get(`/v1/ledger/inclusion-proof?eventId=${event.id}&treeSize=${now.size}`);
      expect(proof.body).toMatchObject({ sequence, stream: event.stream, revision: event.revision, root: now.root.toString('base64') });
      const { body } = await auditor.get(`/v1/ledger/leaves/${sequence}`);
      expect(parseCanonical(body.leaf as string)).toMatchObject({
        id: event.id,
        type: event.type,
        data: event.data,
        metadata: event.metadata,
      });
      expect(verifyInclusion(leafHash(body.leaf as string), sequence, now.size, proofIn(proof), now.root)).toBe(true);
    }
  });

  it('publishes what it signs in a file, by a key that only its owner can read', async () => {
    const last = await signed();
    const lines = readFileSync(join(folder, 'ledger/checkpoints.ndjson'), 'utf8').trim().split('\n');
    expect(JSON.parse(lines.at(-1)!)).toMatchObject({ note: last.text });
    expect(statSync(join(folder, 'ledger/signing-key')).mode & 0o777).toBe(0o600);
  });

  it('says to Prometheus how much is under no signature', async () => {
    await signed();
    const { text } = await auditor.get('/metrics');
    expect(text).toMatch(/^plimsoll_ledger_unanchored_events\{window="now"\} 0$/m);
    expect(text).toMatch(/^plimsoll_ledger_unanchored_events\{window="largest"\} [1-9]/m);
    expect(text).toMatch(/^plimsoll_ledger_unanchored_seconds\{window="largest"\} [\d.]+$/m);
    expect(text).toMatch(/^plimsoll_ledger_refuses_to_sign 0$/m);
  });

  it('shows leaves, which hold whole events, to auditors and release managers alone', async () => {
    expect((await dev.get('/v1/ledger/leaves/0')).status).toBe(403);
    expect((await app.bearer('nonsense').get('/v1/ledger/checkpoint')).status).toBe(401);
  });

  it.each([
    ['inclusion-proof', 400],
    ['inclusion-proof?sequence=0&eventId=0190a1b2-c3d4-4e5f-8a6b-000000000001', 400],
    ['inclusion-proof?eventId=1%27%20or%201=1', 400],
    ['inclusion-proof?sequence=-1', 400],
    ['inclusion-proof?sequence=0x1', 400],
    ['inclusion-proof?sequence=9007199254740992', 400],
    ['inclusion-proof?sequence=1&sequence=2', 400],
    ['inclusion-proof?sequence=0&size=1', 400],
    ['inclusion-proof?sequence=9007199254740991', 404],
    ['inclusion-proof?eventId=0190a1b2-c3d4-4e5f-8a6b-00000000dead', 404],
    ['inclusion-proof?sequence=1&treeSize=1', 422],
    ['inclusion-proof?sequence=1&treeSize=0', 422],
    ['inclusion-proof?sequence=1&treeSize=9007199254740991', 422],
    ['consistency-proof', 400],
    ['consistency-proof?first=0', 422],
    ['consistency-proof?first=3&second=2', 422],
    ['consistency-proof?first=1e3', 400],
    ['consistency-proof?first=1&second=9007199254740991', 422],
    ['leaves/01', 400],
    ['leaves/__proto__', 400],
    ['leaves/900719925474099', 404],
    ['checkpoints/1.5', 400],
    ['checkpoints/0', 404],
    ['checkpoint?x=1', 400],
  ])('refuses %s with %d', async (path, status) => {
    await signed();
    const answer = await auditor.get(`/v1/ledger/${path}`);
    expect(answer).toMatchObject({
      status,
      body: { type: expect.stringContaining('https://plimsoll.dev/problems/'), detail: expect.any(String) },
    });
  });
});
