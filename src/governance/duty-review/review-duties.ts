import { ArrayMaxSize, IsArray, IsString, IsUUID } from 'class-validator';
import { approvalId, type ApprovalEvent, type DeploymentEvent, type DutyReviewEvent } from '#libs/contracts';
import { defineCommand, type Aggregate, type Decision, type Issued, type ReadAggregate, type StoredEvent } from '#libs/event-sourcing';
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
  /** Duties by round of approval: who requested one round may approve another. */
  rounds: readonly (readonly DutyAssignment[])[],
): Decision<DutyReviewEvent> {
  const { releaseId, environment, learnedFrom } = command;
  const violations = new Map(rounds.flatMap((round) => conflicts(round, RELEASE_DUTIES)).map((v) => [`${v.rule}/${v.person}`, v]));
  return [...violations]
    .filter(([key]) => !state.found.includes(key))
    .map(([, { rule, person, duties, evidence }]) => ({
      type: 'DutyViolationFound',
      data: { releaseId, environment, rule, person, duties, evidence, learnedFrom },
    }));
}

const approvalDeeds: Aggregate<null, ApprovalEvent> = { category: 'approval', initial: null, evolve: (state) => state };
const deploymentDeeds: Aggregate<null, DeploymentEvent> = { category: 'deployment', initial: null, evolve: (state) => state };

/**
 * Who took which duty, by the accounts that acted then and what is known of them now, for every round of approval: a deployment may rest on an
 * earlier one. A vote that was taken back is no vote.
 */
async function roundsNow(
  read: ReadAggregate,
  { releaseId, environment, deployments, meta }: Issued<ReviewDuties>,
): Promise<readonly (readonly DutyAssignment[])[]> {
  const [facts, approval, ...deployed] = await Promise.all([
    readGateFacts(read, releaseId, environment, meta.now),
    read(approvalDeeds, approvalId(releaseId, environment)),
    ...deployments.map((id) => read(deploymentDeeds, id)),
  ]);
  const taken = async (event: StoredEvent, duty: DutyAssignment['duty']): Promise<DutyAssignment> => ({
    person: (await personOfAccount(read, event.metadata.principal)).person,
    duty,
    evidence: `${event.stream}@${event.revision}`,
  });
  const authors = facts.authors.map((person): DutyAssignment => ({ person, duty: 'author', evidence: facts.refs.release }));
  const starts = deployed.flatMap((d) => d.events).filter((e) => e.type === 'DeploymentStarted');
  const deployers = await Promise.all(starts.map((e) => taken(e, 'deployer')));
  const numbers = [...new Set(approval.events.map(roundOf))];
  return await Promise.all(
    numbers.map(async (number) => {
      const events = approval.events.filter((e) => roundOf(e) === number);
      const requests = events.filter((e) => e.type === 'ApprovalRequested');
      const votes = new Map<string, StoredEvent>();
      for (const event of events) {
        const { person = '' } = event.data as { readonly person?: string };
        if (event.type === 'ApprovalGranted') votes.set(person, event);
        if (event.type === 'ApprovalWithdrawn') votes.delete(person);
      }
      const own = await Promise.all([
        ...requests.map((e) => taken(e, 'requester')),
        ...[...votes.values()].map((e) => taken(e, 'approver')),
      ]);
      return [...authors, ...own, ...deployers];
    }),
  );
}

function roundOf(event: StoredEvent): number {
  return (event.data as { readonly round: number }).round;
}

export const reviewDutiesCommand = defineCommand({
  type: ReviewDuties,
  aggregate: dutyReview,
  decide: reviewDuties,
  facts: roundsNow,
});
