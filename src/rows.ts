import { DeploymentTimelineRow } from './deployments/views/deployment-timeline/deployment-timeline.row.ts';
import { ReleaseBoardRow } from './planning/views/release-board/release-board.row.ts';

/** Every row class that TypeORM reads views with. */
export const rows: readonly (new () => object)[] = [ReleaseBoardRow, DeploymentTimelineRow];
