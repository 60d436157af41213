import { lstat, open, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { MalformedExport, MAX_LINE_BYTES, MAX_LINES } from './export-format.ts';

const LF = 0x0a;
const CHUNK = 1024 * 1024;

/**
 * The lines of a file as bytes, without their line breaks, many at a time. The bytes are good until the next step. Every line must end in a line
 * break; there are no blank ones.
 *
 * @throws MalformedExport the file can't be read, a line is over the limit, blank, or unfinished
 */
export async function* linesOf(folder: string, file: string): AsyncIterable<readonly Buffer[]> {
  const handle = await opened(folder, file);
  try {
    let rest = Buffer.alloc(0);
    let count = 0;
    for (;;) {
      const chunk = Buffer.allocUnsafe(CHUNK);
      const { bytesRead } = await handle.read(chunk, 0, CHUNK, null);
      const bytes = rest.length > 0 ? Buffer.concat([rest, chunk.subarray(0, bytesRead)]) : chunk.subarray(0, bytesRead);
      if (bytesRead === 0) {
        if (rest.length > 0) throw new MalformedExport(file, 'Its last line is unfinished.');
        return;
      }
      const lines: Buffer[] = [];
      let from = 0;
      for (let to = bytes.indexOf(LF, from); to >= 0; to = bytes.indexOf(LF, from)) {
        if (to === from) throw new MalformedExport(file, `Line ${count + lines.length + 1} is blank.`);
        lines.push(bytes.subarray(from, to));
        from = to + 1;
      }
      rest = bytes.subarray(from);
      count += lines.length;
      if (rest.length > MAX_LINE_BYTES) throw new MalformedExport(file, `Line ${count + 1} is over ${MAX_LINE_BYTES} bytes.`);
      if (count > MAX_LINES) throw new MalformedExport(file, `It has more than ${MAX_LINES} lines.`);
      if (lines.length > 0) yield lines;
    }
  } finally {
    await handle.close();
  }
}

/** A small file as a whole. @throws MalformedExport it can't be read or is too large */
export async function textOf(folder: string, file: string): Promise<string> {
  const handle = await opened(folder, file);
  try {
    // Not what it says of its size, but what comes is counted.
    const bytes = Buffer.allocUnsafe(Math.min((await handle.stat()).size, MAX_LINE_BYTES) + 1);
    let length = 0;
    for (let bytesRead = -1; bytesRead !== 0 && length < bytes.length; length += bytesRead)
      ({ bytesRead } = await handle.read(bytes, length, bytes.length - length, length));
    if (length > MAX_LINE_BYTES) throw new MalformedExport(file, `It is over ${MAX_LINE_BYTES} bytes.`);
    return bytes.toString('utf8', 0, length);
  } finally {
    await handle.close();
  }
}

/** A link may lead to what never ends, and a pipe or device may never answer: only a file is opened. */
async function opened(folder: string, file: string): Promise<FileHandle> {
  const path = join(folder, file);
  const cant = (error: NodeJS.ErrnoException): never => {
    throw new MalformedExport(file, `It can't be read: ${error.code ?? error.message}.`);
  };
  if (!(await lstat(path).catch(cant)).isFile()) throw new MalformedExport(file, 'It is not a regular file.');
  return await open(path, 'r').catch(cant);
}
