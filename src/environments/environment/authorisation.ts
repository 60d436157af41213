import type { EnvironmentEvent, ReleaseArtifact, UnauthorisedBecause } from '#libs/contracts';

/** A deployment of ours that held the environment. */
export interface DeployedHere {
  readonly deploymentId: string;
  /** `stream@revision` */
  readonly ref: string;
  readonly artifacts: readonly ReleaseArtifact[];
  /** Its gates let it pass at the moment of effect: only then did anything run. */
  readonly confirmed: boolean;
  readonly succeeded: boolean;
}

type Report = Extract<EnvironmentEvent, { type: 'RunningVersionReported' }>['data'];

export interface Authorisation {
  readonly authorisedBy?: NonNullable<Report['authorisedBy']>;
  readonly violation?: { readonly reason: UnauthorisedBecause; readonly detail: string; readonly evidence: readonly string[] };
  /** Whether a deployment of ours had the artifact at all. */
  readonly recognised: boolean;
}

/** Whether a report says that something was put there: what was removed, or is now reachable, needs no deployment. */
export function isPutThere(change: Report['change']): change is 'deployed' | 'upgraded' | 'rolledback' {
  return change === 'deployed' || change === 'upgraded' || change === 'rolledback';
}

/**
 * Which deployment of ours put an artifact there. It counts for as long as no other one has brought another of that name with success. Pure.
 *
 * @param artifact as reported: a digest, or a package URL
 * @param deployments the newest first
 */
export function authorisationOf(artifact: string, defined: boolean, deployments: readonly DeployedHere[]): Authorisation {
  if (!defined) return violated('environment-unknown', 'Nobody has defined this environment here.', []);
  if (!/[\p{L}\p{N}]/u.test(artifact)) return violated('artifact-unnamed', 'The report does not say what was deployed.', []);
  const replaced = new Map<string, DeployedHere>();
  for (const deployment of deployments.filter(({ confirmed }) => confirmed)) {
    for (const own of deployment.artifacts) {
      const by = recognisedBy(own, artifact);
      if (!by) continue;
      const newer = replaced.get(own.name);
      if (!newer) return { authorisedBy: { deploymentId: deployment.deploymentId, by }, recognised: true };
      const detail = `Deployment ${deployment.deploymentId} had it, and ${newer.deploymentId} has brought another ${own.name} since: the report is late, or it was deployed around Plimsoll.`;
      return { ...violated('superseded', detail, [deployment.ref, newer.ref]), recognised: true };
    }
    if (deployment.succeeded) for (const { name } of deployment.artifacts) if (!replaced.has(name)) replaced.set(name, deployment);
  }
  const newest = deployments.find(({ confirmed }) => confirmed);
  return violated('never-deployed', 'No deployment of ours brought it there.', newest ? [newest.ref] : []);
}

function violated(reason: UnauthorisedBecause, detail: string, evidence: readonly string[]): Authorisation {
  return { violation: { reason, detail, evidence }, recognised: false };
}

/** By every digest that the report carries, where it carries one: a name and version says less than contents do. */
function recognisedBy({ digest, purl }: ReleaseArtifact, reported: string): 'digest' | 'package-url' | undefined {
  const text = decoded(reported);
  const digests = [...text.matchAll(/\b(sha(?:256|384|512)):([0-9a-z]*)/gi)].map(([, algorithm, value]) =>
    `${algorithm}:${value}`.toLowerCase(),
  );
  if (digests.length > 0) return digests.every((one) => one === digest) ? 'digest' : undefined;
  // Qualifiers count: from another repository it may be another thing.
  return text.includes('@') && normal(text) === normal(decoded(purl)) ? 'package-url' : undefined;
}

/** Scheme and type in lower case, which the specification lets anybody write otherwise. */
function normal(purl: string): string {
  return purl.replace(/^pkg:\/*[^/]+/i, (start) => start.toLowerCase().replace(/^pkg:\/*/, 'pkg:'));
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
