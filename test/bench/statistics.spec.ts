import { percentile, spread } from './statistics.ts';

describe('the figures of the benches', () => {
  it('take percentiles by nearest rank, whatever the order of the values', () => {
    const hundred = Array.from({ length: 100 }, (_, i) => 100 - i);
    expect([50, 95, 99, 100].map((p) => percentile(hundred, p))).toEqual([50, 95, 99, 100]);
    expect(percentile([7], 99)).toBe(7);
    expect(percentile([10, 9, 2], 50)).toBe(9);
  });

  it('show the noise of rounds as least, median and most', () => {
    expect(spread([3, 1, 2])).toEqual({ min: 1, median: 2, max: 3 });
  });

  it('refuse to make figures of nothing', () => {
    expect(() => percentile([], 50)).toThrow(RangeError);
  });
});
