import type { Clock } from './expressions/index.ts';

/** What judges. It changes whenever the same facts may get another verdict or another wording, and with the version of CEL. */
export const ENGINE = 'plimsoll-gates/9 cel/0.6.1';

/** How an engine judges, as far as engines differ. */
export interface EngineTraits {
  /** Testers and who published the policy are duties, too, and who approved or requested is who that account is known to be now. */
  readonly everyDuty: boolean;
  /** Who registered, composed, amended and planned what would run is an author of it, too, whatever authors were named. */
  readonly everyHand: boolean;
  /** The risk that a change is judged to be of selects clauses, too; before, a clause that named risks counted at every one. */
  readonly risk: boolean;
  /** Whoever is named as the builder of what would run is an author of it, too. */
  readonly builders: boolean;
  /** A change waits for those that it depends on. */
  readonly inOrder: boolean;
  /** A class other than `normal` counts where evidence bears it, and not because a plan says so. */
  readonly classBorne: boolean;
  /** Where somebody approved, duties are kept apart whether or not a policy names the gate. */
  readonly dutiesAlways: boolean;
  /** Votes on a change are counted again: of every person known now one, and only of members of the board who have not left. */
  readonly countsAgain: boolean;
  /** Who says in expressions what day and hour it is. CEL's library is a day ahead in the hour after midnight. */
  readonly clock: Clock;
  /** Whoever has left since approved nothing. */
  readonly stayed: boolean;
  /** What was approved or voted in a role that was revoked since, or for a group or board that its member was taken out of, counts no more. */
  readonly entitled: boolean;
  /** How soon an approval could be there is reckoned from those that count, and not from all that were given. */
  readonly reckonsCounting: boolean;
}

/** What came with this engine. */
const NOTHING_YET = {
  clock: 'library',
  risk: false,
  builders: false,
  inOrder: false,
  classBorne: false,
  dutiesAlways: false,
  countsAgain: false,
  stayed: false,
  entitled: false,
  reckonsCounting: false,
} as const;

/** What engine 7 judged. */
const SEVENTH: EngineTraits = {
  everyDuty: true,
  everyHand: true,
  risk: true,
  builders: true,
  inOrder: true,
  classBorne: true,
  dutiesAlways: true,
  countsAgain: true,
  clock: 'own',
  stayed: true,
  entitled: false,
  reckonsCounting: false,
};

/** Engines whose receipts can be executed again: what is new in a later one is left out for an earlier one. */
export const ENGINES: Readonly<Record<string, EngineTraits>> = {
  'plimsoll-gates/4 cel/0.6.1': { ...NOTHING_YET, everyDuty: false, everyHand: false },
  'plimsoll-gates/5 cel/0.6.1': { ...NOTHING_YET, everyDuty: true, everyHand: false },
  'plimsoll-gates/6 cel/0.6.1': { ...NOTHING_YET, everyDuty: true, everyHand: true },
  'plimsoll-gates/7 cel/0.6.1': SEVENTH,
  'plimsoll-gates/8 cel/0.6.1': { ...SEVENTH, entitled: true },
  [ENGINE]: { ...SEVENTH, entitled: true, reckonsCounting: true },
};

/**
 * How a decision of then was judged, for whoever looks at it afterwards: one of before engines had versions as the oldest, and one that is not
 * known here as the newest, which keeps the most apart.
 */
export function traitsThen(engine: string | undefined): EngineTraits {
  if (engine === undefined) return { ...NOTHING_YET, everyDuty: false, everyHand: false };
  return traitsOf(Object.hasOwn(ENGINES, engine) ? engine : ENGINE);
}

/** @throws Error there is no such engine here */
export function traitsOf(engine: string): EngineTraits {
  const traits = Object.hasOwn(ENGINES, engine) ? ENGINES[engine] : undefined;
  if (!traits) throw new Error(`There is no engine ${engine}; known are ${Object.keys(ENGINES).join(', ')}.`);
  return traits;
}
