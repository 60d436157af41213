import type { ExecutionContext } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Refusal } from '#libs/event-sourcing';

/** Server time; injected, so that tests need not wait. */
export type Clock = () => Date;
/** Injection token of the `Clock`. */
export const CLOCK = Symbol('CLOCK');

/** Who asks, from the token alone (principle 12). */
export interface Identity {
  /** Person id; several accounts may be one person (principle 4). */
  readonly person: string;
  /** `issuer|subject`: the account that was authenticated. */
  readonly principal: string;
  readonly roles: readonly string[];
  readonly name?: string;
}

declare module 'fastify' {
  interface FastifyRequest {
    /** Set by `AuthGuard`; absent on public routes. */
    identity?: Identity;
    /** Whether what `AuthGuard` decided still holds, see `CommandMeta`. */
    stillAllowed?: () => Promise<Refusal | undefined>;
    /** Who is who is on record, see `CommandMeta`. */
    personsOnRecord?: true;
    /** The server's clock, set by `AuthGuard`. */
    clock?: Clock;
    /** Id of the command that this request is; set by `metaOf`. */
    commandId?: string;
    /** The body's bytes, on routes with `@KeepRawBody()`. */
    rawBody?: Buffer;
  }
}

export function requestOf(context: ExecutionContext): FastifyRequest {
  return context.switchToHttp().getRequest<FastifyRequest>();
}

export function replyOf(context: ExecutionContext): FastifyReply {
  return context.switchToHttp().getResponse<FastifyReply>();
}

/** One header's value. A header sent twice is joined by ", " by Node, which no header of ours accepts. */
export function headerOf(request: FastifyRequest, name: string): string | undefined {
  const value = request.headers[name];
  return Array.isArray(value) ? value.join(', ') : value;
}
