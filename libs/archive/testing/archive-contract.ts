import { randomBytes } from 'node:crypto';
import { ArchiveConflict, ArchiveNameInvalid, type Archive } from '#libs/archive';

const UNTIL = { retainUntil: '2099-01-01T00:00:00.000Z' };

/** What every archive must do; `open` gives one that is empty. */
export function describeArchive(name: string, open: () => Promise<Archive>): void {
  describe(name, () => {
    const listed = async (archive: Archive, prefix = ''): Promise<string[]> => {
      const names: string[] = [];
      for await (const entry of archive.list(prefix)) names.push(`${entry.name} ${entry.bytes}`);
      return names.sort();
    };

    it('gives back what was put, byte for byte, also nothing and a megabyte', async () => {
      const archive = await open();
      const megabyte = randomBytes(1024 * 1024);
      for (const [object, bytes] of [
        ['segments/1/events.ndjson', Buffer.from('{"ä":1}\n')],
        ['segments/1/empty', Buffer.alloc(0)],
        ['large', megabyte],
      ] as const) {
        expect(await archive.put(object, bytes, UNTIL)).toEqual({ stored: true });
        expect((await archive.get(object))?.equals(bytes)).toBe(true);
      }
      expect(await listed(archive)).toEqual(['large 1048576', 'segments/1/empty 0', 'segments/1/events.ndjson 9']);
      expect(await listed(archive, 'segments/')).toHaveLength(2);
    });

    it('has nothing under a name that was not put', async () => {
      const archive = await open();
      expect(await archive.get('never/put')).toBeUndefined();
      expect(await listed(archive)).toEqual([]);
    });

    it('takes the same again as no change, and refuses anything else under the name', async () => {
      const archive = await open();
      await archive.put('a', Buffer.from('first'), UNTIL);
      expect(await archive.put('a', Buffer.from('first'), UNTIL)).toEqual({ stored: false });
      await expect(archive.put('a', Buffer.from('other'), UNTIL)).rejects.toThrow(ArchiveConflict);
      await expect(archive.put('a', Buffer.alloc(0), UNTIL)).rejects.toThrow(ArchiveConflict);
      expect((await archive.get('a'))?.toString()).toBe('first');
    });

    it('lets one of many writers win, whose bytes stay', async () => {
      const archive = await open();
      const writers = Array.from({ length: 8 }, (_, n) => archive.put('raced', Buffer.from(`writer ${n}`), UNTIL));
      const outcomes = await Promise.allSettled(writers);
      const winners = outcomes.flatMap((o, n) => (o.status === 'fulfilled' ? [n] : []));
      expect(winners).toHaveLength(1);
      for (const o of outcomes) if (o.status === 'rejected') expect(o.reason).toBeInstanceOf(ArchiveConflict);
      expect((await archive.get('raced'))?.toString()).toBe(`writer ${winners[0]}`);
      const same = await Promise.all(Array.from({ length: 8 }, () => archive.put('same', Buffer.from('one'), UNTIL)));
      expect(same.filter(({ stored }) => stored)).toHaveLength(1);
    });

    it.each([
      '', '.', '..', '../out', 'a/../../out', '/etc/passwd', 'a//b', 'a/', 'a/./b', '.hidden', 'a/.hidden', 'a\\b', 'a\0b', 'a b', 'ä',
      'a?versionId=1', 'a%2f..', 'C:a', 'x'.repeat(201),
    ])('refuses the name %j, to write and to read', async (object) => {
      const archive = await open();
      await expect(archive.put(object, Buffer.from('x'), UNTIL)).rejects.toThrow(ArchiveNameInvalid);
      await expect(archive.get(object)).rejects.toThrow(ArchiveNameInvalid);
      expect(await listed(archive)).toEqual([]);
    }); // prettier-ignore
  });
}
