import { Matches, MaxLength } from 'class-validator';
import { SAYS_SOMETHING, type LegalHoldEvent } from '#libs/contracts';
import { defineCommand, refuse, type Decision, type Issued } from '#libs/event-sourcing';
import { isFirstHand, readFirstHands, whoDid, type Act, type FirstHands } from '#libs/policy';
import { holdOf, legalHolds, type LegalHolds } from '#libs/retention';

export class ReleaseLegalHold {
  /** From the path. */
  holdId: string;
  @Matches(SAYS_SOMETHING, { message: 'reason must say why: at least one letter or digit that can be seen' })
  @MaxLength(2000)
  reason: string;
}

/** What the hold kept may go again, when its time has come: so nobody lifts a hold of her own. */
export function releaseLegalHold(command: Issued<ReleaseLegalHold>, state: LegalHolds, hands: FirstHands): Decision<LegalHoldEvent> {
  const { holdId, reason, meta } = command;
  const releasedBy = meta.actor.person;
  const hold = holdOf(state, holdId);
  if (!hold) return refuse('not-found', 'hold-unknown', `There is no legal hold ${holdId}.`);
  if (hold.released) return [];
  const { placedBy, scope } = hold;
  // A hold on what is about a person is not hers to lift either.
  const concerned = scope.kind === 'person' && isFirstHand(meta.actor, { ...hands, first: [] }, scope.id);
  if (concerned || isFirstHand(meta.actor, hands, placedBy)) {
    const detail = concerned ? 'The hold is about you.' : 'You placed the hold.';
    return refuse('duty', 'released-by-another', `${detail} Somebody else must release it.`, [
      { code: 'two-persons', detail, evidence: hands.persons.refs, unblockedBy: 'Another person who may release legal holds does it.' },
    ]);
  }
  return [{ type: 'LegalHoldReleased', data: { holdId, reason, placedBy, releasedBy } }];
}

export const releaseLegalHoldCommand = defineCommand({
  type: ReleaseLegalHold,
  vouches: true,
  personal: ['reason'],
  aggregate: legalHolds,
  decide: releaseLegalHold,
  facts: async (read, { target, holdId, meta }) => {
    const placed = ({ type, data }: Act): boolean => type === 'LegalHoldPlaced' && data['holdId'] === holdId;
    return readFirstHands(read, meta.actor, await whoDid(read, legalHolds.category, target, placed));
  },
  governed: ({ holdId }, state) => {
    const scope = holdOf(state, holdId)?.scope;
    return { holdId, ...(scope ? { [scope.kind]: scope.id } : {}) };
  },
});
