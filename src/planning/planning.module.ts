import { Module } from '@nestjs/common';
import { commandHandlers } from '#libs/cqrs';
import { PlanningController } from './planning.controller.ts';
import { amendReleaseCommand, composeReleaseCommand } from './release/compose-release.ts';
import { planReleaseCommand } from './release/plan-release.ts';
import { assignVersionCommand } from './version-line/assign-version.ts';

@Module({
  controllers: [PlanningController],
  providers: [...commandHandlers(composeReleaseCommand, amendReleaseCommand, planReleaseCommand, assignVersionCommand)],
})
export class PlanningModule {}
