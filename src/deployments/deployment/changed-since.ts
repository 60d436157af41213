import type { GateFacts } from '#libs/policy';
import type { Deployment } from './deployment.ts';

/** What would run is what was started: why it is not, where the release or its plan is another by now. */
export function changedSince({ artifacts, planHash }: Deployment, now: GateFacts): string | undefined {
  if (now.plan?.planHash !== planHash) return 'The plan changed after the deployment was started.';
  const digests = (list: Deployment['artifacts']): string => JSON.stringify(list.map((a) => `${a.name}@${a.version} ${a.digest}`).sort());
  return digests(now.artifacts) === digests(artifacts)
    ? undefined
    : 'The artifacts of the release changed after the deployment was started.';
}
