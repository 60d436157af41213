import { BYPASS_REGISTER, type ApprovalTuple, type BypassEvent, type GateName } from '#libs/contracts';
import { own, refuse, type Aggregate, type ReadAggregate, type Reason, type Refusal } from '#libs/event-sourcing';
import type { GateFacts } from './sources.ts';
import { tupleDifferences } from './tuple.ts';

/** What a bypass lets pass, as its register says; the rest of its life is governance's affair. */
export interface BypassGrant {
  readonly requester: string;
  readonly gates: readonly GateName[];
  readonly tuple: ApprovalTuple;
  readonly review?: 'approved' | 'rejected';
}

/** No bypass ever lifts these: duties are recorded and judged whatever happens (principle 7). */
export const NEVER_WAIVED: readonly GateName[] = ['duties-separated'];

export const bypassSource: Aggregate<Readonly<Record<string, BypassGrant>>, BypassEvent> = {
  category: 'bypass',
  initial: {},
  evolve: (state, { type, data }) => {
    const known = own(state, data.bypassId);
    if (type === 'BypassRequested')
      return { ...state, [data.bypassId]: { requester: data.requester, gates: data.gates, tuple: data.tuple } };
    return type === 'BypassReviewed' && known ? { ...state, [data.bypassId]: { ...known, review: data.outcome } } : state;
  },
};

export async function readBypass(
  read: ReadAggregate,
  bypassId: string,
): Promise<{ readonly ref: string; readonly bypass: NonNullable<GateFacts['bypass']> }> {
  const { state, ref } = await read(bypassSource, BYPASS_REGISTER);
  const grant = own(state, bypassId);
  return { ref, bypass: { id: bypassId, ...(grant ? { grant } : {}) } };
}

/** The gates that the facts' bypass lifts at this moment; none where there is no bypass, or it does not hold. */
export function waivedGates(facts: GateFacts, now: string): readonly GateName[] {
  if (!facts.bypass?.grant || bypassReasons(facts, now).length > 0) return [];
  return facts.bypass.grant.gates.filter((gate) => !NEVER_WAIVED.includes(gate));
}

/** The refusal to begin anything under the facts' bypass; undefined where it holds and is open, or where there is none. */
export function bypassRefusal(facts: GateFacts, now: string): Refusal | undefined {
  const { bypass, refs } = facts;
  // With its review a bypass is closed: what is begun under it later would be reviewed by nobody.
  const closed: readonly Reason[] =
    bypass?.grant?.review === 'approved'
      ? [
          {
            code: 'bypass-reviewed',
            detail: `Bypass ${bypass.id} was reviewed, and is closed.`,
            evidence: refs.bypass ? [refs.bypass] : [],
            unblockedBy: 'Request a new bypass, or fulfil the gates.',
          },
        ]
      : [];
  const reasons = [...bypassReasons(facts, now), ...closed];
  if (reasons.length === 0) return undefined;
  return refuse('conflict', 'bypass-not-valid', `Bypass ${bypass?.id ?? ''} does not hold for this deployment.`, reasons);
}

/** Why the facts' bypass does not hold for what is there now; empty where it does, or where there is none. */
export function bypassReasons(facts: GateFacts, now: string): readonly Reason[] {
  if (!facts.bypass) return [];
  const { id, grant } = facts.bypass;
  const reason = (code: string, detail: string, unblockedBy: string): Reason => ({
    code,
    detail,
    evidence: facts.refs.bypass ? [facts.refs.bypass] : [],
    unblockedBy,
  });
  if (!grant) return [reason('bypass-unknown', `There is no bypass ${id}.`, 'Request a bypass and name its id.')];
  const anew = 'Request a bypass for what is there now.';
  return [
    ...tupleDifferences(grant.tuple, facts).map((detail) => reason('bypass-tuple-differs', detail, anew)),
    ...(now >= grant.tuple.expiresAt ? [reason('bypass-expired', `Bypass ${id} expired at ${grant.tuple.expiresAt}.`, anew)] : []),
    ...(grant.review === 'rejected'
      ? [reason('bypass-rejected', `The review of bypass ${id} rejected it.`, 'Fulfil the gates, or request a bypass on other grounds.')]
      : []),
  ];
}
