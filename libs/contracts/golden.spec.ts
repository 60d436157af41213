import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { DomainEvent, StoredEvent } from '#libs/event-sourcing';
import { describeEvent } from './describe.ts';
import { declarations, plimsollCodec, type PlimsollEvent } from './registry.ts';

const FOLDER = join(__dirname, 'golden');
const manifest = JSON.parse(readFileSync(join(FOLDER, 'manifest.json'), 'utf8')) as Record<string, string>;
const files = readdirSync(FOLDER).filter((name) => name !== 'manifest.json');

const textOf = (name: string): string => readFileSync(join(FOLDER, name), 'utf8');
const storedIn = (name: string): StoredEvent => ({
  id: '00000000-0000-5000-8000-000000000000',
  stream: 'golden-1',
  revision: 0,
  position: 0n,
  ...(JSON.parse(textOf(name)) as DomainEvent & Pick<StoredEvent, 'metadata'>),
});

describe('the stored examples of events', () => {
  it('hold one of every version that was ever written of every type', () => {
    const expected = Object.entries(declarations).flatMap(([type, { version }]) =>
      Array.from({ length: version }, (_, n) => `${type}.v${n + 1}.json`),
    );
    expect([...files].sort()).toEqual(expected.sort());
  });

  it('are never edited: what is stored somewhere must be read as it is', () => {
    const digests = Object.fromEntries(files.map((name) => [name, createHash('sha256').update(textOf(name)).digest('hex')]));
    const edited = files.filter((name) => manifest[name] !== undefined && manifest[name] !== digests[name]);
    const unlisted = files.filter((name) => manifest[name] === undefined).map((name) => `"${name}": "${digests[name]}"`);
    const gone = Object.keys(manifest).filter((name) => !files.includes(name));
    expect({ edited, unlisted, gone, advice: ADVICE }).toEqual({ edited: [], unlisted: [], gone: [], advice: ADVICE });
  });

  it.each(files)('%s is what its name says, and reads as the current version', (name) => {
    const stored = storedIn(name);
    expect(`${stored.type}.v${stored.metadata.schemaVersion}.json`).toBe(name);
    const codec = plimsollCodec();
    const today = codec.upcast(stored);
    expect(today.metadata.schemaVersion).toBe(codec.schemaVersion(stored.type));
    expect(describeEvent(today as unknown as PlimsollEvent)).not.toMatch(/undefined|\[object/);
  });
});

const ADVICE =
  'A golden file is never edited or removed: events like it are stored. Raise the version in `declarations`, write an upcaster, ' +
  'and add a new file <Type>.v<n>.json with its SHA-256 in manifest.json.';
