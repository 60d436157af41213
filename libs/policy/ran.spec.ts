import * as fc from 'fast-check';
import { Ran } from './ran.ts';

describe('Releases that ran', () => {
  it('are a value: whoever goes on from the same one twice has two that know nothing of each other', () => {
    const one = Ran.none.with('a').with('b');
    const [c, d] = [one.with('c'), one.with('d')];
    expect([one.has('c'), c.has('c'), c.has('d'), d.has('d'), d.has('c'), d.has('a')]).toEqual([false, true, false, true, false, true]);
    expect([one.newestBut('b'), c.newestBut('c'), d.newestBut('d'), d.newestBut('x')]).toEqual(['a', 'b', 'b', 'd']);
    expect([Ran.none.has('a'), Ran.none.newestBut('a')]).toEqual([false, undefined]);
  });

  it('are copied only where a second one goes on from the same: the fold of a long stream copies nothing', () => {
    const slice = jest.spyOn(Array.prototype, 'slice');
    try {
      const copies = (of: () => void): number => {
        slice.mockClear();
        of();
        return slice.mock.calls.length;
      };
      let ran = Ran.none.with('first');
      const older = ran;
      expect(copies(() => { for (let n = 0; n < 100; n++) ran = ran.with(`release-${n}`); })).toBe(0); // prettier-ignore
      expect([ran.size, ran.has('release-99'), older.has('release-99')]).toEqual([101, true, false]);
      expect(copies(() => older.with('another'))).toBe(1);
    } finally {
      slice.mockRestore();
    }
  });

  it('answer like a list that is copied every time, whatever grew out of what', () => {
    const step = fc.record({ from: fc.nat(30), id: fc.constantFrom('a', 'b', 'c', 'd') });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
        const grown: { ran: Ran; list: readonly string[] }[] = [{ ran: Ran.none, list: [] }];
        for (const { from, id } of steps) {
          const { ran, list } = grown[from % grown.length]!;
          grown.push({ ran: ran.with(id), list: [...list, id] });
        }
        for (const { ran, list } of grown) {
          for (const id of ['a', 'b', 'c', 'd', 'e']) {
            expect(ran.has(id)).toBe(list.includes(id));
            expect(ran.newestBut(id)).toBe(list.filter((other) => other !== id).at(-1));
          }
        }
      }),
    );
  });
});
