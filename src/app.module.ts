import { Global, Module, type DynamicModule } from '@nestjs/common';
import { APP_INTERCEPTOR } from '@nestjs/core';
import { CqrsModule } from '@nestjs/cqrs';
import { TypeOrmModule } from '@nestjs/typeorm';
import { PostgresRecordStore, RECORD_STORE } from '#libs/archive';
import { AggregateEtagInterceptor, Aggregates, COMMAND_OBSERVER, CommandRegistry, EVENT_CODEC, EVENT_LOG, TEXT_SEALER } from '#libs/cqrs';
import {
  AUTHORISER,
  CLOCK,
  DevTokenController,
  EMBEDDED_ISSUER,
  GuardedRoutes,
  HttpEdgeModule,
  IDEMPOTENCY_STORE,
  PERSON_RESOLVER,
  TEXT_REVEALER,
  TOKEN_VERIFIER,
  VIEW_POSITIONS,
  type Clock,
} from '#libs/http';
import { ArchiveModule } from './archive/archive.module.ts';
import { ArtifactsModule } from './artifacts/artifacts.module.ts';
import type { Configuration } from './configuration.ts';
import { DeploymentsModule } from './deployments/deployments.module.ts';
import { EnvironmentsModule } from './environments/environments.module.ts';
import { AccountResolver } from './governance/account/account-resolver.ts';
import { GrantAuthoriser, ROLES_FROM } from './governance/authorisation/authoriser.ts';
import { ITSM_SECRET } from './governance/changes.controller.ts';
import { GovernanceModule } from './governance/governance.module.ts';
import { IncidentsModule } from './incidents/incidents.module.ts';
import type { Infrastructure } from './infrastructure.ts';
import { IngestionModule } from './ingestion/ingestion.module.ts';
import { LedgerModule } from './ledger/ledger.module.ts';
import { Metrics } from './metrics.ts';
import { ObservabilityModule } from './observability/observability.module.ts';
import { OperationsController } from './operations.controller.ts';
import { PlanningModule } from './planning/planning.module.ts';
import { rows } from './rows.ts';
import { CONFIGURATION, INFRASTRUCTURE } from './tokens.ts';
import { ValidationModule } from './validation/validation.module.ts';
import { ViewPositionsOfSubscriptions } from './view-positions.ts';

/** What every area gets by injection. */
@Global()
@Module({})
class PortsModule {
  static of(configuration: Configuration, infrastructure: Infrastructure): DynamicModule {
    const providers = [
      { provide: CONFIGURATION, useValue: configuration },
      { provide: INFRASTRUCTURE, useValue: infrastructure },
      { provide: EVENT_LOG, useValue: infrastructure.log },
      { provide: EVENT_CODEC, useValue: infrastructure.codec },
      { provide: TEXT_SEALER, useValue: infrastructure.texts },
      { provide: TEXT_REVEALER, useValue: infrastructure.texts },
      { provide: COMMAND_OBSERVER, useExisting: Metrics },
      Metrics,
      CommandRegistry,
      Aggregates,
      AccountResolver,
      { provide: RECORD_STORE, useValue: new PostgresRecordStore(infrastructure.pool) },
      { provide: ROLES_FROM, useValue: configuration.rolesFrom },
      { provide: ITSM_SECRET, useValue: configuration.itsmDecisionSecret },
      GuardedRoutes,
      GrantAuthoriser,
      ViewPositionsOfSubscriptions,
    ];
    return { module: PortsModule, providers, exports: providers };
  }
}

const areas = [
  ArtifactsModule,
  PlanningModule,
  EnvironmentsModule,
  GovernanceModule,
  DeploymentsModule,
  IncidentsModule,
  ObservabilityModule,
  ValidationModule,
  IngestionModule,
  LedgerModule,
  ArchiveModule,
];

/** The whole program. Which of its roles work is the configuration's affair. */
@Module({})
export class AppModule {
  static of(configuration: Configuration, infrastructure: Infrastructure, clock?: Clock): DynamicModule {
    const { issuer } = infrastructure;
    return {
      module: AppModule,
      imports: [
        PortsModule.of(configuration, infrastructure),
        CqrsModule.forRoot(),
        TypeOrmModule.forRoot({ type: 'postgres', url: infrastructure.databaseUrl, entities: [...rows], synchronize: false, poolSize: 10 }),
        HttpEdgeModule.register({
          providers: [
            ...(clock ? [{ provide: CLOCK, useValue: clock }] : []),
            { provide: TEXT_REVEALER, useValue: infrastructure.texts },
            { provide: TOKEN_VERIFIER, useValue: infrastructure.verifier },
            { provide: IDEMPOTENCY_STORE, useValue: infrastructure.idempotency },
            { provide: PERSON_RESOLVER, useExisting: AccountResolver },
            { provide: AUTHORISER, useExisting: GrantAuthoriser },
            { provide: VIEW_POSITIONS, useExisting: ViewPositionsOfSubscriptions },
            { provide: APP_INTERCEPTOR, useClass: AggregateEtagInterceptor },
          ],
        }),
        ...areas,
      ],
      controllers: [OperationsController, ...(issuer ? [DevTokenController] : [])],
      providers: issuer ? [{ provide: EMBEDDED_ISSUER, useValue: issuer }] : [],
    };
  }
}
