import { ArrayMaxSize, IsArray, IsString, IsUUID } from 'class-validator';
import type { DutyReviewEvent } from '#libs/contracts';
import { defineCommand, type Aggregate, type Decision, type Issued } from '#libs/event-sourcing';
import { conflicts } from '#libs/identity';
import { readDutiesAgain, type DutiesAgain, type LookedAt } from './duties-again.ts';

/** Sent when somebody took part in a change, or when more is known of who did; decides for itself whether that shows anything. */
export class ReviewDuties {
  @IsUUID() releaseId: string;
  @IsString() environment: string;
  /** Deployments that it may not know of yet. */
  @IsArray() @ArrayMaxSize(1000) @IsString({ each: true }) deployments: readonly string[];
  /** The stream that more is known from: of the account that was linked, the address that was claimed, or the part that was taken. */
  @IsString() learnedFrom: string;
}

export interface DutyReview {
  /** What was found so far for a release and environment: `rule/person`. */
  readonly found: readonly string[];
  /** Streams in which it may be learned later who somebody is. */
  readonly parties: readonly string[];
  readonly deployments: readonly string[];
}

export const dutyReview: Aggregate<DutyReview, DutyReviewEvent> = {
  category: 'dutyreview',
  initial: { found: [], parties: [], deployments: [] },
  evolve: (state, { type, data }) =>
    type === 'DutyPartiesNoted'
      ? {
          ...state,
          parties: [...new Set([...state.parties, ...data.parties])],
          deployments: [...new Set([...state.deployments, ...data.deployments])],
        }
      : { ...state, found: [...state.found, `${data.rule}/${data.person}`] },
};

/**
 * Puts what is found on record, once, on a stream of its own: nothing that was decided then is rewritten. And puts on record whom it was of, so
 * that it is looked at again when it is learned who they are.
 */
export function reviewDuties(
  command: Issued<ReviewDuties>,
  state: DutyReview,
  /** By round of approval: who requested one round may approve another. */
  { rounds, looks, parties, deployments }: DutiesAgain,
): Decision<DutyReviewEvent> {
  const { releaseId, environment, learnedFrom } = command;
  const all = [...rounds.flatMap(({ duties, rules }) => conflicts(duties, rules)), ...looks.flatMap(ownWork)];
  const violations = new Map(all.map((v) => [`${v.rule}/${v.person}`, v]));
  const found = [...violations]
    .filter(([key]) => !state.found.includes(key))
    .map(([, { rule, person, duties, evidence }]): DutyReviewEvent => ({
      type: 'DutyViolationFound',
      data: { releaseId, environment, rule, person, duties, evidence, learnedFrom },
    }));
  const more = {
    parties: parties.filter((party) => !state.parties.includes(party)),
    deployments: deployments.filter((id) => !state.deployments.includes(id)),
  };
  if (more.parties.length + more.deployments.length === 0) return found;
  return [...found, { type: 'DutyPartiesNoted', data: { releaseId, environment, ...more } }];
}

/** Who looked at what she had a part in herself. Pure. */
function ownWork({ look, by, duties }: LookedAt) {
  return by.flatMap(({ person, evidence }) =>
    duties
      .filter((taken) => taken.person === person)
      .map(({ duty }) => {
        const own = duties.filter((taken) => taken.person === person && taken.duty === duty).map((taken) => taken.evidence);
        const looked = by.filter((one) => one.person === person).map((one) => one.evidence);
        return {
          rule: `${look}-is-not-${duty}`,
          person,
          duties: [duty, look] as readonly string[],
          evidence: [...new Set([evidence, ...looked, ...own])].sort(),
        };
      }),
  );
}

export const reviewDutiesCommand = defineCommand({
  type: ReviewDuties,
  aggregate: dutyReview,
  decide: reviewDuties,
  facts: readDutiesAgain,
});
