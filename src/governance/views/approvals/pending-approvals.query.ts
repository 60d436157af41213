import { Inject } from '@nestjs/common';
import { Query, QueryHandler, type IQueryHandler } from '@nestjs/cqrs';
import { DataSource } from 'typeorm';
import { Aggregates, readRows } from '#libs/cqrs';
import { booleanFilter, CLOCK, defineList, oneOfFilter, textFilter, timeFilter, type Clock, type Identity, type Page } from '#libs/http';
import { eligibleFor, type EligibleAnswer } from '../../approval/eligible-approvers.ts';
import { GrantAuthoriser } from '../../authorisation/authoriser.ts';
import { resourceOf } from '../../authorisation/resources.ts';
import type { ApprovalRow } from './approvals.row.ts';

/** Those that expire soonest first. `state` and `mine` are no columns: they are judged. */
export const pendingApprovalList = defineList({
  order: [
    { column: 'expires_at', type: 'timestamptz', direction: 'asc' },
    { column: 'approval_id', type: 'text', direction: 'asc' },
  ],
  filters: {
    releaseId: textFilter('release_id'),
    environment: textFilter('environment'),
    requester: textFilter('requester'),
    expiresBefore: timeFilter('expires_at', '<'),
    state: oneOfFilter('state', ['pending', 'approved', 'changed']),
    mine: booleanFilter('mine'),
  },
});

/** An approval that was asked for, as it counts at this moment. */
export interface PendingApproval extends Omit<EligibleAnswer, 'outcome' | 'round'> {
  readonly releaseId: string;
  readonly environment: string;
  readonly round: number;
  readonly requester: string;
  readonly requestedAt: string;
  readonly expiresAt: string;
  readonly tupleHash: string;
  /** `changed`: what it bound is not so any more, and it is about to be voided. */
  readonly state: 'pending' | 'approved' | 'changed';
  /** Whether you can give it: you are missing to its quorum, no duty of yours is in the way, and your role counts for it. */
  readonly mine: boolean;
}

export class PendingApprovals extends Query<Page<PendingApproval>> {
  constructor(
    readonly asked: ReturnType<typeof pendingApprovalList.parse>,
    readonly identity: Identity,
  ) {
    super();
  }
}

/** So many approvals are judged side by side. */
const AT_ONCE = 10;

/** The view only says which to look at: each is judged on the streams, as the gate does, so that a vote of who has left its group is missing here, too. */
@QueryHandler(PendingApprovals)
export class PendingApprovalsHandler implements IQueryHandler<PendingApprovals> {
  constructor(
    private readonly data: DataSource,
    private readonly aggregates: Aggregates,
    private readonly authoriser: GrantAuthoriser,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  async execute({ asked, identity }: PendingApprovals): Promise<Page<PendingApproval>> {
    const now = this.clock().toISOString();
    const { state, mine, ...filters } = asked.filters;
    const standing = `(select * from approval_board where outcome in ('open', 'approved') and expires_at > '${now}'::timestamptz) as standing`;
    const rows = await readRows<ApprovalRow>(this.data, standing, pendingApprovalList.sql({ ...asked, filters }));
    const { items, ...page } = pendingApprovalList.page(asked, rows, (row) => row);
    const judged: PendingApproval[] = [];
    for (let n = 0; n < items.length; n += AT_ONCE) {
      const some = await Promise.all(items.slice(n, n + AT_ONCE).map((row) => this.judge(row, identity, now)));
      judged.push(...some.flatMap((one) => one ?? []));
    }
    const fits = judged.filter((one) => (state === undefined || one.state === state) && (mine === undefined || one.mine === mine));
    return { items: fits, ...page };
  }

  /** Undefined where its stream has gone on past the view: it is pending no more. */
  private async judge(row: ApprovalRow, identity: Identity, now: string): Promise<PendingApproval | undefined> {
    const { outcome, round, ...standing } = await eligibleFor(this.aggregates, row.approval_id, now);
    if (outcome !== 'open' || round !== row.round) return undefined;
    const state = standing.differences.length > 0 ? 'changed' : standing.missing > 0 ? 'pending' : 'approved';
    return {
      releaseId: row.release_id,
      environment: row.environment,
      round,
      requester: row.requester,
      requestedAt: new Date(row.requested_at).toISOString(),
      tupleHash: row.tuple_hash,
      state,
      mine: state === 'pending' && isMissing(identity.person, standing) && (await this.mayGrant(row.approval_id, identity, now)),
      ...standing,
      expiresAt: new Date(row.expires_at).toISOString(),
    };
  }

  private async mayGrant(id: string, identity: Identity, now: string): Promise<boolean> {
    const read = this.aggregates.load.bind(this.aggregates);
    const { resource } = await resourceOf(read, { route: '/v1/governance/approvals/:id', parameters: { id }, body: undefined });
    return await this.authoriser.mayDo('GrantApproval', identity, resource, now);
  }
}

function isMissing(person: string, { approvers, excluded, canApprove, anybody }: Omit<EligibleAnswer, 'outcome' | 'round'>): boolean {
  if (approvers.includes(person) || excluded.some((one) => one.person === person)) return false;
  return anybody || canApprove.some(({ persons }) => persons.includes(person));
}
