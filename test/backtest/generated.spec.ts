import type { BacktestResult, GateRule } from '#libs/contracts';
import { PolicyBacktest, type BacktestOptions } from '#libs/policy';
import type { StoredEvent } from '#libs/event-sourcing';
import { generatedDecisions, plantedIn, SIX_GATES } from '../support/generated-decisions.ts';

const rollbackGates: readonly GateRule[] = [{ gate: 'rollback-target-ran' }];
const PERIOD = { from: '2020-01-01T00:00:00.000Z', to: '2120-01-01T00:00:00.000Z' };

async function tried(
  gates: readonly GateRule[],
  events: readonly StoredEvent[],
  options: BacktestOptions = { readStream: () => [] },
): Promise<BacktestResult> {
  const test = new PolicyBacktest({ policyId: 'bank', draft: { gates, rollbackGates, clauses: [] }, ...PERIOD }, options);
  for (const event of events) await test.add(event);
  return test.result();
}

describe('a backtest of many decisions', () => {
  // Sundays, when the freeze holds, are among them.
  const DECISIONS = 4600;
  const events = [...generatedDecisions(DECISIONS)].flat();

  it('finds exactly what was planted', async () => {
    const { decisions, deployments } = await tried(SIX_GATES, events);
    const { blocked, letThrough, unknowable } = deployments.accepted;
    const planted = plantedIn(DECISIONS);
    expect(planted.blocked).toBeGreaterThan(0);
    expect({ decisions, blocked: blocked.count, failed: letThrough.failed, denied: deployments.denied.blocked }).toEqual(planted);
    expect(unknowable.count).toBe(0);
  });

  it('counts all, and lists of every verdict and ending the first, in the order of the log', async () => {
    const never: GateRule = { gate: 'expression:never', expression: 'artifacts.count > 5' };
    const { differing, cases, deployments } = await tried([...SIX_GATES, never], events);
    expect(differing).toBe(deployments.accepted.blocked.count);
    expect(differing).toBeGreaterThan(1000);
    expect(cases).toHaveLength(1000);
    const positions = cases.map((c) => BigInt(c.position));
    expect(positions).toEqual([...positions].sort((a, b) => (a < b ? -1 : 1)));
    // All that failed are there, though they are one in fifty.
    expect(cases.filter((c) => c.ending === 'failed')).toHaveLength(deployments.accepted.blocked.failed);
    expect(Buffer.byteLength(JSON.stringify(cases))).toBeLessThan(1024 * 1024);
  });

  it('gives the same for the same, byte for byte', async () => {
    const some = events.slice(0, 5000);
    expect(JSON.stringify(await tried(SIX_GATES, some))).toBe(JSON.stringify(await tried(SIX_GATES, some)));
  });

  it('judges on the revisions that a decision cites, where a stream went on before the decision was appended', async () => {
    const some = events.slice(0, 3000);
    const start = some.filter((e) => e.type === 'DeploymentStarted')[100]!;
    const { deploymentId } = start.data as { deploymentId: string };
    const granted = some.slice(0, some.indexOf(start)).findLast((e) => e.type === 'ApprovalGranted')!;
    // An approver takes her vote back after the decision has read it, and before the decision is in the log.
    const takenBack: StoredEvent = { ...granted, type: 'ApprovalWithdrawn', revision: granted.revision + 1 };
    const raced = (inputs: readonly string[]): readonly StoredEvent[] =>
      some.flatMap((event) => {
        const { receipt } = start.data as { receipt: object };
        return event === start ? [takenBack, { ...event, data: { ...(event.data as object), receipt: { ...receipt, inputs } } }] : [event];
      });
    const differing = async (inputs: readonly string[]): Promise<readonly unknown[]> => {
      const log = raced(inputs);
      const readStream = (stream: string): readonly StoredEvent[] => log.filter((e) => e.stream === stream);
      return (await tried(SIX_GATES, log, { readStream })).cases.map((c) => c.deploymentId);
    };
    expect(await differing([`${granted.stream}@${granted.revision}`])).toEqual([]);
    expect(await differing([])).toEqual([deploymentId]);
  });

  it('says nothing of a log from which events were taken', async () => {
    const without = events.slice(0, 3000).filter((e) => !(e.type === 'ApprovalRequested' && e.position > 1000n));
    await expect(tried(SIX_GATES, without)).rejects.toThrow('lacks the events from revision 0 to 0');
  });

  it('ends where there are more decisions than it takes', async () => {
    await expect(tried(SIX_GATES, events, { readStream: () => [], maxDecisions: 100 })).rejects.toThrow('More than 100 decisions');
  });
});
