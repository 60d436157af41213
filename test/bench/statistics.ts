/** What repeated measurements of one thing came to. */
export interface Spread {
  readonly min: number;
  readonly median: number;
  readonly max: number;
}

/**
 * The value that `p` percent of the values do not exceed (nearest rank).
 *
 * @param p above 0, at most 100
 * @throws RangeError there are no values
 */
export function percentile(values: readonly number[], p: number): number {
  if (values.length === 0) throw new RangeError('There is no percentile of nothing.');
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil((p / 100) * sorted.length) - 1)]!;
}

/** @throws RangeError there are no values */
export function spread(values: readonly number[]): Spread {
  return { min: percentile(values, 0.000001), median: percentile(values, 50), max: percentile(values, 100) };
}
