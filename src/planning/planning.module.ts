import { Module } from '@nestjs/common';
import { commandHandlers } from '#libs/cqrs';
import { PlanningViewsController } from './planning-views.controller.ts';
import { PlanningController } from './planning.controller.ts';
import { amendReleaseCommand, composeReleaseCommand } from './release/compose-release.ts';
import { planReleaseCommand } from './release/plan-release.ts';
import { assignVersionCommand } from './version-line/assign-version.ts';
import { releaseBoardQueries } from './views/release-board/release-board.query.ts';

@Module({
  controllers: [PlanningController, PlanningViewsController],
  providers: [
    ...commandHandlers(composeReleaseCommand, amendReleaseCommand, planReleaseCommand, assignVersionCommand),
    ...releaseBoardQueries,
  ],
})
export class PlanningModule {}
