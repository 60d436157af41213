import { randomInt } from 'node:crypto';
import { parseArgs } from 'node:util';

export interface Options {
  /** How many kills, over all variants; 1 or more. */
  readonly kills: number;
  /** 0 to 2^32 - 1. */
  readonly seed: number;
  readonly json: boolean;
  readonly variants: readonly Variant[];
  /** Leaves folders and logs where they are. */
  readonly keep: boolean;
}

export const VARIANTS = ['embedded', 'split'] as const;
export type Variant = (typeof VARIANTS)[number];

export const HELP = `Kills Plimsoll at random and at chosen points while clients work, and says what became of what it had promised.

Usage: npm run faults -- [--kills N] [--seed S] [--variant embedded|split] [--json] [--keep]

  --kills N     how many kills; 10 unless told
  --seed S      0 to 4294967295: repeats the choice of kills and data; a random one unless told
  --variant V   embedded: one process, its Postgres dies with it. split: two processes on a Postgres that stays. Both unless told
  --json        figures as JSON on stdout
  --keep        leave folders and logs for a look

Exit codes: 0 nothing lost, nothing twice, every row right, every deployment converged; 1 otherwise; 2 wrong usage.`;

/** @throws Error a sentence about what is wrong */
export function readOptions(args: readonly string[]): Options | 'help' {
  const { values } = parseArgs({
    args: [...args],
    options: {
      kills: { type: 'string', default: '10' },
      seed: { type: 'string' },
      variant: { type: 'string' },
      json: { type: 'boolean', default: false },
      keep: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) return 'help';
  const variants = VARIANTS.filter((v) => values.variant === undefined || v === values.variant);
  if (variants.length === 0) throw new Error(`--variant should be ${VARIANTS.join(' or ')}.`);
  return {
    kills: whole('--kills', values.kills, 1, 10_000),
    seed: values.seed === undefined ? randomInt(2 ** 32) : whole('--seed', values.seed, 0, 2 ** 32 - 1),
    json: values.json,
    variants,
    keep: values.keep,
  };
}

function whole(name: string, text: string, min: number, max: number): number {
  const value = /^\d{1,10}$/.test(text) ? Number(text) : NaN;
  if (value >= min && value <= max) return value;
  throw new Error(`${name} should be a whole number from ${min} to ${max}.`);
}
