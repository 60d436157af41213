import { Controller, Get, Query, Req } from '@nestjs/common';
import { QueryBus } from '@nestjs/cqrs';
import type { FastifyRequest } from 'fastify';
import { identityOf, ListParameters, View } from '#libs/http';
import { boardListing, Boards } from './views/boards/boards.query.ts';
import { pendingApprovalList, PendingApprovals } from './views/approvals/pending-approvals.query.ts';
import { changeModelListing, ChangeModels } from './views/change-models/change-models.query.ts';
import { groupListing, Groups } from './views/groups/groups.query.ts';
import { personListing, Persons } from './views/persons/persons.query.ts';
import { policyListing, Policies } from './views/policies/policies.query.ts';

type Asked = Readonly<Record<string, unknown>>;

/** What there is to decide by, and what waits for a decision. */
@Controller('v1/governance')
export class GovernanceListsController {
  constructor(private readonly queries: QueryBus) {}

  /** Policies, by their newest version; `gate` is the name of one that it asks for. */
  @Get('policies')
  @View('policies')
  @ListParameters(policyListing)
  policies(@Query() query: Asked): Promise<unknown> {
    return this.queries.execute(new Policies(policyListing.parse(query)));
  }

  /** Groups with their members; `member` is a person who is in it. */
  @Get('groups')
  @View('groups')
  @ListParameters(groupListing)
  groups(@Query() query: Asked): Promise<unknown> {
    return this.queries.execute(new Groups(groupListing.parse(query)));
  }

  /** Persons who were registered; `account` is `issuer|subject`, as it is linked. */
  @Get('persons')
  @View('persons')
  @ListParameters(personListing)
  persons(@Query() query: Asked): Promise<unknown> {
    return this.queries.execute(new Persons(personListing.parse(query)));
  }

  /** Boards, by their newest version. */
  @Get('boards')
  @View('boards')
  @ListParameters(boardListing)
  boards(@Query() query: Asked): Promise<unknown> {
    return this.queries.execute(new Boards(boardListing.parse(query)));
  }

  /** Models for standard changes, by their newest version. */
  @Get('change-models')
  @View('change-models')
  @ListParameters(changeModelListing)
  changeModels(@Query() query: Asked): Promise<unknown> {
    return this.queries.execute(new ChangeModels(changeModelListing.parse(query)));
  }

  /**
   * Approvals that still can be given or that count, those that expire soonest first: judged on the streams at this moment, with the roles and
   * scopes that count for you. `mine=true` are those that you can give. A page may have fewer than `limit` where others do not fit; go on while there is a `nextCursor`.
   */
  @Get('pending-approvals')
  @View('approvals')
  @ListParameters(pendingApprovalList)
  pendingApprovals(@Query() query: Asked, @Req() request: FastifyRequest): Promise<unknown> {
    return this.queries.execute(new PendingApprovals(pendingApprovalList.parse(query), identityOf(request)));
  }
}
