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
import { InvalidToken, personOf, type PersonResolver, type TokenVerifier } from '#libs/identity';
import { PUBLIC_EXTENSION } from './openapi.ts';
import { ProblemError } from './problem.ts';
import { CLOCK, headerOf, requestOf, type Clock, type Identity } from './request.ts';

/** Injection token of the `TokenVerifier`. */
export const TOKEN_VERIFIER = Symbol('TOKEN_VERIFIER');
/** Injection token of the `PersonResolver`; without one every account is a person of its own. */
export const PERSON_RESOLVER = Symbol('PERSON_RESOLVER');

const PUBLIC = 'plimsoll:public';
const ROLES = 'plimsoll:roles';

/** The route needs no token. */
export const Public = (): ClassDecorator & MethodDecorator =>
  applyDecorators(SetMetadata(PUBLIC, true), ApiExtension(PUBLIC_EXTENSION, true));

/** The route is for people with any of these roles. On a method it replaces what the class says. */
export const Roles = (...roles: readonly string[]): ClassDecorator & MethodDecorator => SetMetadata(ROLES, roles);

/** Lets in whom a token vouches for (RFC 6750), and puts `identity` and `clock` on the request. Every route but public ones. */
@Injectable()
export class AuthGuard implements CanActivate {
  private readonly logger = new Logger('Auth');

  constructor(
    private readonly reflector: Reflector,
    @Inject(TOKEN_VERIFIER) private readonly verifier: TokenVerifier,
    @Inject(CLOCK) private readonly clock: Clock,
    @Optional() @Inject(PERSON_RESOLVER) private readonly persons?: PersonResolver,
  ) {}

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const request = requestOf(context);
    request.clock = this.clock;
    const places = [context.getHandler(), context.getClass()];
    if (this.reflector.getAllAndOverride<boolean | undefined>(PUBLIC, places)) return true;
    const identity = await this.identify(headerOf(request, 'authorization'));
    checkRoles(identity, this.reflector.getAllAndOverride<readonly string[] | undefined>(ROLES, places));
    request.identity = identity;
    return true;
  }

  private async identify(authorization: string | undefined): Promise<Identity> {
    if (authorization === undefined) throw unauthenticated('Send a token: Authorization: Bearer <token>.', 'Bearer');
    // Exactly one space: what follows it is the verifier's to judge, down to the last character.
    const token = /^bearer ([^]*)$/i.exec(authorization)?.[1];
    if (token === undefined) throw unauthenticated('The Authorization header must be: Bearer <token>.', 'Bearer error="invalid_request"');
    const verified = await this.verifier.verify(token).catch((error: unknown) => {
      if (error instanceof InvalidToken) throw unauthenticated(error.message, 'Bearer error="invalid_token"');
      this.logger.error(`A token could not be checked: ${error instanceof Error ? error.message : String(error)}`);
      throw keysUnavailable(error);
    });
    return {
      person: await personOf(verified.issuer, verified.subject, this.persons),
      principal: verified.principal,
      roles: verified.roles,
      ...(verified.name === undefined ? {} : { name: verified.name }),
    };
  }
}

/** The identity of a request, on routes that need one. @throws ProblemError 401 on a public route */
export function identityOf(request: { identity?: Identity }): Identity {
  if (!request.identity) throw unauthenticated('This needs a token: Authorization: Bearer <token>.', 'Bearer');
  return request.identity;
}

function checkRoles(identity: Identity, needed: readonly string[] | undefined): void {
  if (!needed || needed.some((role) => identity.roles.includes(role))) return;
  const detail = `This needs the role ${needed.join(' or ')}; the token has ${identity.roles.join(', ') || 'none'}.`;
  const reason = { code: 'role-missing', detail, unblockedBy: `Somebody with the role ${needed.join(' or ')} does it, or grants it.` };
  throw new ProblemError(403, 'role-missing', detail, { reasons: [reason] });
}

function unauthenticated(detail: string, challenge: string): ProblemError {
  return new ProblemError(401, 'unauthenticated', detail, { headers: { 'www-authenticate': challenge } });
}

/** Not the token's fault: without the issuer's keys nobody can say whether it is good, and so nobody gets in. */
function keysUnavailable(cause: unknown): ProblemError {
  const detail = 'The keys of the token issuer are not available, so the token could not be checked. Try again later.';
  return new ProblemError(503, 'issuer-unavailable', detail, { cause, headers: { 'retry-after': '5' } });
}
