import {
  applyDecorators,
  Inject,
  Injectable,
  Logger,
  Optional,
  SetMetadata,
  type CanActivate,
  type ExecutionContext,
} from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import { ApiExtension } from '@nestjs/swagger';
import { refuse, RefusedError, type Refusal } from '#libs/event-sourcing';
import { InvalidToken, personOf, type PersonResolver, type TokenVerifier } from '#libs/identity';
import { PUBLIC_EXTENSION } from './openapi.ts';
import { ProblemError } from './problem.ts';
import { CLOCK, headerOf, requestOf, type Clock, type Identity } from './request.ts';
import { ACTION, actionOf, ROLES, rolesOf, VOUCHES, vouchesOf } from './routes.ts';

/** Injection token of the `TokenVerifier`. */
export const TOKEN_VERIFIER = Symbol('TOKEN_VERIFIER');
/** Injection token of the `PersonResolver`; without one every account is a person of its own. */
export const PERSON_RESOLVER = Symbol('PERSON_RESOLVER');

/** Injection token of an `Authoriser`; without one the roles of the token decide by what `@Roles` says, and nothing is recorded. */
export const AUTHORISER = Symbol('AUTHORISER');

/** A request to a route, as far as who may do it depends on it. The body is as it came: nobody has validated it yet. */
export interface RouteRequest {
  readonly identity: Identity;
  readonly issuer: string;
  readonly subject: string;
  /** Name of the command, or of what is asked. */
  readonly action: string;
  /** What `@Roles` says; undefined where it says nothing. */
  readonly roles: readonly string[] | undefined;
  /** What `@Vouches` says. */
  readonly vouches: boolean;
  readonly method: string;
  /** The route's pattern, such as `/v1/governance/approvals/:id/grant`. */
  readonly route: string;
  readonly parameters: Readonly<Record<string, string>>;
  readonly body: unknown;
  readonly requestId: string;
  /** The caller's `Idempotency-Key`, where there is a sound one. */
  readonly key?: string;
  /** Server time, ISO 8601, UTC. */
  readonly now: string;
}

/** Who may do it: the roles that count, and how to ask whether they still do when its effect is near. */
export interface Allowed {
  readonly roles: readonly string[];
  /** See `CommandMeta`. */
  readonly personsOnRecord?: true;
  readonly stillAllowed?: () => Promise<Refusal | undefined>;
}

/** Says who may do what. */
export interface Authoriser {
  /** @returns the roles that count, or the refusal with the position of its record */
  authorise(request: RouteRequest): Promise<Allowed | { readonly refusal: Refusal; readonly position?: bigint }>;
}

const PUBLIC = 'plimsoll:public';

/** The route needs no token. */
export const Public = (): ClassDecorator & MethodDecorator =>
  applyDecorators(SetMetadata(PUBLIC, true), ApiExtension(PUBLIC_EXTENSION, true));

/** Names what the route does where its body is not the command: denials for a role and denials by the rule go by one name. */
export const Action = (name: string): MethodDecorator => SetMetadata(ACTION, name);

/** The route is for people with any of these roles. On a method it replaces what the class says. */
export const Roles = (...roles: readonly string[]): ClassDecorator & MethodDecorator => SetMetadata(ROLES, roles);

/** The route is for everyone who is known: what it does is nothing until somebody else confirms it. Says so aloud, instead of nothing. */
export const AnyRole = (): ClassDecorator & MethodDecorator => SetMetadata(ROLES, []);

/**
 * By the route one person vouches for what another one asked or did: approves, votes, confirms, reviews, releases. Programs never do, whatever
 * roles they have and whatever policies on roles are published. It belongs on the route of every command that is defined with `vouches`.
 */
export const Vouches = (): MethodDecorator => SetMetadata(VOUCHES, true);

/** Lets in whom a token vouches for (RFC 6750), and puts `identity` and `clock` on the request. Every route but public ones. */
@Injectable()
export class AuthGuard implements CanActivate {
  private readonly logger = new Logger('Auth');

  constructor(
    private readonly reflector: Reflector,
    @Inject(TOKEN_VERIFIER) private readonly verifier: TokenVerifier,
    @Inject(CLOCK) private readonly clock: Clock,
    @Optional() @Inject(PERSON_RESOLVER) private readonly persons?: PersonResolver,
    @Optional() @Inject(AUTHORISER) private readonly authoriser?: Authoriser,
  ) {}

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const request = requestOf(context);
    request.clock = this.clock;
    const places = [context.getHandler(), context.getClass()];
    if (this.reflector.getAllAndOverride<boolean | undefined>(PUBLIC, places)) return true;
    const { identity, issuer, subject } = await this.identify(headerOf(request, 'authorization'));
    const roles = rolesOf(this.reflector, context);
    if (!this.authoriser) {
      checkRoles(identity, roles);
      request.identity = identity;
      return true;
    }
    const key = headerOf(request, 'idempotency-key');
    const decided = await this.authoriser.authorise({
      identity,
      issuer,
      subject,
      action: actionOf(context.getClass(), context.getHandler()),
      roles,
      vouches: vouchesOf(context.getHandler()),
      method: request.method,
      route: request.routeOptions.url ?? '',
      parameters: (request.params ?? {}) as Record<string, string>,
      body: request.body,
      requestId: request.id,
      ...(key !== undefined && /^[\x21-\x7e]{1,255}$/.test(key) ? { key } : {}),
      now: this.clock().toISOString(),
    });
    if ('refusal' in decided) throw new RefusedError(decided.refusal, decided.position);
    request.identity = { ...identity, roles: decided.roles };
    if (decided.personsOnRecord) request.personsOnRecord = true;
    if (decided.stillAllowed) request.stillAllowed = decided.stillAllowed;
    return true;
  }

  private async identify(authorization: string | undefined): Promise<{ identity: Identity; issuer: string; subject: string }> {
    if (authorization === undefined) throw unauthenticated('Send a token: Authorization: Bearer <token>.', 'Bearer');
    // Exactly one space: what follows it is the verifier's to judge, down to the last character.
    const token = /^bearer ([^]*)$/i.exec(authorization)?.[1];
    if (token === undefined) throw unauthenticated('The Authorization header must be: Bearer <token>.', 'Bearer error="invalid_request"');
    const verified = await this.verifier.verify(token).catch((error: unknown) => {
      if (error instanceof InvalidToken) throw unauthenticated(error.message, 'Bearer error="invalid_token"');
      this.logger.error(`A token could not be checked: ${error instanceof Error ? error.message : String(error)}`);
      throw keysUnavailable(error);
    });
    const { issuer, subject, principal, roles, name } = verified;
    const person = await personOf(issuer, subject, this.persons);
    return { identity: { person, principal, roles, ...(name === undefined ? {} : { name }) }, issuer, subject };
  }
}

/** The identity of a request, on routes that need one. @throws ProblemError 401 on a public route */
export function identityOf(request: { identity?: Identity }): Identity {
  if (!request.identity) throw unauthenticated('This needs a token: Authorization: Bearer <token>.', 'Bearer');
  return request.identity;
}

function checkRoles(identity: Identity, needed: readonly string[] | undefined): void {
  if (!needed || needed.length === 0 || needed.some((role) => identity.roles.includes(role))) return;
  throw new RefusedError(roleMissing(needed, identity.roles, 'the token has'));
}

/** The refusal of somebody who has none of the roles that are needed. */
export function roleMissing(needed: readonly string[], held: readonly string[], whose: string): Refusal {
  const which = needed.join(' or ') || 'that the policies on roles name';
  const detail = `This needs the role ${which}; ${whose} ${held.join(', ') || 'none'}.`;
  return refuse('duty', 'role-missing', detail, [
    { code: 'role-missing', detail, unblockedBy: `Somebody with the role ${which} does it, or the role is granted.` },
  ]);
}

function unauthenticated(detail: string, challenge: string): ProblemError {
  return new ProblemError(401, 'unauthenticated', detail, { headers: { 'www-authenticate': challenge } });
}

/** Not the token's fault: without the issuer's keys nobody can say whether it is good, and so nobody gets in. */
function keysUnavailable(cause: unknown): ProblemError {
  const detail = 'The keys of the token issuer are not available, so the token could not be checked. Try again later.';
  return new ProblemError(503, 'issuer-unavailable', detail, { cause, headers: { 'retry-after': '5' } });
}
