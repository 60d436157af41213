import type { IncomingHttpHeaders } from 'node:http';
import type { Readable } from 'node:stream';
import { Controller, Get, HttpCode, Param, Post, Query, Req, Res } from '@nestjs/common';
import { QueryBus } from '@nestjs/cqrs';
import { ApiBody, ApiConsumes, ApiResponse } from '@nestjs/swagger';
import { Aggregates } from '#libs/cqrs';
import type { CommandMeta, Reason, Transacted } from '#libs/event-sourcing';
import { Action, IdPipe, ListParameters, Meta, ProblemError, Roles, StreamedBody, View } from '#libs/http';
import { isBatch, type Delivery } from './envelope/envelope.ts';
import { Intake, type Taken } from './intake.ts';
import { outsideEvent } from './outside-event/outside-event.ts';
import { deadLetterList, DeadLetters } from './views/dead-letters/dead-letters.query.ts';
import { outsideEventTypeList, OutsideEventTypes } from './views/outside-event-types/outside-event-types.query.ts';

/** Largest body, a batch's, in bytes; an event in it has a limit of its own. */
const MAX_BODY_BYTES = 4 * 1024 * 1024;
/** Most rejections of a batch that a problem names; all are in the view. */
const MAX_REASONS = 20;

/** What became of one event of a delivery. */
type EventAnswer =
  | (Omit<Extract<Taken, { accepted: true }>, 'accepted' | 'position'> & { readonly position: string })
  | (Omit<Extract<Taken, { accepted: false }>, 'accepted' | 'position'> & { readonly disposition: 'rejected'; readonly position: string });

interface Reply {
  header(name: string, value: string): unknown;
}

@Controller('v1')
export class IngestionController {
  constructor(
    private readonly intake: Intake,
    private readonly aggregates: Aggregates,
    private readonly queries: QueryBus,
  ) {}

  /** Takes CloudEvents 1.0 (structured, binary or batch) and CDEvents 0.4 and 0.5, inside of a CloudEvent or alone. */
  @Post('events')
  @Action('ReceiveOutsideEvent')
  @HttpCode(202)
  @Roles('service')
  @StreamedBody(MAX_BODY_BYTES)
  @ApiConsumes('application/cloudevents+json', 'application/cloudevents-batch+json', 'application/json')
  @ApiBody({ schema: { type: 'object', additionalProperties: true } })
  @ApiResponse({ status: 202, description: 'What became of every event, in their order.', schema: answerSchema() })
  async receive(
    @Req() request: { readonly body?: Readable; readonly headers: IncomingHttpHeaders },
    @Meta() meta: CommandMeta,
    @Res({ passthrough: true }) reply: Reply,
  ): Promise<readonly EventAnswer[]> {
    const delivery = await deliveryOf(request);
    const taken = await this.intake.take(delivery, { channel: 'http', receivedFrom: meta.actor.principal, meta });
    if (taken.length > 0) reply.header('plimsoll-position', String(newest(taken)));
    const rejected = taken.filter((one) => !one.accepted);
    if (rejected.length > 0 && rejected.length === taken.length) throw refusalOf(rejected, isBatch(delivery));
    return taken.map(answerOf);
  }

  /** An outside event, or a delivery that was rejected, with what came of it. */
  @Get('ingestion/outside-events/:id')
  outsideEvent(@Param('id', IdPipe) id: string, @Query('asOf') asOf?: string): Promise<unknown> {
    return this.aggregates.answer(outsideEvent, id, asOf);
  }

  @Get('ingestion/dead-letters')
  @View('dead-letters')
  @ListParameters(deadLetterList)
  deadLetters(@Query() query: Record<string, unknown>): Promise<unknown> {
    return this.queries.execute(new DeadLetters(deadLetterList.parse(query)));
  }

  /** Reads a dead letter again; it is received now, or stays rejected and says why. */
  @Post('ingestion/dead-letters/:id/redrive')
  @Action('RedriveOutsideEvent')
  @HttpCode(200)
  @Roles('service', 'release-manager')
  redrive(@Param('id', IdPipe) id: string, @Meta() meta: CommandMeta): Promise<Transacted> {
    return this.intake.redrive(id, meta);
  }

  @Get('ingestion/event-types')
  @View('outside-event-types')
  @ListParameters(outsideEventTypeList)
  eventTypes(@Query() query: Record<string, unknown>): Promise<unknown> {
    return this.queries.execute(new OutsideEventTypes(outsideEventTypeList.parse(query)));
  }
}

/** The HTTP binding of CloudEvents: attributes are headers with the prefix `ce-`, percent-encoded. */
async function deliveryOf({ body, headers }: { readonly body?: Readable; readonly headers: IncomingHttpHeaders }): Promise<Delivery> {
  const chunks: Buffer[] = [];
  if (body) for await (const chunk of body as AsyncIterable<Buffer>) chunks.push(chunk);
  const attributes = Object.entries(headers).flatMap(([name, value]) =>
    name.startsWith('ce-') ? [[name.slice('ce-'.length), percentDecoded(String(value))] as const] : [],
  );
  return { contentType: headers['content-type'] ?? '', attributes: Object.fromEntries(attributes), body: Buffer.concat(chunks) };
}

/** What is not percent-encoded UTF-8 stays as it came. */
function percentDecoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

const STATUS: Readonly<Record<string, number>> = {
  'malformed-json': 400,
  'event-id-reused': 409,
  'event-too-large': 413,
  'unsupported-media-type': 415,
};

/** Nothing of the delivery was an event; each part is a dead letter now. */
function refusalOf(rejected: readonly Extract<Taken, { accepted: false }>[], batch: boolean): ProblemError {
  const [first] = rejected as [Extract<Taken, { accepted: false }>];
  const reasons = rejected.slice(0, MAX_REASONS).map((one): Reason => ({
    code: one.code,
    detail: `${one.reason} It is kept as dead letter ${one.rejectionId}.`,
    evidence: [`outside-${one.rejectionId}@0`],
    unblockedBy: `Send it corrected, or POST /v1/ingestion/dead-letters/${one.rejectionId}/redrive once it would be taken.`,
  }));
  const headers = { 'plimsoll-rejection-id': first.rejectionId, 'plimsoll-position': String(newest(rejected)) };
  if (rejected.length > 1) {
    const detail = `None of the ${rejected.length} events of the batch could be taken: ${first.reason}`;
    return new ProblemError(422, 'batch-refused', detail, { reasons, headers });
  }
  return new ProblemError(STATUS[first.code] ?? 422, first.code, `${batch ? 'The batch: ' : ''}${first.reason}`, { reasons, headers });
}

function answerOf(taken: Taken): EventAnswer {
  if (!taken.accepted) {
    const { accepted: _accepted, position, ...rejected } = taken;
    return { disposition: 'rejected', ...rejected, position: String(position) };
  }
  const { accepted: _accepted, position, ...received } = taken;
  return { ...received, position: String(position) };
}

function newest(taken: readonly Taken[]): bigint {
  return taken.reduce((most, { position }) => (position > most ? position : most), -1n);
}

function answerSchema(): Record<string, unknown> {
  const text = { type: 'string' };
  return {
    type: 'array',
    items: {
      type: 'object',
      required: ['disposition', 'position'],
      properties: {
        id: text,
        source: text,
        disposition: { type: 'string', enum: ['understood', 'kept', 'rejected'] },
        keptBecause: text,
        receiptId: text,
        rejectionId: text,
        code: text,
        reason: text,
        redacted: { type: 'boolean' },
        position: text,
      },
    },
  };
}
