import { Module } from '@nestjs/common';
import { commandHandlers } from '#libs/cqrs';
import { defineEnvironmentCommand } from './environment/define-environment.ts';
import { reportRunningVersionCommand } from './environment/report-running-version.ts';
import { freeEnvironmentCommand, reserveEnvironmentCommand } from './environment/reserve-environment.ts';
import { EnvironmentsController } from './environments.controller.ts';

@Module({
  controllers: [EnvironmentsController],
  providers: [...commandHandlers(defineEnvironmentCommand, reserveEnvironmentCommand, freeEnvironmentCommand, reportRunningVersionCommand)],
})
export class EnvironmentsModule {}
