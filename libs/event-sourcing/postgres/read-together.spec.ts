import { NO_STREAM, type StreamSlice } from '#libs/event-sourcing';
import { ReadTogether } from './read-together.ts';

const sliceOf = (stream: string): StreamSlice => ({ events: [], revision: stream.length });

/** Reads of nothing, which note what was asked for together. */
function noting(answer: (streams: readonly string[]) => readonly StreamSlice[] = (streams) => streams.map(sliceOf)) {
  const asked: (readonly string[])[] = [];
  const reads = new ReadTogether(async (streams) => {
    asked.push(streams);
    return answer(streams);
  });
  return { asked, read: (stream: string) => reads.read(stream) };
}

describe('streams that are asked for in one turn', () => {
  it('are asked for together, and each gets its own answer', async () => {
    const { asked, read } = noting();
    const deeper = async (): Promise<StreamSlice> => {
      // Some ways to a read are longer than others, as long as they wait for nothing outside.
      for (let i = 0; i < 5; i++) await undefined;
      return await read('ccc');
    };
    await undefined;
    expect(await Promise.all([read('a'), deeper(), read('bb')])).toEqual([sliceOf('a'), sliceOf('ccc'), sliceOf('bb')]);
    expect(asked).toEqual([['a', 'bb', 'ccc']]);
  });

  it('are read once where two ask for one, and anew for whoever asks after the answer', async () => {
    const { asked, read } = noting();
    await Promise.all([read('a'), read('a')]);
    await read('a');
    expect(asked).toEqual([['a'], ['a']]);
  });

  it('are not kept waiting by more than so many others', async () => {
    const { asked, read } = noting();
    const streams = Array.from({ length: 70 }, (_, i) => 'x'.repeat(i + 1));
    expect(await Promise.all(streams.map(read))).toEqual(streams.map(sliceOf));
    expect(asked.map((together) => together.length)).toEqual([32, 32, 6]);
  });

  it('fail together, and those that are asked for afterwards do not', async () => {
    let broken = true;
    const { read } = noting((streams) => {
      if (broken) throw new Error('The line is cut.');
      return streams.map(() => ({ events: [], revision: NO_STREAM }));
    });
    const both = await Promise.allSettled([read('a'), read('b')]);
    expect(both.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    broken = false;
    expect(await read('a')).toEqual({ events: [], revision: NO_STREAM });
  });
});
