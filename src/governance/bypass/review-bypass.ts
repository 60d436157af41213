import { IsIn, IsUUID, Matches, MaxLength } from 'class-validator';
import { SAYS_SOMETHING, type BypassEvent } from '#libs/contracts';
import { defineCommand, own, refuse, type Decision, type Issued } from '#libs/event-sourcing';
import { readGateFacts } from '#libs/policy';
import { bypasses, type Bypasses } from './bypass.ts';

export class ReviewBypassFields {
  @IsIn(['approved', 'rejected']) outcome: 'approved' | 'rejected';
  @Matches(SAYS_SOMETHING, { message: 'findings must say what the review found' }) @MaxLength(4000) findings: string;
}

export class ReviewBypass extends ReviewBypassFields {
  @IsUUID() bypassId: string;
}

export interface ReviewFacts {
  /** Persons who wrote what was deployed. */
  readonly authors: readonly string[];
}

/** After the fact, by somebody who had no part in it, and once: it closes the bypass. */
export function reviewBypass(command: Issued<ReviewBypass>, state: Bypasses, facts: ReviewFacts): Decision<BypassEvent> {
  const { bypassId, outcome, findings, meta } = command;
  const reviewer = meta.actor.person;
  const bypass = own(state.byId, bypassId);
  if (!bypass) return refuse('not-found', 'bypass-unknown', `There is no bypass ${bypassId}.`);
  const part = partOf(reviewer, bypass, facts);
  if (part) {
    return refuse('duty', 'review-by-another', `You ${part}: somebody else must review it.`, [
      {
        code: 'review-by-another',
        detail: `You ${part}.`,
        unblockedBy: 'Somebody who did not request, use or write it reviews the bypass.',
      },
    ]);
  }
  if (bypass.review) {
    const { reviewer: by, outcome: was } = bypass.review;
    if (by === reviewer && was === outcome && bypass.review.findings === findings) return [];
    return refuse('conflict', 'bypass-reviewed', `Bypass ${bypassId} was ${was} by ${by} already.`);
  }
  if (bypass.uses.length === 0 && meta.now < bypass.tuple.expiresAt) {
    return refuse('conflict', 'bypass-not-used', 'It has not been used yet: there is nothing to review.', [
      {
        code: 'bypass-not-used',
        detail: `No deployment with it is on record, and it holds until ${bypass.tuple.expiresAt}.`,
        unblockedBy: `Review it after a deployment with it, or after ${bypass.tuple.expiresAt}.`,
      },
    ]);
  }
  return [{ type: 'BypassReviewed', data: { bypassId, reviewer, outcome, findings, late: meta.now >= bypass.reviewDueAt } }];
}

function partOf(person: string, bypass: Bypasses['byId'][string], facts: ReviewFacts): string | undefined {
  if (person === bypass.requester) return 'requested this bypass';
  if (bypass.uses.some((use) => use.deployer === person)) return 'deployed with this bypass';
  return facts.authors.includes(person) ? 'wrote what it was for' : undefined;
}

export const reviewBypassCommand = defineCommand({
  type: ReviewBypass,
  personal: ['findings'],
  aggregate: bypasses,
  decide: reviewBypass,
  facts: async (read, command, state): Promise<ReviewFacts> => {
    const bypass = own(state.byId, command.bypassId);
    return { authors: bypass ? (await readGateFacts(read, bypass.releaseId, bypass.environment, command.meta.now)).authors : [] };
  },
  governed: (command, state) => {
    const releaseId = own(state.byId, command.bypassId)?.releaseId;
    return { bypassId: command.bypassId, ...(releaseId ? { releaseId } : {}) };
  },
});
