import { Column, Entity, PrimaryColumn } from 'typeorm';
import type { GroupQuorum, ReleaseArtifact } from '#libs/contracts';
import { INSTANT, POSITION } from '#libs/cqrs';

export interface BoardApproval {
  readonly approvalId: string;
  readonly round: number;
  readonly outcome: 'open' | 'approved' | 'rejected' | 'voided' | 'expired';
  /** How many distinct persons have approved in this round. */
  readonly granted: number;
  readonly quorum: number;
  readonly expiresAt: string;
  /** How many of them from which group, and who has voted as a member of which; absent where the policy names no groups. */
  readonly groups?: readonly GroupQuorum[];
  readonly voters?: readonly { readonly person: string; readonly groups: readonly string[] }[];
}

export interface BoardDeployment {
  readonly deploymentId: string;
  /** `rolled-back`: a rollback of it has ended with success. */
  readonly status: 'started' | 'running' | 'succeeded' | 'failed' | 'halted' | 'rolled-back';
  /** The deployment that this one withdraws. */
  readonly rollbackOf?: string;
}

export interface BoardEnvironment {
  readonly planHash?: string;
  readonly approval?: BoardApproval;
  /** The newest of this release there. */
  readonly deployment?: BoardDeployment;
  /** Of the newest deployment. */
  readonly smoke?: 'running' | 'passed' | 'failed' | 'timed-out';
}

export interface BoardTests {
  /** Suites by the outcome of their newest report for an artifact of the release. */
  readonly passed: number;
  readonly failed: number;
  readonly inconclusive: number;
  readonly suites: readonly {
    readonly suite: string;
    readonly artifactDigest: string;
    readonly outcome: 'pass' | 'fail' | 'inconclusive';
  }[];
}

/** A release, and how far it has come in every environment. */
@Entity('release_board')
export class ReleaseBoardRow {
  @PrimaryColumn('text') release_id: string;
  @Column('text') product: string;
  @Column('text', { nullable: true }) version: string | null;
  @Column('jsonb') artifacts: readonly ReleaseArtifact[];
  /** Accounts, `issuer|subject`. */
  @Column('jsonb') authors: readonly string[];
  /** By environment. */
  @Column('jsonb') environments: Readonly<Record<string, BoardEnvironment>>;
  @Column('jsonb') tests: BoardTests;
  @Column('integer') denials: number;
  @Column('integer') incidents: number;
  @Column('timestamptz', { transformer: INSTANT }) created_at: string;
  @Column('timestamptz', { transformer: INSTANT }) updated_at: string;
  @Column('bigint', { transformer: POSITION }) updated_position: bigint;
}
