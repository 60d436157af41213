import { Module } from '@nestjs/common';
import { commandHandlers } from '#libs/cqrs';
import { defineEnvironmentCommand } from './environment/define-environment.ts';
import { reportRunningVersionCommand } from './environment/report-running-version.ts';
import { freeEnvironmentCommand, reserveEnvironmentCommand } from './environment/reserve-environment.ts';
import { EnvironmentsViewsController } from './environments-views.controller.ts';
import { EnvironmentsController } from './environments.controller.ts';
import { environmentMapQueries } from './views/environment-map/environment-map.query.ts';

@Module({
  controllers: [EnvironmentsController, EnvironmentsViewsController],
  providers: [
    ...commandHandlers(defineEnvironmentCommand, reserveEnvironmentCommand, freeEnvironmentCommand, reportRunningVersionCommand),
    ...environmentMapQueries,
  ],
})
export class EnvironmentsModule {}
