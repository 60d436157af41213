import { createHash, randomUUID } from 'node:crypto';
import { access, link, mkdir, open, readdir, readFile, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { parseCheckpoint } from './checkpoint.ts';
import { parseNote } from './note.ts';
import { successionIn } from './succession.ts';
import type { Seen, WitnessStore } from './witness.ts';

const NAME = /^\d{12}\.checkpoint$/;
const SUCCESSION = /^\d{12}-[0-9a-f]{16}\.succession$/;

/**
 * A witness's memory in a folder: for each log a folder, in it every checkpoint that was signed, numbered. The next number is taken
 * by linking a file that is whole and flushed; a link fails where its name is taken. So of several witnesses with one folder, also in
 * several processes, one goes on and the others see what it left, and a crash leaves the old or the new, never a half.
 */
export class WitnessFolder implements WitnessStore {
  constructor(private readonly folder: string) {}

  async latest(origin: string): Promise<Seen | undefined> {
    const last = (await this.numbers(origin)).at(-1);
    return last === undefined ? undefined : seenIn(await readFile(join(this.folderOf(origin), fileName(last)), 'utf8'));
  }

  async replace(origin: string, previous: Seen | undefined, next: Seen): Promise<boolean> {
    const folder = this.folderOf(origin);
    await mkdir(folder, { recursive: true, mode: 0o700 });
    const last = (await this.numbers(origin)).at(-1);
    const present = last === undefined ? undefined : seenIn(await readFile(join(folder, fileName(last)), 'utf8'));
    if (present?.size !== previous?.size || (present && previous && !present.root.equals(previous.root))) return false;
    const draft = join(folder, `draft-${randomUUID()}`);
    await writeFlushed(draft, next.note);
    const number = (last ?? 0) + 1;
    try {
      // First by its second name: it counts where the first is there, too, and is the same.
      if (successionIn(next.note)) await linkOnce(draft, join(folder, successionName(number, next.note)));
      await link(draft, join(folder, fileName(number)));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
      throw error;
    } finally {
      await unlink(draft);
    }
    await flushFolder(folder);
    return true;
  }

  async successions(origin: string): Promise<readonly string[]> {
    const folder = this.folderOf(origin);
    const notes: string[] = [];
    const last = (await this.numbers(origin)).at(-1) ?? 0;
    for (const number of await this.numbers(origin, SUCCESSION)) {
      if (number > last) continue;
      const note = await readFile(join(folder, fileName(number)), 'utf8');
      if (await exists(join(folder, successionName(number, note)))) notes.push(note);
    }
    return notes;
  }

  private async numbers(origin: string, named = NAME): Promise<readonly number[]> {
    try {
      const names = await readdir(this.folderOf(origin));
      return names
        .filter((name) => named.test(name))
        .map((name) => Number.parseInt(name, 10))
        .sort((a, b) => a - b);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
      throw error;
    }
  }

  /** An origin may hold slashes and more: its hash names the folder. */
  private folderOf(origin: string): string {
    return join(this.folder, createHash('sha256').update(origin).digest('hex'));
  }
}

function fileName(number: number): string {
  return `${String(number).padStart(12, '0')}.checkpoint`;
}

/** Of a checkpoint that names the next key, so that it is found without reading all others. */
function successionName(number: number, note: string): string {
  return `${String(number).padStart(12, '0')}-${createHash('sha256').update(note).digest('hex').slice(0, 16)}.succession`;
}

/** An attempt before may have left it. */
async function linkOnce(from: string, to: string): Promise<void> {
  await link(from, to).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'EEXIST') throw error;
  });
}

async function exists(path: string): Promise<boolean> {
  return await access(path).then(
    () => true,
    () => false,
  );
}

function seenIn(note: string): Seen {
  const { size, root } = parseCheckpoint(parseNote(note).text);
  return { size, root, note };
}

async function writeFlushed(path: string, text: string): Promise<void> {
  const file = await open(path, 'wx', 0o600);
  try {
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
}

async function flushFolder(path: string): Promise<void> {
  const folder = await open(path, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}
