import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { areaOf, declarations, plimsollCodec } from '#libs/contracts';
import type { Aggregate, DomainEvent, StoredEvent } from '#libs/event-sourcing';
import { legalHolds, retentionPolicy } from '#libs/retention';
import { record } from '../../src/archive/record/record.ts';
import { board, change, changeCalendar, changeHistory, changeModel } from '#libs/policy';
import { artifact } from '../../src/artifacts/artifact/artifact.ts';
import { deployment } from '../../src/deployments/deployment/deployment.ts';
import { environment } from '../../src/environments/environment/environment.ts';
import { addresses } from '../../src/governance/address/address.ts';
import { account } from '../../src/governance/account/account.ts';
import { approval } from '../../src/governance/approval/approval.ts';
import { bypasses } from '../../src/governance/bypass/bypass.ts';
import { group } from '../../src/governance/group/group.ts';
import { bootstrap } from '../../src/governance/bootstrap/identity-bootstrap.ts';
import { dutyReview } from '../../src/governance/duty-review/review-duties.ts';
import { ownership } from '../../src/governance/ownership/ownership.ts';
import { person } from '../../src/governance/person/person.ts';
import { backtest } from '../../src/governance/backtest/backtest.ts';
import { calendars } from '../../src/governance/calendar/calendar.ts';
import { policy } from '../../src/governance/policy/policy.ts';
import { rolePolicy } from '../../src/governance/role-policy/role-policy.ts';
import { roleGrants } from '../../src/governance/role/role-grants.ts';
import { incident } from '../../src/incidents/incident/incident.ts';
import { trigger } from '../../src/incidents/trigger/trigger.ts';
import { metrics } from '../../src/observability/metrics/record-metric-samples.ts';
import { release } from '../../src/planning/release/release.ts';
import { versionLine } from '../../src/planning/version-line/version-line.ts';
import { smokeRun } from '../../src/validation/smoke-run/smoke-run.ts';
import { testReports } from '../../src/validation/test-report/record-test-report.ts';

/** Who folds which events; typed loosely on purpose, since what is stored is what counts here. */
const folds: readonly [Aggregate<never, never>, RegExp][] = [
  [account, /^Account/],
  [addresses, /^Address/],
  [approval, /^Approval/],
  [bootstrap, /^IdentityBootstrap/],
  [dutyReview, /^Duty(Violation|Parties)/],
  [artifact, /^Artifact/],
  [bypasses, /^Bypass/],
  [backtest, /^Backtest/],
  [board, /^Board/],
  [calendars, /^Calendar/],
  [changeModel, /^ChangeModel/],
  [changeCalendar, /^Change(?:Scheduled|Unscheduled)/],
  [changeHistory, /^ChangeOutcome/],
  [change, /^Change/],
  [deployment, /^(?:Deployment|Step)/],
  [environment, /^(?:Environment|RunningVersion|UnauthorisedDeployment)/],
  [group, /^Group/],
  [incident, /^Incident/],
  [legalHolds, /^LegalHold/],
  [metrics, /^MetricSamples/],
  [ownership, /^Ownership/],
  [person, /^Person/],
  [policy, /^Policy/],
  [record, /^Record/],
  [release, /^Release/],
  [retentionPolicy, /^RetentionPolicy/],
  [rolePolicy, /^RolePolicy/],
  [roleGrants, /^Role(?:Requested|Granted|Revoked)/],
  [smokeRun, /^SmokeRun/],
  [testReports, /^TestReport/],
  [trigger, /^Trigger/],
  [versionLine, /^Version/],
].map(([aggregate, types]) => [aggregate as unknown as Aggregate<never, never>, types as RegExp]);

/** Written and read without a fold of their own: denials, and what the ingestion receives. */
const UNFOLDED = /^(?:CommandDenied|OutsideEvent)/;

const folder = resolve(__dirname, '../../libs/contracts/golden');
const golden = readdirSync(folder)
  .filter((name) => name !== 'manifest.json')
  .map((name) => JSON.parse(readFileSync(join(folder, name), 'utf8')) as DomainEvent & Pick<StoredEvent, 'metadata'>)
  .map((event, revision) =>
    plimsollCodec().upcast({ id: String(revision), stream: 'golden-1', revision, position: BigInt(revision), ...event }),
  );

describe('the stored examples of events', () => {
  it.each(golden.filter((e) => !UNFOLDED.test(e.type)).map((e) => [e.type, e] as const))('%s folds', (type, event) => {
    const [aggregate] = folds.find(([, types]) => types.test(type)) ?? [];
    if (!aggregate) throw new Error(`No fold takes ${type}: say which in this spec.`);
    expect(areaOf(aggregate.category)).toBeDefined();
    expect(aggregate.evolve(aggregate.initial, event as never)).toBeDefined();
  });

  it('leave no fold untried', () => {
    const types = Object.keys(declarations);
    expect(folds.filter(([, pattern]) => !types.some((type) => pattern.test(type)))).toEqual([]);
  });
});

describe('a fold', () => {
  it.each(folds.map(([aggregate]) => aggregate).filter((a) => a.evolve.toString().includes('switch')))(
    'of $category refuses an event that it does not know instead of passing over it',
    (aggregate) => {
      expect(() => aggregate.evolve(aggregate.initial, { type: 'FromTheFuture', data: {} } as never)).toThrow('FromTheFuture');
    },
  );
});
