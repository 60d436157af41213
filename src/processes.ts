import type { Process } from '#libs/processes';
import { rollout } from './deployments/processes/rollout.process.ts';
import { approvalExpiry } from './governance/processes/approval-expiry.process.ts';
import { approvalGuard } from './governance/processes/approval-guard.process.ts';
import { bypassReview } from './governance/processes/bypass-review.process.ts';
import { changeCourse } from './governance/processes/change-course.process.ts';
import { changeBoardGuard, changeGuard, changePolicyGuard } from './governance/processes/change-guard.process.ts';
import { bypassDutyWatch, dutyWatch, identityWatch } from './governance/processes/duty-watch.process.ts';
import { changeEnvironmentGuard, environmentGuard } from './governance/processes/environment-guard.process.ts';
import { leaver } from './governance/processes/leaver.process.ts';
import { policyGuard } from './governance/processes/policy-guard.process.ts';
import { incidentResponse } from './incidents/processes/incident-response.process.ts';
import { triggerWatch } from './incidents/processes/trigger-watch.process.ts';
import { smokeAfterDeployment } from './validation/processes/smoke-after-deployment.process.ts';

/** Every durable process there is. Adding one is adding a line. */
// eslint-disable-next-line @typescript-eslint/no-explicit-any -- a list of processes has no common state
export const processes: readonly Process<any>[] = [
  rollout,
  approvalGuard,
  approvalExpiry,
  policyGuard,
  bypassReview,
  changeCourse,
  changeGuard,
  changeBoardGuard,
  changePolicyGuard,
  environmentGuard,
  changeEnvironmentGuard,
  smokeAfterDeployment,
  triggerWatch,
  incidentResponse,
  leaver,
  dutyWatch,
  bypassDutyWatch,
  identityWatch,
];
