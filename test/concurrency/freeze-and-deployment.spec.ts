import type { DecisionReceipt } from '#libs/contracts';
import type { AnyCommandDefinition, StoredEvent } from '#libs/event-sourcing';
import { recheckReceipt } from '#libs/policy';
import { confirmDeploymentCommand } from '../../src/deployments/deployment/confirm-deployment.ts';
import { leaseStepCommand } from '../../src/deployments/deployment/run-step.ts';
import { startDeploymentCommand } from '../../src/deployments/deployment/start-deployment.ts';
import { reserveEnvironmentCommand } from '../../src/environments/environment/reserve-environment.ts';
import { declareCalendarCommand } from '../../src/governance/calendar/declare-calendar.ts';
import { endOfFreezeRace, freezeRace, type FreezeRaceEnd } from '../support/freeze-race.ts';

const race = (seed: number, lease: AnyCommandDefinition): Promise<readonly StoredEvent[]> =>
  freezeRace(seed, {
    start: startDeploymentCommand,
    reserve: reserveEnvironmentCommand,
    confirm: confirmDeploymentCommand,
    lease,
    declareCalendar: declareCalendarCommand,
  });

const SEEDS = Array.from({ length: 400 }, (_, seed) => seed);

async function endsOf(lease: AnyCommandDefinition): Promise<Partial<Record<FreezeRaceEnd, number>>> {
  const ends: Partial<Record<FreezeRaceEnd, number>> = {};
  for (const seed of SEEDS) {
    const end = endOfFreezeRace(await race(seed, lease));
    ends[end] = (ends[end] ?? 0) + 1;
  }
  return ends;
}

describe('a freeze that is declared while a deployment starts', () => {
  it('stops it wherever it comes before the confirmation in the log, and lets it finish where it comes after', async () => {
    const ends = await endsOf(leaseStepCommand);
    expect(ends).toEqual({
      'never started': expect.any(Number),
      'halted at the confirmation': expect.any(Number),
      'halted at the first step': expect.any(Number),
      ran: expect.any(Number),
    });
  });

  it('leaves a receipt of what stopped it before its first step, which comes out the same when it is executed again', async () => {
    let halted = 0;
    for (const seed of SEEDS) {
      const events = await race(seed, leaseStepCommand);
      if (endOfFreezeRace(events) !== 'halted at the first step') continue;
      halted++;
      const { receipt } = events.find((event) => event.type === 'DeploymentHalted')!.data as { receipt: DecisionReceipt };
      expect(receipt).toMatchObject({
        verdict: 'fail',
        subject: { startedAs: 'normal' },
        gates: [{ gate: 'not-frozen', verdict: 'fail' }],
      });
      const again = await recheckReceipt(receipt, (stream) => events.filter((event) => event.stream === stream));
      expect(again).toMatchObject({ outcome: 'same' });
      // And not where somebody says that it was started as another class.
      const forged = { ...receipt, subject: { ...receipt.subject!, startedAs: 'emergency' as const } };
      expect(await recheckReceipt(forged, (stream) => events.filter((event) => event.stream === stream))).toMatchObject({
        outcome: 'different',
      });
    }
    expect(halted).toBeGreaterThan(0);
  });

  it('would slip through without the look at the calendars before the first step', async () => {
    const { facts: _facts, ...blind } = leaseStepCommand;
    expect(await endsOf(blind)).toMatchObject({ 'ran though frozen before': expect.any(Number) });
  });

  it('ends the same for the same seed', async () => {
    const plain = (events: readonly StoredEvent[]): string => events.map((e) => `${e.stream}@${e.revision} ${e.type}`).join();
    expect(plain(await race(7, leaseStepCommand))).toBe(plain(await race(7, leaseStepCommand)));
  });
});
