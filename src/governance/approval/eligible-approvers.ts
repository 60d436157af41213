import type { JudgedRisk } from '#libs/contracts';
import type { Aggregates } from '#libs/cqrs';
import { eligibleApprovers, readGateFacts, tupleDifferences, unblockedByApproval, type Eligible } from '#libs/policy';
import { approval, type Approval } from './approval.ts';

export interface EligibleAnswer extends Eligible {
  readonly approvalId: string;
  readonly round: number;
  readonly outcome: Approval['outcome'];
  readonly expiresAt?: string;
  /** What the change is judged to be, which may be why so many are asked. */
  readonly risk?: JudgedRisk;
  /** What has changed since it was requested: nobody can approve it any more. */
  readonly differences: readonly string[];
  /** What would bring the approval about, as the refusal of a deployment says it too. */
  readonly unblockedBy?: string;
  /** `stream@revision` of what it was answered from. */
  readonly inputs: readonly string[];
}

/** Who can still approve. @param now ISO 8601, server time @throws RefusedError `approval-unknown` */
export async function eligibleFor(aggregates: Aggregates, id: string, now: string): Promise<EligibleAnswer> {
  const { round, outcome, releaseId = '', environment = '', tuple, quorum, groups } = await aggregates.answer(approval, id);
  const facts = await readGateFacts((aggregate, of) => aggregates.load(aggregate, of), releaseId, environment, now);
  const eligible = eligibleApprovers(facts, { quorum, ...(groups ? { groups } : {}) });
  const { refs } = facts;
  return {
    approvalId: id,
    round,
    outcome,
    ...(tuple ? { expiresAt: tuple.expiresAt } : {}),
    ...(facts.risk ? { risk: facts.risk } : {}),
    differences: tuple ? tupleDifferences(tuple, facts) : [],
    ...eligible,
    ...(eligible.missing > 0 ? { unblockedBy: unblockedByApproval(eligible) } : {}),
    inputs: [
      refs.approval,
      refs.release,
      refs.policy,
      ...Object.values(refs.groups ?? {}),
      ...Object.values(refs.artifacts),
      ...refs.accounts,
    ].sort(),
  };
}
