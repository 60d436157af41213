import { HOLD_REGISTER, type PersonEvent } from '#libs/contracts';
import { defineCommand, refuse, type Decision, type Issued, type ReadAggregate, type Refusal } from '#libs/event-sourcing';
import { isFirstHand, readFirstHands, whoDid, type FirstHands } from '#libs/policy';
import { heldBy, heldInWords, legalHolds, type LegalHold } from '#libs/retention';
import { person, type Person } from '../person/person.ts';

/** Asks for the text by and about a person to be erased; the target is the person. */
export class RequestErasure {}

/** Confirms it; the target is the person. */
export class ConfirmErasure {}

export interface ErasureFacts {
  /** Legal holds in force that the person's text may fall under. */
  readonly holds: readonly LegalHold[];
  /** Where they are written, `stream@revision`. */
  readonly holdsRef: string;
}

/** One asks, for a person who has left: who is still at work is still writing, and what she decided is still being reviewed. */
export function requestErasure(command: Issued<RequestErasure>, state: Person, facts: ErasureFacts): Decision<PersonEvent> {
  const { target, meta } = command;
  if (state.erased || state.erasureRequestedBy !== undefined) return [];
  const refusal = notErasable(target, state, facts);
  if (refusal) return refusal;
  return [{ type: 'PersonErasureRequested', data: { person: target, requestedBy: meta.actor.person } }];
}

/** Another person confirms. It can't be undone. */
export function confirmErasure(command: Issued<ConfirmErasure>, state: Person, facts: ErasureFacts & FirstHands): Decision<PersonEvent> {
  const { target, meta } = command;
  const { erasureRequestedBy: requestedBy } = state;
  const confirmedBy = meta.actor.person;
  if (state.erased) return [];
  if (requestedBy === undefined) return refuse('not-found', 'erasure-not-requested', `Nobody asked for ${target} to be erased.`);
  if (isFirstHand(meta.actor, facts, requestedBy, target)) {
    return refuse('duty', 'confirmed-by-another', 'An erasure is confirmed by somebody who neither asked for it nor is erased.', [
      {
        code: 'two-persons',
        detail: `${requestedBy} asked for it.`,
        evidence: facts.persons.refs,
        unblockedBy: 'Another administrator of identities confirms it.',
      },
    ]);
  }
  const refusal = notErasable(target, state, facts);
  if (refusal) return refusal;
  return [{ type: 'PersonErased', data: { person: target, requestedBy, confirmedBy } }];
}

function notErasable(target: string, state: Person, { holds, holdsRef }: ErasureFacts): Refusal | undefined {
  if (!state.registered) {
    return refuse('not-found', 'person-unknown', `There is no person ${target}.`, [
      {
        code: 'person-unknown',
        detail: 'An account that nobody has linked is a person of its own, of whom only the id is known.',
        unblockedBy: `Register the person ${target}, and record that the person left.`,
      },
    ]);
  }
  if (!state.left) {
    return refuse('conflict', 'person-not-left', `${target} has not left: erased is the text of who has.`, [
      { code: 'person-not-left', detail: 'What the person still writes would be lost.', unblockedBy: 'Record that the person left.' },
    ]);
  }
  if (holds.length === 0) return undefined;
  return refuse(
    'conflict',
    'legal-hold',
    `${holds.length === 1 ? 'A legal hold forbids' : `${holds.length} legal holds forbid`} to erase ${target}.`,
    holds.slice(0, 20).map(({ holdId, scope }) => ({
      code: 'legal-hold',
      detail: `Legal hold ${holdId} is on ${heldInWords(scope)}.`,
      evidence: [holdsRef],
      unblockedBy: `Legal hold ${holdId} is released, by another person than the one who placed it.`,
    })),
  );
}

/**
 * The holds that a person's text may fall under. One key opens all that the person wrote, about whatever product, release or environment: which
 * these are is not known, so that a hold on any of them binds, and only one on another person does not.
 */
export async function holdsOn(read: ReadAggregate, target: string): Promise<ErasureFacts> {
  const { state, ref } = await read(legalHolds, HOLD_REGISTER);
  return { holds: heldBy(state, { persons: [target] }), holdsRef: ref };
}

const facts = (read: ReadAggregate, command: Issued<object>): Promise<ErasureFacts> => holdsOn(read, command.target);
const governed = (command: Issued<object>): Record<string, string> => ({ person: command.target });

export const requestErasureCommand = defineCommand({ type: RequestErasure, aggregate: person, decide: requestErasure, facts, governed });
export const confirmErasureCommand = defineCommand({
  type: ConfirmErasure,
  vouches: true,
  aggregate: person,
  decide: confirmErasure,
  facts: async (read, command) => {
    const { target, meta } = command;
    const asked = await whoDid(read, person.category, target, ({ type }) => type === 'PersonErasureRequested');
    return { ...(await facts(read, command)), ...(await readFirstHands(read, meta.actor, asked.slice(-1))) };
  },
  governed,
});
