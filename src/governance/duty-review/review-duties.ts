import { ArrayMaxSize, IsArray, IsString, IsUUID } from 'class-validator';
import { approvalId, type ApprovalEvent, type ApprovalTuple, type DeploymentEvent, type DutyReviewEvent } from '#libs/contracts';
import { defineCommand, type Aggregate, type Decision, type Issued, type ReadAggregate, type StoredEvent } from '#libs/event-sourcing';
import { conflicts, type DutyAssignment, type SeparationRule } from '#libs/identity';
import { gatesFor, personOfAccount, placeOf, readGateFacts, readPolicyVersion, separationRules, type GateFacts } from '#libs/policy';

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

/** Who had which duty in a round of approval, and what was to be kept apart by the policy that it was asked under. */
export interface RoundOfDuties {
  readonly duties: readonly DutyAssignment[];
  readonly rules: readonly SeparationRule[];
}

/** Puts what is found on record, once, on a stream of its own: nothing that was decided then is rewritten. */
export function reviewDuties(
  command: Issued<ReviewDuties>,
  state: DutyReview,
  /** By round of approval: who requested one round may approve another. */
  rounds: readonly RoundOfDuties[],
): Decision<DutyReviewEvent> {
  const { releaseId, environment, learnedFrom } = command;
  const violations = new Map(rounds.flatMap(({ duties, rules }) => conflicts(duties, rules)).map((v) => [`${v.rule}/${v.person}`, v]));
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
): Promise<readonly RoundOfDuties[]> {
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
  const testers = (facts.testers ?? []).map((person): DutyAssignment => ({ person, duty: 'tester', evidence: facts.refs.reports }));
  const starts = deployed.flatMap((d) => d.events).filter((e) => e.type === 'DeploymentStarted' || e.type === 'DeploymentResumed');
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
      const { editors, rules } = await policyOf(read, requests.at(-1), facts);
      return { duties: [...authors, ...testers, ...own, ...editors, ...deployers], rules };
    }),
  );
}

/** Who published the version of the policy that a round was asked under, and what it keeps apart. */
async function policyOf(
  read: ReadAggregate,
  request: StoredEvent | undefined,
  facts: GateFacts,
): Promise<{ readonly editors: readonly DutyAssignment[]; readonly rules: readonly SeparationRule[] }> {
  const { tuple } = (request?.data ?? {}) as { readonly tuple?: ApprovalTuple };
  const published = tuple && (await readPolicyVersion(read, tuple.policyId, tuple.policyVersion));
  if (!published) return { editors: [], rules: separationRules([]) };
  const gates = gatesFor(published, placeOf(facts, published.riskFloors));
  if (published.editor === undefined) return { editors: [], rules: separationRules(gates) };
  const { person } = await personOfAccount(read, published.editor);
  return { editors: [{ person, duty: 'policy-editor', evidence: published.ref }], rules: separationRules(gates) };
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
