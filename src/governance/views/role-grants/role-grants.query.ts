import { Query, QueryHandler, type IQueryHandler } from '@nestjs/cqrs';
import { DataSource } from 'typeorm';
import { Aggregates, camelKeys, readRows, type Answer } from '#libs/cqrs';
import { refuse, RefusedError, type ReadAggregate } from '#libs/event-sourcing';
import { defineList, GuardedRoutes, oneOfFilter, textFilter, type Page } from '#libs/http';
import { GRANTABLE_ROLES, type ScopedResource } from '#libs/identity';
import { AN_INSTANT, parseInstant } from '#libs/instant';
import { decideAccess, holdings, policiesIn, standingOf, type Standing } from '../../authorisation/access.ts';
import { ownerOf } from '../../authorisation/resources.ts';
import type { RoleGrantRow } from './role-grants.row.ts';

/** Newest first. */
export const roleGrantListing = defineList({
  order: [{ column: 'position', type: 'bigint', direction: 'desc' }],
  filters: {
    person: textFilter('person'),
    role: oneOfFilter('role', GRANTABLE_ROLES),
    status: oneOfFilter('status', ['requested', 'granted', 'revoked', 'bootstrapped']),
  },
});

export class RoleGrantPage extends Query<Page<Answer<RoleGrantRow>>> {
  constructor(readonly asked: ReturnType<typeof roleGrantListing.parse>) {
    super();
  }
}

@QueryHandler(RoleGrantPage)
export class RoleGrantsHandler implements IQueryHandler<RoleGrantPage> {
  constructor(private readonly data: DataSource) {}

  async execute({ asked }: RoleGrantPage): Promise<Page<Answer<RoleGrantRow>>> {
    const rows = await readRows<RoleGrantRow>(this.data, 'role_grant', roleGrantListing.sql(asked));
    return roleGrantListing.page(asked, rows, (row) => camelKeys<RoleGrantRow>(row));
  }
}

export interface WhoCouldAnswer {
  readonly action: string;
  readonly resource: ScopedResource;
  /** ISO 8601, UTC. */
  readonly at: string;
  /** 0: the program's own table of roles, as it is now. */
  readonly policyVersion: number;
  readonly policyHash: string;
  readonly persons: readonly {
    readonly person: string;
    readonly roles: readonly string[];
    readonly policies: readonly string[];
    readonly evidence: readonly string[];
  }[];
  /** What the answer can't know. */
  readonly unknowable: readonly string[];
}

export class WhoCould extends Query<WhoCouldAnswer> {
  constructor(
    readonly asked: {
      readonly action?: string;
      readonly environment?: string;
      readonly service?: string;
      readonly team?: string;
      readonly at?: string;
    },
  ) {
    super();
  }
}

/** Who could do something at a time: the view only says whom to look at, and the answer is decided on the streams as they were then. */
@QueryHandler(WhoCould)
export class WhoCouldHandler implements IQueryHandler<WhoCould> {
  constructor(
    private readonly data: DataSource,
    private readonly aggregates: Aggregates,
    private readonly routes: GuardedRoutes,
  ) {}

  async execute({ asked }: WhoCould): Promise<WhoCouldAnswer> {
    const table = this.routes.table();
    const action = asked.action ?? '';
    if (!Object.hasOwn(table, action)) {
      throw new RefusedError(
        refuse('meaning', 'action-unknown', `There is no action ${action.slice(0, 100)}. Actions are ${Object.keys(table).join(', ')}.`),
      );
    }
    const vouches = this.routes.vouching().includes(action);
    const at = instantOf(asked.at);
    const { environment, service } = asked;
    const read: ReadAggregate = (aggregate, id) => this.aggregates.load(aggregate, id, at);
    const team = asked.team ?? (service ? await ownerOf(read, service) : undefined);
    const resource: ScopedResource = {
      ...(environment ? { environment } : {}),
      ...(service ? { service } : {}),
      ...(team ? { team } : {}),
    };
    const candidates = await this.data.query<{ person: string }[]>('select distinct person from role_grant order by person');
    const found: WhoCouldAnswer['persons'][number][] = [];
    let standing: Standing = await standingOf(read, 'nobody');
    for (const { person } of candidates) {
      standing = await standingOf(read, person);
      const access = decideAccess(standing, table, { person, held: holdings(standing, person), bot: false, action, vouches, resource, at });
      if (!access.allowed) continue;
      const evidence = [standing.person, standing.grants, standing.bootstrap, standing.policy].filter((l) => l.exists).map((l) => l.ref);
      found.push({ person, roles: access.roles, policies: access.policies, evidence: evidence.sort() });
    }
    const { version, hash } = policiesIn(standing, table);
    return {
      action,
      resource,
      at,
      policyVersion: version,
      policyHash: hash,
      persons: found,
      unknowable: [
        'Roles that tokens brought along while PLIMSOLL_ROLES_FROM was token: the issuer knows them.',
        ...(version === 0 ? ['Which table of roles an older version of this program had: no policies on roles were published then.'] : []),
        ...(table[action]?.length === 0 && version === 0
          ? ['Everybody with a sound token could ask for this; those listed ever held a role.']
          : []),
      ],
    };
  }
}

function instantOf(at = ''): string {
  const instant = parseInstant(at);
  if (instant === undefined) throw new RefusedError(refuse('meaning', 'at-invalid', `at must be ${AN_INSTANT}.`));
  return instant;
}
