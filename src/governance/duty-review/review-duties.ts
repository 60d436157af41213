import { ArrayMaxSize, IsArray, IsString, IsUUID } from 'class-validator';
import { approvalId, type ApprovalEvent, type DeploymentEvent, type DutyReviewEvent } from '#libs/contracts';
import { defineCommand, type Aggregate, type Decision, type Issued, type Loaded, type ReadAggregate } from '#libs/event-sourcing';
import { conflicts, type DutyAssignment } from '#libs/identity';
import { personOfAccount, readGateFacts, RELEASE_DUTIES } from '#libs/policy';

/** Sent when two accounts turn out to be one person; decides for itself whether that shows anything. */
export class ReviewDuties {
  @IsUUID() releaseId: string;
  @IsString() environment: string;
  @IsArray() @ArrayMaxSize(1000) @IsString({ each: true }) deployments: readonly string[];
  /** The stream of the account that was linked. */
  @IsString() learnedFrom: string;
}

/** What was found so far for a release and environment: `rule/person`. */
export interface DutyReview {
  readonly found: readonly string[];
}

export const dutyReview: Aggregate<DutyReview, DutyReviewEvent> = {
  category: 'dutyreview',
  initial: { found: [] },
  evolve: (state, { data }) => ({ found: [...state.found, `${data.rule}/${data.person}`] }),
};

/** Puts what is found on record, once, on a stream of its own: nothing that was decided then is rewritten. */
export function reviewDuties(
  command: Issued<ReviewDuties>,
  state: DutyReview,
  assignments: readonly DutyAssignment[],
): Decision<DutyReviewEvent> {
  const { releaseId, environment, learnedFrom } = command;
  return conflicts(assignments, RELEASE_DUTIES)
    .filter(({ rule, person }) => !state.found.includes(`${rule}/${person}`))
    .map(({ rule, person, duties, evidence }) => ({
      type: 'DutyViolationFound',
      data: { releaseId, environment, rule, person, duties, evidence, learnedFrom },
    }));
}

const approvalDeeds: Aggregate<null, ApprovalEvent> = { category: 'approval', initial: null, evolve: (state) => state };
const deploymentDeeds: Aggregate<null, DeploymentEvent> = { category: 'deployment', initial: null, evolve: (state) => state };

/**
 * Who took which duty, by the accounts that acted then and what is known of them now. Of approvals the round that counts is the last one, as
 * with the gates; requests and votes of earlier rounds led to nothing.
 */
async function assignmentsNow(
  read: ReadAggregate,
  { releaseId, environment, deployments, meta }: Issued<ReviewDuties>,
): Promise<readonly DutyAssignment[]> {
  const [facts, approval, ...deployed] = await Promise.all([
    readGateFacts(read, releaseId, environment, meta.now),
    read(approvalDeeds, approvalId(releaseId, environment)),
    ...deployments.map((id) => read(deploymentDeeds, id)),
  ]);
  const lastRound = Math.max(0, ...approval.events.map((e) => (e.data as { round?: number }).round ?? 0));
  const deeds: DutyAssignment[] = facts.authors.map((person) => ({ person, duty: 'author', evidence: facts.refs.release }));
  const add = async (loaded: Loaded<null>, type: string, duty: DutyAssignment['duty']): Promise<void> => {
    for (const event of loaded.events.filter((e) => e.type === type)) {
      if (loaded === approval && (event.data as { round?: number }).round !== lastRound) continue;
      const { person } = await personOfAccount(read, event.metadata.principal);
      deeds.push({ person, duty, evidence: `${event.stream}@${event.revision}` });
    }
  };
  await add(approval, 'ApprovalRequested', 'requester');
  await add(approval, 'ApprovalGranted', 'approver');
  for (const one of deployed) await add(one, 'DeploymentStarted', 'deployer');
  return deeds;
}

export const reviewDutiesCommand = defineCommand({
  type: ReviewDuties,
  aggregate: dutyReview,
  decide: reviewDuties,
  facts: assignmentsNow,
});
