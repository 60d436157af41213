import { Injectable, type CallHandler, type ExecutionContext, type NestInterceptor } from '@nestjs/common';
import { map, type Observable } from 'rxjs';
import { NO_STREAM, type Transacted } from '#libs/event-sourcing';
import { replyOf, requestOf } from './request.ts';

/** What a command is answered with. */
export interface CommandAnswer {
  readonly id: string;
  readonly stream: string;
  /** Revision of the stream's last event of this command; also the ETag. */
  readonly revision: number;
  /** Position in the order of all events, in decimal: send it as `Plimsoll-Min-Position` to read your own write. */
  readonly position: string;
  /** True where it was so already: nothing new was stored. */
  readonly repeated: boolean;
}

/** Nest's own key of `@HttpCode()`, which wins over what is found here. */
const HTTP_CODE = '__httpCode__';

/** Answers a command with what became of it: 201 where it began its stream, else 200, unless the route says otherwise by `@HttpCode()`. */
@Injectable()
export class CommandAnswerInterceptor implements NestInterceptor {
  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    return next.handle().pipe(map((value: unknown) => (isTransacted(value) ? answered(context, value) : value)));
  }
}

function answered(context: ExecutionContext, transacted: Transacted): CommandAnswer {
  const { id, stream, revision, position, repeated } = transacted;
  const reply = replyOf(context);
  if (!Reflect.hasMetadata(HTTP_CODE, context.getHandler())) reply.status(began(transacted) ? 201 : 200);
  if (position >= 0n) reply.header('plimsoll-position', String(position));
  if (revision !== NO_STREAM) reply.header('etag', `"${revision}"`);
  const { commandId } = requestOf(context);
  if (commandId !== undefined) reply.header('plimsoll-command-id', commandId);
  return { id, stream, revision, position: String(position), repeated };
}

/** The same for the first time and every repeat: the command's own events begin the stream. */
function began({ events, revision }: Transacted): boolean {
  return events.length > 0 && revision === events.length - 1;
}

function isTransacted(value: unknown): value is Transacted {
  if (typeof value !== 'object' || value === null) return false;
  const { stream, revision, position, events, repeated } = value as Partial<Transacted>;
  return (
    typeof stream === 'string' &&
    typeof revision === 'number' &&
    typeof position === 'bigint' &&
    Array.isArray(events) &&
    typeof repeated === 'boolean'
  );
}
