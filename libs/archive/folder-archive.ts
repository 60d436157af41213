import { randomUUID } from 'node:crypto';
import { constants } from 'node:fs';
import { link, lstat, mkdir, open, readdir, unlink } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { archiveName, ArchiveConflict, ArchiveDamaged, checkSize, type Archive } from './archive.ts';

const { O_CREAT, O_EXCL, O_NOFOLLOW, O_RDONLY, O_WRONLY } = constants;
const READ_ONLY = 0o400;

/**
 * An archive in a folder. A file comes to its name whole and read-only, by a link that fails where there is one (link(2)), after its bytes are
 * on the disk; the folder is synced after it. Symbolic links are followed nowhere. This keeps Plimsoll and accidents from changing anything; it
 * does not keep out who administers the machine: digests show what such a person did, object lock prevents it.
 */
export class FolderArchive implements Archive {
  readonly kind = 'folder';
  readonly location: string;

  constructor(folder: string) {
    this.location = resolve(folder);
  }

  async put(name: string, bytes: Uint8Array): Promise<{ readonly stored: boolean }> {
    checkSize(archiveName(name), bytes);
    const folder = await this.folderOf(name, 'create');
    const path = join(folder, name.slice(name.lastIndexOf('/') + 1));
    const written = join(folder, `.${randomUUID()}.part`);
    const file = await open(written, O_CREAT | O_EXCL | O_WRONLY | O_NOFOLLOW, READ_ONLY);
    try {
      await file.writeFile(bytes);
      await file.sync();
    } finally {
      await file.close();
    }
    try {
      await link(written, path);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
      const present = await this.get(name);
      if (!present?.equals(bytes)) throw new ArchiveConflict(name);
      return { stored: false };
    } finally {
      await unlink(written);
    }
    await syncFolder(folder);
    return { stored: true };
  }

  async get(name: string): Promise<Buffer | undefined> {
    const folder = await this.folderOf(archiveName(name), 'look');
    if (folder === undefined) return undefined;
    const path = join(folder, name.slice(name.lastIndexOf('/') + 1));
    try {
      const file = await open(path, O_RDONLY | O_NOFOLLOW);
      try {
        const stat = await file.stat();
        if (!stat.isFile()) throw new ArchiveDamaged(`${name} is no file in the archive.`);
        const bytes = await file.readFile();
        return bytes;
      } finally {
        await file.close();
      }
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === 'ENOENT') return undefined;
      if (code === 'ELOOP' || code === 'EMLINK') throw new ArchiveDamaged(`${name} is a symbolic link in the archive.`);
      throw error;
    }
  }

  async *list(prefix: string): AsyncIterable<{ readonly name: string; readonly bytes: number }> {
    for await (const entry of this.walk('')) if (entry.name.startsWith(prefix)) yield entry;
  }

  private async *walk(folder: string): AsyncIterable<{ readonly name: string; readonly bytes: number }> {
    const entries = await readdir(join(this.location, folder), { withFileTypes: true }).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return [];
      throw error;
    });
    for (const entry of entries) {
      // What a crash has left half-written; it has no name yet.
      if (entry.name.startsWith('.')) continue;
      const name = folder + entry.name;
      if (entry.isDirectory()) yield* this.walk(`${name}/`);
      else yield { name, bytes: (await lstat(join(this.location, name))).size };
    }
  }

  private folderOf(name: string, how: 'create'): Promise<string>;
  private folderOf(name: string, how: 'look'): Promise<string | undefined>;
  private async folderOf(name: string, how: 'create' | 'look'): Promise<string | undefined> {
    // Above the archive's own folder, links are the operator's affair.
    if (how === 'create') await mkdir(this.location, { recursive: true, mode: 0o700 });
    let folder = this.location;
    for (const part of name.split('/').slice(0, -1)) {
      const parent = folder;
      folder = join(parent, part);
      if (how === 'create' && (await made(folder))) await syncFolder(parent);
      const found = await lstat(folder).catch((error: NodeJS.ErrnoException) => {
        if (error.code === 'ENOENT') return undefined;
        throw error;
      });
      if (!found) return undefined;
      if (!found.isDirectory()) throw new ArchiveDamaged(`${dirname(name)} in the archive leads over ${part}, which is no folder.`);
    }
    return folder;
  }
}

async function made(folder: string): Promise<boolean> {
  try {
    await mkdir(folder, { mode: 0o700 });
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

/** A name is on the disk when its folder is. */
async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, O_RDONLY);
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
