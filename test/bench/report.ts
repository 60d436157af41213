import { spread, type Spread } from './statistics.ts';

export type Goal = { readonly atLeast: number } | { readonly below: number };

/** One figure over all rounds. `goal` is what it should come to, judged by the median. */
export interface Figure extends Spread {
  readonly what: string;
  readonly unit: string;
  readonly goal?: Goal;
  readonly reached?: boolean;
}

export interface BenchReport {
  readonly bench: string;
  readonly figures: readonly Figure[];
  /** What the figures can't say by themselves. */
  readonly notes: readonly string[];
}

/** What a bench is told. */
export interface BenchOptions {
  /** A short run that shows that the bench works; its figures say little. */
  readonly quick: boolean;
  /** Told what is being done, for a person who waits. */
  readonly progress: (line: string) => void;
}

/** @param values one of each round */
export function figure(what: string, unit: string, values: readonly number[], goal?: Goal): Figure {
  const found = spread(values);
  if (!goal) return { what, unit, ...found };
  return { what, unit, ...found, goal, reached: 'atLeast' in goal ? found.median >= goal.atLeast : found.median < goal.below };
}

export function printReport({ bench, figures, notes }: BenchReport): string {
  const rows = figures.map((f) => [f.what, readable(f.min), readable(f.median), readable(f.max), f.unit, goalText(f)]);
  const table = [['', 'min', 'median', 'max', '', ''], ...rows];
  const widths = table[0]!.map((_, column) => Math.max(...table.map((row) => row[column]!.length)));
  const line = (row: readonly string[]): string =>
    row.map((cell, column) => (column >= 1 && column <= 3 ? cell.padStart(widths[column]!) : cell.padEnd(widths[column]!))).join('  ');
  return [`\n${bench}`, ...table.map((row) => `  ${line(row).trimEnd()}`), ...notes.map((note) => `  (${note})`)].join('\n');
}

function goalText({ goal, reached }: Figure): string {
  if (!goal) return '';
  const text = 'atLeast' in goal ? `goal ≥ ${readable(goal.atLeast)}` : `goal < ${readable(goal.below)}`;
  return `${text}: ${reached ? 'reached' : 'MISSED'}`;
}

function readable(value: number): string {
  if (Math.abs(value) >= 1000) return Math.round(value).toLocaleString('en-US');
  return value.toFixed(Math.abs(value) >= 100 ? 0 : 2);
}
