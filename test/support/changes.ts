import { createHmac } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { defaultPersonId } from '#libs/identity';
import { eventually, startApp, type Answer, type Person, type RunningApp } from './running-app.ts';

const HOUR = 3_600_000;

export const personId = (subject: string): string => defaultPersonId('plimsoll-embedded', subject);
export const ok = (answer: Answer): Answer => {
  if (answer.status >= 300) throw new Error(answer.text);
  return answer;
};
export const inHours = (hours: number): string => new Date(Date.now() + hours * HOUR).toISOString();
/** Local time in UTC, as calendars have it. */
export const utc = (hours: number): string => inHours(hours).slice(0, 16);

/** The program with two step programs: `noop` does nothing and succeeds, `broken` fails. */
export async function startAppWithSteps(environment: Readonly<Record<string, string>> = {}, clock?: () => Date): Promise<RunningApp> {
  const folder = await mkdtemp(join(tmpdir(), 'plimsoll-steps-'));
  await writeFile(join(folder, 'noop.mjs'), `console.log('{"summary":"Done."}');`);
  await writeFile(join(folder, 'broken.mjs'), 'process.exit(1);');
  const app = await startApp({ PLIMSOLL_EXEC_FOLDER: folder, ...environment }, clock);
  return {
    ...app,
    stop: async () => {
      await app.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

export interface Planned {
  readonly name: string;
  readonly releaseId: string;
  readonly environment: string;
  readonly artifactIds: readonly string[];
}

/** The people of a change, and what each does, over HTTP. */
export interface ChangeOffice {
  readonly ada: Person;
  readonly rita: Person;
  readonly anna: Person;
  readonly otto: Person;
  readonly cora: Person;
  readonly tess: Person;
  readonly dan: Person;
  readonly ida: Person;
  readonly max: Person;
  step(action?: string): object;
  artifact(name: string, version: string, digest: string): Promise<string>;
  /** A release of ada's, planned for an environment of its own whose policy asks for a change. */
  planned(
    name: string,
    options?: { readonly changeClass?: string; readonly environment?: string; readonly artifactIds?: readonly string[] },
  ): Promise<Planned>;
  plan(of: Planned, more?: object): Promise<Answer>;
  board(boardId: string, members: readonly string[], more?: object): Promise<Answer>;
  submit(of: Planned, more?: object, who?: Person): Promise<Answer>;
  /** Submitted and in the calendar of changes. */
  submitted(of: Planned, more?: object): Promise<{ readonly id: string; readonly dossierHash: string }>;
  vote(who: Person, change: { readonly id: string; readonly dossierHash: string }, vote?: string, more?: object): Promise<Answer>;
  openVote(change: { readonly id: string; readonly dossierHash: string }, who?: Person): Promise<Answer>;
  start(of: Planned, who?: Person): Promise<Answer>;
  change(id: string): Promise<Answer['body']>;
}

export async function changeOffice(app: RunningApp): Promise<ChangeOffice> {
  const [ada, rita, anna, otto, cora, tess, dan, ida, max] = await Promise.all([
    app.person('ada', 'developer', 'approver', 'deployer'),
    app.person('rita', 'release-manager', 'approver', 'tester'),
    app.person('anna', 'approver', 'deployer'),
    app.person('otto', 'approver'),
    app.person('cora', 'approver'),
    app.person('tess', 'tester', 'approver'),
    app.person('dan', 'deployer', 'release-manager'),
    app.person('ida', 'identity-admin'),
    app.person('max', 'policy-editor'),
  ]);
  const step = (action = 'noop'): object => ({ id: 'a', driver: 'exec', action, input: {}, dependsOn: [] });
  const artifact: ChangeOffice['artifact'] = async (name, version, digest) =>
    ok(
      await ada.post('/v1/artifacts/artifacts', {
        name,
        version,
        purl: `pkg:npm/${name}@${version}`,
        digest: { algorithm: 'sha256', value: digest.repeat(64) },
        authors: ['plimsoll-embedded|ada'],
      }),
    ).body.id as string;
  const change: ChangeOffice['change'] = async (id) => ok(await anna.get(`/v1/governance/changes/${id}`)).body;
  const plan: ChangeOffice['plan'] = ({ releaseId, environment }, more = {}) =>
    ada.post(`/v1/planning/releases/${releaseId}/plan`, { environment, steps: [step()], riskClass: 'medium', ...more });
  const submit: ChangeOffice['submit'] = (of, more = {}, who = rita) =>
    who.post('/v1/governance/changes', {
      releaseId: of.releaseId,
      environment: of.environment,
      title: `Change of ${of.name}`,
      justification: 'The new checkout.',
      riskLevel: 'medium',
      riskAssessment: 'Payments could fail.',
      backout: 'Roll back to the release before.',
      from: inHours(-1),
      until: inHours(5),
      boardId: 'cab',
      ...more,
    });
  return {
    ada,
    rita,
    anna,
    otto,
    cora,
    tess,
    dan,
    ida,
    max,
    step,
    artifact,
    change,
    plan,
    submit, // prettier-ignore
    planned: async (name, options = {}) => {
      const environment = options.environment ?? `e-${name}`;
      if (options.environment === undefined) {
        ok(
          await max.post('/v1/governance/policies', {
            policyId: `p-${name}`,
            title: name,
            gates: [{ gate: 'change-approved' }],
            rollbackGates: [{ gate: 'rollback-target-ran' }],
          }),
        );
        ok(await rita.post('/v1/environments/environments', { environment, class: 'production', policyId: `p-${name}` }));
      }
      const artifactIds = options.artifactIds ?? [await artifact(name, '1.0.0', 'a')];
      const { id: releaseId } = ok(await ada.post('/v1/planning/releases', { product: name, artifactIds })).body as { id: string };
      const of = { name, releaseId, environment, artifactIds };
      const { changeClass } = options;
      ok(await plan(of, changeClass ? { changeClass, changeReason: 'Because.' } : {}));
      return of;
    },
    board: async (boardId, members, more = {}) => {
      ok(await ida.post('/v1/governance/groups', { group: boardId, title: boardId }));
      for (const member of members) ok(await ida.post(`/v1/governance/groups/${boardId}/members`, { person: personId(member) }));
      return await max.post('/v1/governance/boards', {
        boardId,
        title: 'Change advisory board',
        group: boardId,
        quorum: 2,
        chair: personId('cora'),
        meetings: { zone: 'UTC', start: utc(48), durationMinutes: 60, rule: 'FREQ=WEEKLY' },
        cutoffHours: 24,
        ...more,
      });
    },
    submitted: async (of, more = {}) => {
      const { id } = ok(await submit(of, more)).body as { id: string };
      const { dossierHash, round } = (await change(id)) as { dossierHash: string; round: number };
      await eventually('the change is in the calendar', async () => {
        const { log } = app.plimsoll.infrastructure;
        const events = await log.readAll({ after: -1n, maxCount: 100_000 });
        const found = events.some(
          (e) =>
            e.type === 'ChangeScheduled' &&
            (e.data as { changeId: string; round: number }).changeId === id &&
            (e.data as { round: number }).round === round,
        );
        return found || undefined;
      });
      return { id, dossierHash };
    },
    vote: (who, { id, dossierHash }, vote = 'for', more = {}) =>
      who.post(`/v1/governance/changes/${id}/votes`, { dossierHash, vote, ...more }),
    openVote: ({ id, dossierHash }, who = cora) =>
      who.post(`/v1/governance/changes/${id}/open-vote`, { dossierHash, reason: 'It can not wait for the meeting.' }),
    start: ({ releaseId, environment }, who = dan) => who.post('/v1/deployments/deployments', { releaseId, environment }),
  };
}

/** Headers of a webhook as the Standard Webhooks specification says, made without the library that verifies them. */
export function signedWebhook(secret: string, id: string, body: string, at: Date = new Date()): Record<string, string> {
  const timestamp = String(Math.floor(at.getTime() / 1000));
  const key = Buffer.from(secret.replace(/^whsec_/, ''), 'base64');
  const signature = createHmac('sha256', key).update(`${id}.${timestamp}.${body}`).digest('base64');
  return { 'webhook-id': id, 'webhook-timestamp': timestamp, 'webhook-signature': `v1,${signature}` };
}
