import { Module } from '@nestjs/common';
import { commandHandlers } from '#libs/cqrs';
import { defineEnvironmentCommand } from './environment/define-environment.ts';
import {
  confirmEnvironmentChangeCommand,
  proposeEnvironmentChangeCommand,
  withdrawEnvironmentChangeCommand,
} from './environment/propose-environment-change.ts';
import { reportRunningVersionCommand } from './environment/report-running-version.ts';
import { freeEnvironmentCommand, reserveEnvironmentCommand } from './environment/reserve-environment.ts';
import { EnvironmentsViewsController } from './environments-views.controller.ts';
import { EnvironmentsController } from './environments.controller.ts';
import { UnauthorisedDeploymentsController } from './unauthorised-deployments.controller.ts';
import { environmentMapQueries } from './views/environment-map/environment-map.query.ts';
import { UnauthorisedDeploymentsHandler } from './views/unauthorised-deployments/unauthorised-deployments.query.ts';

@Module({
  controllers: [EnvironmentsController, EnvironmentsViewsController, UnauthorisedDeploymentsController],
  providers: [
    ...commandHandlers(
      defineEnvironmentCommand,
      proposeEnvironmentChangeCommand,
      confirmEnvironmentChangeCommand,
      withdrawEnvironmentChangeCommand,
      reserveEnvironmentCommand,
      freeEnvironmentCommand,
      reportRunningVersionCommand,
    ),
    ...environmentMapQueries,
    UnauthorisedDeploymentsHandler,
  ],
})
export class EnvironmentsModule {}
