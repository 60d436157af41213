import { IsUUID } from 'class-validator';
import type { BypassEvent } from '#libs/contracts';
import { defineCommand, own, refuse, type Decision, type Issued } from '#libs/event-sourcing';
import { bypasses, type Bypasses } from './bypass.ts';

/** Sent by the timer of a review. */
export class MarkBypassReviewOverdue {
  @IsUUID() bypassId: string;
}

export function markBypassReviewOverdue(command: Issued<MarkBypassReviewOverdue>, state: Bypasses): Decision<BypassEvent> {
  const bypass = own(state.byId, command.bypassId);
  if (!bypass) return refuse('not-found', 'bypass-unknown', `There is no bypass ${command.bypassId}.`);
  const { bypassId, requester, product, reviewDueAt: dueAt, review, overdue } = bypass;
  if (review || overdue || command.meta.now < dueAt) return [];
  return [{ type: 'BypassReviewOverdue', data: { bypassId, requester, product, dueAt } }];
}

export const markBypassReviewOverdueCommand = defineCommand({
  type: MarkBypassReviewOverdue,
  aggregate: bypasses,
  decide: markBypassReviewOverdue,
});
