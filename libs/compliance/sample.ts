import { hash } from 'node:crypto';
import type { Sample } from './report.ts';

/** How a sample is drawn, as a sentence: whoever has the population and the seed draws the same. */
export const SAMPLING =
  'Every change of the population is ranked by SHA-256 (hex) of the UTF-8 bytes of the seed, a line feed and the id of the change; the sample is the first of them.';

/**
 * Draws changes: without replacement, each as likely as another, and the same again for the same seed. A larger sample of the same seed begins
 * with the smaller one.
 */
export function drawSample(ids: readonly string[], seed: string, size: number): Sample {
  const ranked = ids.map((id) => ({ id, rank: hash('sha256', `${seed}\n${id}`, 'hex') }));
  ranked.sort((a, b) => (a.rank < b.rank ? -1 : a.rank > b.rank ? 1 : 0));
  return { seed, size, algorithm: SAMPLING, changeIds: ranked.slice(0, size).map(({ id }) => id) };
}
