import { Matches } from 'class-validator';
import type { OwnershipEvent } from '#libs/contracts';
import { defineCommand, refuse, type Decision, type Issued } from '#libs/event-sourcing';
import { isFirstHand, readFirstHands, whoDid, type FirstHands } from '#libs/policy';
import { asksAgain, readAsker, refuseUnknownAsker, type AskerFacts } from '../person/asker.ts';
import { ownership, type Ownership } from './ownership.ts';

export class RequestOwnership {
  @Matches(/^[a-z0-9@][a-z0-9._/@-]{0,199}$/i, { message: 'product must be the name of a product, as releases have it' }) product: string;
  @Matches(/^[a-z0-9@][a-z0-9._/@-]{0,199}$/i, { message: 'team must be the name of a team, as scopes of roles have it' }) team: string;
}

export class ConfirmOwnership extends RequestOwnership {}

/** Anybody may ask; nothing is owned by asking. A newer request takes the place of an older one. */
export function requestOwnership(command: Issued<RequestOwnership>, state: Ownership, asker: AskerFacts): Decision<OwnershipEvent> {
  const { product, team, meta } = command;
  const { pending } = state;
  if ((pending?.team ?? state.team) === team && (!pending || asksAgain(pending.requestedBy, meta))) return [];
  const unknown = refuseUnknownAsker(asker);
  if (unknown) return unknown;
  return [{ type: 'OwnershipRequested', data: { product, team, requestedBy: meta.actor.person } }];
}

/** Who owns a product says whose roles count for it: as with a role, somebody else confirms it. */
export function confirmOwnership(
  command: Issued<ConfirmOwnership>,
  state: Ownership,
  hands: FirstHands & AskerFacts,
): Decision<OwnershipEvent> {
  const { product, team, meta } = command;
  const { pending } = state;
  if (state.team === team && !pending) return [];
  if (pending?.team !== team) {
    return refuse(
      'not-found',
      'ownership-not-requested',
      `Nobody asked for ${product} to be owned by ${team}, or another team was asked for since.`,
    );
  }
  if (isFirstHand(meta.actor, hands, pending.requestedBy)) {
    return refuse('duty', 'confirmed-by-another', 'Who owns a product is confirmed by somebody who did not ask for it.', [
      {
        code: 'two-persons',
        detail: `${pending.requestedBy} asked for ${team} to own ${product}.`,
        evidence: hands.persons.refs,
        unblockedBy: 'Another administrator of identities confirms it.',
      },
    ]);
  }
  const unknown = refuseUnknownAsker(hands);
  if (unknown) return unknown;
  return [
    {
      type: 'OwnershipAssigned',
      data: {
        product,
        team,
        requestedBy: pending.requestedBy,
        confirmedBy: meta.actor.person,
        ...(state.team === undefined ? {} : { formerly: state.team }),
      },
    },
  ];
}

export const requestOwnershipCommand = defineCommand({
  type: RequestOwnership,
  aggregate: ownership,
  decide: requestOwnership,
  facts: (read, { meta }) => readAsker(read, meta, meta.actor),
  governed: ({ product, team }) => ({ product, team }),
});

export const confirmOwnershipCommand = defineCommand({
  type: ConfirmOwnership,
  vouches: true,
  aggregate: ownership,
  decide: confirmOwnership,
  facts: async (read, { target, team, meta }) => {
    const asked = await whoDid(
      read,
      ownership.category,
      target,
      ({ type, data }) => type === 'OwnershipRequested' && data['team'] === team,
    );
    // The request that waits is the newest: a newer one takes the place of an older one.
    const hands = await readFirstHands(read, meta.actor, asked.slice(-1));
    return { ...hands, ...(await readAsker(read, meta, hands.first[0])) };
  },
  governed: ({ product, team }) => ({ product, team }),
});
