import { PHASES } from './fault-points.ts';
import type { Variant } from './options.ts';
import type { Random } from './random.ts';

/** A sudden death to come. */
export interface Kill {
  /** How long everything works before it, milliseconds. */
  readonly afterMs: number;
  readonly how:
    | { readonly kind: 'random' }
    /** At a statement, see fault-points.ts. */
    | { readonly kind: 'point'; readonly at: string }
    /** So many milliseconds after its next start. */
    | { readonly kind: 'starting'; readonly startedMs: number }
    /** Postgres alone: the program lives on. */
    | { readonly kind: 'postgres' }
    /** No death, but worse: stopped for longer than any lease, and then awake again and none the wiser. Not counted among the kills. */
    | { readonly kind: 'freeze'; readonly forMs: number };
  /** Whether the Postgres inside dies in the same moment, without time to write anything. */
  readonly withPostgres: boolean;
  /** Which of the processes, by index. */
  readonly victim: number;
}

/**
 * Statements between append, acknowledgement and checkpoint, and how many of them may pass before the death:
 * an append, the answer kept for a repeat, a checkpoint (of a view: its rows are written, and not committed), the commit of both.
 */
const STATEMENTS: readonly { readonly statement: string; readonly most: number; readonly ofClients?: true }[] = [
  { statement: 'event_log.append', most: 60, ofClients: true },
  { statement: 'event_log.append', most: 8 },
  { statement: 'idempotency-finish', most: 40, ofClients: true },
  { statement: 'subscription-checkpoint', most: 40 },
  { statement: 'commit', most: 40 },
];

const DECKS: Readonly<Record<Variant, readonly (readonly [Exclude<Kill['how']['kind'], 'freeze'>, withPostgres: boolean])[]>> = {
  embedded: [
    ['point', false],
    ['random', true],
    ['point', true],
    ['random', false],
    ['point', false],
    ['postgres', false],
    ['starting', false],
    ['point', true],
  ],
  split: [
    ['point', false],
    ['random', false],
    ['point', false],
    ['starting', false],
    ['postgres', false],
  ],
};

/** A worker that died holds its subscriptions for 15 s: only a longer life sees views and processes at work again. */
const LONG_LIFE_MS = 16_000;

/** What will be killed, when and how, and in between what will be frozen; the same for the same seed. */
export function planKills(variant: Variant, count: number, random: Random): readonly Kill[] {
  return Array.from({ length: count }, (_, index): readonly Kill[] => {
    const deck = DECKS[variant];
    const [kind, withPostgres] = deck[index % deck.length]!;
    const victim = variant === 'split' ? random.whole(0, 1) : 0;
    const afterMs = random.whole(200, 2_500) + (index % 4 === 3 ? LONG_LIFE_MS : 0);
    const kill = { afterMs, how: howOf(kind, victim, random), withPostgres, victim };
    if (variant !== 'split' || index % 4 !== 2) return [kill];
    const forMs = LONG_LIFE_MS + random.whole(0, 4_000);
    return [kill, { afterMs: LONG_LIFE_MS, how: { kind: 'freeze', forMs }, withPostgres: false, victim: random.whole(0, 1) }];
  }).flat();
}

function howOf(kind: Exclude<Kill['how']['kind'], 'freeze'>, victim: number, random: Random): Kill['how'] {
  if (kind === 'starting') return { kind, startedMs: random.whole(50, 2_500) };
  if (kind !== 'point') return { kind };
  const { statement, most } = random.pick(STATEMENTS.filter((s) => victim === 0 || !s.ofClients));
  return { kind, at: `${statement}:${random.pick(PHASES)}:${random.whole(1, most)}` };
}
