import { Readable } from 'node:stream';
import { Body, Controller, Get, Header, Inject, Optional, Param, Post, Query, Req } from '@nestjs/common';
import { CommandBus, QueryBus } from '@nestjs/cqrs';
import { ApiBody, ApiConsumes, ApiProduces, ApiQuery } from '@nestjs/swagger';
import { randomUUID } from 'node:crypto';
import { changeId } from '#libs/contracts';
import { Aggregates } from '#libs/cqrs';
import { csvOf } from '#libs/csv';
import { issue, refuse, RefusedError, type CommandMeta, type Transacted } from '#libs/event-sourcing';
import {
  CLOCK,
  IdPipe,
  ListParameters,
  Meta,
  Vouches,
  parseStrictJson,
  ProblemError,
  Public,
  Roles,
  StreamedBody,
  StrictValidationPipe,
  View,
  type Clock,
} from '#libs/http';
import { AN_INSTANT, parseInstant } from '#libs/instant';
import {
  board,
  change,
  changeModel,
  countVotes,
  dossierDifferences,
  dutiesKnown,
  handsAsRecorded,
  meetingsBetween,
  nextMeeting,
  readGateFacts,
  standingOf,
  votesNow,
  type Board,
} from '#libs/policy';
import { webhookVerifier } from '#libs/strict-http';
import { DefineBoard } from './board/define-board.ts';
import { ProposeChangeModel } from './change-model/propose-change-model.ts';
import { SuspendChangeModel } from './change-model/record-model-use.ts';
import { VoteOnChangeModel } from './change-model/vote-on-change-model.ts';
import { DecideChangeByItsm, ItsmDecision } from './change/decide-by-itsm.ts';
import { ConfirmCondition, ReviewChange, WithdrawChange } from './change/end-change.ts';
import { SubmitChange } from './change/submit-change.ts';
import { DeclareRecusal, OpenChangeVote, VoteOnChange } from './change/vote-on-change.ts';
import { Agenda, changeCalendarList, changeList, Changes } from './views/changes/changes.query.ts';

/** Injection token of the secret that an ITSM signs its decisions with; absent where none may decide. */
export const ITSM_SECRET = Symbol('ITSM_SECRET');

type Asked = Readonly<Record<string, unknown>>;

const DAY_MS = 86_400_000;
/** Largest decision of an ITSM, bytes. */
const MAX_DECISION_BYTES = 16_384;

/** Columns of the export, in this order. */
const COLUMNS = [
  'changeId', 'round', 'status', 'changeClass', 'route', 'product', 'environment', 'releaseId', 'title', 'riskLevel', 'requester', 'boardId',
  'modelId', 'meetingAt', 'windowFrom', 'windowUntil', 'submittedAt', 'dossierHash', 'decidedBy', 'decidedAt', 'votes', 'recused', 'conditions',
  'reviewDueAt', 'reviewOverdue', 'reviewOutcome', 'reviewer', 'deployments', 'note',
]; // prettier-ignore

/** Changes, the boards that decide on them, and the models that decide beforehand. */
@Controller('v1/governance')
export class ChangesController {
  constructor(
    private readonly commands: CommandBus,
    private readonly queries: QueryBus,
    private readonly aggregates: Aggregates,
    @Inject(CLOCK) private readonly clock: Clock,
    @Optional() @Inject(ITSM_SECRET) private readonly itsmSecret?: string,
  ) {}

  @Post('changes')
  @Roles('developer', 'release-manager', 'sre')
  submit(@Body() body: SubmitChange, @Meta() meta: CommandMeta): Promise<Transacted> {
    return this.commands.execute(issue(body, changeId(body.releaseId, body.environment), meta));
  }

  /** A decision of the ITSM, signed as Standard Webhooks says with the secret of PLIMSOLL_ITSM_WEBHOOK_SECRET; it needs no token. */
  @Post('changes/itsm-decisions')
  @Public()
  @StreamedBody(MAX_DECISION_BYTES)
  @ApiConsumes('application/json')
  @ApiBody({ type: ItsmDecision })
  async decideByItsm(
    @Req()
    request: {
      readonly body?: unknown;
      readonly headers: Readonly<Record<string, string | string[] | undefined>>;
      readonly id: string;
    },
  ): Promise<Transacted> {
    const body = await bytesOf(request.body);
    // As every route reads JSON: what is none is refused whoever sent it.
    const said = parseStrictJson(body);
    if (this.itsmSecret === undefined)
      throw new ProblemError(404, 'itsm-not-configured', 'No ITSM may decide here: PLIMSOLL_ITSM_WEBHOOK_SECRET is not set.');
    const now = this.clock();
    const verdict = webhookVerifier(this.itsmSecret)({ headers: request.headers, body }, now);
    if ('problem' in verdict) throw new ProblemError(401, 'webhook-not-verified', verdict.problem);
    const decision = (await new StrictValidationPipe().transform(said, {
      type: 'body',
      metatype: ItsmDecision,
    })) as ItsmDecision;
    const command = Object.assign(new DecideChangeByItsm(), decision, { webhookId: verdict.id });
    const commandId = randomUUID();
    return await this.commands.execute(
      issue(command, decision.changeId, {
        commandId,
        actor: { person: 'system:itsm', principal: `itsm|${verdict.id}`, roles: [] },
        correlationId: commandId,
        causationId: `http:${request.id}`,
        now: now.toISOString(),
      }),
    );
  }

  @Post('changes/:id/votes')
  @Vouches()
  @Roles('approver')
  vote(@Param('id', IdPipe) id: string, @Body() body: VoteOnChange, @Meta() meta: CommandMeta): Promise<Transacted> {
    return this.commands.execute(issue(body, id, meta));
  }

  /** The chair has the board vote before its meeting. */
  @Post('changes/:id/open-vote')
  @Vouches()
  @Roles('approver')
  openVote(@Param('id', IdPipe) id: string, @Body() body: OpenChangeVote, @Meta() meta: CommandMeta): Promise<Transacted> {
    return this.commands.execute(issue(body, id, meta));
  }

  @Post('changes/:id/recusals')
  @Roles('approver')
  recuse(@Param('id', IdPipe) id: string, @Body() body: DeclareRecusal, @Meta() meta: CommandMeta): Promise<Transacted> {
    return this.commands.execute(issue(body, id, meta));
  }

  @Post('changes/:id/conditions/confirm')
  @Vouches()
  @Roles('approver', 'release-manager', 'sre', 'tester')
  confirmCondition(@Param('id', IdPipe) id: string, @Body() body: ConfirmCondition, @Meta() meta: CommandMeta): Promise<Transacted> {
    return this.commands.execute(issue(body, id, meta));
  }

  @Post('changes/:id/withdraw')
  @Roles('developer', 'release-manager', 'sre')
  withdraw(@Param('id', IdPipe) id: string, @Body() body: WithdrawChange, @Meta() meta: CommandMeta): Promise<Transacted> {
    return this.commands.execute(issue(body, id, meta));
  }

  /** The review of an emergency, afterwards. */
  @Post('changes/:id/review')
  @Vouches()
  @Roles('approver', 'auditor', 'release-manager')
  review(@Param('id', IdPipe) id: string, @Body() body: ReviewChange, @Meta() meta: CommandMeta): Promise<Transacted> {
    return this.commands.execute(issue(body, id, meta));
  }

  @Get('changes')
  @View('changes')
  @ListParameters(changeList)
  list(@Query() query: Record<string, unknown>): Promise<unknown> {
    return this.queries.execute(new Changes(changeList.parse(query)));
  }

  /** By the beginning of their planned windows. */
  @Get('change-calendar')
  @View('changes')
  @ListParameters(changeCalendarList)
  calendar(@Query() query: Record<string, unknown>): Promise<unknown> {
    return this.queries.execute(new Changes(changeCalendarList.parse(query), 'planned'));
  }

  /** A page of the list as CSV (RFC 4180, formula-safe); the same filters, and `limit` and `cursor` as the list has them. */
  @Get('changes.csv')
  @View('changes')
  @ListParameters(changeList)
  @Header('content-type', 'text/csv; charset=utf-8')
  @ApiProduces('text/csv')
  async csv(@Query() query: Record<string, unknown>): Promise<string> {
    const { items } = await this.queries.execute(new Changes(changeList.parse(query)));
    return csvOf(COLUMNS, items);
  }

  @Get('changes/:id')
  async change(@Param('id', IdPipe) id: string, @Query('asOf') asOf?: string): Promise<unknown> {
    // Persons are answered; with which of their accounts they acted is the rules' affair.
    const { accounts: _accounts, ...answer } = await this.aggregates.answer(change, id, asOf);
    return answer;
  }

  /** Who may vote, who has, and what is missing; from the source streams and not from a view. */
  @Get('changes/:id/standing')
  async standing(@Param('id', IdPipe) id: string): Promise<unknown> {
    const state = await this.aggregates.answer(change, id);
    const { releaseId = '', environment = '', dossier, recused } = state;
    const facts = await readGateFacts(this.aggregates.read, releaseId, environment, this.clock().toISOString());
    const { members = [], board: of } = facts.change ?? {};
    const hands = facts.change?.hands ?? handsAsRecorded(state);
    const standing = standingOf(members, dutiesKnown(facts, hands), recused);
    const { votes, gone } = votesNow(state.votes, hands, members);
    return {
      changeId: id,
      round: state.round,
      status: state.status,
      dossierHash: state.dossierHash,
      differences: dossier ? dossierDifferences(dossier, facts, of?.version) : [],
      ...standing,
      ...(of?.contents ? countVotes(votes, of.contents, standing.eligible) : {}),
      // Votes that were cast and do not count now, and why.
      ...(gone.length > 0 ? { gone } : {}),
      inputs: Object.values(facts.refs.change ?? {}).sort(),
    };
  }

  @Post('change-models')
  @Roles('developer', 'release-manager')
  propose(@Body() body: ProposeChangeModel, @Meta() meta: CommandMeta): Promise<Transacted> {
    return this.commands.execute(issue(body, body.modelId, meta));
  }

  @Post('change-models/:id/votes')
  @Vouches()
  @Roles('approver')
  voteOnModel(@Param('id', IdPipe) id: string, @Body() body: VoteOnChangeModel, @Meta() meta: CommandMeta): Promise<Transacted> {
    return this.commands.execute(issue(body, id, meta));
  }

  @Post('change-models/:id/suspend')
  @Roles('approver', 'release-manager')
  suspend(@Param('id', IdPipe) id: string, @Body() body: SuspendChangeModel, @Meta() meta: CommandMeta): Promise<Transacted> {
    return this.commands.execute(issue(body, id, meta));
  }

  @Get('change-models/:id')
  model(@Param('id', IdPipe) id: string, @Query('asOf') asOf?: string): Promise<unknown> {
    return this.aggregates.answer(changeModel, id, asOf);
  }

  @Post('boards')
  @Roles('policy-editor')
  defineBoard(@Body() body: DefineBoard, @Meta() meta: CommandMeta): Promise<Transacted> {
    return this.commands.execute(issue(body, body.boardId, meta));
  }

  @Get('boards/:id')
  board(@Param('id', IdPipe) id: string, @Query('asOf') asOf?: string): Promise<unknown> {
    return this.aggregates.answer(board, id, asOf);
  }

  /** The meetings of the next `days` (1 to 366; 90 unless told), with their cut-offs. */
  @Get('boards/:id/meetings')
  @ApiQuery({ name: 'days', required: false, description: '1 to 366; 90 unless told.' })
  async meetings(@Param('id', IdPipe) id: string, @Query() query: Asked): Promise<unknown> {
    const { days = '90' } = query;
    if (
      typeof days !== 'string' ||
      !/^[1-9]\d{0,2}$/.test(days) ||
      Number(days) > 366 ||
      Object.keys(query).some((name) => name !== 'days')
    )
      throw invalid('days', 'This must be a whole number from 1 to 366, and nothing else is asked here.');
    const { contents, version, tzdata } = await this.found(id);
    const now = this.clock().getTime();
    return {
      boardId: id,
      version,
      tzdata,
      zone: contents.meetings.zone,
      items: meetingsBetween(contents, now, now + Number(days) * DAY_MS),
    };
  }

  /** What the meeting that begins at `meeting` is about, in the order of submission; the next one unless told. */
  @Get('boards/:id/agenda')
  @ApiQuery({ name: 'meeting', required: false, description: 'When the meeting begins; the next one unless told.' })
  @View('changes')
  async agenda(@Param('id', IdPipe) id: string, @Query() query: Asked): Promise<unknown> {
    const { contents, version } = await this.found(id);
    const startsAt = this.meetingOf(query, contents);
    const items = await this.queries.execute(new Agenda(id, startsAt));
    return { boardId: id, version, quorum: contents.quorum, chair: contents.chair, startsAt, items };
  }

  private meetingOf(query: Asked, contents: NonNullable<Board['contents']>): string {
    const { meeting } = query;
    if (Object.keys(query).some((name) => name !== 'meeting')) throw invalid('meeting', 'Nothing else is asked here.');
    if (meeting === undefined) {
      const now = this.clock().getTime();
      const [next] = meetingsBetween(contents, now, now + 366 * DAY_MS);
      const startsAt = next?.startsAt ?? nextMeeting(contents, new Date(now).toISOString())?.startsAt;
      if (startsAt === undefined) throw new RefusedError(refuse('not-found', 'meeting-unknown', 'The board has no meeting to come.'));
      return startsAt;
    }
    const at = typeof meeting === 'string' ? parseInstant(meeting) : undefined;
    if (at === undefined) throw invalid('meeting', `This must be ${AN_INSTANT}.`);
    return at;
  }

  private async found(id: string): Promise<{ contents: NonNullable<Board['contents']>; version: number; tzdata?: string }> {
    const { contents, version, tzdata } = await this.aggregates.answer(board, id);
    if (!contents) throw new RefusedError(refuse('not-found', 'board-unknown', `There is no board ${id}.`));
    return { contents, version, ...(tzdata ? { tzdata } : {}) };
  }
}

/** The body's bytes; its length was bounded by the route. */
async function bytesOf(body: unknown): Promise<Buffer> {
  if (!(body instanceof Readable)) throw new ProblemError(400, 'malformed-json', 'The body must be JSON.');
  const chunks: Buffer[] = [];
  for await (const chunk of body as AsyncIterable<Buffer>) chunks.push(chunk);
  return Buffer.concat(chunks);
}

function invalid(path: string, problem: string): ProblemError {
  return new ProblemError(400, 'validation', `The query is not as it must be: ${path}: ${problem}`, {
    errors: [{ path, problems: [problem] }],
  });
}
