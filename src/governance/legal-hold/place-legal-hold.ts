import { Type } from 'class-transformer';
import { IsIn, Matches, MaxLength, ValidateNested } from 'class-validator';
import { SAYS_SOMETHING, type HoldScope, type LegalHoldEvent } from '#libs/contracts';
import { defineCommand, refuse, type Decision, type Issued } from '#libs/event-sourcing';
import { holdOf, legalHolds, type LegalHolds } from '#libs/retention';

/** So many holds may be in force at once: whoever removes anything reads them all. */
export const MOST_HOLDS = 1_000;

export class HoldScopeField implements HoldScope {
  @IsIn(['everything', 'product', 'release', 'environment', 'person']) kind: HoldScope['kind'];
  /** Product or environment by name, release or person by id; `*` for everything. */
  @Matches(/^(?:\*|[A-Za-z0-9][A-Za-z0-9._:@|/-]{0,199})$/, { message: 'id must be a name or an id, or * for everything' }) id: string;
}

export class PlaceLegalHold {
  @Matches(/^[a-z0-9][a-z0-9-]{0,62}$/, { message: 'holdId must be a slug: a-z, 0-9 and hyphens, at most 63 characters' }) holdId: string;
  @ValidateNested() @Type(() => HoldScopeField) scope: HoldScopeField;
  @Matches(SAYS_SOMETHING, { message: 'reason must say why: at least one letter or digit that can be seen' })
  @MaxLength(2000)
  reason: string;
}

/** One person is enough to keep things; it takes another one to let them go. */
export function placeLegalHold(command: Issued<PlaceLegalHold>, state: LegalHolds): Decision<LegalHoldEvent> {
  const { holdId, reason, meta } = command;
  const { kind, id } = command.scope;
  if ((kind === 'everything') !== (id === '*'))
    return refuse('meaning', 'scope-invalid', 'Everything has the id *, and a product, release, environment or person its own.');
  const known = holdOf(state, holdId);
  if (known && !known.released && known.scope.kind === kind && known.scope.id === id && known.reason === reason) return [];
  if (known) {
    const detail = known.released ? `Legal hold ${holdId} was released.` : `Legal hold ${holdId} says something else.`;
    return refuse('conflict', 'hold-exists', detail, [
      { code: 'hold-exists', detail: 'A hold is never changed: what it said stays on record.', unblockedBy: 'Place it under another id.' },
    ]);
  }
  if (Object.values(state.byId).filter((hold) => !hold.released).length >= MOST_HOLDS)
    return refuse('limit', 'too-many-holds', `There are ${MOST_HOLDS} legal holds in force: have one released, or place a wider one.`);
  return [{ type: 'LegalHoldPlaced', data: { holdId, scope: { kind, id }, reason, placedBy: meta.actor.person } }];
}

export const placeLegalHoldCommand = defineCommand({
  type: PlaceLegalHold,
  personal: ['reason'],
  about: ({ scope }) => (scope.kind === 'person' ? [scope.id] : []),
  aggregate: legalHolds,
  decide: placeLegalHold,
  governed: ({ holdId, scope }) => ({ holdId, [scope.kind]: scope.id }),
});
