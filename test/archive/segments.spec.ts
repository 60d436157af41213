import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FILES } from '#libs/audit-export';
import { verifyExport } from '../../src/auditor/verify.ts';
import { memorySource } from '../support/exports.ts';
import { history } from '../support/history.ts';
import {
  segmentFolder,
  exportOf,
  FolderArchive,
  readSegments,
  SegmentNotProved,
  verifySegment,
  writeSegment,
  writeViews,
  type Archive,
  type SegmentPlan,
} from '#libs/archive';

const events = history(
  Array.from({ length: 40 }, (_, n) => ({ stream: `thing-${n % 5}`, event: { type: 'ThingHappened', data: { n, text: 'ä€\u2028' } } })),
);
/** What was signed; 17 is in the middle of a segment, and 40 the end. */
const source = memorySource(events, [10, 17, 25, 40]);
const at = { archivedAt: '2026-03-02T10:00:00.000Z', retainUntil: '2033-03-02T10:00:00.000Z' };
const folders: string[] = [];
async function folder(): Promise<string> {
  folders.push(await mkdtemp(join(tmpdir(), 'plimsoll-segments-')));
  return folders.at(-1)!;
}
afterAll(() => Promise.all(folders.map((path) => rm(path, { recursive: true, force: true }))));

async function archiveOf(ends: readonly number[], archive: Archive): Promise<{ name: string; sha256: string }[]> {
  const written: { name: string; sha256: string }[] = [];
  let first = 0;
  for (const end of ends) {
    written.push(await writeSegment(archive, source, { first, end, previous: written.at(-1)?.sha256 ?? null, ...at }));
    first = end;
  }
  return written;
}

/** Files by name with their contents, for comparison. */
async function contents(path: string): Promise<Record<string, string>> {
  const found: Record<string, string> = {};
  for (const entry of await readdir(path, { recursive: true, withFileTypes: true }))
    if (entry.isFile())
      found[join(entry.parentPath, entry.name).slice(path.length)] = await readFile(join(entry.parentPath, entry.name), 'latin1');
  return found;
}

/** An archive as an attacker with the folder in hand leaves it. */
class Tampered implements Archive {
  readonly kind = 'folder';
  readonly location = 'tampered';
  constructor(
    private readonly archive: Archive,
    private readonly changed: ReadonlyMap<string, Buffer | undefined>,
  ) {}
  put: Archive['put'] = (...args) => this.archive.put(...args);
  get: Archive['get'] = async (name) => (this.changed.has(name) ? this.changed.get(name) : await this.archive.get(name));
  async *list(prefix: string): ReturnType<Archive['list']> {
    for await (const entry of this.archive.list(prefix)) if (!this.changed.has(entry.name) || this.changed.get(entry.name)) yield entry;
  }
}

describe('archiving the log in segments', () => {
  it('gives, read back, an export from the first event on that the auditor\u2019s verifier accepts', async () => {
    const archive = new FolderArchive(await folder());
    await archiveOf([10, 22, 40], archive);
    const { segments, findings, unended } = await readSegments(archive);
    expect([findings, unended]).toEqual([[], []]);
    expect(segments.map(({ manifest: { first, end, checkpoint } }) => [first, end, checkpoint.size])).toEqual([
      [0, 10, 10],
      // Its end is under no checkpoint of its own, so it comes with the proof that the next one goes on from it.
      [10, 22, 25],
      [22, 40, 40],
    ]);
    const made = await folder();
    await exportOf(archive, segments, made);
    expect(await verifyExport(made, { key: source.verifierKey })).toMatchObject({ findings: [], events: 40, anchored: 40, checkpoints: 4 });
  });

  it('changes nothing the second time', async () => {
    const path = await folder();
    const archive = new FolderArchive(path);
    const written = await archiveOf([10, 25], archive);
    const before = await contents(path);
    expect(await archiveOf([10, 25], archive)).toEqual(written);
    expect(await contents(path)).toEqual(before);
  });

  it('is ended by a second try, wherever the first one died, and until then is no segment', async () => {
    const whole = await folder();
    await archiveOf([10], new FolderArchive(whole));
    for (let puts = 0; puts < 5; puts++) {
      const path = await folder();
      const archive = new FolderArchive(path);
      let left = puts;
      const dying: Archive = {
        kind: 'folder',
        location: path,
        put: async (name, bytes) => {
          if (left-- === 0) throw new Error('power cut');
          return await archive.put(name, bytes);
        },
        get: (name) => archive.get(name),
        list: (prefix) => archive.list(prefix),
      };
      await expect(archiveOf([10], dying)).rejects.toThrow('power cut');
      const { segments, unended } = await readSegments(archive);
      // As far as anybody can see it may have been whole: its events were signed, and are not there.
      expect([segments.length, unended.map(({ name }) => name)]).toEqual([0, puts === 0 ? [] : ['archive-missing']]);
      expect(unended.map(({ detail }) => detail).join()).toMatch(puts === 0 ? /^$/ : /Plimsoll was killed .*Sequences 0 to 9/);
      await archiveOf([10], archive);
      expect(await contents(path)).toEqual(await contents(whole));
    }
  });

  it('tells what was taken out of a last segment from what was never put, and needs none that others hold by now', async () => {
    const path = await folder();
    const archive = new FolderArchive(path);
    await archiveOf([10, 25], archive);
    const last = join(path, segmentFolder({ first: 10, end: 25 }));
    await rm(join(last, 'archive.json'), { force: true });
    await rm(join(last, FILES.events), { force: true });
    const { segments, findings, unended } = await readSegments(archive);
    expect([segments.length, findings]).toEqual([1, []]);
    expect(unended).toMatchObject([
      { name: 'archive-missing', detail: expect.stringContaining('they were taken out. Sequences 10 to 24') },
    ]);

    // A database that was put back plans another end for the same events.
    await archiveOf([10, 22, 40], archive);
    expect(await readSegments(archive)).toMatchObject({ findings: [], unended: [] });
  });

  it.each<[string, Parameters<typeof memorySource>[2]]>([
    ['says something else than its leaf', { stored: events.map((e, n) => (n === 4 ? { ...e, data: { n: 99, text: '' } } : e)) }],
    ['is gone', { stored: events.filter((_, n) => n !== 4) }],
    ['is one too many', { stored: [...events.slice(0, 4), { ...events[4]!, id: events[39]!.id }, ...events.slice(4)] }],
  ])('does not archive as true a log in which an event %s', async (_how, options) => {
    const path = await folder();
    const plan: SegmentPlan = { first: 0, end: 10, previous: null, ...at };
    await expect(writeSegment(new FolderArchive(path), memorySource(events, [10], options), plan)).rejects.toThrow(SegmentNotProved);
    expect(await contents(path)).toEqual({});
    await writeSegment(new FolderArchive(path), memorySource(events, [10]), plan);
  });

  it('archives nothing that is under no signed checkpoint, or whose leaves come to another root', async () => {
    const path = await folder();
    const plan: SegmentPlan = { first: 0, end: 12, previous: null, ...at };
    await expect(writeSegment(new FolderArchive(path), memorySource(events, [10]), plan)).rejects.toThrow('No signed checkpoint');
    const forked = memorySource([...events.slice(0, 3), events[4]!, events[3]!, ...events.slice(5)], [12]);
    await expect(writeSegment(new FolderArchive(path), { ...forked, checkpoints: source.checkpoints }, plan)).rejects.toThrow(
      SegmentNotProved,
    );
    expect(await contents(path)).toEqual({});
  });
});

describe('an archive that was tampered with', () => {
  const second = 'segments/000000000010-000000000025';
  let archive: FolderArchive;
  let written: { name: string; sha256: string }[];
  beforeAll(async () => {
    archive = new FolderArchive(await folder());
    written = await archiveOf([10, 25, 40], archive);
  });
  const tampered = (changes: Record<string, Buffer | undefined>): Archive => new Tampered(archive, new Map(Object.entries(changes)));
  const found = async (changed: Archive): Promise<string[]> =>
    (await readSegments(changed)).findings.map(({ name, where }) => `${name} ${where}`);

  it('is accepted untouched', async () => {
    expect(await found(tampered({}))).toEqual([]);
    for (const { name, sha256 } of written) expect(await verifySegment(archive, name, sha256)).toEqual([]);
  });

  it.each(['events.ndjson', 'leaves.ndjson', 'checkpoints.ndjson', 'manifest.json'])(
    'has its %s named where a byte of it was changed',
    async (file) => {
      const bytes = Buffer.from((await archive.get(`${second}/${file}`))!);
      bytes[bytes.length >> 1]! ^= 1;
      expect(await found(tampered({ [`${second}/${file}`]: bytes }))).toEqual([`archive-damaged ${second}/${file}`]);
      expect(await verifySegment(tampered({ [`${second}/${file}`]: bytes }), written[1]!.name, written[1]!.sha256)).toHaveLength(1);
    },
  );

  it('has a file named that is gone, and the sequences where a whole segment is', async () => {
    expect(await found(tampered({ [`${second}/events.ndjson`]: undefined }))).toEqual([`archive-missing ${second}/events.ndjson`]);
    const gone = Object.fromEntries(
      ['events.ndjson', 'leaves.ndjson', 'checkpoints.ndjson', 'manifest.json', 'archive.json'].map((f) => [`${second}/${f}`, undefined]),
    );
    expect(await found(tampered(gone))).toEqual(['archive-missing sequences 10 to 24']);
    expect(await found(tampered({ [`${second}/archive.json`]: undefined }))).toEqual(['archive-missing sequences 10 to 24']);
  });

  it('has a segment named that was exchanged as a whole, with a manifest that fits it', async () => {
    const other = new FolderArchive(await folder());
    const forged = events.map((e, n) => (n === 12 ? { ...e, data: { n: 99, text: '' } } : e));
    const plan: SegmentPlan = { first: 10, end: 25, previous: written[0]!.sha256, ...at };
    await writeSegment(other, memorySource(forged, [25]), plan);
    const changes: Record<string, Buffer> = {};
    for await (const { name } of other.list('')) changes[name] = (await other.get(name))!;
    expect(await found(tampered(changes))).toEqual([`archive-overwritten ${second}/archive.json`]);
    expect(await verifySegment(tampered(changes), written[1]!.name, written[1]!.sha256)).toMatchObject([{ name: 'archive-overwritten' }]);
  });

  it('has a manifest named that is none', async () => {
    for (const bytes of [Buffer.from('{}'), Buffer.from('not json'), Buffer.from('{"schema":"plimsoll.archive-segment.v1"}')])
      expect(await found(tampered({ [`${second}/archive.json`]: bytes }))).toEqual([
        `archive-damaged ${second}/archive.json`,
        'archive-missing sequences 10 to 24',
      ]);
  });

  it('has views left out that were changed, and older ones taken', async () => {
    const kept = new FolderArchive(await folder());
    await archiveOf([10], kept);
    const about = { origin: source.origin, position: 40n };
    const older = await writeViews(kept, { ...about, rows: Buffer.from('{"view":"a"}\n') }, at.retainUntil);
    const newer = await writeViews(kept, { ...about, position: 80n, rows: Buffer.from('{"view":"b"}\n') }, at.retainUntil);
    await writeViews(kept, { ...about, position: 100n, rows: Buffer.from('{"view":"of later events"}\n') }, at.retainUntil);
    const viewsIn = async (changed: Archive): Promise<readonly [string, number]> => {
      const made = await folder();
      const { findings } = await exportOf(changed, (await readSegments(changed)).segments, made);
      return [await readFile(join(made, FILES.views), 'utf8'), findings.length];
    };
    expect(await viewsIn(kept)).toEqual(['{"view":"b"}\n', 0]);
    const rows = newer.name.replace('archive.json', FILES.views);
    expect(await viewsIn(new Tampered(kept, new Map([[rows, Buffer.from('{"view":"x"}\n')]])))).toEqual(['{"view":"a"}\n', 1]);
    expect(older.name).not.toBe(newer.name);
  });
});
