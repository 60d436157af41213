import type { GateRule, PolicyClause, PolicyEvent } from '#libs/contracts';
import type { Aggregate } from '#libs/event-sourcing';

export interface PublishedPolicy {
  /** 1-based and dense. */
  readonly version: number;
  readonly title: string;
  /** ISO 8601; see `inForceAt`. */
  readonly effectiveFrom: string;
  readonly gates: readonly GateRule[];
  readonly rollbackGates: readonly GateRule[];
  readonly clauses: readonly PolicyClause[];
}

export interface Policy {
  /** The number of versions. Which of them is in force is a question of time. */
  readonly version: number;
  /** In the order of publishing. */
  readonly versions: readonly PublishedPolicy[];
}

export const policy: Aggregate<Policy, PolicyEvent> = {
  category: 'policy',
  initial: { version: 0, versions: [] },
  evolve: ({ versions }, { data: { policyId: _policyId, ...published } }) => ({
    version: published.version,
    versions: [...versions, published],
  }),
};
