import { inForce, type CalendarInForce } from '#libs/calendar';
import type { DeploymentEvent } from '#libs/contracts';
import { isRefusal } from '#libs/event-sourcing';
import { issued, scenario } from '#libs/event-sourcing/testing';
import type { GateFacts } from '#libs/policy';
import { gateFacts } from '#libs/policy/testing';
import { confirmDeployment, ConfirmDeployment } from '../../src/deployments/deployment/confirm-deployment.ts';
import { deployment } from '../../src/deployments/deployment/deployment.ts';
import { rollBackDeployment, RollBackDeployment } from '../../src/deployments/deployment/roll-back-deployment.ts';
import { leaseStep, LeaseStep } from '../../src/deployments/deployment/run-step.ts';
import { startDeployment, StartDeployment } from '../../src/deployments/deployment/start-deployment.ts';
import { eventually, startApp, type Answer, type Person, type RunningApp } from '../support/running-app.ts';

const step = { id: 'a', driver: 'exec', action: 'noop', input: {}, dependsOn: [] };
const freeze = (window: CalendarInForce['window'], more: Partial<CalendarInForce> = {}): CalendarInForce[] => [
  {
    calendarId: 'freeze',
    version: 1,
    title: 'Freeze',
    kind: 'freeze',
    scope: {},
    zone: 'Europe/Zurich',
    passes: ['emergency', 'rollback'],
    from: '2026-01-01T00:00:00.000Z',
    window,
    ...more,
  },
];
const oneOff = (start: string, end: string): CalendarInForce['window'] => ({ kind: 'one-off', start, end });
/** Everything passes but what calendars say. */
const facts = (calendars: readonly CalendarInForce[], plan: Partial<GateFacts['plan']> = {}, borne = true): GateFacts =>
  gateFacts({
    plan: { steps: [step], planHash: 'p', ...plan },
    ...(plan?.changeClass
      ? { counted: borne ? { class: plan.changeClass, detail: 'An incident is open.' } : { class: 'normal', detail: 'Nothing bears it.' } }
      : {}),
    policy: { id: 'open', version: 1, gates: [], rollbackGates: [] },
    calendars,
    tzdata: '2025c',
  });
const deployments = scenario(deployment);
const startAt = (now: string, calendars: readonly CalendarInForce[], plan: Partial<GateFacts['plan']> = {}, borne = true) =>
  deployments
    .given()
    .when(
      startDeployment,
      issued(StartDeployment, { releaseId: 'release-1', environment: 'production' }, 'd1', { person: 'dan', now }),
      facts(calendars, plan, borne),
    );
const refusedAt = (now: string, calendars: readonly CalendarInForce[], plan: Partial<GateFacts['plan']> = {}): void => {
  const refusal = startAt(now, calendars, plan, false).thenRefused('frozen');
  expect(refusal.kind).toBe('frozen');
  expect(refusal.reasons[0]?.unblockedBy).toMatch(/^Next open: 20/);
};
const acceptedAt = (now: string, calendars: readonly CalendarInForce[], plan: Partial<GateFacts['plan']> = {}): DeploymentEvent[] => {
  const { decision } = startAt(now, calendars, plan);
  if (isRefusal(decision)) throw new Error(decision.detail);
  expect(decision).toMatchObject([{ type: 'DeploymentStarted', data: { receipt: { verdict: 'pass' } } }]);
  return [...decision];
};

describe('who tries to slip through a freeze by the clock', () => {
  it('at the gap: a freeze whose start the clocks skip holds from the moment they have jumped', () => {
    const nightly = freeze({ kind: 'recurring', start: '2026-03-01T02:30', durationMinutes: 120, rule: 'FREQ=DAILY' });
    acceptedAt('2026-03-29T00:59:59.999Z', nightly);
    refusedAt('2026-03-29T01:00:00.000Z', nightly);
    refusedAt('2026-03-29T02:29:59.999Z', nightly);
    acceptedAt('2026-03-29T02:30:00.000Z', nightly);
  });

  it('at the fold: a freeze of the hour that comes twice holds twice', () => {
    const hour = freeze(oneOff('2026-10-25T02:00', '2026-10-25T03:00'));
    acceptedAt('2026-10-24T23:59:59.999Z', hour);
    for (const inside of ['2026-10-25T00:00:00.000Z', '2026-10-25T00:59:59.999Z', '2026-10-25T01:00:00.000Z', '2026-10-25T01:59:59.999Z'])
      refusedAt(inside, hour);
    acceptedAt('2026-10-25T02:00:00.000Z', hour);
  });

  it('at the boundary: the first instant is in, the last is not', () => {
    const day = freeze(oneOff('2026-06-01T00:00', '2026-06-02T00:00'));
    acceptedAt('2026-05-31T21:59:59.999Z', day);
    refusedAt('2026-05-31T22:00:00.000Z', day);
    refusedAt('2026-06-01T21:59:59.999Z', day);
    acceptedAt('2026-06-01T22:00:00.000Z', day);
  });

  it('by starting before it and running inside: what is not confirmed is judged again, and what has not begun too', () => {
    const day = freeze(oneOff('2026-06-01T00:00', '2026-06-02T00:00'));
    const [before, inside] = ['2026-05-31T21:59:59.999Z', '2026-05-31T22:00:00.000Z'];
    const started = acceptedAt(before, day);
    const confirm = (now: string) =>
      deployments.given(...started).when(confirmDeployment, issued(ConfirmDeployment, {}, 'd1', { now }), { now: facts(day) }).decision;
    expect(confirm(inside)).toMatchObject([{ type: 'DeploymentHalted', data: { receipt: { verdict: 'fail' } } }]);
    const confirmed = confirm(before) as DeploymentEvent[];
    expect(confirmed).toMatchObject([{ type: 'DeploymentConfirmed' }]);
    const lease = (now: string, plan: Partial<GateFacts['plan']> = {}, ...more: readonly DeploymentEvent[]) =>
      deployments
        .given(...started, ...confirmed, ...more)
        .when(leaseStep, issued(LeaseStep, { step: 'a', holder: 'w1', leaseSeconds: 15, compensating: false }, 'd1', { now }), {
          beforeFirst: facts(day, plan),
        }).decision;
    expect(lease(inside)).toMatchObject([
      {
        type: 'DeploymentHalted',
        data: {
          reason: expect.stringMatching(
            /^Frozen before its first step\. A change of class normal: The freeze Freeze .* Next open: 2026-06-01T22:00/,
          ),
          receipt: {
            verdict: 'fail',
            evaluatedAt: inside,
            subject: { kind: 'deployment', deployer: 'dan', startedAs: 'normal' },
            gates: [{ gate: 'not-frozen', verdict: 'fail' }],
            unblocking: [{ gate: 'not-frozen', takes: 'time', at: '2026-06-01T22:00:00.000Z' }],
          },
        },
      },
    ]);
    // Nor by calling it an emergency after it was started as none.
    expect(lease(inside, { changeClass: 'emergency' })).toMatchObject([
      { type: 'DeploymentHalted', data: { receipt: { subject: { startedAs: 'normal' }, verdict: 'fail' } } },
    ]);
    const leased = lease(before) as DeploymentEvent[];
    expect(leased).toMatchObject([{ type: 'StepLeased' }]);
    // What runs finishes: a lease that ran out inside of the freeze is given on.
    expect(lease('2026-05-31T22:30:00.000Z', {}, ...leased)).toMatchObject([{ type: 'StepLeased', data: { attempt: 2 } }]);
  });

  it('by an emergency whose grounds are gone before its first step: it is halted, and one whose grounds hold goes on', () => {
    const day = freeze(oneOff('2026-06-01T00:00', '2026-06-02T00:00'));
    const noon = '2026-06-01T12:00:00.000Z';
    const started = acceptedAt(noon, day, { changeClass: 'emergency' });
    const step = issued(LeaseStep, { step: 'a', holder: 'w1', leaseSeconds: 15, compensating: false }, 'd1', { now: noon });
    const confirmed: DeploymentEvent = {
      type: 'DeploymentConfirmed',
      data: { deploymentId: 'd1', releaseId: 'release-1', environment: 'production', receipt: {} as never, fencingBase: 0 },
    };
    const lease = (borne: boolean) =>
      deployments.given(...started, confirmed).when(leaseStep, step, { beforeFirst: facts(day, { changeClass: 'emergency' }, borne) })
        .decision;
    expect(lease(false)).toMatchObject([{ type: 'DeploymentHalted', data: { reason: expect.stringContaining('Nothing bears it.') } }]);
    expect(lease(true)).toMatchObject([{ type: 'StepLeased' }]);
  });

  it('but rollbacks and emergencies that evidence bears pass, and say so in their receipt', () => {
    const day = freeze(oneOff('2026-06-01T00:00', '2026-06-02T00:00'));
    const noon = '2026-06-01T12:00:00.000Z';
    refusedAt(noon, day);
    refusedAt(noon, day, { changeClass: 'emergency' });
    expect(acceptedAt(noon, day, { changeClass: 'emergency' })).toMatchObject([{ data: { changeClass: 'emergency' } }]);
    const withdrawn = { ...deployment.initial, status: 'failed' as const, releaseId: 'release-2', environment: 'production' };
    const rollBack = issued(RollBackDeployment, { deploymentId: 'd1', reason: 'broken' }, 'd2', { now: noon });
    expect(
      deployments.given().when(rollBackDeployment, rollBack, { withdrawn, targetReleaseId: 'release-1', gates: facts(day) }).decision,
    ).toMatchObject([
      { data: { receipt: { gates: [{ gate: 'not-frozen', verdict: 'pass', detail: expect.stringContaining('rollback') }] } } },
    ]);
  });

  it('by changing the calendar back and forth: a decision is judged by the version of its time', () => {
    const { from: _from, calendarId, version: _version, ...contents } = freeze(oneOff('2026-06-01T00:00', '2026-06-02T00:00'))[0]!;
    const versions = inForce([
      { calendarId, version: 1, effectiveFrom: '2026-01-01T00:00:00.000Z', contents },
      { calendarId, version: 2, effectiveFrom: '2026-06-01T10:00:00.000Z' },
    ]);
    refusedAt('2026-06-01T09:59:59.999Z', versions);
    acceptedAt('2026-06-01T10:00:00.000Z', versions);
  });
});

describe('who tries it over HTTP', () => {
  let app: RunningApp;
  let manager: Person;
  let dan: Person;
  const ok = (answer: Answer): { id: string; revision: number } => {
    if (answer.status >= 300) throw new Error(answer.text);
    return answer.body;
  };
  const refused = (answer: Answer, status: number, type: string): void =>
    expect({ status: answer.status, type: answer.body.type }).toEqual({ status, type: `https://plimsoll.dev/problems/${type}` });
  /** A time near now as the clocks of a zone show it, without the zone's rules: it is UTC. */
  const utc = (hours: number): string => new Date(Date.now() + hours * 3_600_000).toISOString().slice(0, 16);
  const calendar = (calendarId: string, more: object = {}) => ({
    calendarId,
    title: `Freeze of ${calendarId}`,
    kind: 'freeze',
    scope: { environment: `e-${calendarId}` },
    zone: 'UTC',
    window: oneOff(utc(-1), utc(48)),
    justification: 'The books are closed.',
    ...more,
  });
  const withdraw = (id: string) => manager.post(`/v1/governance/calendars/${id}/withdraw`, { justification: 'The books are open.' });
  const start = (body: object, headers?: Record<string, string>) => dan.post('/v1/deployments/deployments', body, headers);
  const plan = (releaseId: string, environment: string, more: object = {}) =>
    manager.post(`/v1/planning/releases/${releaseId}/plan`, { environment, steps: [step], ...more });

  /** A release with a plan for an environment of its own, approved by one person. */
  async function approved(name: string): Promise<{ releaseId: string; environment: string }> {
    const environment = `e-${name}`;
    ok(
      await (
        await app.person('max', 'policy-editor')
      ).post('/v1/governance/policies', {
        policyId: `p-${name}`,
        title: name,
        gates: [{ gate: 'approved', quorum: 1 }],
        rollbackGates: [{ gate: 'rollback-target-ran' }],
      }),
    );
    ok(await manager.post('/v1/environments/environments', { environment, class: 'production', policyId: `p-${name}` }));
    const digest = { algorithm: 'sha256', value: 'a'.repeat(64) };
    const artifact = { name, version: '1.0.0', purl: `pkg:npm/${name}@1.0.0`, digest, authors: ['plimsoll-embedded|ada'] };
    const dev = await app.person('ada', 'developer');
    const { id } = ok(await dev.post('/v1/artifacts/artifacts', artifact));
    const { id: releaseId } = ok(await dev.post('/v1/planning/releases', { product: name, artifactIds: [id] }));
    ok(await plan(releaseId, environment));
    await approve(releaseId, environment);
    return { releaseId, environment };
  }

  async function approve(releaseId: string, environment: string): Promise<void> {
    const anna = await app.person('anna', 'approver');
    const { id } = ok(await manager.post('/v1/governance/approvals', { releaseId, environment }));
    const { tupleHash } = (await anna.get(`/v1/governance/approvals/${id}`)).body as { tupleHash: string };
    ok(await anna.post(`/v1/governance/approvals/${id}/grant`, { tupleHash }));
  }

  beforeAll(async () => {
    app = await startApp();
    manager = await app.person('rita', 'release-manager', 'developer');
    dan = await app.person('dan', 'deployer');
  });
  afterAll(() => app.stop());

  it('approved before and started inside: 423 with the freeze, its end and what is next open; and after the freeze it goes', async () => {
    const release = await approved('inside');
    ok(await manager.post('/v1/governance/calendars', calendar('inside')));
    const answer = await start(release);
    refused(answer, 423, 'frozen');
    const [reason] = answer.body.reasons as { code: string; detail: string; unblockedBy: string; evidence: string[] }[];
    expect(reason).toMatchObject({
      code: 'gate-not-frozen-fail',
      evidence: [expect.stringMatching(/^calendar-organisation@\d+$/), expect.stringMatching(/^tzdata:/)],
    });
    expect(reason?.detail).toContain('Freeze of inside (inside, version 1) holds until 20');
    expect(reason?.unblockedBy).toMatch(/^Next open: 20/);
    expect(answer.headers.get('plimsoll-position')).toBeTruthy();
    ok(await withdraw('inside'));
    ok(await start(release));
  });

  it('a time of their own, in body or header, changes nothing', async () => {
    const release = await approved('spoof');
    ok(await manager.post('/v1/governance/calendars', calendar('spoof')));
    const later = new Date(Date.now() + 90 * 3_600_000).toISOString();
    for (const field of ['now', 'at', 'occurredAt', 'changeClass']) refused(await start({ ...release, [field]: later }), 400, 'validation');
    refused(await start(release, { date: later, 'x-plimsoll-now': later, 'x-timezone': 'Pacific/Kiritimati' }), 423, 'frozen');
    ok(await withdraw('spoof'));
    ok(await start(release));
  });

  it('an emergency by name only: the plan says so, somebody approves it, and no freeze opens for words', async () => {
    const { releaseId, environment } = await approved('named');
    ok(await manager.post('/v1/governance/calendars', calendar('named')));
    refused(await plan(releaseId, environment, { changeClass: 'emergency' }), 422, 'emergency-without-reason');
    refused(await plan(releaseId, environment, { changeClass: 'emergency', changeReason: '\u200b \u3164' }), 400, 'validation');
    refused(await plan(releaseId, environment, { changeClass: 'rollback' }), 400, 'validation');
    ok(await plan(releaseId, environment, { changeClass: 'emergency', changeReason: 'Customers cannot pay.' }));
    refused(await start({ releaseId, environment }), 409, 'gates-not-passed');
    await approve(releaseId, environment);
    const said = await start({ releaseId, environment });
    refused(said, 423, 'frozen');
    expect((said.body.reasons as { detail: string; unblockedBy: string }[])[0]).toMatchObject({
      detail: expect.stringContaining('It is planned as an emergency, and nothing bears that: it counts as a normal one.'),
      unblockedBy: expect.stringContaining(`an incident that is open in ${environment}`),
    });
    // Nor for the incident of another place, and one that nobody opened.
    const change = {
      releaseId,
      environment,
      title: 'Payments',
      justification: 'Customers cannot pay.',
      riskLevel: 'high',
      riskAssessment: 'It is down anyway.',
      backout: 'Roll back.',
      from: new Date(Date.now() - 3_600_000).toISOString(),
      until: new Date(Date.now() + 3_600_000).toISOString(),
    };
    const submit = (more: object) => manager.post('/v1/governance/changes', { ...change, ...more });
    refused(await submit({}), 409, 'class-not-borne');
    refused(await submit({ incidentId: releaseId }), 409, 'class-not-borne');
    refused(await start({ releaseId, environment }), 423, 'frozen');
    // A bypass names who answers for it, and is reviewed: with it the same plan goes, and its freeze is not even waived.
    const anna = await app.person('anna', 'approver', 'release-manager');
    const bypass = { releaseId, environment, gates: ['approved'], justification: 'Customers cannot pay, and the fix is tested.' };
    const { id: bypassId } = ok(await anna.post('/v1/governance/bypasses', bypass));
    ok(await start({ releaseId, environment, bypassId }));
  });

  it.each([
    ['blank', '   '],
    ['of zero width', '\u200b\u200d\ufeff'],
    ['of letters that show nothing', '\u3164\u115f'],
    ['of dots', '…'],
  ])('a justification that is %s', async (_what, justification) => {
    refused(await manager.post('/v1/governance/calendars', calendar('justified', { justification })), 400, 'validation');
  });

  it('a role that may not, and one that may', async () => {
    refused(await dan.post('/v1/governance/calendars', calendar('role')), 403, 'role-missing');
    ok(await manager.post('/v1/governance/calendars', calendar('justified')));
  });

  it.each([
    ['FREQ=SECONDLY', 60],
    ['FREQ=MINUTELY;COUNT=1000', 60],
    ['FREQ=DAILY;BYHOUR=0,1,2,3;BYMINUTE=0,1,2;BYSECOND=0,1,2', 60],
    ['FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30', 60],
  ])('a hostile rule %s', async (rule, durationMinutes) => {
    const window = { kind: 'recurring', start: utc(0), durationMinutes, rule };
    const answer = await manager.post('/v1/governance/calendars', calendar('hostile', { window }));
    expect([answer.status, answer.body.type]).toEqual([422, expect.stringMatching(/window-invalid|calendar-never-holds/)]);
  });

  it('an offset for a zone, and a local time with one', async () => {
    refused(await manager.post('/v1/governance/calendars', calendar('offset', { zone: '+14:00' })), 422, 'window-invalid');
    const window = oneOff('2030-01-01T00:00Z', '2030-01-02T00:00Z');
    refused(await manager.post('/v1/governance/calendars', calendar('offset', { window })), 400, 'validation');
    ok(await manager.post('/v1/governance/calendars', calendar('offset', { zone: 'Pacific/Kiritimati' })));
  });

  it('a freeze that is declared while deployments start: none runs that the log has after it', async () => {
    const releases = await Promise.all(['r1', 'r2', 'r3', 'r4', 'r5', 'r6'].map((name) => approved(name)));
    const scope = { product: 'none' };
    const [frozen, ...starts] = await Promise.all([
      manager.post('/v1/governance/calendars', calendar('race', { scope: {} })),
      ...releases.map((release) => start(release)),
      manager.post('/v1/governance/calendars', calendar('noise', { scope })),
    ]);
    ok(frozen);
    const ids = starts.slice(0, -1).flatMap((s) => (s.status < 300 ? [s.body.id as string] : []));
    const ends = await eventually('every deployment has an end', async () => {
      const all = await app.plimsoll.infrastructure.log.readAll({ after: -1n, maxCount: 10_000 });
      const ended = ids.map((id) => all.filter((e) => e.stream === `deployment-${id}`));
      const done = ended.every((events) => events.some((e) => /^(?:DeploymentHalted|StepLeased)$/.test(e.type)));
      return done ? ended : undefined;
    });
    const declared = BigInt(frozen.headers.get('plimsoll-position') ?? '');
    for (const events of ends) {
      const confirmed = events.find((e) => e.type === 'DeploymentConfirmed');
      if (events.some((e) => e.type === 'StepLeased')) expect(confirmed?.position).toBeLessThan(declared);
    }
    for (const answer of starts.slice(0, -1)) if (answer.status >= 300) refused(answer, 423, 'frozen');
    ok(await withdraw('race'));
    ok(await start(await approved('r7')));
  });
});
