import type { BypassEvent } from '#libs/contracts';
import type { Emergency, Written } from './report.ts';
import { plainText } from './text.ts';

type Requested = Extract<BypassEvent, { type: 'BypassRequested' }>['data'];
type Review = NonNullable<NonNullable<Emergency['bypass']>['review']>;

export interface KnownBypass {
  readonly data: Requested;
  readonly requested: Written;
  readonly uses: { readonly deploymentId: string; readonly deployer: string }[];
  review?: Review;
}

/** Every bypass so far. */
export class Bypasses {
  readonly byId = new Map<string, KnownBypass>();

  add({ type, data }: BypassEvent, written: Written): void {
    if (type === 'BypassRequested') {
      // What is told of at the end must be readable now: only what was appended around Plimsoll may not be.
      if (![data.reviewDueAt, data.tuple.expiresAt, data.bypassId].every((text) => typeof text === 'string') || !Array.isArray(data.gates))
        throw new TypeError('It is no bypass.');
      this.byId.set(data.bypassId, { data, requested: written, uses: [] });
      return;
    }
    const bypass = this.byId.get(data.bypassId);
    if (type === 'BypassUsed') bypass?.uses.push({ deploymentId: data.deploymentId, deployer: data.deployer });
    if (type === 'BypassReviewed' && bypass && !bypass.review) {
      const { reviewer, outcome, findings, late } = data;
      bypass.review = { reviewer, outcome, findings: plainText(findings), late: late || written.at >= bypass.data.reviewDueAt, ...written };
    }
  }
}

export type BypassState = NonNullable<Emergency['bypass']>['state'];

/** How a bypass stood at an instant (ISO 8601). */
export function bypassState({ data, uses, review }: KnownBypass, now: string): BypassState {
  if (review) return review.outcome === 'rejected' ? 'rejected' : review.late ? 'reviewed-late' : 'reviewed';
  if (now >= data.reviewDueAt) return 'overdue';
  return uses.length === 0 ? 'unused' : 'due';
}

/** A bypass as the report has it. */
export function reportedBypass(bypass: KnownBypass, now: string): NonNullable<Emergency['bypass']> {
  const { bypassId, requester, team, gates, justification, tuple, reviewDueAt } = bypass.data;
  return {
    ...bypass.requested,
    bypassId,
    requester,
    ...(team === undefined ? {} : { team }),
    gates,
    justification: plainText(justification),
    tuple,
    expiresAt: tuple.expiresAt,
    reviewDueAt,
    ...(bypass.review ? { review: bypass.review } : {}),
    state: bypassState(bypass, now),
  };
}
