import { Module } from '@nestjs/common';
import { commandHandlers } from '#libs/cqrs';
import { reportSmokeRunCommand, startSmokeRunCommand, timeOutSmokeRunCommand } from './smoke-run/run-smoke.ts';
import { recordTestReportCommand } from './test-report/record-test-report.ts';
import { ValidationController } from './validation.controller.ts';

@Module({
  controllers: [ValidationController],
  providers: [...commandHandlers(recordTestReportCommand, startSmokeRunCommand, reportSmokeRunCommand, timeOutSmokeRunCommand)],
})
export class ValidationModule {}
