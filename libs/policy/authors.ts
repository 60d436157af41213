import type { EngineTraits } from './engines.ts';

/** The accounts (`issuer|subject`) that had a hand in what would run. */
export interface Hands {
  /** Named as authors, by the release and by its artifacts. */
  readonly named: Iterable<string>;
  /** That registered its artifacts, composed or amended it last, and made its plan; undefined or blank where none is on record. */
  readonly shaped: Iterable<string | undefined>;
  /** That are named as the builders of its artifacts; undefined where the builder is no account. */
  readonly builders: Iterable<string | undefined>;
}

/** The accounts that count as authors for an engine, sorted, each once. Whoever judges asks here: the gate, and every report of what it judged. */
export function authorAccounts(
  { named, shaped, builders }: Hands,
  traits: Pick<EngineTraits, 'everyHand' | 'builders'>,
): readonly string[] {
  // Whoever shapes what runs does not approve it, also where nobody is named as its author.
  return [...new Set([...named, ...(traits.everyHand ? handsAmong(shaped) : []), ...(traits.builders ? handsAmong(builders) : [])])].sort();
}

/** Of the accounts that shaped something those that are somebody: processes of ours are nobody who could approve. */
export function handsAmong(shaped: Iterable<string | undefined>): readonly string[] {
  return [...shaped].flatMap((account) => (!account || account.startsWith('plimsoll|process:') ? [] : [account]));
}
