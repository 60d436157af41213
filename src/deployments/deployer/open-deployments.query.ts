import type { Pool } from 'pg';
import type { EventLog } from '#libs/event-sourcing';
import { viewSubscription } from '#libs/read-models';
import { deploymentTimeline } from '../views/deployment-timeline/deployment-timeline.projection.ts';

const VIEW = viewSubscription(deploymentTimeline);
const BATCH = 1000;
const STREAM = 'deployment-';
/** What opens a deployment to deployers, and what ends that; as the view has it. */
const OPENS = new Set(['DeploymentConfirmed']);
const CLOSES = new Set(['DeploymentSucceeded', 'DeploymentFailed', 'DeploymentHalted', 'DeploymentResumed']);

/**
 * Deployments that may have steps to take. A hint, which may lag: what is ready the deployment's own stream decides. It comes from a view; where
 * nobody keeps the view, or it has stopped at an event, the log itself is read on from where the view stands, by types and names of streams alone:
 * no event's contents can stop a deployment.
 */
export class OpenDeployments {
  private readonly since = new Set<string>();
  /** How far the log was read; undefined while the view is kept. */
  private read: bigint | undefined;

  constructor(
    private readonly pool: Pick<Pool, 'query'>,
    private readonly log: Pick<EventLog, 'readAll'>,
  ) {}

  async ids(): Promise<readonly string[]> {
    // In one statement: a view that catches up between two would leave a gap.
    const { rows } = await this.pool.query<{ deployment_id: string | null; kept: boolean; position: string }>(
      `select s.position, s.state = 'running' and s.lease_until >= clock_timestamp() as kept, t.deployment_id
         from (select coalesce(max(position), -1) as position, coalesce(max(state), 'idle') as state, max(lease_until) as lease_until
                 from subscription where name = $1) s
         left join deployment_timeline t on t.open`,
      [VIEW],
    );
    const [view] = rows;
    const listed = rows.flatMap(({ deployment_id }) => deployment_id ?? []);
    if (!view || view.kept) {
      this.since.clear();
      this.read = undefined;
      return listed;
    }
    await this.readOn(BigInt(view.position));
    return [...new Set([...listed, ...this.since])];
  }

  private async readOn(from: bigint): Promise<void> {
    for (;;) {
      const after: bigint = this.read === undefined || this.read < from ? from : this.read;
      const batch = await this.log.readAll({ after, maxCount: BATCH });
      for (const { type, stream } of batch) {
        if (!stream.startsWith(STREAM)) continue;
        if (OPENS.has(type)) this.since.add(stream.slice(STREAM.length));
        else if (CLOSES.has(type)) this.since.delete(stream.slice(STREAM.length));
      }
      this.read = batch.at(-1)?.position ?? after;
      if (batch.length < BATCH) return;
    }
  }
}
