import { Column, Entity, PrimaryColumn } from 'typeorm';
import type { EnvironmentClass, Regime } from '#libs/contracts';
import { INSTANT } from '#libs/cqrs';

/** What would govern it, and what governs it until then. */
export interface ProposedRules {
  readonly proposalId: string;
  readonly policyId: string;
  readonly regimes: readonly Regime[];
  readonly formerly: { readonly policyId: string; readonly regimes: readonly Regime[] };
  readonly reason: string;
  readonly proposedBy: string;
  readonly proposedAt: string;
  readonly expiresAt: string;
}

/** What a deployment of ours put there. */
export interface Deployed {
  readonly deploymentId: string;
  readonly releaseId: string;
  readonly artifacts: readonly { readonly name: string; readonly version: string; readonly digest: string }[];
  readonly at: string;
  /** The deployment that was withdrawn by this one. */
  readonly rollbackOf?: string;
}

/** What the outside said that it saw there. */
export interface Observed {
  /** purl or digest as reported. */
  readonly artifact: string;
  readonly change: 'deployed' | 'upgraded' | 'rolledback' | 'removed' | 'published';
  readonly reportedBy: string;
  readonly claimedOccurredAt: string;
  /** Seconds by which the claimed time is ahead of (positive) or behind the server's. */
  readonly skewSeconds: number;
  readonly at: string;
}

/** An environment: what was deployed, and apart from it what was observed (principle 9). */
@Entity('environment_map')
export class EnvironmentMapRow {
  @PrimaryColumn('text') environment: string;
  /** Null where somebody reported something from an environment that nobody has defined. */
  @Column('text', { nullable: true }) class: EnvironmentClass | null;
  @Column('text', { nullable: true }) policy_id: string | null;
  /** Sorted. */
  @Column('jsonb') regimes: readonly Regime[];
  /** Another policy, or fewer regimes, that another person may confirm until it expires. */
  @Column('jsonb', { nullable: true }) proposal: ProposedRules | null;
  /** The deployment that is under way. */
  @Column('text', { nullable: true }) held_by: string | null;
  @Column('jsonb', { nullable: true }) deployed: Deployed | null;
  /** What was deployed before that. */
  @Column('jsonb', { nullable: true }) previous: Deployed | null;
  /** The last report, by service. */
  @Column('jsonb') observed: Readonly<Record<string, Observed>>;
  @Column('timestamptz', { transformer: INSTANT }) updated_at: string;
}
