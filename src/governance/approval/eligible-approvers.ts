import type { JudgedRisk } from '#libs/contracts';
import type { Aggregates } from '#libs/cqrs';
import { beyondReach, eligibleApprovers, reachOf, readGateFacts, tupleDifferences, unblockedByApproval, type Eligible } from '#libs/policy';
import { approval, type Approval } from './approval.ts';

export interface EligibleAnswer extends Eligible {
  readonly approvalId: string;
  readonly round: number;
  readonly outcome: Approval['outcome'];
  readonly expiresAt?: string;
  /** What the change is judged to be, which may be why so many are asked. */
  readonly risk?: JudgedRisk;
  /**
   * Who holds a role by which she can still approve, and would count; absent where roles are not granted, where no one is missing or where only
   * members of groups are.
   */
  readonly holders?: readonly string[];
  /** What has changed since it was requested: nobody can approve it any more. */
  readonly differences: readonly string[];
  /** What would bring the approval about, as the refusal of a deployment says it too. */
  readonly unblockedBy?: string;
  /** `stream@revision` of what it was answered from. */
  readonly inputs: readonly string[];
}

/** Who holds a role by which she could approve in a place. */
export type Holding = (place: { readonly environment: string; readonly service?: string }) => Promise<readonly string[]>;

/**
 * Who can still approve.
 *
 * @param now ISO 8601, server time
 * @param holding absent where nobody asks, or roles are not granted
 * @throws RefusedError `approval-unknown`
 */
export async function eligibleFor(aggregates: Aggregates, id: string, now: string, holding?: Holding): Promise<EligibleAnswer> {
  const { round, outcome, releaseId = '', environment = '', tuple, quorum, groups } = await aggregates.answer(approval, id);
  const facts = await readGateFacts((aggregate, of) => aggregates.load(aggregate, of), releaseId, environment, now);
  const rule = { quorum, ...(groups ? { groups } : {}) };
  const eligible = eligibleApprovers(facts, rule);
  const place = { environment, ...(facts.product === undefined ? {} : { service: facts.product }) };
  const reach = holding && eligible.anybody ? reachOf(facts, rule, await holding(place)) : undefined;
  const unblockedBy = [unblockedByApproval(eligible), reach ? beyondReach(reach) : ''].filter((said) => said !== '').join(' ');
  const { refs } = facts;
  return {
    approvalId: id,
    round,
    outcome,
    ...(tuple ? { expiresAt: tuple.expiresAt } : {}),
    ...(facts.risk ? { risk: facts.risk } : {}),
    differences: tuple ? tupleDifferences(tuple, facts) : [],
    ...eligible,
    ...(reach ? { holders: reach.holders } : {}),
    ...(eligible.missing > 0 ? { unblockedBy } : {}),
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
