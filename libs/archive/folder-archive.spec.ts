import { mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ArchiveConflict, ArchiveDamaged, FolderArchive } from './index.ts';
import { describeArchive } from './testing/index.ts';

const folders: string[] = [];
async function folder(): Promise<string> {
  folders.push(await mkdtemp(join(tmpdir(), 'plimsoll-archive-')));
  return folders.at(-1)!;
}
afterAll(() => Promise.all(folders.map((path) => rm(path, { recursive: true, force: true }))));

describeArchive('an archive in a folder', async () => new FolderArchive(join(await folder(), 'archive')));

describe('the folder of an archive', () => {
  it('holds files that nobody may write to', async () => {
    const path = await folder();
    await new FolderArchive(path).put('a/b', Buffer.from('x'));
    expect((await stat(join(path, 'a', 'b'))).mode & 0o777).toBe(0o400);
    expect((await stat(join(path, 'a'))).mode & 0o077).toBe(0);
  });

  it('is not left through a symbolic link, whether it stands for a file, a folder, or nothing yet', async () => {
    const [path, outside] = [await folder(), await folder()];
    await writeFile(join(outside, 'victim'), 'before');
    await symlink(join(outside, 'victim'), join(path, 'file'));
    await symlink(join(outside, 'new'), join(path, 'dangling'));
    await symlink(outside, join(path, 'sub'));
    const archive = new FolderArchive(path);
    await expect(archive.put('file', Buffer.from('evil'))).rejects.toThrow(ArchiveDamaged);
    await expect(archive.put('dangling', Buffer.from('evil'))).rejects.toThrow(ArchiveDamaged);
    await expect(archive.put('sub/new', Buffer.from('evil'))).rejects.toThrow(ArchiveDamaged);
    await expect(archive.get('file')).rejects.toThrow(ArchiveDamaged);
    await expect(archive.get('sub/victim')).rejects.toThrow(ArchiveDamaged);
    expect(await readFile(join(outside, 'victim'), 'utf8')).toBe('before');
    expect(await readdir(outside)).toEqual(['victim']);
    // Beside them it works as ever.
    expect(await archive.put('other', Buffer.from('good'))).toEqual({ stored: true });
  });

  it('has a file where a folder should be named as what is wrong', async () => {
    const path = await folder();
    const archive = new FolderArchive(path);
    await archive.put('a', Buffer.from('x'));
    await expect(archive.put('a/b', Buffer.from('y'))).rejects.toThrow(ArchiveDamaged);
    await mkdir(join(path, 'folder'));
    await expect(archive.put('folder', Buffer.from('y'))).rejects.toThrow();
  });

  it('passes over what a crash has left half-written, and writes the same name whole', async () => {
    const path = await folder();
    await writeFile(join(path, '.3f0c.part'), 'hal');
    const archive = new FolderArchive(path);
    expect(await archive.put('a', Buffer.from('half'))).toEqual({ stored: true });
    const names: string[] = [];
    for await (const { name } of archive.list('')) names.push(name);
    expect(names).toEqual(['a']);
    await expect(archive.put('a', Buffer.from('hal'))).rejects.toThrow(ArchiveConflict);
  });
});
