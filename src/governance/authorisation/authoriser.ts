import { createHash } from 'node:crypto';
import { Inject, Injectable, Optional } from '@nestjs/common';
import { aboutPath, accountId } from '#libs/contracts';
import { Aggregates, EVENT_CODEC, EVENT_LOG, TEXT_SEALER } from '#libs/cqrs';
import {
  derivedId,
  recordDenied,
  refuse,
  type EventCodec,
  type EventLog,
  type ReadAggregate,
  type Refusal,
  type TextSealer,
} from '#libs/event-sourcing';
import { GuardedRoutes, roleMissing, type Allowed, type Authoriser, type Identity, type RouteRequest } from '#libs/http';
import type { HeldRole, ScopedResource } from '#libs/identity';
import { canonicalJson } from '#libs/policy';
import { account } from '../account/account.ts';
import { decideAccess, elsewhere, holdings, standingOf, type Access, type RolesFrom } from './access.ts';
import { resourceOf } from './resources.ts';

/** What of a request the decision rests on. */
type Asked = Pick<RouteRequest, 'identity' | 'issuer' | 'subject' | 'action' | 'roles' | 'vouches' | 'method' | 'now'>;
type Place = Awaited<ReturnType<typeof resourceOf>>;

/** Injection token of a `RolesFrom`; `token` unless told. */
export const ROLES_FROM = Symbol('ROLES_FROM');

const EVERYWHERE = { kind: 'organisation', id: '*' } as const;

/**
 * Decides who may do what on the source streams of this moment: the account's link, the person's grants, the policies in force. A command that
 * is refused here never reaches its rule, so its denial is put on record here (principle 5).
 */
@Injectable()
export class GrantAuthoriser implements Authoriser {
  private readonly read: ReadAggregate;

  constructor(
    @Inject(EVENT_LOG) private readonly log: EventLog,
    @Inject(EVENT_CODEC) private readonly codec: EventCodec,
    aggregates: Aggregates,
    private readonly routes: GuardedRoutes,
    @Optional() @Inject(ROLES_FROM) private readonly rolesFrom: RolesFrom = 'token',
    @Optional() @Inject(TEXT_SEALER) private readonly sealer?: TextSealer,
  ) {
    this.read = aggregates.read;
  }

  async authorise(request: RouteRequest): Promise<Allowed | { readonly refusal: Refusal; readonly position?: bigint }> {
    const counts = request.method === 'POST' || request.roles !== undefined;
    // What it is about and who asks are read side by side: neither waits for the other.
    const place = counts ? resourceOf(this.read, request) : Promise.resolve<Place>({ resource: {} });
    const [{ resource, releaseId }, decided] = await Promise.all([place, this.decide(request, place)]);
    if ('refusal' in decided) {
      const { environment } = resource;
      const known = { ...(releaseId === undefined ? {} : { releaseId }), ...(environment === undefined ? {} : { environment }) };
      return await this.denied(request, decided.refusal, known);
    }
    // Between here and the append much may be read and evaluated; what the issuer says of roles does not change meanwhile.
    if (request.method !== 'POST' || this.rolesFrom === 'token') return decided;
    const stillAllowed = async (): Promise<Refusal | undefined> => {
      const again = await this.decide(request, place);
      return 'refusal' in again ? again.refusal : undefined;
    };
    return { ...decided, personsOnRecord: true, stillAllowed };
  }

  /** Whether somebody may do something to something at this moment, asked beforehand: nothing is done, and nothing goes on record. */
  async mayDo(action: string, identity: Identity, resource: ScopedResource, now: string): Promise<boolean> {
    const at = identity.principal.indexOf('|');
    const [issuer, subject] = [identity.principal.slice(0, at), identity.principal.slice(at + 1)];
    const roles = this.routes.table()[action];
    const vouches = this.routes.vouching().includes(action);
    const asked = { identity, issuer, subject, action, roles, vouches, method: 'POST', now };
    return !('refusal' in (await this.decide(asked, Promise.resolve({ resource }))));
  }

  /** On the streams as they are at this moment. */
  private async decide(
    request: Asked,
    place: Promise<Place>,
  ): Promise<{ readonly roles: readonly string[] } | { readonly refusal: Refusal }> {
    const { identity, issuer, subject, action, now } = request;
    const [own, standing, { resource }] = await Promise.all([
      this.read(account, accountId(issuer, subject)),
      standingOf(this.read, identity.person),
      place,
    ]);
    if (own.state.closed) {
      const refusal = refuse('duty', 'account-unlinked', 'Nobody acts with this account any more: it was unlinked.', [
        {
          code: 'account-unlinked',
          detail: `The account was of ${identity.person}.`,
          evidence: [own.ref],
          unblockedBy: 'Use another account, or have this one linked again.',
        },
      ]);
      return { refusal };
    }
    if (standing.person.state.left) {
      const refusal = refuse('duty', 'person-left', 'You have left: your accounts act no more.', [
        {
          code: 'person-left',
          detail: `${identity.person} has left.`,
          evidence: [standing.person.ref],
          unblockedBy: 'An administrator of identities registers you again.',
        },
      ]);
      return { refusal };
    }
    const held = this.heldBy(request, own.state.person !== undefined, holdings(standing, identity.person, identity.principal));
    const access = decideAccess(standing, this.routes.table(), {
      person: identity.person,
      held,
      bot: own.state.bot ?? false,
      action,
      vouches: request.vouches,
      resource,
      at: now,
    });
    if ((request.method !== 'POST' && request.roles === undefined) || access.allowed) return { roles: access.roles };
    return { refusal: this.refusal(request, access, held, resource, [own.ref, standing.grants.ref, standing.policy.ref]) };
  }

  /** In the explicit mode of token roles, the issuer says who has which; they count everywhere and for as long as the token. */
  private heldBy({ identity, action, roles }: Asked, linked: boolean, granted: readonly HeldRole[]): readonly HeldRole[] {
    // The first administrator can have no grant: who may become it, the issuer says.
    if (this.rolesFrom === 'token' || action === 'BootstrapIdentity') {
      return identity.roles.map((role) => ({ role, scope: EVERYWHERE, from: '', until: '9' }));
    }
    // An account that nobody has linked may be anybody's: it gets no role, but for the first administrator's own.
    return linked || roles === undefined ? granted : granted.filter((g) => g.from === '');
  }

  private refusal(
    request: Asked,
    access: Access,
    held: readonly HeldRole[],
    resource: ScopedResource,
    evidence: readonly string[],
  ): Refusal {
    if (access.policies.length > 0 && access.errors.length === 0) {
      const detail = `The policies on roles forbid it: ${access.policies.join(', ')}.`;
      return refuse('duty', 'role-forbidden', detail, [
        {
          code: 'role-forbidden',
          detail,
          evidence,
          unblockedBy: 'A person whom no policy forbids it does it: programs vouch for nothing.',
        },
      ]);
    }
    const missing = roleMissing(
      request.roles ?? [],
      access.roles,
      this.rolesFrom === 'token' ? 'the token has' : 'in force for this you have',
    );
    const others = elsewhere(held, request.now, resource);
    const about =
      Object.entries(resource)
        .map(([kind, id]) => `${kind} ${id}`)
        .join(', ') || 'the organisation';
    return {
      ...missing,
      reasons: [
        ...missing.reasons.map((reason) => ({ ...reason, evidence })),
        ...(others.length > 0
          ? [{ code: 'role-out-of-scope', detail: `You have ${others.join('; ')}; this is about ${about}.`, evidence }]
          : []),
        ...access.errors.map((detail) => ({ code: 'policy-error', detail, evidence })),
      ],
    };
  }

  private async denied(
    request: RouteRequest,
    refusal: Refusal,
    known: Readonly<Record<string, string>>,
  ): Promise<{ readonly refusal: Refusal; readonly position?: bigint }> {
    const { identity, action, method, route, parameters, requestId, key, now } = request;
    const named = { ...identifiersIn(parameters), ...identifiersIn(request.body) };
    const { id: ofPath, ...others } = named;
    // What a stream says counts before what the caller says.
    const about = { ...others, ...aboutPath(route, ofPath), ...known };
    // Nobody has validated what was asked: what names something is kept, the rest by its digest.
    // A digest of few words can be guessed: it is erased with them.
    const digest = digestOf(request.body);
    const body = method === 'POST' ? { bodySha256: (await this.sealer?.seal(digest, [identity.person])) ?? digest } : {};
    const asked = { route: `${method} ${route}`, ...body, ...named };
    const commandHash = createHash('sha256').update(canonicalJson({ action, asked })).digest('hex');
    // A page that asks every second what it may not see is one refusal an hour: reading must not fill the log.
    const once = method === 'POST' ? (key ?? requestId) : now.slice(0, 13);
    const id = derivedId('role-denial', identity.principal, once, commandHash);
    const meta = { commandId: id, actor: identity, correlationId: id, causationId: `http:${requestId}`, now };
    const denied = { id, command: action, stream: `route-${action}`, about, asked, meta, commandHash };
    const position = await recordDenied({ log: this.log, codec: this.codec }, denied, refusal);
    return { refusal, ...(position === undefined ? {} : { position }) };
  }
}

const IDENTIFIERS = ['id', 'releaseId', 'environment', 'deploymentId', 'policyId', 'person', 'role', 'service', 'product', 'grantId'];

function identifiersIn(fields: unknown): Record<string, string> {
  if (typeof fields !== 'object' || fields === null) return {};
  return Object.fromEntries(
    IDENTIFIERS.flatMap((name) => {
      const value: unknown = Object.hasOwn(fields, name) ? (fields as Record<string, unknown>)[name] : undefined;
      return typeof value === 'string' && /^[A-Za-z0-9@][A-Za-z0-9._/@:-]{0,127}$/.test(value) ? [[name, value]] : [];
    }),
  );
}

function digestOf(body: unknown): string {
  const isJson = body !== undefined && !(typeof body === 'object' && body !== null && 'pipe' in body && typeof body.pipe === 'function');
  return createHash('sha256')
    .update(isJson ? canonicalJson(body) : '')
    .digest('hex');
}
