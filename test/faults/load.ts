import { createHash } from 'node:crypto';
import type { Client } from './client.ts';
import type { Random } from './random.ts';
import { pause } from './waiting.ts';

/** Where everything but the deployments of this run is meant for. */
export const SHARED_ENVIRONMENT = 'staging';
export const POLICY = 'four-eyes';

/** A policy and an environment by it: what the rest of the load needs. */
export async function prepare(editor: Client): Promise<void> {
  const gates = [
    { gate: 'artifacts-registered' },
    { gate: 'version-assigned' },
    { gate: 'approved', quorum: 1 },
    { gate: 'duties-separated' },
  ];
  await editor.must('/v1/governance/policies', {
    policyId: POLICY,
    title: 'Four eyes',
    gates,
    rollbackGates: [{ gate: 'rollback-target-ran' }],
  });
  await editor.must('/v1/environments/environments', { environment: SHARED_ENVIRONMENT, class: 'staging', policyId: POLICY });
}

/** A release from its artifacts to its plan, by one author. */
export async function makeRelease(
  author: Client,
  { name, environment, steps, smoke }: { name: string; environment: string; steps: readonly object[]; smoke?: object },
): Promise<string> {
  const artifact = await author.must('/v1/artifacts/artifacts', artifactBody(name, author.account, name));
  const { id } = await author.must('/v1/planning/releases', { product: name, artifactIds: [artifact.id] });
  await author.must('/v1/planning/versions', { product: name, releaseId: id, version: '1.0.0' });
  await author.must(`/v1/planning/releases/${id}/plan`, { environment, steps, ...(smoke ? { smoke } : {}) });
  return id;
}

/** Asks for approval and has it granted, by somebody else. */
export async function approve(author: Client, approver: Client, releaseId: string, environment: string): Promise<string> {
  const { id } = await author.must('/v1/governance/approvals', { releaseId, environment });
  const { tupleHash } = await author.read<{ tupleHash: string }>(`/v1/governance/approvals/${id}`);
  await approver.must(`/v1/governance/approvals/${id}/grant`, { tupleHash });
  return tupleHash;
}

/** SHA-256 in hex of what `makeRelease` takes for the artifact's contents: its name. */
export function digestOf(contents: string): string {
  return createHash('sha256').update(contents).digest('hex');
}

function artifactBody(name: string, author: string, contents: string): object {
  return {
    name,
    version: '1.0.0',
    purl: `pkg:generic/${name}@1.0.0`,
    digest: { algorithm: 'sha256', value: digestOf(contents) },
    authors: [author],
  };
}

/** One author after the other's release, with the refusals that real life has, until told to stop. */
export async function workOnReleases(author: Client, approver: Client, random: Random, signal: AbortSignal): Promise<void> {
  for (let n = 1; !signal.aborted; n++) {
    const name = `${author.subject}-${n}`;
    const releaseId = await makeRelease(author, {
      name,
      environment: SHARED_ENVIRONMENT,
      steps: [step('only', [], '/nowhere', 0)],
    });
    if (random.chance(0.2)) await author.command('/v1/artifacts/artifacts', artifactBody(name, author.account, 'something else'));
    const tupleHash = await approve(author, approver, releaseId, SHARED_ENVIRONMENT);
    if (random.chance(0.2)) {
      const approvals = await author.command('/v1/governance/approvals', { releaseId, environment: SHARED_ENVIRONMENT });
      await author.command(`/v1/governance/approvals/${approvals.answer?.id ?? ''}/grant`, { tupleHash });
    }
    await pause(random.whole(0, 60));
  }
}

/** Reports traffic, a sample or two at a time, until told to stop. */
export async function reportMetrics(service: Client, random: Random, signal: AbortSignal): Promise<void> {
  let last = 0;
  while (!signal.aborted) {
    const samples = Array.from({ length: random.whole(1, 2) }, () => {
      last = Math.max(last + 1, Date.now());
      return {
        at: new Date(last).toISOString(),
        seconds: 1,
        requests: random.whole(10, 100),
        errors: random.whole(0, 2),
        latencyP95Ms: 12,
      };
    });
    const body = { environment: SHARED_ENVIRONMENT, service: service.subject, source: service.subject, samples };
    await service.must('/v1/observability/metric-samples', body, false);
    await pause(random.whole(10, 60));
  }
}

/** A pipeline that tells what it has published, and asks for no answer but that it was heard, until told to stop. */
export async function publishFromOutside(pipeline: Client, random: Random, signal: AbortSignal): Promise<void> {
  for (let n = 1; !signal.aborted; n++) {
    const name = `${pipeline.subject}-${n}`;
    const context = {
      version: '0.4.1',
      id: name,
      source: `/${pipeline.subject}`,
      type: 'dev.cdevents.artifact.published.0.2.0',
      timestamp: new Date().toISOString(),
    };
    await pipeline.deliver({
      context,
      subject: { id: `pkg:oci/${name}@sha256:${digestOf(name)}?tag=1.0.0`, type: 'artifact', content: {} },
    });
    await pause(random.whole(50, 200));
  }
}

/** A step of a plan: `steps/effect.mjs`, which writes into a folder what it did. */
export function step(id: string, dependsOn: readonly string[], folder: string, milliseconds: number): object {
  return {
    id,
    driver: 'exec',
    action: 'effect',
    input: { folder, milliseconds },
    dependsOn: dependsOn.map((upstream) => ({ step: upstream, onFailure: 'halt' })),
  };
}
