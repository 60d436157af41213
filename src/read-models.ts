import type { View } from '#libs/read-models';
import { deploymentTimeline } from './deployments/views/deployment-timeline/deployment-timeline.projection.ts';
import { releaseBoard } from './planning/views/release-board/release-board.projection.ts';

/** Every view there is. Adding one is adding a line. */
// eslint-disable-next-line @typescript-eslint/no-explicit-any -- a list of views has no common row
export const views: readonly View<any>[] = [releaseBoard, deploymentTimeline];
