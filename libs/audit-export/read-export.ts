import { asStored, type StoredEvent } from '#libs/event-sourcing';
import { FILES, MalformedExport, parseEvent, parseLeaf } from './export-format.ts';
import { linesOf } from './lines.ts';

/** The events of an export that was verified, in order, with the positions that they had in their store. @throws MalformedExport */
export async function* readExport(folder: string): AsyncIterable<readonly StoredEvent[]> {
  const positions = positionsOf(folder)[Symbol.asyncIterator]();
  try {
    for await (const lines of linesOf(folder, FILES.events)) {
      const batch: StoredEvent[] = [];
      for (const line of lines) {
        const { id, type, data, stored, stream, revision } = parseEvent(line.toString('utf8'));
        const next = await positions.next();
        if (next.done) throw new MalformedExport(FILES.leaves, 'There are fewer leaves than events.');
        batch.push(asStored({ id, type, data, metadata: stored, stream, revision, position: next.value }));
      }
      yield batch;
    }
  } finally {
    await positions.return?.(undefined);
  }
}

async function* positionsOf(folder: string): AsyncGenerator<bigint> {
  for await (const lines of linesOf(folder, FILES.leaves))
    for (const line of lines) yield BigInt(parseLeaf(line.toString('latin1')).position);
}
