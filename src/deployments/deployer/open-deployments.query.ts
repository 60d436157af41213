import type { Pool } from 'pg';

/** Deployments that may have steps to take. A hint from a view, which may lag: what is ready the deployment's own stream decides. */
export async function openDeployments(pool: Pick<Pool, 'query'>): Promise<readonly string[]> {
  const { rows } = await pool.query<{ deployment_id: string }>('select deployment_id from deployment_timeline where open');
  return rows.map((row) => row.deployment_id);
}
