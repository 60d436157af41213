import { execFileSync } from 'node:child_process';
import { appendFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { eventLeafHash, formatNote, formatSigner, parseNote, parseSigner, signatureOf, type Signer } from '#libs/ledger';
import { logKey, memorySource, signedCheckpoint, signedSuccession } from '../../test/support/exports.ts';
import { history } from '../../test/support/history.ts';
import { story } from '../../test/support/story.ts';
import { FILES, parseCheckpointLine, type Manifest } from '#libs/audit-export';
import { exitCodeOf, EXIT_CODES } from './findings.ts';
import { verifyExport, type VerifyOptions } from './verify.ts';
import { writeExport, type ExportRange } from '#libs/audit-export';

const events = history(story);
const hashes = events.map(eventLeafHash);
const key = logKey().verifier.text;
const NOW = '2026-03-03T00:00:00.000Z';

let root: string;
beforeAll(() => (root = mkdtempSync(join(tmpdir(), 'plimsoll-verify-'))));
afterAll(() => rmSync(root, { recursive: true, force: true }));

async function exported(range: ExportRange = {}, sizes = [5, 12, events.length]): Promise<string> {
  const folder = mkdtempSync(join(root, 'export-'));
  await writeExport(memorySource(events, sizes), folder, { ...range, now: NOW });
  return folder;
}
const linesIn = (folder: string, file: string): string[] => readFileSync(join(folder, file), 'utf8').split('\n').slice(0, -1);
const write = (folder: string, file: string, lines: readonly string[]): void =>
  writeFileSync(join(folder, file), lines.map((line) => `${line}\n`).join(''));
const linkTo = (folder: string, file: string, target: string): void => {
  rmSync(join(folder, file));
  symlinkSync(target, join(folder, file));
};
const folderAt = (folder: string, file: string): void => {
  rmSync(join(folder, file));
  mkdirSync(join(folder, file));
};
const pipeAt = (folder: string, file: string): void => {
  rmSync(join(folder, file));
  execFileSync('mkfifo', [join(folder, file)]);
};
const named = async (folder: string, options: VerifyOptions = {}): Promise<string[]> => [
  ...new Set((await verifyExport(folder, { key, ...options })).findings.map(({ name }) => name)),
];
async function tampered(file: string, change: (lines: string[]) => void, range: ExportRange = {}): Promise<string> {
  const folder = await exported(range);
  const lines = linesIn(folder, file);
  change(lines);
  write(folder, file, lines);
  return folder;
}

it('says how far it is, also where events must be looked into one by one', async () => {
  const told: string[] = [];
  const folder = await tampered(FILES.events, (lines) => {
    for (const n of [3, 4, 9]) lines[n] = lines[n]!.replace(/"type":"/, '"type":"X');
  });
  const { findings } = await verifyExport(folder, { key, onProgress: (what) => told.push(what) });
  expect(findings.map(({ name }) => name)).toEqual(['edit', 'edit', 'edit']);
  expect(told).toEqual([
    `${events.length} events verified`,
    ...[1, 2].map(() => `events are not what was signed: ${events.length} read once more`),
    ...[1, 2, 3].map((n) => `${n} of 3 changed events looked into`),
  ]);
});

describe('an export', () => {
  it('that nobody touched verifies, whichever range it is of', async () => {
    const ranges = [{}, { first: 0, end: 7 }, { first: 3, end: 12 }, { first: 9 }, { first: 12, end: 20 }, { first: events.length - 1 }];
    for (const range of ranges) {
      const folder = await exported(range);
      const { end = events.length, first = 0 } = range;
      expect(await verifyExport(folder, { key })).toMatchObject({ findings: [], events: end - first, anchored: end - first, notes: [] });
    }
  });

  it('says which events are under no checkpoint yet', async () => {
    const folder = await exported({}, [5, 12]);
    expect(await verifyExport(folder, { key })).toMatchObject({
      findings: [],
      anchored: 12,
      notes: [`${events.length - 12} events at the end are under no signed checkpoint yet.`],
    });
  });

  it('without any checkpoint proves nothing, and that is no success', async () => {
    expect(await named(await exported({}, []))).toEqual(['unanchored']);
  });

  it('whose key is its own says so; under another key none of its checkpoints is signed', async () => {
    const folder = await exported();
    expect((await verifyExport(folder)).notes).toEqual([expect.stringContaining('--key')]);
    expect(await named(folder, { key: logKey('other.example').verifier.text })).toEqual(['forged-checkpoint']);
  });
});

describe('an export over a change of the key', () => {
  const [first, second, third] = [1, 2, 3].map((number) => logKey(undefined, number)) as [Signer, Signer, Signer];
  const SIZES = [5, 12, 20, events.length];
  const rotated = async (range: ExportRange = {}): Promise<string> => {
    const folder = mkdtempSync(join(root, 'rotated-'));
    await writeExport(memorySource(events, SIZES, { signer: first, next: { size: 12, signer: second } }), folder, { ...range, now: NOW });
    return folder;
  };
  const changed = async (change: (manifest: Manifest, checkpoints: string[]) => Partial<Manifest> | void, range: ExportRange = {}) => {
    const folder = await rotated(range);
    const manifest = JSON.parse(readFileSync(join(folder, FILES.manifest), 'utf8')) as Manifest;
    const lines = linesIn(folder, FILES.checkpoints);
    const next = change(manifest, lines);
    writeFileSync(join(folder, FILES.manifest), JSON.stringify({ ...manifest, ...next }));
    write(folder, FILES.checkpoints, lines);
    return folder;
  };
  const line = (note: string): string => JSON.stringify({ note });

  it('verifies with the old key alone, with the new one alone, and with its own', async () => {
    for (const range of [{}, { end: 9 }, { first: 3, end: 15 }, { first: 15 }, { first: 12 }]) {
      const folder = await rotated(range);
      const { end = events.length, first: from = 0 } = range as { end?: number; first?: number };
      for (const trusted of [first, second])
        expect(await verifyExport(folder, { key: trusted.verifier.text })).toMatchObject({ findings: [], anchored: end - from });
      expect((await verifyExport(folder)).findings).toEqual([]);
      expect((await verifyExport(folder, { key: first.verifier.text })).notes).toEqual([expect.stringContaining(second.verifier.text)]);
      expect((await verifyExport(folder, { key: second.verifier.text })).notes).toEqual([]);
    }
  });

  it('knows kept checkpoints of both keys', async () => {
    const folder = await rotated();
    const known = [signedCheckpoint(hashes, 5, first), signedCheckpoint(hashes, 20, second), signedSuccession(hashes, 12, first, second)];
    expect(await named(folder, { key: first.verifier.text, known })).toEqual([]);
    expect(await named(folder, { key: first.verifier.text, known: [signedCheckpoint(hashes, 20, third)] })).toEqual(['forged-checkpoint']);
  });

  it('is forged where the succession is gone', async () => {
    const without = ({ successions: _gone, ...manifest }: Manifest, lines: string[]) => {
      lines.splice(1, 1);
      return { ...manifest, checkpoints: lines.length, successions: undefined };
    };
    const folder = await changed(without as never);
    for (const trusted of [first, second]) expect(await named(folder, { key: trusted.verifier.text })).toContain('forged-checkpoint');
  });

  it.each<[string, () => string]>([
    ['the new key alone', () => signedSuccession(hashes, 12, second, third).replaceAll(second.verifier.text, first.verifier.text)],
    ['the old key alone', () => signedSuccession(hashes, 12, first, second).split('\n').slice(0, -2).join('\n') + '\n'],
    ['keys that the log knows nothing of', () => signedSuccession(hashes, 12, logKey(undefined, 8), logKey(undefined, 9))],
    ['both, and then changed', () => signedSuccession(hashes, 12, first, second).replace('\n12\n', '\n13\n')],
    ['both, of another log', () => signedSuccession(hashes, 12, logKey('other.example'), logKey('other.example', 2))],
  ])('is forged where a succession is signed by %s', async (_by, note) => {
    const folder = await changed(({ successions = [] }) => ({ successions: [...successions, note()] }));
    expect(await named(folder, { key: first.verifier.text })).toEqual(['forged-checkpoint']);
  });

  it('is a fork where one key has named two successors', async () => {
    const two = await changed(({ successions = [] }) => ({ successions: [...successions, signedSuccession(hashes, 12, first, third)] }));
    expect(await named(two, { key: first.verifier.text })).toEqual(['fork']);
    const sizes = await changed(({ successions = [] }) => ({ successions: [...successions, signedSuccession(hashes, 20, first, second)] }));
    expect(await named(sizes, { key: first.verifier.text })).toEqual(['fork']);
  });

  it('is forged where a key has signed after it was succeeded, or before it succeeded', async () => {
    const late = await changed((_manifest, lines) => void (lines[2] = line(signedCheckpoint(hashes, 20, first))));
    const early = await changed((_manifest, lines) => void (lines[0] = line(signedCheckpoint(hashes, 5, second))));
    for (const folder of [late, early])
      for (const trusted of [first, second]) expect(await named(folder, { key: trusted.verifier.text })).toEqual(['forged-checkpoint']);
  });

  it('goes on over several', async () => {
    const folder = await changed(({ successions = [] }, lines) => {
      lines[2] = line(signedSuccession(hashes, 20, second, third));
      lines[3] = line(signedCheckpoint(hashes, events.length, third));
      return { successions, verifierKey: third.verifier.text };
    });
    for (const trusted of [first, second, third]) expect(await named(folder, { key: trusted.verifier.text })).toEqual([]);
  });
});

describe('where a witness must have signed', () => {
  const witness = parseSigner(formatSigner('witness.example', 'cosignature/v1', Buffer.alloc(32, 5)));
  const impostor = parseSigner(formatSigner('witness.example', 'cosignature/v1', Buffer.alloc(32, 6)));
  /** The checkpoint of that size with a line that `signer` wrote under `claimed`. */
  async function cosigned(size: number, signer = witness, claimed = size): Promise<string> {
    return await tampered(FILES.checkpoints, (lines) => {
      lines.forEach((line, n) => {
        const note = parseNote(parseCheckpointLine(line));
        if (Number(note.text.split('\n')[1]) !== size) return;
        const { text } = parseNote(signedCheckpoint(hashes, claimed, logKey()));
        const { name, keyHash } = witness.verifier;
        const signature = { ...signatureOf(text, signer, 1_700_000_000), name, keyHash };
        lines[n] = JSON.stringify({ note: formatNote({ ...note, signatures: [...note.signatures, signature] }) });
      });
    });
  }
  const witnesses = [witness.verifier.text];

  it('it is enough that it has, and the events since then are told', async () => {
    expect(await verifyExport(await cosigned(events.length), { key, witnesses })).toMatchObject({ findings: [], notes: [] });
    expect(await verifyExport(await cosigned(12), { key, witnesses })).toMatchObject({
      findings: [],
      notes: [`${events.length - 12} events at the end are under no checkpoint that the witness witness.example has signed yet.`],
    });
  });

  it('an export that it has not signed is named, and whoever does not ask for it goes on', async () => {
    expect(await named(await exported(), { witnesses })).toEqual(['unwitnessed']);
    expect(await named(await exported())).toEqual([]);
    expect(await named(await cosigned(5), { witnesses: [...witnesses, impostor.verifier.text] })).toEqual(['unwitnessed']);
  });

  it('a signature in its name that is not its own is forged', async () => {
    expect(await named(await cosigned(12, impostor), { witnesses })).toEqual(['forged-checkpoint', 'unwitnessed']);
    expect(await named(await cosigned(12, witness, 5), { witnesses })).toEqual(['forged-checkpoint', 'unwitnessed']);
  });
});

describe('what was done to an export is named:', () => {
  it('an edit', async () => {
    const folder = await tampered(FILES.events, (lines) => (lines[7] = lines[7]!.replace('"quorum":2', '"quorum":1')));
    const { findings } = await verifyExport(folder, { key });
    expect(findings).toEqual([
      { name: 'edit', where: `${events[7]!.stream}@${events[7]!.revision}`, detail: 'It is not what the ledger has at sequence 7.' },
    ]);
  });

  it('a deletion, where the stream goes on; a truncation, where it does not', async () => {
    const inTheMiddle = events.findIndex((e, n) => e.revision > 0 && events.slice(n + 1).some((later) => later.stream === e.stream));
    const last = events.findIndex(
      (e, n) => n < events.length - 1 && e.revision > 0 && !events.slice(n + 1).some((l) => l.stream === e.stream),
    );
    expect(await named(await tampered(FILES.events, (lines) => lines.splice(inTheMiddle, 1)))).toEqual(['deletion']);
    expect(await named(await tampered(FILES.events, (lines) => lines.splice(last, 1)))).toEqual(['truncation']);
  });

  it('a truncation of the end', async () => {
    const folder = await tampered(FILES.events, (lines) => lines.splice(-3));
    const { findings } = await verifyExport(folder, { key });
    expect(findings.map(({ name, where }) => [name, where])).toEqual(
      events.slice(-3).map((e, n) => ['truncation', `${e.stream}@${e.revision} (sequence ${events.length - 3 + n})`]),
    );
  });

  it('an insertion, of a new event and of one that is there already', async () => {
    const foreign = (line: string): string => line.replace(/"id":"[^"]+"/, '"id":"99999999-0000-5000-8000-000000000000"');
    expect(await named(await tampered(FILES.events, (lines) => lines.splice(4, 0, foreign(lines[4]!))))).toEqual(['insertion']);
    expect(await named(await tampered(FILES.events, (lines) => lines.splice(9, 0, lines[4]!)))).toEqual(['insertion']);
    expect(await named(await tampered(FILES.events, (lines) => lines.push(foreign(lines[4]!))))).toEqual(['insertion']);
  });

  it('a reordering', async () => {
    expect(await named(await tampered(FILES.events, (lines) => ([lines[3], lines[4]] = [lines[4]!, lines[3]!])))).toEqual(['reordering']);
  });

  it('back-dating, with the time that it was, however far it was moved', async () => {
    for (const claimed of ['2026-03-02T10:00:05.999Z', '2026-01-01T00:00:00.000Z']) {
      const folder = await tampered(FILES.events, (lines) => (lines[8] = lines[8]!.replaceAll(events[8]!.metadata.recordedAt, claimed)));
      const { findings } = await verifyExport(folder, { key });
      expect(findings).toEqual([
        { name: 'back-dating', where: expect.any(String), detail: expect.stringContaining(events[8]!.metadata.recordedAt) },
      ]);
    }
    const onlyCreated = await tampered(
      FILES.events,
      (lines) => (lines[8] = lines[8]!.replace(events[8]!.metadata.recordedAt, '2020-01-01T00:00:00.000Z')),
    );
    expect(await named(onlyCreated)).toEqual(['back-dating']);
  });

  it('back-dating that the ledger has signed, because it came in so', async () => {
    const late = events.map((event, n) =>
      n === 10 ? { ...event, metadata: { ...event.metadata, recordedAt: '2026-02-01T00:00:00.000Z' } } : event,
    );
    const folder = mkdtempSync(join(root, 'late-'));
    await writeExport(memorySource(late, [late.length]), folder, { now: NOW });
    expect(await named(folder)).toEqual(['back-dating']);
  });

  it('a fork: two roots of one size, or a history that was written anew with its leaves', async () => {
    const otherNote = signedCheckpoint([...hashes].reverse(), 12, logKey());
    expect(await named(await tampered(FILES.checkpoints, (lines) => lines.splice(2, 0, JSON.stringify({ note: otherNote }))))).toEqual([
      'fork',
    ]);

    const edited = events.map((event, n) => (n === 7 ? { ...event, type: 'ApprovalVoided' as const } : event)) as typeof events;
    const folder = mkdtempSync(join(root, 'anew-'));
    const anew = memorySource(edited, []);
    await writeExport({ ...anew, checkpoints: memorySource(events, [5, 12]).checkpoints }, folder, { now: NOW });
    const { findings } = await verifyExport(folder, { key });
    expect(findings).toEqual([{ name: 'fork', where: 'size 12', detail: expect.stringContaining('between sequence 5 and 11') }]);
  });

  it('a rollback: checkpoints taken away, with the count mended or not, or set back behind what is known', async () => {
    const shortened = await tampered(FILES.checkpoints, (lines) => lines.splice(1));
    expect(await named(shortened)).toEqual(['rollback']);
    const manifest = JSON.parse(readFileSync(join(shortened, FILES.manifest), 'utf8')) as Manifest;
    writeFileSync(join(shortened, FILES.manifest), JSON.stringify({ ...manifest, checkpoints: 1 }));
    expect(await named(shortened)).toEqual([]);
    expect(await named(shortened, { known: [signedCheckpoint(hashes, events.length, logKey())] })).toEqual(['rollback']);
    expect(await named(await tampered(FILES.checkpoints, (lines) => lines.push(lines[0]!)))).toEqual(['rollback']);
  });

  describe('a known checkpoint that the export does not reach', () => {
    const newest = signedCheckpoint(hashes, events.length, logKey());
    const setManifest = (folder: string, change: Partial<Manifest>): void => {
      const manifest = JSON.parse(readFileSync(join(folder, FILES.manifest), 'utf8')) as Manifest;
      writeFileSync(join(folder, FILES.manifest), JSON.stringify({ ...manifest, ...change }));
    };

    it('is not believed to be beyond it by the word of the manifest', async () => {
      const folder = await exported({ end: 12 });
      expect(await named(folder)).toEqual([]);
      expect(await named(folder, { known: [newest] })).toEqual(['known-not-compared']);
      setManifest(folder, { ledgerSize: 12 });
      expect(await named(folder, { known: [newest] })).toEqual(['rollback']);
      expect(await named(await exported({ first: 9 }), { known: [signedCheckpoint(hashes, 5, logKey())] })).toEqual(['known-not-compared']);
    });

    it('is held against the proof that the export was made with, which no other root passes', async () => {
      const beyond = await exported({ end: 12, known: [events.length] });
      const before = await exported({ first: 9, known: [5] });
      const other = [...hashes].reverse();
      expect(await named(beyond, { known: [newest] })).toEqual([]);
      expect(await named(before, { known: [signedCheckpoint(hashes, 5, logKey())] })).toEqual([]);
      expect(await named(beyond, { known: [signedCheckpoint(other, events.length, logKey())] })).toEqual(['fork']);
      expect(await named(before, { known: [signedCheckpoint(other, 5, logKey())] })).toEqual(['fork']);
      setManifest(beyond, { known: [{ size: events.length, proof: [] }] });
      expect(await named(beyond, { known: [newest] })).toEqual(['fork']);
    });
  });

  it('a forged checkpoint', async () => {
    const forger = signedCheckpoint(hashes, 12, logKey('forger.example')).replaceAll('forger.example', 'ledger.example/plimsoll');
    expect(await named(await tampered(FILES.checkpoints, (lines) => (lines[1] = JSON.stringify({ note: forger }))))).toEqual([
      'forged-checkpoint',
    ]);
  });

  it('a leaf that was changed, where the events are as they were signed', async () => {
    const folder = await tampered(FILES.leaves, (lines) => (lines[3] = lines[3]!.replace(/[0-9a-f]{64}/, 'a'.repeat(64))));
    expect((await verifyExport(folder, { key })).findings).toEqual([
      { name: 'edit', where: 'leaves.ndjson', detail: expect.stringContaining('the events themselves are those that were signed') },
    ]);
  });

  it('a leaf that names another event than was signed at its place', async () => {
    for (const field of [2, 3]) {
      const folder = await tampered(FILES.leaves, (lines) => {
        const leaf = JSON.parse(lines[3]!) as unknown[];
        leaf[field] = (JSON.parse(lines[4]!) as unknown[])[field];
        lines[3] = JSON.stringify(leaf);
      });
      expect((await verifyExport(folder, { key })).findings).toEqual([
        { name: 'edit', where: 'leaves.ndjson', detail: expect.stringContaining('Line 4 names') },
      ]);
    }
  });

  it.each([
    ['origin', 'other.example'],
    ['events', 3],
    ['ledgerSize', 3],
    ['source', 'paper'],
    ['exportedAt', 'yesterday'],
  ])('a manifest whose %s is not what is there', async (field, value) => {
    const folder = await exported();
    const manifest = JSON.parse(readFileSync(join(folder, FILES.manifest), 'utf8')) as Manifest;
    writeFileSync(join(folder, FILES.manifest), JSON.stringify({ ...manifest, [field]: value }));
    expect(await named(folder)).toEqual(['malformed']);
  });

  it('every line edited, in seconds: where they are not as the ledger writes, and where they are', async () => {
    const many = Array.from({ length: 12 }, () => events).flat().map((event, n) => ({ ...event, id: `e${n}`, stream: `s-${n}`, revision: 0, position: BigInt(n) })); // prettier-ignore
    for (const edit of [(line: string) => `${line}\r`, (line: string) => line.replace('"schemaVersion":1', '"schemaVersion":2')]) {
      const folder = mkdtempSync(join(root, 'all-'));
      await writeExport(memorySource(many, [many.length]), folder, { now: NOW });
      write(folder, FILES.events, linesIn(folder, FILES.events).map(edit));
      const before = process.cpuUsage();
      expect(await named(folder)).toEqual(['edit']);
      const { user } = process.cpuUsage(before);
      expect(user / 1e6).toBeLessThan(30);
    }
  }, 120_000);

  it('what was signed so, beside what was changed after it', async () => {
    const late = events.map((event, n) =>
      n === 3 ? { ...event, metadata: { ...event.metadata, recordedAt: '2026-02-01T00:00:00.000Z' } } : event,
    );
    const folder = mkdtempSync(join(root, 'late-'));
    await writeExport(memorySource(late, [late.length]), folder, { now: NOW });
    write(folder, FILES.events, linesIn(folder, FILES.events).slice(0, -1));
    expect(await named(folder)).toEqual(['truncation', 'back-dating']);
  });

  it('each of several', async () => {
    const folder = await tampered(FILES.events, (lines) => {
      lines.splice(-1);
      lines[7] = lines[7]!.replace('"quorum":2', '"quorum":1');
    });
    const { findings } = await verifyExport(folder, { key });
    expect(findings.map(({ name }) => name)).toEqual(['edit', 'truncation']);
    expect(exitCodeOf(findings)).toBe(EXIT_CODES.truncation);
  });
});

describe('a file that is none', () => {
  it.each([
    ['unfinished', (folder: string) => appendFileSync(join(folder, FILES.events), '{"x"')],
    ['not JSON', (folder: string) => write(folder, FILES.leaves, ['nonsense'])],
    ['blank', (folder: string) => appendFileSync(join(folder, FILES.leaves), '\n')],
    ['missing', (folder: string) => rmSync(join(folder, FILES.checkpoints))],
    ['of another schema', (folder: string) => writeFileSync(join(folder, FILES.manifest), '{"schema":"other"}')],
    ['a link', (folder: string) => linkTo(folder, FILES.manifest, '/dev/zero')],
    ['a link to itself', (folder: string) => linkTo(folder, FILES.events, FILES.events)],
    ['a folder', (folder: string) => folderAt(folder, FILES.manifest)],
    ['a folder of events', (folder: string) => folderAt(folder, FILES.events)],
    ['a pipe', (folder: string) => pipeAt(folder, FILES.leaves)],
  ])('is named malformed: %s', async (_what, spoil) => {
    const folder = await exported();
    spoil(folder);
    expect(await named(folder)).toEqual(['malformed']);
  });
});

it('has an exit code of its own for everything that can be found', () => {
  const codes = Object.values(EXIT_CODES);
  expect(new Set(codes).size).toBe(codes.length);
  expect(Math.min(...codes)).toBeGreaterThan(2);
  const readme = readFileSync(join(__dirname, '../../README.md'), 'utf8');
  for (const [name, code] of Object.entries(EXIT_CODES)) expect(readme).toContain(`| ${code} | \`${name}\` |`);
});
