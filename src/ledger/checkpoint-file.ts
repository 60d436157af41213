import { mkdir, open, type FileHandle } from 'node:fs/promises';
import { dirname } from 'node:path';
import { parseCheckpoint, parseNote, type Checkpoint } from '#libs/ledger';

/** How much of the file's end is read to find its last checkpoint: far more than one takes. */
const TAIL_BYTES = 256 * 1024;

/**
 * Checkpoints in a file that is only appended to, a line of JSON each: `{"signedAt": …, "note": …}`. It is what the signer remembers
 * where the database was rolled back, and what an auditor may copy.
 */
export class CheckpointFile {
  private remembered: Checkpoint | undefined;

  private constructor(
    private readonly file: FileHandle,
    /** The last line was cut by a crash: what is appended begins a line of its own. */
    private torn: boolean,
  ) {}

  static async open(path: string): Promise<CheckpointFile> {
    await mkdir(dirname(path), { recursive: true, mode: 0o700 });
    const file = await open(path, 'a+', 0o600);
    const { size } = await file.stat();
    const start = Math.max(0, size - TAIL_BYTES);
    const { buffer, bytesRead } = await file.read({ buffer: Buffer.alloc(size - start), position: start });
    const tail = buffer.toString('utf8', 0, bytesRead);
    const opened = new CheckpointFile(file, size > 0 && !tail.endsWith('\n'));
    opened.remembered = tail
      .slice(0, tail.lastIndexOf('\n') + 1)
      .split('\n')
      .flatMap((line) => checkpointIn(line) ?? [])
      .reduce<Checkpoint | undefined>((largest, next) => (largest && largest.size > next.size ? largest : next), undefined);
    return opened;
  }

  /** The largest checkpoint that it holds. */
  get last(): Checkpoint | undefined {
    return this.remembered;
  }

  /** On the disk when this resolves; one that it holds already is not written again. */
  async append(note: string, signedAt: string): Promise<void> {
    const checkpoint = parseCheckpoint(parseNote(note).text);
    if (this.remembered && this.remembered.size >= checkpoint.size) return;
    await this.file.appendFile(`${this.torn ? '\n' : ''}${JSON.stringify({ signedAt, note })}\n`);
    await this.file.datasync();
    this.torn = false;
    this.remembered = checkpoint;
  }

  close(): Promise<void> {
    return this.file.close();
  }
}

function checkpointIn(line: string): Checkpoint | undefined {
  try {
    const { note } = JSON.parse(line) as { note: string };
    return parseCheckpoint(parseNote(note).text);
  } catch {
    // The first line of the tail may begin in its middle.
    return undefined;
  }
}
