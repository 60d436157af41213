import { IsIn, IsString, IsUUID, Matches, MaxLength } from 'class-validator';
import { SAYS_SOMETHING, type ChangeEvent } from '#libs/contracts';
import { defineCommand, refuse, type Decision, type Issued, type Refusal } from '#libs/event-sourcing';
import { actsOf, change, deployersOf, dossierDifferences, isFirstHand, readFirstHands, type Change, type FirstHands } from '#libs/policy';
import { aboutChange, dutyAgainst, nowOfChange, ofChange, type ChangeVoteFacts } from './vote-on-change.ts';

export class ConfirmCondition {
  @IsUUID() conditionId: string;
  /** What shows that it is met. */
  @Matches(SAYS_SOMETHING, { message: 'evidence must say what shows it' }) @MaxLength(2000) evidence: string;
}

export class WithdrawChange {
  @Matches(SAYS_SOMETHING, { message: 'reason must say something' }) @MaxLength(2000) reason: string;
}

/** Sent when something in the dossier may have changed; decides for itself whether it did. */
export class VoidChangeIfChanged {}

/** Sent when a deployment of the change has ended, or was rolled back. */
export class RecordChangeOutcome {
  @IsUUID() deploymentId: string;
  @IsIn(['succeeded', 'failed', 'rolled-back']) outcome: 'succeeded' | 'failed' | 'rolled-back';
}

export class ReviewChange {
  @IsIn(['approved', 'rejected']) outcome: 'approved' | 'rejected';
  @Matches(SAYS_SOMETHING, { message: 'findings must say what the review found' }) @MaxLength(4000) findings: string;
}

/** Sent by the timer of a review. */
export class MarkChangeReviewOverdue {
  @IsString() dueAt: string;
}

/** A condition is met when somebody says so who neither wrote nor asked for the change; nor, as the gate sees to, deploys it. */
export function confirmCondition(command: Issued<ConfirmCondition>, state: Change, { now }: ChangeVoteFacts): Decision<ChangeEvent> {
  const { target: changeId, meta, conditionId, evidence } = command;
  const { person } = meta.actor;
  const condition = state.conditions.find((c) => c.conditionId === conditionId);
  if (!condition) return refuse('not-found', 'condition-unknown', `The change has no condition ${conditionId}.`);
  if (condition.confirmedBy !== undefined) return [];
  if (state.status !== 'approved')
    return refuse('conflict', 'change-not-approved', `The change was ${state.status}: its conditions count no more.`);
  const duty = now ? dutyAgainst(person, now, state) : undefined;
  if (duty)
    return refuse('duty', 'condition-by-another', 'Somebody else confirms it: you have a part in the change.', [
      {
        code: 'condition-by-another',
        detail: duty,
        unblockedBy: 'Somebody who neither wrote, tested, requested nor deploys it confirms it.',
      },
    ]);
  return [{ type: 'ChangeConditionMet', data: { ...ofChange(changeId, state), conditionId, confirmedBy: person, evidence } }];
}

/** Who asked for it takes it back. */
export function withdrawChange(command: Issued<WithdrawChange>, state: Change): Decision<ChangeEvent> {
  const { target: changeId, meta, reason } = command;
  const { person } = meta.actor;
  if (state.status === 'none') return refuse('not-found', 'change-unknown', `There is no change ${changeId}.`);
  if (state.status === 'withdrawn') return [];
  if (state.status !== 'open' && state.status !== 'approved')
    return refuse('conflict', 'change-closed', `The change was ${state.status}: there is nothing to withdraw.`);
  if (person !== state.requester)
    return refuse('duty', 'not-the-requester', 'Only who asked for a change withdraws it.', [
      {
        code: 'not-the-requester',
        detail: `${state.requester ?? ''} asked for it.`,
        unblockedBy: 'The requester withdraws it, or the board rejects it.',
      },
    ]);
  return [{ type: 'ChangeWithdrawn', data: { ...ofChange(changeId, state), person, reason } }];
}

/** Any change of what is in the dossier voids what was or would be decided on it, by an event that says what changed (principle 3). */
export function voidChangeIfChanged(command: Issued<VoidChangeIfChanged>, state: Change, { now }: ChangeVoteFacts): Decision<ChangeEvent> {
  if ((state.status !== 'open' && state.status !== 'approved') || !state.dossier || !now) return [];
  const differences = dossierDifferences(state.dossier, now, now.change?.board?.version);
  return differences.length === 0
    ? []
    : [{ type: 'ChangeVoided', data: { ...ofChange(command.target, state), reason: differences.join(' ') } }];
}

export function recordChangeOutcome(command: Issued<RecordChangeOutcome>, state: Change): Decision<ChangeEvent> {
  const { target: changeId, deploymentId, outcome } = command;
  const known = state.deployments.some((d) => d.deploymentId === deploymentId);
  if (state.deployments.some((d) => d.deploymentId === deploymentId && d.outcome === outcome)) return [];
  // What was rolled back is of this round only where this round deployed it.
  if (outcome === 'rolled-back' ? !known : state.status !== 'approved') return [];
  return [{ type: 'ChangeImplemented', data: { ...ofChange(changeId, state), deploymentId, outcome } }];
}

export interface ReviewChangeFacts extends ChangeVoteFacts {
  /** Who had a deployment of the release run in this environment. */
  readonly deployers: FirstHands;
}

/** An emergency is looked at afterwards, once, by somebody who had no part in it: neither wrote, tested nor requested it, nor deployed it. */
export function reviewChange(command: Issued<ReviewChange>, state: Change, { now, deployers }: ReviewChangeFacts): Decision<ChangeEvent> {
  const { target: changeId, meta, outcome, findings } = command;
  const reviewer = meta.actor.person;
  if (state.status === 'none') return refuse('not-found', 'change-unknown', `There is no change ${changeId}.`);
  if (state.route !== 'emergency') return refuse('conflict', 'not-an-emergency', 'Only emergencies are reviewed afterwards.');
  const deployed = isFirstHand(meta.actor, deployers) ? 'You deployed it.' : undefined;
  const duty = deployed ?? (now ? dutyAgainst(reviewer, now, state) : undefined);
  if (duty)
    return refuse('duty', 'review-by-another', 'You had a part in it: somebody else must review it.', [
      {
        code: 'review-by-another',
        detail: duty,
        evidence: deployers.persons.refs,
        unblockedBy: 'Somebody who neither wrote, tested, requested nor deployed it reviews it.',
      },
    ]);
  if (state.review) {
    const { reviewer: by, outcome: was, findings: said } = state.review;
    return by === reviewer && was === outcome && said === findings
      ? []
      : refuse('conflict', 'change-reviewed', `It was ${was} by ${by} already.`);
  }
  const early = notReviewableYet(state, meta.now);
  if (early) return early;
  const late = state.reviewDueAt !== undefined && meta.now >= state.reviewDueAt;
  return [{ type: 'ChangeReviewed', data: { ...ofChange(changeId, state), reviewer, outcome, findings, late } }];
}

/** What has not been used may be used yet: until then there is nothing to review. From when the review is due, nothing starts any more. */
function notReviewableYet({ deployments, status, dossier, reviewDueAt }: Change, now: string): Refusal | undefined {
  const until = [dossier?.window.until, reviewDueAt].flatMap((at) => at ?? []).sort()[0];
  if (deployments.length > 0 || status !== 'approved' || (until !== undefined && now >= until)) return undefined;
  const detail = `No deployment of it has ended, and one may begin until ${until ?? 'it is withdrawn'}.`;
  return refuse('conflict', 'change-not-used', 'The emergency has not been used yet: there is nothing to review.', [
    { code: 'change-not-used', detail, unblockedBy: `Review it after a deployment of it${until ? `, or after ${until}` : ''}.` },
  ]);
}

export function markChangeReviewOverdue(command: Issued<MarkChangeReviewOverdue>, state: Change): Decision<ChangeEvent> {
  const { target: changeId, meta, dueAt } = command;
  if (state.reviewDueAt !== dueAt || state.review || state.reviewOverdue || meta.now < dueAt) return [];
  return [{ type: 'ChangeReviewOverdue', data: { ...ofChange(changeId, state), dueAt } }];
}

export const confirmConditionCommand = defineCommand({
  type: ConfirmCondition,
  vouches: true,
  personal: ['evidence'],
  aggregate: change,
  decide: confirmCondition,
  facts: nowOfChange,
  governed: aboutChange,
});
export const withdrawChangeCommand = defineCommand({
  type: WithdrawChange,
  personal: ['reason'],
  aggregate: change,
  decide: withdrawChange,
  governed: aboutChange,
});
export const voidChangeIfChangedCommand = defineCommand({
  type: VoidChangeIfChanged,
  aggregate: change,
  decide: voidChangeIfChanged,
  facts: nowOfChange,
});
export const recordChangeOutcomeCommand = defineCommand({ type: RecordChangeOutcome, aggregate: change, decide: recordChangeOutcome });
export const reviewChangeCommand = defineCommand({
  type: ReviewChange,
  vouches: true,
  personal: ['findings'],
  aggregate: change,
  decide: reviewChange,
  facts: async (read, command, state): Promise<ReviewChangeFacts> => {
    const { environment = '', releaseId } = state;
    const place = await read(actsOf('environment'), environment);
    const held = place.state.flatMap(({ type, data }) =>
      type === 'EnvironmentReserved' && data['releaseId'] === releaseId ? [String(data['deploymentId'])] : [],
    );
    const ids = [...new Set([...held, ...state.deployments.map(({ deploymentId }) => deploymentId)])].sort();
    const deployers = (await Promise.all(ids.map((id) => deployersOf(read, id)))).flat();
    return { ...(await nowOfChange(read, command, state)), deployers: await readFirstHands(read, command.meta.actor, deployers) };
  },
  governed: aboutChange,
});
export const markChangeReviewOverdueCommand = defineCommand({
  type: MarkChangeReviewOverdue,
  aggregate: change,
  decide: markChangeReviewOverdue,
});
