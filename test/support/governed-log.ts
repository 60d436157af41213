import { accountId, approvalId, artifactId, changeId, ORGANISATION, plimsollCodec, rollbackId, versionLineId } from '#libs/contracts';
import {
  BEFORE_ALL,
  derivedId,
  issue,
  load,
  RefusedError,
  transact,
  type AnyCommandDefinition,
  type CommandMeta,
  type EventLog,
  type Refusal,
  type StoredEvent,
} from '#libs/event-sourcing';
import { defaultPersonId } from '#libs/identity';
import { MemoryEventLog } from '#libs/event-sourcing/memory';
import { registerArtifactCommand } from '../../src/artifacts/artifact/register-artifact.ts';
import { confirmDeploymentCommand } from '../../src/deployments/deployment/confirm-deployment.ts';
import { deployment } from '../../src/deployments/deployment/deployment.ts';
import { rollBackDeploymentCommand } from '../../src/deployments/deployment/roll-back-deployment.ts';
import { reportStepCommand, leaseStepCommand } from '../../src/deployments/deployment/run-step.ts';
import { startDeploymentCommand } from '../../src/deployments/deployment/start-deployment.ts';
import { defineEnvironmentCommand } from '../../src/environments/environment/define-environment.ts';
import { freeEnvironmentCommand, reserveEnvironmentCommand } from '../../src/environments/environment/reserve-environment.ts';
import { confirmAccountLinkCommand, requestAccountLinkCommand } from '../../src/governance/account/link-account.ts';
import { approval } from '../../src/governance/approval/approval.ts';
import { grantApprovalCommand, rejectApprovalCommand } from '../../src/governance/approval/grant-approval.ts';
import { requestApprovalCommand } from '../../src/governance/approval/request-approval.ts';
import { requestBypassCommand } from '../../src/governance/bypass/request-bypass.ts';
import { declareCalendarCommand } from '../../src/governance/calendar/declare-calendar.ts';
import { submitChangeCommand } from '../../src/governance/change/submit-change.ts';
import { addGroupMemberCommand } from '../../src/governance/group/change-members.ts';
import { defineGroupCommand } from '../../src/governance/group/define-group.ts';
import { registerPersonCommand } from '../../src/governance/person/register-person.ts';
import { publishPolicyCommand, type PublishPolicy } from '../../src/governance/policy/publish-policy.ts';
import { openIncidentCommand } from '../../src/incidents/incident/open-incident.ts';
import { assignVersionCommand } from '../../src/planning/version-line/assign-version.ts';
import { composeReleaseCommand } from '../../src/planning/release/compose-release.ts';
import { planReleaseCommand } from '../../src/planning/release/plan-release.ts';
import { recordTestReportCommand } from '../../src/validation/test-report/record-test-report.ts';

const REGISTER = 'register';
const HEX = '0123456789abcdef';
const STEPS = [{ id: 'deploy', driver: 'exec', action: 'noop', input: {}, dependsOn: [] }];

/** A deployment that was asked for: its id where it was started, or why it was not. */
export type Asked = { readonly deploymentId: string; readonly refusal?: undefined } | { readonly refusal: Refusal };

/** A log in memory that is filled by the product's own commands, with a clock that tests set: what happened is what they let happen. */
export class GovernedLog {
  readonly log: EventLog = new MemoryEventLog();
  readonly codec = plimsollCodec();
  private commands = 0;
  private readonly linked = new Map<string, string>();

  /** @param now ISO 8601, server time of the next command */
  constructor(public now = '2026-03-02T10:00:00.000Z') {}

  later(minutes: number): void {
    this.now = new Date(Date.parse(this.now) + minutes * 60_000).toISOString();
  }

  /** @throws Error where it is refused */
  async do(
    definition: AnyCommandDefinition,
    target: string,
    fields: object,
    person = 'rita',
    more: Partial<CommandMeta> = {},
  ): Promise<string> {
    const refusal = await this.ask(definition, target, fields, person, more);
    if (refusal) throw new Error(`${definition.type.name} ${target}: ${refusal.detail} ${JSON.stringify(refusal.reasons)}`);
    return target;
  }

  /** The refusal, where it is refused. */
  async ask(
    definition: AnyCommandDefinition,
    target: string,
    fields: object,
    person: string,
    more: Partial<CommandMeta> = {},
  ): Promise<Refusal | undefined> {
    const actor = { person: this.personOf(person), principal: `test|${person}`, roles: [] };
    const commandId = derivedId('test-command', String(this.commands++));
    const meta = { commandId, actor, correlationId: commandId, causationId: commandId, now: this.now, ...more };
    try {
      await transact({ log: this.log, codec: this.codec }, definition, issue(Object.assign(new definition.type(), fields), target, meta));
      return undefined;
    } catch (error) {
      if (!(error instanceof RefusedError)) throw error;
      return error.refusal;
    }
  }

  /** The person whom an account, by its subject, acts as. */
  personOf(subject: string): string {
    return this.linked.get(subject) ?? defaultPersonId('test', subject);
  }

  /** Has an account linked to a person, by two others. */
  async link(subject: string, person: string): Promise<void> {
    const account = { issuer: 'test', subject, person };
    await this.do(registerPersonCommand, person, { person }, 'ivy');
    await this.do(requestAccountLinkCommand, accountId('test', subject), account, 'ivy');
    await this.do(confirmAccountLinkCommand, accountId('test', subject), account, 'ivo');
    this.linked.set(subject, person);
  }

  async events(): Promise<readonly StoredEvent[]> {
    return await this.log.readAll({ after: BEFORE_ALL, maxCount: 1_000_000 });
  }

  publish(policyId: string, contents: Pick<PublishPolicy, 'gates' | 'rollbackGates'> & Partial<PublishPolicy>): Promise<string> {
    return this.do(publishPolicyCommand, policyId, { policyId, title: policyId, ...contents }, 'max');
  }

  environment(environment: string, policyId: string, regimes: readonly string[] = []): Promise<string> {
    return this.do(defineEnvironmentCommand, environment, { environment, class: 'production', policyId, regimes });
  }

  async group(group: string, ...persons: readonly string[]): Promise<void> {
    await this.do(defineGroupCommand, group, { group, title: group }, 'ida');
    for (const person of persons) await this.do(addGroupMemberCommand, group, { person: defaultPersonId('test', person) }, 'ida');
  }

  /** A release of one artifact, with a version and a plan for an environment. */
  async release(
    name: string,
    environment: string,
    {
      author = 'ada',
      changeClass = 'normal',
    }: { readonly author?: string; readonly changeClass?: 'normal' | 'standard' | 'emergency' } = {},
  ): Promise<string> {
    const releaseId = derivedId('test-release', name);
    const version = `1.0.${this.commands}`;
    const artifact = artifactId(name, version);
    await this.do(registerArtifactCommand, artifact, {
      name,
      version,
      purl: `pkg:npm/${name}@${version}`,
      digest: { algorithm: 'sha256', value: digestOf(releaseId) },
      authors: [`test|${author}`],
    });
    await this.do(composeReleaseCommand, releaseId, { product: name, artifactIds: [artifact] }, author);
    await this.do(assignVersionCommand, versionLineId(name), { product: name, releaseId, version }, author);
    const emergency = changeClass === 'emergency' ? { changeReason: 'It is down.' } : {};
    await this.do(planReleaseCommand, releaseId, { environment, steps: STEPS, changeClass, ...emergency }, author);
    return releaseId;
  }

  report(releaseId: string, outcome: 'pass' | 'fail', suite = 'unit'): Promise<string> {
    const failures = outcome === 'fail' ? 1 : 0;
    const counts = { tests: 3, failures, errors: 0, skipped: 0, failed: failures ? ['unit: adds: 1 is not 2'] : [] };
    const reportDigest = digestOf(`${releaseId} ${suite} ${this.commands}`);
    const artifactDigest = `sha256:${digestOf(releaseId)}`;
    return this.do(
      recordTestReportCommand,
      releaseId,
      { artifactDigest, suite, format: 'junit', reportDigest, outcome, ...counts },
      'tess',
    );
  }

  async approve(releaseId: string, environment: string, persons: readonly string[], rejectedBy?: string): Promise<void> {
    const id = approvalId(releaseId, environment);
    await this.do(requestApprovalCommand, id, { releaseId, environment });
    const { tupleHash } = (await load(this.log, this.codec, approval, id)).state;
    for (const person of persons) await this.do(grantApprovalCommand, id, { tupleHash }, person);
    if (rejectedBy) await this.do(rejectApprovalCommand, id, { tupleHash, reason: 'Not now.' }, rejectedBy);
  }

  /** The id of the bypass. */
  async bypass(releaseId: string, environment: string, gates: readonly string[]): Promise<string> {
    const commandId = derivedId('test-command', String(this.commands));
    await this.do(requestBypassCommand, REGISTER, { releaseId, environment, gates, justification: 'It is down.' }, 'rita');
    return derivedId('bypass', commandId);
  }

  /** Closed from one local time to another, in UTC. */
  freeze(calendarId: string, start: string, end: string): Promise<string> {
    const window = { kind: 'one-off', start, end };
    const contents = { calendarId, title: calendarId, kind: 'freeze', scope: {}, zone: 'UTC', window, justification: 'Year end.' };
    return this.do(declareCalendarCommand, ORGANISATION, contents);
  }

  async start(releaseId: string, environment: string, bypassId?: string, deployer = 'dan'): Promise<Asked> {
    const deploymentId = derivedId('test-deployment', String(this.commands));
    const fields = { releaseId, environment, ...(bypassId ? { bypassId } : {}) };
    const refusal = await this.ask(startDeploymentCommand, deploymentId, fields, deployer);
    return refusal ? { refusal } : { deploymentId };
  }

  async rollBack(deploymentId: string, deployer = 'dan'): Promise<Asked> {
    const id = rollbackId(deploymentId);
    const refusal = await this.ask(rollBackDeploymentCommand, id, { deploymentId, reason: 'It is broken.' }, deployer);
    return refusal ? { refusal } : { deploymentId: id };
  }

  /** What the rollout and a deployer do: reserves, confirms, runs the one step and frees. */
  async carryOut(deploymentId: string, outcome: 'succeeded' | 'failed'): Promise<'succeeded' | 'failed' | 'halted'> {
    const { releaseId = '', environment = '' } = (await load(this.log, this.codec, deployment, deploymentId)).state;
    const held = { deploymentId, releaseId, round: 1 };
    await this.do(reserveEnvironmentCommand, environment, held);
    await this.do(confirmDeploymentCommand, deploymentId, {});
    const confirmed = (await load(this.log, this.codec, deployment, deploymentId)).state;
    if (confirmed.status === 'running') {
      await this.do(leaseStepCommand, deploymentId, { step: 'deploy', holder: 'w', leaseSeconds: 15, compensating: false });
      const { fencingToken } = (await load(this.log, this.codec, deployment, deploymentId)).state;
      const report = { step: 'deploy', fencingToken, outcome, summary: 'done', logDigest: digestOf(deploymentId), durationMs: 5 };
      await this.do(reportStepCommand, deploymentId, report);
    }
    const { status } = (await load(this.log, this.codec, deployment, deploymentId)).state;
    if (status !== 'succeeded' && status !== 'failed' && status !== 'halted') throw new Error(`The deployment is ${status}.`);
    await this.do(freeEnvironmentCommand, environment, { ...held, outcome: status });
    return status;
  }

  /** The id of the incident. */
  async incident(deploymentId: string): Promise<string> {
    const { releaseId = '', environment = '' } = (await load(this.log, this.codec, deployment, deploymentId)).state;
    const fields = { deploymentId, releaseId, environment, title: 'Errors', severity: 'major', cause: 'Error rate of 40 %.' };
    return await this.do(openIncidentCommand, derivedId('incident', environment, deploymentId), fields);
  }

  /** An emergency change for the hours around now, with the incident that bears it. */
  emergency(releaseId: string, environment: string, incidentId: string): Promise<string> {
    const at = (hours: number): string => new Date(Date.parse(this.now) + hours * 3_600_000).toISOString();
    const said = {
      title: 'A fix',
      justification: 'It is down.',
      riskLevel: 'high',
      riskAssessment: 'It is down anyway.',
      backout: 'Roll back.',
    };
    const fields = { releaseId, environment, ...said, from: at(-1), until: at(3), incidentId };
    return this.do(submitChangeCommand, changeId(releaseId, environment), fields);
  }
}

/** 64 hex digits that are the same for the same text. */
function digestOf(text: string): string {
  let hash = 7;
  let out = '';
  for (let i = 0; out.length < 64; i++) {
    hash = (Math.imul(hash, 31) + (text.codePointAt(i % text.length) ?? 0) + i) >>> 0;
    out += HEX[(hash >>> 8) & 15] ?? '0';
  }
  return out;
}
