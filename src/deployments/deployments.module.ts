import { Module } from '@nestjs/common';
import { commandHandlers } from '#libs/cqrs';
import { confirmDeploymentCommand, haltDeploymentCommand } from './deployment/confirm-deployment.ts';
import { resumeDeploymentCommand } from './deployment/resume-deployment.ts';
import { rollBackDeploymentCommand } from './deployment/roll-back-deployment.ts';
import { leaseStepCommand, renewStepLeaseCommand, reportStepCommand } from './deployment/run-step.ts';
import { startDeploymentCommand } from './deployment/start-deployment.ts';
import { DeploymentsViewsController } from './deployments-views.controller.ts';
import { DeploymentsController } from './deployments.controller.ts';
import { deploymentTimelineQueries } from './views/deployment-timeline/deployment-timeline.query.ts';

@Module({
  controllers: [DeploymentsController, DeploymentsViewsController],
  providers: [
    ...commandHandlers(
      startDeploymentCommand,
      confirmDeploymentCommand,
      haltDeploymentCommand,
      resumeDeploymentCommand,
      rollBackDeploymentCommand,
      leaseStepCommand,
      renewStepLeaseCommand,
      reportStepCommand,
    ),
    ...deploymentTimelineQueries,
  ],
})
export class DeploymentsModule {}
