import { join } from 'node:path';
import type { StoredEvent } from '#libs/event-sourcing';
import { defaultPersonId } from '#libs/identity';
import { eventually, type Answer, type Person, type RunningApp } from '../support/running-app.ts';

/** Programs of steps that end well. */
export const STEPS = { PLIMSOLL_EXEC_FOLDER: join(__dirname, 'steps') };
export const ISSUER = 'plimsoll-embedded';
export const PROBLEMS = 'https://plimsoll.dev/problems/';

/** A release, planned for an environment of its own. */
export interface Planned {
  readonly releaseId: string;
  readonly environment: string;
  readonly artifactIds: readonly string[];
  readonly purl: string;
  /** `sha256:…` */
  readonly digest: string;
}

export interface Asked {
  readonly id: string;
  readonly tupleHash: string;
}

export const step = (id: string, input: object = {}) => ({ id, driver: 'exec', action: 'noop', input, dependsOn: [] });
export const personId = (subject: string): string => defaultPersonId(ISSUER, subject);

/** The answer's body; loud where it was refused. */
// eslint-disable-next-line @typescript-eslint/no-explicit-any -- answers of many shapes, read where they are used
export function ok(answer: Answer): any {
  if (answer.status >= 300) throw new Error(`${answer.status} ${answer.text}`);
  return answer.body;
}

/** The last part of a problem's type; undefined where there was no problem. */
export function problemOf(answer: Answer): string | undefined {
  return answer.status < 300 ? undefined : String((answer.body as { type?: string }).type).replace(PROBLEMS, '');
}

/**
 * Persons and things of a running Plimsoll for attacks to be played with: ada writes, rita plans and asks for approvals, anna and otto approve,
 * dan deploys, max keeps the policies. Names are the scenarios' own, so that many can be played on one program.
 */
export class Stage {
  private constructor(
    readonly app: RunningApp,
    readonly ada: Person,
    readonly rita: Person,
    readonly anna: Person,
    readonly otto: Person,
    readonly dan: Person,
    readonly max: Person,
  ) {}

  static async on(app: RunningApp): Promise<Stage> {
    return new Stage(
      app,
      await app.person('ada', 'developer', 'approver', 'deployer'),
      await app.person('rita', 'release-manager', 'approver'),
      await app.person('anna', 'approver', 'deployer'),
      await app.person('otto', 'approver'),
      await app.person('dan', 'deployer'),
      await app.person('max', 'policy-editor'),
    );
  }

  artifact(name: string, version: string, hex: string, authors: readonly string[] = [`${ISSUER}|ada`]): Promise<Answer> {
    return this.ada.post('/v1/artifacts/artifacts', {
      name,
      version,
      purl: `pkg:npm/${name}@${version}`,
      digest: { algorithm: 'sha256', value: hex.repeat(64) },
      authors,
    });
  }

  async planned(name: string, options: { gates?: readonly object[]; authors?: readonly string[] } = {}): Promise<Planned> {
    const gates = options.gates ?? [{ gate: 'approved', quorum: 1 }, { gate: 'duties-separated' }];
    const rollbackGates = [{ gate: 'rollback-target-ran' }];
    ok(await this.max.post('/v1/governance/policies', { policyId: `p-${name}`, title: name, gates, rollbackGates }));
    const environment = `e-${name}`;
    ok(await this.rita.post('/v1/environments/environments', { environment, class: 'production', policyId: `p-${name}` }));
    const { id } = ok(await this.artifact(name, '1.0.0', 'a', options.authors));
    const { id: releaseId } = ok(await this.ada.post('/v1/planning/releases', { product: name, artifactIds: [id] }));
    const planned = { releaseId, environment, artifactIds: [id], purl: `pkg:npm/${name}@1.0.0`, digest: `sha256:${'a'.repeat(64)}` };
    ok(await this.plan(planned));
    return planned;
  }

  plan({ releaseId, environment }: Planned, steps: readonly object[] = [step('a')], more: object = {}): Promise<Answer> {
    return this.ada.post(`/v1/planning/releases/${releaseId}/plan`, { environment, steps, ...more });
  }

  async request({ releaseId, environment }: Planned): Promise<Asked> {
    const { id } = ok(await this.rita.post('/v1/governance/approvals', { releaseId, environment }));
    return { id, tupleHash: ok(await this.anna.get(`/v1/governance/approvals/${id}`)).tupleHash };
  }

  grant(who: Person, { id, tupleHash }: Asked): Promise<Answer> {
    return who.post(`/v1/governance/approvals/${id}/grant`, { tupleHash });
  }

  start(who: Person, { releaseId, environment }: Planned, bypassId?: string): Promise<Answer> {
    return who.post('/v1/deployments/deployments', { releaseId, environment, ...(bypassId ? { bypassId } : {}) });
  }

  async stream(name: string): Promise<readonly StoredEvent[]> {
    return (await this.app.plimsoll.infrastructure.log.readStream(name)).events;
  }

  /** The types of a deployment's events, once it has come to an end. */
  async ended(deploymentId: string): Promise<readonly string[]> {
    return await eventually(`the end of deployment ${deploymentId}`, async () => {
      const types = (await this.stream(`deployment-${deploymentId}`)).map(({ type }) => type);
      return types.some((type) => ['DeploymentSucceeded', 'DeploymentFailed', 'DeploymentHalted'].includes(type)) ? types : undefined;
    });
  }

  /** Approved by anna, deployed by dan, with success. */
  async deployed(release: Planned): Promise<string> {
    ok(await this.grant(this.anna, await this.request(release)));
    const { id } = ok(await this.start(this.dan, release));
    if (!(await this.ended(id)).includes('DeploymentSucceeded')) throw new Error(`Deployment ${id} did not succeed.`);
    return id;
  }

  /** What a view says once it has everything that is in the log now. */
  async view(path: string): Promise<Answer> {
    const position = String(await this.app.plimsoll.infrastructure.log.head());
    return await this.max.get(path, { 'plimsoll-min-position': position });
  }
}
