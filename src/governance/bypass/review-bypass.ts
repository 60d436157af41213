import { IsIn, IsUUID, Matches, MaxLength } from 'class-validator';
import { SAYS_SOMETHING, type BypassEvent } from '#libs/contracts';
import { defineCommand, own, refuse, type Decision, type Issued } from '#libs/event-sourcing';
import { deployersOf, handsOn, isFirstHand, personsOf, readPersons, whoDid, type Act, type OnRecord, type PersonsNow } from '#libs/policy';
import { bypasses, type Bypass, type Bypasses } from './bypass.ts';

export class ReviewBypassFields {
  @IsIn(['approved', 'rejected']) outcome: 'approved' | 'rejected';
  @Matches(SAYS_SOMETHING, { message: 'findings must say what the review found' }) @MaxLength(4000) findings: string;
}

export class ReviewBypass extends ReviewBypassFields {
  @IsUUID() bypassId: string;
}

export interface ReviewFacts {
  /** Persons who wrote, registered, composed or planned what the bypass was for, whatever the release is composed of by now. */
  readonly authors: readonly string[];
  /** Who requested it, and who deployed or resumed with it, with their accounts. */
  readonly requesters: readonly OnRecord[];
  readonly deployers: readonly OnRecord[];
  readonly persons: PersonsNow;
  /** `stream@revision` of what says so, sorted. */
  readonly refs: readonly string[];
}

/** After the fact, by somebody who had no part in it, and once: it closes the bypass. */
export function reviewBypass(command: Issued<ReviewBypass>, state: Bypasses, facts: ReviewFacts): Decision<BypassEvent> {
  const { bypassId, outcome, findings, meta } = command;
  const reviewer = meta.actor.person;
  const bypass = own(state.byId, bypassId);
  if (!bypass) return refuse('not-found', 'bypass-unknown', `There is no bypass ${bypassId}.`);
  const part = partOf(meta.actor, bypass, facts);
  if (part) {
    return refuse('duty', 'review-by-another', `You ${part}: somebody else must review it.`, [
      {
        code: 'review-by-another',
        detail: `You ${part}.`,
        evidence: facts.refs,
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

/** The part that a person had in it, with whatever account. */
function partOf(actor: OnRecord, bypass: Bypass, { authors, requesters, deployers, persons }: ReviewFacts): string | undefined {
  if (isFirstHand(actor, { first: requesters, persons }, bypass.requester)) return 'requested this bypass';
  const used = bypass.uses.map(({ deployer }) => deployer);
  if (isFirstHand(actor, { first: deployers, persons }, ...used)) return 'deployed with this bypass';
  return personsOf(actor, persons).some((person) => authors.includes(person)) ? 'wrote what it was for' : undefined;
}

export const reviewBypassCommand = defineCommand({
  type: ReviewBypass,
  vouches: true,
  personal: ['findings'],
  aggregate: bypasses,
  decide: reviewBypass,
  facts: async (read, command, state): Promise<ReviewFacts> => {
    const bypass = own(state.byId, command.bypassId);
    if (!bypass) return { authors: [], requesters: [], deployers: [], persons: { now: {}, refs: [] }, refs: [] };
    const asked = ({ type, data }: Act): boolean => type === 'BypassRequested' && data['bypassId'] === bypass.bypassId;
    const [hands, requesters, ...used] = await Promise.all([
      handsOn(read, bypass.tuple),
      whoDid(read, bypasses.category, command.target, asked),
      ...bypass.uses.map(({ deploymentId }) => deployersOf(read, deploymentId)),
    ]);
    const deployers = used.flat();
    const persons = await readPersons(read, [command.meta.actor, ...requesters, ...deployers]);
    return { authors: hands.persons, requesters, deployers, persons, refs: [...new Set([...hands.refs, ...persons.refs])].sort() };
  },
  governed: (command, state) => {
    const bypass = own(state.byId, command.bypassId);
    return { bypassId: command.bypassId, ...(bypass ? { releaseId: bypass.releaseId, environment: bypass.environment } : {}) };
  },
});
