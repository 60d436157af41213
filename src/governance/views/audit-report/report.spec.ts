import { createHash } from 'node:crypto';
import fc from 'fast-check';
import type { PlimsollEvent } from '#libs/contracts';
import type { StoredEvent } from '#libs/event-sourcing';
import { defaultPersonId } from '#libs/identity';
import { ENGINE } from '#libs/policy';
import { foldView } from '#libs/read-models';
import { history } from '../../../../test/support/history.ts';
import {
  artifact,
  DEPLOYMENT,
  ENVIRONMENT,
  OLD_RELEASE,
  receipt,
  RELEASE,
  ROLLBACK,
  story,
  storyUntil,
  tuple,
  type Told,
} from '../../../../test/support/story.ts';
import { auditReport } from './audit-report.projection.ts';
import { canonicalReport, reportFrom, type AuditReport } from './report.ts';
import type { Verdicts } from './verdicts.ts';

const reportOf = (events: readonly StoredEvent[], releaseId = RELEASE): AuditReport | undefined =>
  events.reduce<AuditReport | undefined>((report, event) => reportFrom(report, releaseId, event), undefined);
const told = (changed: readonly Told[]): AuditReport => reportOf(history(changed))!;
/** The story with every event of a type changed, or left out. */
const storyWith = <T extends PlimsollEvent['type']>(
  type: T,
  change: (data: Extract<PlimsollEvent, { type: T }>['data'], nth: number) => object | undefined,
): Told[] => {
  let nth = 0;
  return story.flatMap((happening) => {
    if (happening.event.type !== type) return [happening];
    const data = change(happening.event.data as never, ++nth);
    return data ? [{ ...happening, event: { type, data } as unknown as PlimsollEvent }] : [];
  });
};
const verdict = (name: keyof Verdicts, changed: readonly Told[]): unknown[] => {
  const { verdict: word, reason } = told(changed).verdicts[name];
  return [word, reason];
};

describe('The audit report of a release', () => {
  it('has every event of the release in the order of the log, with who did it and what it rests on', () => {
    const report = reportOf(history(story));
    expect(report?.entries.map((e) => e.event)).toEqual([
      'ReleaseComposed',
      'VersionAssigned',
      'ReleasePlanned',
      'TestReportRecorded',
      'ApprovalRequested',
      'ApprovalGranted',
      'CommandDenied',
      'ApprovalGranted',
      'DeploymentStarted',
      'DeploymentConfirmed',
      'StepLeased',
      'StepSucceeded',
      'StepLeased',
      'StepSucceeded',
      'DeploymentSucceeded',
      'SmokeRunStarted',
      'SmokeRunFailed',
      'IncidentOpened',
      'IncidentDelivered',
      'DeploymentStarted',
      'DeploymentSucceeded',
      'IncidentResolved',
    ]);
    expect(report?.entries[6]).toEqual({
      position: '90',
      at: '2026-03-02T10:00:09.000Z',
      event: 'CommandDenied',
      stream: 'denial-00000000-0000-4000-8000-00000000dead',
      revision: 0,
      eventId: '00000000-0000-5000-8000-000000000009',
      who: { person: 'person-dan', principal: 'test|person-dan' },
      commandId: '00000000-0000-4000-8000-000000000009',
      what: 'StartDeployment was denied (gates-not-passed): 1 gate does not pass for production.',
      evidence: ['approval-7b0f3a52-0000-5000-8000-000000000004@1'],
    });
  });

  it('has a section for each kind of evidence', () => {
    const report = reportOf(history(story))!;
    expect(report).toMatchObject({
      schema: 'plimsoll.audit-report.v1',
      releaseId: RELEASE,
      product: 'shop',
      version: '2.0.0',
      artifacts: [artifact('2.0.0')],
      approvals: [{ round: 1, requester: 'person-rita', outcome: 'approved', votes: [{ person: 'person-abe' }, { person: 'person-bea' }] }],
      tests: [{ suite: 'unit', outcome: 'pass', tester: 'person-tess' }],
      denials: [{ command: 'StartDeployment', person: 'person-dan' }],
      smoke: [{ outcome: 'failed', deploymentId: DEPLOYMENT, checks: [{ name: 'home' }] }],
      incidents: [{ severity: 'critical', resolved: { resolution: 'Rolled back.' } }],
    });
    expect(report.deployments[0]).toMatchObject({
      deploymentId: DEPLOYMENT,
      deployer: 'person-dan',
      policy: { id: 'strict', version: 3 },
      receipt: { verdict: 'pass' },
      confirmed: { position: '130', receipt: { verdict: 'pass' } },
      steps: [
        { step: 'start', outcome: 'succeeded' },
        { step: 'switch', outcome: 'succeeded' },
      ],
      outcome: 'succeeded',
    });
  });

  it('tells a rollback in the reports of both releases', () => {
    const withdrawn = reportOf(history(story))?.deployments.find((d) => d.deploymentId === ROLLBACK);
    const restored = reportOf(history(story), OLD_RELEASE)?.deployments.find((d) => d.deploymentId === ROLLBACK);
    for (const deployment of [withdrawn, restored]) {
      expect(deployment).toMatchObject({
        releaseId: OLD_RELEASE,
        rollbackOf: { deploymentId: DEPLOYMENT, releaseId: RELEASE, reason: 'The smoke run failed.' },
        outcome: 'succeeded',
      });
    }
    expect(withdrawn).not.toHaveProperty('confirmed');
    expect(restored?.confirmed).toBeDefined();
  });

  it('answers yes to every question about a release that was done by the rules', () => {
    const { verdicts } = reportOf(history(story))!;
    expect(Object.values(verdicts).map((v) => (v as { verdict: string }).verdict)).toEqual(['yes', 'yes', 'yes', 'yes']);
    expect(verdicts.approvalBeforeDeployment.reason).toBe('production: 2 of 2 persons had approved round 1 before it was started.');
    expect(verdicts.approvalBeforeDeployment.deployments).toHaveLength(1);
  });

  it('never leaves a verdict blank: what was not deployed, or not asked for, is an exception with its reason', () => {
    const { verdicts } = reportOf(storyUntil('DeploymentStarted'))!;
    for (const { verdict: word, reason } of Object.values(verdicts)) {
      expect([word, reason]).toEqual(['exception', 'Nothing of this release was deployed.']);
    }
    const unasked = storyWith('DeploymentStarted', ({ tuple: _tuple, ...data }) => ({ ...data, receipt: receipt([]) }));
    expect(verdict('approvalBeforeDeployment', unasked)).toEqual([
      'exception',
      'production: Policy strict version 3 asks for no approval.',
    ]);
    expect(verdict('approvedDigestsEqualDeployed', unasked)[0]).toBe('exception');
    expect(verdict('dutiesSeparated', unasked)).toEqual(['exception', 'production: Policy strict version 3 does not ask for it.']);
    expect(
      verdict(
        'testEvidence',
        unasked.filter((t) => t.event.type !== 'TestReportRecorded'),
      )[0],
    ).toBe('exception');
  });

  it('finds an approval that is missing, too late, for something else, expired or voided', () => {
    const oneOnly = storyWith('ApprovalGranted', (data, nth) => (nth === 1 ? data : undefined));
    expect(verdict('approvalBeforeDeployment', oneOnly)).toEqual([
      'no',
      'production: 1 of 2 persons had approved round 1 when it was started.',
    ]);
    const late = [...oneOnly, story.filter((t) => t.event.type === 'ApprovalGranted')[1]!];
    expect(verdict('approvalBeforeDeployment', late)[0]).toBe('no');
    const twice = storyWith('ApprovalGranted', (data) => ({ ...data, person: 'person-abe' }));
    expect(verdict('approvalBeforeDeployment', twice)[0]).toBe('no');
    const other = storyWith('DeploymentStarted', (data) => ({ ...data, tuple: { ...tuple, planHash: 'e'.repeat(64) } }));
    expect(verdict('approvalBeforeDeployment', other)).toEqual([
      'no',
      'production: No request for approval of what was deployed is on record.',
    ]);
    const expired = storyWith('DeploymentStarted', (data) => ({ ...data, tuple: { ...tuple, expiresAt: '2026-03-02T10:00:00.000Z' } }));
    expect(verdict('approvalBeforeDeployment', expired)[0]).toBe('no');
    const at = story.findIndex((t) => t.event.type === 'DeploymentStarted');
    const requested = story.find((t) => t.event.type === 'ApprovalRequested')!;
    const { approvalId, round } = requested.event.data as { approvalId: string; round: number };
    const voided: Told = {
      stream: requested.stream,
      event: {
        type: 'ApprovalVoided',
        data: { approvalId, round, releaseId: RELEASE, environment: ENVIRONMENT, reason: 'The plan changed.' },
      },
    };
    expect(verdict('approvalBeforeDeployment', story.toSpliced(at, 0, voided))).toEqual([
      'no',
      'production: The approval was voided: The plan changed.',
    ]);
    // Voided afterwards, it was still an approval at the time.
    expect(verdict('approvalBeforeDeployment', [...story, voided])[0]).toBe('yes');
  });

  it('finds that something else was deployed than was approved', () => {
    const swapped = storyWith('DeploymentStarted', (data) => ({ ...data, artifacts: [artifact('6.6.6')] }));
    expect(verdict('approvedDigestsEqualDeployed', swapped)[0]).toBe('no');
  });

  it('finds one person in duties that are kept apart, whatever the gate had said', () => {
    const own = storyWith('DeploymentStarted', (data) => ({ ...data, deployer: 'person-abe' }));
    expect(verdict('dutiesSeparated', own)).toEqual(['no', 'production: person-abe is approver and deployer.']);
    const author = storyWith('ApprovalGranted', (data, nth) => ({
      ...data,
      ...(nth === 1 ? { person: defaultPersonId('test', 'ann') } : {}),
    }));
    expect(verdict('dutiesSeparated', author)[0]).toBe('no');
    const resumedBy = (deployer: string): Told => ({
      stream: `deployment-${DEPLOYMENT}`,
      event: {
        type: 'DeploymentResumed',
        data: { deploymentId: DEPLOYMENT, releaseId: RELEASE, environment: ENVIRONMENT, steps: [], reason: 'Again.', round: 2, deployer },
      },
    });
    expect(verdict('dutiesSeparated', [...story, resumedBy('person-abe')])).toEqual([
      'no',
      'production: person-abe is approver and deployer.',
    ]);
    expect(verdict('dutiesSeparated', [...story, resumedBy('person-eve')])[0]).toBe('yes');
    const nobody = storyWith('DeploymentStarted', (data) => ({ ...data, deployer: '\u200b' }));
    expect(verdict('dutiesSeparated', nobody)[0]).toBe('no');
  });

  it.each([
    [undefined, [], 'yes'],
    ['plimsoll-gates/4 cel/0.6.1', [], 'yes'],
    ['plimsoll-gates/5 cel/0.6.1', ['tester'], 'no'],
    [ENGINE, ['tester', 'hand'], 'no'],
  ] as const)('judges duties as the engine of then did: %s looks at %j', (engine, looks, first) => {
    const judgedBy = (changed: readonly Told[]): unknown =>
      verdict(
        'dutiesSeparated',
        changed.map((t) =>
          t.event.type === 'DeploymentStarted' && engine
            ? ({ ...t, event: { ...t.event, data: { ...t.event.data, receipt: { ...t.event.data.receipt, engine } } } } as Told)
            : t,
        ),
      )[0];
    expect(judgedBy(story)).toBe('yes');
    const tested = storyWith('TestReportRecorded', (data) => ({ ...data, tester: 'person-abe' }));
    expect(judgedBy(tested)).toBe(first);
    const hand = (looks as readonly string[]).includes('hand') ? 'no' : 'yes';
    const by = (type: PlimsollEvent['type'], who: string): Told[] => story.map((t) => (t.event.type === type ? { ...t, by: who } : t));
    expect(judgedBy(by('ReleaseComposed', 'person-abe'))).toBe(hand);
    expect(judgedBy(by('ReleasePlanned', 'person-abe'))).toBe(hand);
    // Who planned it for elsewhere had no hand in this.
    const elsewhere = storyWith('ReleasePlanned', (data) => ({ ...data, environment: 'elsewhere' }));
    expect(judgedBy(elsewhere.map((t) => (t.event.type === 'ReleasePlanned' ? { ...t, by: 'person-abe' } : t)))).toBe('yes');
  });

  it('takes a test report as evidence only for the digest that it names, from before the deployment, and not where a newer one fails', () => {
    expect(
      verdict(
        'testEvidence',
        storyWith('TestReportRecorded', (data) => ({ ...data, artifactDigest: artifact('1.0.0').digest })),
      )[0],
    ).toBe('no');
    expect(
      verdict(
        'testEvidence',
        storyWith('TestReportRecorded', (data) => ({ ...data, outcome: 'inconclusive' })),
      )[0],
    ).toBe('no');
    const report = story.find((t) => t.event.type === 'TestReportRecorded')!;
    expect(verdict('testEvidence', [...story.filter((t) => t !== report), report])[0]).toBe('no');
    const failing = { ...report, event: { ...report.event, data: { ...report.event.data, outcome: 'fail' } } } as Told;
    expect(verdict('testEvidence', story.toSpliced(story.indexOf(report) + 1, 0, failing))).toEqual([
      'no',
      'production: Failing when it was started: unit of shop@2.0.0.',
    ]);
  });

  it('does not begin before the release is composed', () => {
    expect(reportOf(history(story.filter((t) => t.event.type !== 'ReleaseComposed')))).toBeUndefined();
  });
});

describe("A report's bytes", () => {
  it('are the same for the same events, and their digest is over exactly them', () => {
    const first = canonicalReport(reportOf(history(story))!);
    const second = canonicalReport(reportOf(history(structuredClone(story)))!);
    expect(second.bytes.equals(first.bytes)).toBe(true);
    expect(first.digest).toBe(createHash('sha256').update(first.bytes).digest('hex'));
    expect(JSON.parse(first.bytes.toString('utf8'))).toMatchObject({ releaseId: RELEASE });
  });

  it('are the same whether the report was stored in between or not, and whatever is sent twice', () => {
    const events = history(story);
    const all = canonicalReport(reportOf(events)!).bytes;
    fc.assert(
      fc.property(fc.array(fc.nat(events.length - 1), { maxLength: 6 }), fc.boolean(), (cuts, twice) => {
        let report: AuditReport | undefined;
        events.forEach((event, i) => {
          report = reportFrom(report, RELEASE, event);
          if (twice) report = reportFrom(report, RELEASE, event);
          // As a jsonb column gives it back: the value, with its members in another order.
          if (report && cuts.includes(i)) report = JSON.parse(JSON.stringify(reversed(report))) as AuditReport;
        });
        expect(canonicalReport(report!).bytes.equals(all)).toBe(true);
      }),
    );
  });

  it('are the same in the view', () => {
    const row = foldView(auditReport, history(story)).get(RELEASE);
    expect(row && canonicalReport(row.report).bytes.equals(canonicalReport(reportOf(history(story))!).bytes)).toBe(true);
    expect(row).toMatchObject({
      product: 'shop',
      version: '2.0.0',
      verdict: 'yes',
      entries: 22,
      verdicts: { testEvidence: 'yes' },
      position: 270n,
    });
  });

  it('do not break on text that a database can not keep', () => {
    const odd = storyWith('StepSucceeded', (data) => ({ ...data, summary: 'binary \0 and half \ud83d' }));
    const { bytes } = canonicalReport(told(odd));
    expect(bytes.toString('utf8')).toContain('binary \u2400 and half \ufffd');
  });

  it('change with a single event', () => {
    const without = story.filter((t) => t.event.type !== 'CommandDenied');
    expect(canonicalReport(told(without)).digest).not.toBe(canonicalReport(told(story)).digest);
  });
});

function reversed(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(reversed);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .reverse()
      .map(([name, member]) => [name, reversed(member)]),
  );
}
