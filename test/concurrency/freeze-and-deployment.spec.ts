import { BEGINNING_OF_TIME, ORGANISATION, plimsollCodec, type PlimsollEvent } from '#libs/contracts';
import { issue, RefusedError, transact, type AnyCommandDefinition, type StoredEvent } from '#libs/event-sourcing';
import { MemoryEventLog } from '#libs/event-sourcing/memory';
import { metaOf } from '#libs/event-sourcing/testing';
import { confirmDeploymentCommand } from '../../src/deployments/deployment/confirm-deployment.ts';
import { leaseStepCommand } from '../../src/deployments/deployment/run-step.ts';
import { startDeploymentCommand } from '../../src/deployments/deployment/start-deployment.ts';
import { reserveEnvironmentCommand } from '../../src/environments/environment/reserve-environment.ts';
import { declareCalendarCommand } from '../../src/governance/calendar/declare-calendar.ts';
import { history } from '../support/history.ts';
import { Interleaving, seeded } from '../support/interleaving-log.ts';

const DEPLOYMENT = '7b0f3a52-0000-4000-8000-000000000002';
const RELEASE = '7b0f3a52-0000-4000-8000-000000000001';
const codec = plimsollCodec();
const release = { releaseId: RELEASE, environment: 'production' };
const step = { id: 'a', driver: 'exec', action: 'noop', input: {}, dependsOn: [] };
const before: readonly { stream: string; event: PlimsollEvent }[] = [
  {
    stream: 'environment-production',
    event: { type: 'EnvironmentDefined', data: { environment: 'production', class: 'production', policyId: 'open' } },
  },
  {
    stream: 'policy-open',
    event: {
      type: 'PolicyPublished',
      data: { policyId: 'open', version: 1, title: 'Open', gates: [], rollbackGates: [], clauses: [], effectiveFrom: BEGINNING_OF_TIME },
    },
  },
  {
    stream: `release-${RELEASE}`,
    event: { type: 'ReleaseComposed', data: { releaseId: RELEASE, product: 'shop', artifacts: [], authors: [] } },
  },
  { stream: `release-${RELEASE}`, event: { type: 'ReleasePlanned', data: { ...release, steps: [step], stages: [['a']], planHash: 'p' } } },
];
const freeze = {
  calendarId: 'freeze',
  title: 'Freeze',
  kind: 'freeze',
  scope: {},
  zone: 'UTC',
  window: { kind: 'one-off', start: '2026-03-02T00:00', end: '2026-03-04T00:00' },
  justification: 'Now.',
};

/** One deployment from its start to its first step, and a freeze that is declared meanwhile, in the order that a seed gives. */
async function race(seed: number, lease: AnyCommandDefinition): Promise<readonly StoredEvent[]> {
  const log = new MemoryEventLog();
  for (const event of history(before)) await log.append(event.stream, event.revision - 1, [event]);
  const random = seeded(seed);
  const turns = new Interleaving(log, random);
  let commands = 0;
  const send = async (definition: AnyCommandDefinition, target: string, fields: object): Promise<void> => {
    const meta = metaOf({ commandId: `00000000-0000-4000-8000-${String(++commands).padStart(12, '0')}`, person: 'dan' });
    try {
      await transact({ log: turns.log, codec }, definition, issue(Object.assign(new definition.type(), fields), target, meta));
    } catch (error) {
      if (!(error instanceof RefusedError)) throw error;
    }
  };
  const idle = Math.floor(random() * 40);
  await turns.run(
    async () => {
      await send(startDeploymentCommand, DEPLOYMENT, release);
      await send(reserveEnvironmentCommand, 'production', { deploymentId: DEPLOYMENT, releaseId: RELEASE, round: 1 });
      await send(confirmDeploymentCommand, DEPLOYMENT, {});
      await send(lease, DEPLOYMENT, { step: 'a', holder: 'w1', leaseSeconds: 15, compensating: false });
    },
    async () => {
      for (let i = 0; i < idle; i++) await turns.log.readStream('nothing');
      await send(declareCalendarCommand, ORGANISATION, freeze);
    },
  );
  return await log.readAll({ after: -1n, maxCount: 1000 });
}

type End = 'never started' | 'halted at the confirmation' | 'halted at the first step' | 'ran' | 'ran though frozen before';

function endOf(events: readonly StoredEvent[]): End {
  const positionOf = (type: string): bigint | undefined => events.find((e) => e.type === type)?.position;
  const [started, confirmed, leased] = [positionOf('DeploymentStarted'), positionOf('DeploymentConfirmed'), positionOf('StepLeased')];
  const frozen = positionOf('CalendarDeclared');
  if (frozen === undefined) throw new Error('The freeze was not declared.');
  if (started === undefined) return 'never started';
  if (confirmed === undefined) return 'halted at the confirmation';
  if (leased === undefined) return 'halted at the first step';
  return frozen < confirmed ? 'ran though frozen before' : 'ran';
}

const SEEDS = Array.from({ length: 400 }, (_, seed) => seed);

async function endsOf(lease: AnyCommandDefinition): Promise<Partial<Record<End, number>>> {
  const ends: Partial<Record<End, number>> = {};
  for (const seed of SEEDS) {
    const end = endOf(await race(seed, lease));
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

  it('would slip through without the look at the calendars before the first step', async () => {
    const { facts: _facts, ...blind } = leaseStepCommand;
    expect(await endsOf(blind)).toMatchObject({ 'ran though frozen before': expect.any(Number) });
  });

  it('ends the same for the same seed', async () => {
    const plain = (events: readonly StoredEvent[]): string => events.map((e) => `${e.stream}@${e.revision} ${e.type}`).join();
    expect(plain(await race(7, leaseStepCommand))).toBe(plain(await race(7, leaseStepCommand)));
  });
});
