import { chmodSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openKeyFile, readKeyFile, UnusableKeyFile } from './key-files.ts';

const read = (path: string): string => readKeyFile(path, 64);

describe('a file with a key', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'plimsoll-key-'));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  it('is made once, whoever makes it, for its owner alone, and leaves no draft', async () => {
    const path = join(folder, 'made', 'key');
    let n = 0;
    const made = await Promise.all(Array.from({ length: 8 }, () => openKeyFile(path, read, () => `key ${n++}`)));
    expect(new Set(made).size).toBe(1);
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(statSync(join(folder, 'made')).mode & 0o777).toBe(0o700);
    expect(readdirSync(join(folder, 'made'))).toEqual(['key']);
  });

  it('is read, and never made again, where it is there', async () => {
    const path = join(folder, 'key');
    writeFileSync(path, '  the key\n', { mode: 0o600 });
    const make = jest.fn(() => 'another');
    expect(await openKeyFile(path, read, make)).toBe('the key');
    expect(make).not.toHaveBeenCalled();
  });

  it('is refused where others can read it, and where it is too large to be one, in words that do not repeat it', async () => {
    const path = join(folder, 'key');
    writeFileSync(path, 'the key', { mode: 0o600 });
    expect(read(path)).toBe('the key');
    for (const mode of [0o640, 0o604, 0o620]) {
      chmodSync(path, mode);
      expect(() => read(path)).toThrow(UnusableKeyFile);
      expect(() => read(path)).toThrow(/chmod it to 0600/);
    }
    chmodSync(path, 0o600);
    writeFileSync(path, 'k'.repeat(64));
    expect(read(path)).toHaveLength(64);
    writeFileSync(path, 'k'.repeat(65));
    expect(() => read(path)).toThrow('has 65 bytes, and a key has at most 64');
    await expect(openKeyFile(path, read, () => 'another')).rejects.toThrow(UnusableKeyFile);
  });

  it('that can not be made leaves nothing half done', async () => {
    const path = join(folder, 'key');
    await expect(openKeyFile(path, read, () => Promise.reject(new Error('no entropy')))).rejects.toThrow('no entropy');
    expect(readdirSync(folder)).toEqual([]);
  });
});
