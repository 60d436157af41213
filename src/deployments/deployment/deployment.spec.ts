import fc from 'fast-check';
import type { DeploymentEvent, OnFailure, PlannedStep } from '#libs/contracts';
import { isRefusal } from '#libs/event-sourcing';
import { issued, scenario } from '#libs/event-sourcing/testing';
import { gateFacts } from '#libs/policy/testing';
import { tupleHashOf, tupleOf } from '#libs/policy';
import { confirmDeployment, ConfirmDeployment, haltDeployment, HaltDeployment } from './confirm-deployment.ts';
import { deployment, type Deployment } from './deployment.ts';
import { resumeDeployment, ResumeDeployment } from './resume-deployment.ts';
import { rollBackDeployment, RollBackDeployment } from './roll-back-deployment.ts';
import { leaseStep, LeaseStep, renewStepLease, RenewStepLease, reportStep, ReportStep } from './run-step.ts';
import { schedule } from './schedule.ts';
import { startDeployment, StartDeployment } from './start-deployment.ts';

const deployments = scenario(deployment);
const NOW = '2026-03-02T10:00:00.000Z';
const step = (id: string, dependsOn: PlannedStep['dependsOn'] = [], compensation?: PlannedStep['compensation']): PlannedStep => ({
  id,
  driver: 'exec',
  action: 'noop',
  input: {},
  dependsOn,
  ...(compensation ? { compensation } : {}),
});
const on = (id: string, onFailure: OnFailure = 'halt') => ({ step: id, onFailure });
const resume = (person = 'dan') => issued(ResumeDeployment, { reason: 'disk was full' }, 'd1', { person });
const undo = { driver: 'exec', action: 'undo', input: {} };

const planned = gateFacts({ plan: { steps: [step('a'), step('b', [on('a')])], planHash: 'plan-hash' } });
const tuple = tupleOf(planned, '2026-03-05T10:00:00.000Z');
const ready = gateFacts({ ...planned, approval: { tuple, tupleHash: tupleHashOf(tuple), requester: 'rita', approvers: ['anna', 'otto'] } });
const start = issued(StartDeployment, { releaseId: 'release-1', environment: 'production' }, 'd1', { person: 'dan' });

function events(decision: ReturnType<typeof startDeployment>): DeploymentEvent[] {
  if (isRefusal(decision)) throw new Error(decision.detail);
  return [...decision];
}

const started = events(deployments.given().when(startDeployment, start, ready).decision);
const startedWith = (steps: PlannedStep[]): DeploymentEvent[] =>
  started.map((e) => (e.type === 'DeploymentStarted' ? { ...e, data: { ...e.data, steps } } : e));
const confirmed: DeploymentEvent = {
  type: 'DeploymentConfirmed',
  data: {
    deploymentId: 'd1',
    releaseId: 'release-1',
    environment: 'production',
    fencingBase: 0,
    receipt: (started[0]!.data as unknown as { receipt: never }).receipt,
  },
};

describe('starting a deployment', () => {
  it('binds what every gate has passed, with the receipt of that decision', () => {
    expect(started).toMatchObject([
      {
        type: 'DeploymentStarted',
        data: {
          releaseId: 'release-1',
          deployer: 'dan',
          planHash: 'plan-hash',
          receipt: { verdict: 'pass', policyId: 'bank', policyVersion: 1, inputs: expect.arrayContaining(['release-1@3']) },
        },
      },
    ]);
  });

  it('is nothing new the second time', () => {
    deployments
      .given(...started)
      .when(startDeployment, start, ready)
      .thenNothing();
  });

  it('names every gate that does not pass and what would unblock it', () => {
    const refusal = deployments
      .given()
      .when(startDeployment, start, gateFacts({ plan: { steps: [], planHash: 'p' }, reports: {} }))
      .thenRefused('gates-not-passed');
    expect(refusal.reasons.map((r) => r.code)).toEqual(['gate-tests-passed-inconclusive', 'gate-approved-inconclusive']);
    for (const reason of refusal.reasons) expect(reason.unblockedBy).toBeTruthy();
  });

  it('refuses a deployer who approved', () => {
    const byAnna = issued(StartDeployment, { releaseId: 'release-1', environment: 'production' }, 'd1', { person: 'anna' });
    expect(
      deployments
        .given()
        .when(startDeployment, byAnna, ready)
        .thenRefused('gates-not-passed')
        .reasons.map((r) => r.code),
    ).toEqual(['gate-duties-separated-fail']);
  });

  it('refuses a release that is not planned for the environment', () => {
    const { plan: _plan, ...unplanned } = ready;
    expect(
      deployments
        .given()
        .when(startDeployment, start, unplanned)
        .thenRefused('gates-not-passed')
        .reasons.map((r) => r.code),
    ).toContain('no-plan');
  });
});

describe('confirming a deployment', () => {
  const confirm = issued(ConfirmDeployment, {}, 'd1', { person: 'process' });

  it('lets it run when the gates still pass, once', () => {
    const run = events(deployments.given(...started).when(confirmDeployment, confirm, { now: ready }).decision);
    expect(run).toMatchObject([{ type: 'DeploymentConfirmed', data: { receipt: { verdict: 'pass' } } }]);
    deployments
      .given(...started, ...run)
      .when(confirmDeployment, confirm, { now: ready })
      .thenNothing();
  });

  it('gives out fencing tokens that rise with every reservation of the environment', () => {
    const later = { ...ready, refs: { ...ready.refs, environment: 'environment-production@7' } };
    const run = events(deployments.given(...started).when(confirmDeployment, confirm, { now: later }).decision);
    const lease = issued(LeaseStep, { step: 'a', holder: 'w1', leaseSeconds: 15, compensating: false }, 'd1');
    expect(deployments.given(...started, ...run).when(leaseStep, lease).decision).toMatchObject([{ data: { fencingToken: 7_000_001 } }]);
  });

  it('halts it when an approval was voided in between', () => {
    const voided = { ...ready, approval: { ...ready.approval, closed: 'voided: the plan changed' } };
    expect(deployments.given(...started).when(confirmDeployment, confirm, { now: voided }).decision).toMatchObject([
      { type: 'DeploymentHalted', data: { receipt: { verdict: 'fail' } } },
    ]);
  });

  it('judges the deployer who started it, not the process that confirms', () => {
    const late = { ...ready, approval: { ...ready.approval, approvers: ['anna', 'dan'] } };
    expect(deployments.given(...started).when(confirmDeployment, confirm, { now: late }).decision).toMatchObject([
      { type: 'DeploymentHalted' },
    ]);
  });

  it('may be halted instead, with the reason, while nothing runs', () => {
    const halt = issued(HaltDeployment, { reason: 'production is held by d0' }, 'd1');
    expect(deployments.given(...started).when(haltDeployment, halt).decision).toMatchObject([
      { type: 'DeploymentHalted', data: { reason: 'production is held by d0' } },
    ]);
    deployments
      .given(...started, confirmed)
      .when(haltDeployment, halt)
      .thenNothing();
  });
});

describe('running steps', () => {
  const lease = (id: string, holder = 'w1', now = NOW, compensating = false) =>
    issued(LeaseStep, { step: id, holder, leaseSeconds: 15, compensating }, 'd1', { now });
  const report = (id: string, fencingToken: number, outcome: 'succeeded' | 'failed' = 'succeeded') =>
    issued(ReportStep, { step: id, fencingToken, outcome, summary: 's', logDigest: '0'.repeat(64), durationMs: 1 }, 'd1');

  /** Plays one lease and report after the other and gives back the history. */
  function play(history: DeploymentEvent[], id: string, outcome: 'succeeded' | 'failed', compensating = false): DeploymentEvent[] {
    const leased = events(deployments.given(...history).when(leaseStep, lease(id, 'w1', NOW, compensating)).decision);
    const token = (leased[0]!.data as { fencingToken: number }).fencingToken;
    return [
      ...history,
      ...leased,
      ...events(deployments.given(...history, ...leased).when(reportStep, report(id, token, outcome)).decision),
    ];
  }

  it('begins only when the deployment is confirmed', () => {
    deployments
      .given(...started)
      .when(leaseStep, lease('a'))
      .thenRefused('step-not-ready');
    expect(deployments.given(...started, confirmed).when(leaseStep, lease('a')).decision).toMatchObject([
      { type: 'StepLeased', data: { fencingToken: 1, attempt: 1, leasedUntil: '2026-03-02T10:00:15.000Z' } },
    ]);
  });

  it('gives a step to one deployer, and waits for what it depends on', () => {
    const leased = events(deployments.given(...started, confirmed).when(leaseStep, lease('a')).decision);
    deployments
      .given(...started, confirmed, ...leased)
      .when(leaseStep, lease('a', 'w2'))
      .thenRefused('step-not-ready');
    deployments
      .given(...started, confirmed, ...leased)
      .when(leaseStep, lease('b'))
      .thenRefused('step-not-ready');
  });

  it('gives a step on when its lease has run out, and fences the late deployer off', () => {
    const first = events(deployments.given(...started, confirmed).when(leaseStep, lease('a')).decision);
    const second = events(
      deployments.given(...started, confirmed, ...first).when(leaseStep, lease('a', 'w2', '2026-03-02T10:00:15.000Z')).decision,
    );
    expect(second).toMatchObject([{ data: { fencingToken: 2, attempt: 2, holder: 'w2' } }]);
    const history = [...started, confirmed, ...first, ...second];
    deployments
      .given(...history)
      .when(reportStep, report('a', 1))
      .thenRefused('fenced-off');
    expect(deployments.given(...history).when(reportStep, report('a', 2)).decision).toMatchObject([{ type: 'StepSucceeded' }]);
  });

  it('keeps a lease that is renewed, by its newest holder only', () => {
    const first = events(deployments.given(...started, confirmed).when(leaseStep, lease('a')).decision);
    const renew = (fencingToken: number) =>
      issued(RenewStepLease, { step: 'a', fencingToken, leaseSeconds: 15 }, 'd1', { now: '2026-03-02T10:00:10.000Z' });
    const renewed = events(deployments.given(...started, confirmed, ...first).when(renewStepLease, renew(1)).decision);
    deployments
      .given(...started, confirmed, ...first, ...renewed)
      .when(leaseStep, lease('a', 'w2', '2026-03-02T10:00:20.000Z'))
      .thenRefused('step-not-ready');
    deployments
      .given(...started, confirmed, ...first)
      .when(renewStepLease, renew(7))
      .thenRefused('fenced-off');
  });

  it('takes a report once', () => {
    const history = play([...started, confirmed], 'a', 'succeeded');
    deployments
      .given(...history)
      .when(reportStep, report('a', 1))
      .thenNothing();
    deployments
      .given(...history)
      .when(reportStep, report('a', 1, 'failed'))
      .thenRefused('fenced-off');
  });

  it('ends with success after the last step', () => {
    const history = play(play([...started, confirmed], 'a', 'succeeded'), 'b', 'succeeded');
    expect(history.at(-1)).toMatchObject({ type: 'DeploymentSucceeded', data: { round: 1 } });
  });

  it('ends as failed when a step fails, and can be resumed from there', () => {
    const failed = play(play([...started, confirmed], 'a', 'succeeded'), 'b', 'failed');
    expect(failed.at(-1)).toMatchObject({ type: 'DeploymentFailed', data: { failedSteps: ['b'], compensated: false } });
    const resumed = events(deployments.given(...failed).when(resumeDeployment, resume(), { gates: ready }).decision);
    expect(resumed).toMatchObject([{ type: 'DeploymentResumed', data: { steps: ['b'], round: 2, deployer: 'dan' } }]);
    deployments
      .given(...failed, ...resumed)
      .when(resumeDeployment, resume(), { gates: ready })
      .thenNothing();
    deployments
      .given(...failed, ...resumed)
      .when(leaseStep, lease('b'))
      .thenRefused('step-not-ready');
    const again = play([...failed, ...resumed, confirmed], 'b', 'succeeded');
    expect(again.filter((e) => e.type === 'StepLeased').map((e) => e.data.fencingToken)).toEqual([1, 2, 3]);
    expect(again.at(-1)).toMatchObject({ type: 'DeploymentSucceeded', data: { round: 2 } });
  });

  describe('resumed', () => {
    const failed = play(play([...started, confirmed], 'a', 'succeeded'), 'b', 'failed');
    const resumedBy = (person: string, facts = ready) =>
      deployments.given(...failed).when(resumeDeployment, resume(person), { gates: facts });

    it('is deployed by who resumes it: not by an approver or the requester, and by another deployer', () => {
      expect(resumedBy('anna').thenRefused('gates-not-passed').reasons).toMatchObject([{ code: 'gate-duties-separated-fail' }]);
      expect(resumedBy('anna').thenRefused('gates-not-passed').reasons[0]?.detail).toContain('anna is approver and deployer');
      const [resumed] = events(resumedBy('eve').decision);
      expect(resumed).toMatchObject({
        data: { deployer: 'eve', receipt: { verdict: 'pass', subject: { deployer: 'eve', deployedBefore: ['dan'] } } },
      });
    });

    it('still has the hands of who began it: an approval by them does not count for a round by somebody else', () => {
      const approvedByDan = gateFacts({ ...ready, approval: { ...ready.approval, approvers: ['anna', 'dan'] } });
      expect(resumedBy('eve', approvedByDan).thenRefused('gates-not-passed').reasons[0]?.detail).toContain('dan is approver and deployer');
      const resumed = events(resumedBy('eve').decision);
      const confirm = issued(ConfirmDeployment, {}, 'd1');
      const halted = events(deployments.given(...failed, ...resumed).when(confirmDeployment, confirm, { now: approvedByDan }).decision);
      expect(halted).toMatchObject([
        { type: 'DeploymentHalted', data: { receipt: { subject: { deployer: 'eve', deployedBefore: ['dan'] } } } },
      ]);
      const [passed] = events(deployments.given(...failed, ...resumed).when(confirmDeployment, confirm, { now: ready }).decision);
      expect(passed).toMatchObject({
        type: 'DeploymentConfirmed',
        data: { receipt: { subject: { deployer: 'eve', deployedBefore: ['dan'] } } },
      });
    });

    it('is refused where an approval was voided meanwhile, and where what would run is not what was started', () => {
      expect(resumedBy('dan', gateFacts({ ...planned })).thenRefused('gates-not-passed').reasons[0]?.code).toBe(
        'gate-approved-inconclusive',
      );
      const [artifact] = ready.artifacts;
      resumedBy('dan', gateFacts({ ...ready, plan: { steps: [], planHash: 'another' } })).thenRefused('release-changed');
      resumedBy('dan', gateFacts({ ...ready, artifacts: [{ ...artifact!, digest: `sha256:${'9'.repeat(64)}` }] })).thenRefused(
        'release-changed',
      );
    });

    it('is refused under a bypass whose review is done, and goes under one that is open', () => {
      const grant = { requester: 'rita', gates: ['tests-passed' as const], tuple };
      const under = (review?: 'approved' | 'rejected') =>
        gateFacts({ ...ready, reports: {}, bypass: { id: 'b1', grant: { ...grant, ...(review ? { review } : {}) } } });
      const withBypass = failed.map((e) => (e.type === 'DeploymentStarted' ? { ...e, data: { ...e.data, bypassId: 'b1' } } : e));
      const resumed = (facts: ReturnType<typeof under>) =>
        deployments.given(...withBypass).when(resumeDeployment, resume('eve'), { gates: facts });
      expect(events(resumed(under()).decision)).toMatchObject([{ data: { deployer: 'eve', bypassId: 'b1' } }]);
      resumed(under('approved')).thenRefused('bypass-not-valid');
      resumed(under('rejected')).thenRefused('bypass-not-valid');
    });

    it('is unknown where there is no deployment, and refused where it has succeeded', () => {
      deployments.given().when(resumeDeployment, resume(), {}).thenRefused('deployment-unknown');
      const done = play(play([...started, confirmed], 'a', 'succeeded'), 'b', 'succeeded');
      deployments
        .given(...done)
        .when(resumeDeployment, resume(), { gates: ready })
        .thenRefused('deployment-succeeded');
    });

    it('is as it was where it was resumed before that was judged: by who had started it', () => {
      const before: DeploymentEvent = {
        type: 'DeploymentResumed',
        data: { deploymentId: 'd1', releaseId: 'release-1', environment: 'production', steps: ['b'], reason: 'disk was full', round: 2 },
      };
      const state = [...failed, before].reduce(deployment.evolve, deployment.initial);
      expect(state).toMatchObject({ status: 'started', round: 2, deployer: 'dan', deployedBefore: [] });
    });
  });

  it('goes on past a failure where the edge says continue', () => {
    const history = play([...startedWith([step('a'), step('b', [on('a', 'continue')])]), confirmed], 'a', 'failed');
    expect(play(history, 'b', 'succeeded').at(-1)).toMatchObject({ type: 'DeploymentSucceeded' });
  });

  it('undoes what ran, newest first, where the edge says compensate', () => {
    const steps = [step('a', [], undo), step('b', [on('a')], undo), step('c', [on('b')]), step('d', [on('c', 'compensate')])];
    let history = [...startedWith(steps), confirmed];
    for (const [id, outcome] of [
      ['a', 'succeeded'],
      ['b', 'succeeded'],
      ['c', 'failed'],
    ] as const)
      history = play(history, id, outcome);
    expect(history.at(-1)?.type).toBe('StepFailed');
    deployments
      .given(...history)
      .when(leaseStep, lease('a', 'w1', NOW, true))
      .thenRefused('step-not-ready');
    history = play(play(history, 'b', 'succeeded', true), 'a', 'succeeded', true);
    expect(history.at(-1)).toMatchObject({ type: 'DeploymentFailed', data: { failedSteps: ['c'], compensated: true } });
  });
});

describe('the schedule', () => {
  const graph = fc.array(fc.array(fc.tuple(fc.nat(9), fc.constantFrom<OnFailure>('halt', 'continue', 'compensate')), { maxLength: 3 }), {
    minLength: 1,
    maxLength: 10,
  });

  it('ends every graph, whatever fails, and runs no step before what it needs', () => {
    fc.assert(
      fc.property(graph, fc.array(fc.boolean(), { minLength: 40, maxLength: 40 }), (edges, outcomes) => {
        const steps = edges.map((deps, i) =>
          step(
            `s${i}`,
            [...new Map(deps.filter(([d]) => d < i)).entries()].map(([d, f]) => on(`s${d}`, f)),
            i % 2 === 0 ? undo : undefined,
          ),
        );
        let state: Deployment = [...startedWith(steps), confirmed].reduce(deployment.evolve, deployment.initial);
        for (let turn = 0; turn <= 40; turn++) {
          const { ready: next, end } = schedule(state, NOW);
          if (end) return;
          const first = next[0];
          if (!first) throw new Error('neither an end nor anything to do');
          if (!first.compensating) {
            for (const d of steps.find((s) => s.id === first.step)?.dependsOn ?? [])
              expect(['succeeded', 'failed']).toContain(state.steps[d.step]?.status);
          }
          const of = {
            deploymentId: 'd1',
            releaseId: 'release-1',
            environment: 'production',
            step: first.step,
            attempt: 1,
            compensating: first.compensating,
          };
          const fencingToken = state.fencingToken + 1;
          state = [
            { type: 'StepLeased' as const, data: { ...of, holder: 'w', fencingToken, leasedUntil: '2026-03-02T11:00:00.000Z' } },
            {
              type: outcomes[turn] ? ('StepSucceeded' as const) : ('StepFailed' as const),
              data: { ...of, fencingToken, summary: '', logDigest: '', durationMs: 0 },
            },
          ].reduce(deployment.evolve, state);
        }
        throw new Error('did not end');
      }),
    );
  });
});

describe('rolling back', () => {
  const rollBack = issued(RollBackDeployment, { deploymentId: 'd1', reason: 'error rate 0.5' }, 'd2', { person: 'process:rollback' });
  const withdrawn: Deployment = { ...deployment.initial, status: 'succeeded', releaseId: 'release-2', environment: 'production' };
  const gates = gateFacts({ ranBefore: true });

  it('is a new deployment of the release that ran before, with gates of its own', () => {
    expect(
      deployments.given().when(rollBackDeployment, rollBack, { withdrawn, targetReleaseId: 'release-1', gates }).decision,
    ).toMatchObject([
      {
        type: 'DeploymentStarted',
        data: {
          releaseId: 'release-1',
          rollbackOf: { deploymentId: 'd1', releaseId: 'release-2', reason: 'error rate 0.5' },
          receipt: { gates: [{ gate: 'rollback-target-ran', verdict: 'pass' }] },
        },
      },
    ]);
  });

  it('is nothing new the second time', () => {
    deployments
      .given(...started)
      .when(rollBackDeployment, rollBack, { withdrawn, targetReleaseId: 'release-1', gates })
      .thenNothing();
  });

  it('refuses where nothing ran before, where its gates fail, and while the deployment is under way', () => {
    deployments.given().when(rollBackDeployment, rollBack, { withdrawn }).thenRefused('no-rollback-target');
    deployments
      .given()
      .when(rollBackDeployment, rollBack, { withdrawn, targetReleaseId: 'release-1', gates: gateFacts() })
      .thenRefused('gates-not-passed');
    deployments
      .given()
      .when(rollBackDeployment, rollBack, { withdrawn: { ...withdrawn, status: 'running' }, targetReleaseId: 'release-1', gates })
      .thenRefused('deployment-under-way');
    deployments.given().when(rollBackDeployment, rollBack, { withdrawn: deployment.initial }).thenRefused('deployment-unknown');
  });
});
