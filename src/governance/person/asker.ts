import { accountId } from '#libs/contracts';
import { refuse, type CommandMeta, type ReadAggregate, type Refusal } from '#libs/event-sourcing';
import type { OnRecord } from '#libs/policy';
import { account } from '../account/account.ts';
import { bootstrap, BOOTSTRAP_ID } from '../bootstrap/identity-bootstrap.ts';
import { person } from './person.ts';

/** Why who asked is nobody who counts as the first of two persons; nothing where she is. */
export interface AskerFacts {
  readonly askerUnknown?: { readonly why: string; readonly refs: readonly string[] };
}

/**
 * Where roles are granted, it takes two whom the record knows: an account that nobody has linked may be anybody's, also of whoever confirms.
 * The exception is the first administrator, with the account that is on record as such and until that is ended: somebody has to begin.
 *
 * @param asked the account that asked; the one that asks now, where it is only being asked
 */
export async function readAsker(read: ReadAggregate, meta: CommandMeta, asked: OnRecord | undefined): Promise<AskerFacts> {
  if (!meta.personsOnRecord) return {};
  const first = await read(bootstrap, BOOTSTRAP_ID);
  const begins = (principal: string | undefined): boolean =>
    principal !== undefined && !first.state.ended && first.state.principal === principal;
  if (begins(meta.actor.principal) || begins(asked?.principal)) return {};
  // While the first administrator is at work, anybody may ask her.
  if (asked?.principal === meta.actor.principal && first.state.principal !== undefined && !first.state.ended) return {};
  const bar = asked?.principal?.indexOf('|') ?? -1;
  if (!asked?.principal || bar < 0) return { askerUnknown: { why: 'No account is on record as having asked.', refs: [first.ref] } };
  const linked = await read(account, accountId(asked.principal.slice(0, bar), asked.principal.slice(bar + 1)));
  const refs = [first.ref, linked.ref].sort();
  if (linked.state.person === undefined || linked.state.closed)
    return { askerUnknown: { why: 'The account that asked is linked to nobody.', refs } };
  const known = await read(person, linked.state.person);
  if (known.state.registered && !known.state.left) return {};
  const why = known.state.left ? `${known.id} has left.` : `${known.id} is not registered.`;
  return { askerUnknown: { why, refs: [...refs, known.ref].sort() } };
}

/** The refusal of what nobody known has asked for. */
export function refuseUnknownAsker({ askerUnknown }: AskerFacts): Refusal | undefined {
  if (!askerUnknown) return undefined;
  return refuse('duty', 'asked-by-nobody-known', 'It takes two persons on record: who asked is none.', [
    {
      code: 'asked-by-nobody-known',
      detail: askerUnknown.why,
      evidence: askerUnknown.refs,
      unblockedBy: 'Somebody registered asks for it, with an account that is linked; and another one confirms it.',
    },
  ]);
}

/** Whether asking once more is the same request: where who asks counts, another one's is a request of her own, that nobody's stands in its way. */
export function asksAgain(requestedBy: string, { actor, personsOnRecord }: CommandMeta): boolean {
  return !personsOnRecord || requestedBy === actor.person;
}
