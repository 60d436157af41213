import { Matches, MaxLength } from 'class-validator';
import { SAYS_SOMETHING, type LegalHoldEvent } from '#libs/contracts';
import { defineCommand, refuse, type Decision, type Issued } from '#libs/event-sourcing';
import { holdOf, legalHolds, type LegalHolds } from '#libs/retention';

export class ReleaseLegalHold {
  /** From the path. */
  holdId: string;
  @Matches(SAYS_SOMETHING, { message: 'reason must say why: at least one letter or digit that can be seen' })
  @MaxLength(2000)
  reason: string;
}

/** What the hold kept may go again, when its time has come: so nobody lifts a hold of her own. */
export function releaseLegalHold(command: Issued<ReleaseLegalHold>, state: LegalHolds): Decision<LegalHoldEvent> {
  const { holdId, reason, meta } = command;
  const releasedBy = meta.actor.person;
  const hold = holdOf(state, holdId);
  if (!hold) return refuse('not-found', 'hold-unknown', `There is no legal hold ${holdId}.`);
  if (hold.released) return [];
  const { placedBy, scope } = hold;
  // A hold on what is about a person is not hers to lift either.
  const concerned = scope.kind === 'person' && scope.id === releasedBy;
  if (releasedBy === placedBy || concerned) {
    const detail = concerned ? 'The hold is about you.' : 'You placed the hold.';
    return refuse('duty', 'released-by-another', `${detail} Somebody else must release it.`, [
      { code: 'two-persons', detail, unblockedBy: 'Another person who may release legal holds does it.' },
    ]);
  }
  return [{ type: 'LegalHoldReleased', data: { holdId, reason, placedBy, releasedBy } }];
}

export const releaseLegalHoldCommand = defineCommand({
  type: ReleaseLegalHold,
  personal: ['reason'],
  aggregate: legalHolds,
  decide: releaseLegalHold,
  governed: ({ holdId }, state) => {
    const scope = holdOf(state, holdId)?.scope;
    return { holdId, ...(scope ? { [scope.kind]: scope.id } : {}) };
  },
});
