import { BEGINNING_OF_TIME, ORGANISATION, plimsollCodec, type PlimsollEvent } from '#libs/contracts';
import { issue, isRefusal, transact, type AnyCommandDefinition, type StoredEvent } from '#libs/event-sourcing';
import { MemoryEventLog } from '#libs/event-sourcing/memory';
import { metaOf } from '#libs/event-sourcing/testing';
import { history } from './history.ts';
import { Interleaving, seeded } from './interleaving-log.ts';

/** The commands that meet in the race. */
export interface FreezeRaceCommands {
  readonly start: AnyCommandDefinition;
  readonly reserve: AnyCommandDefinition;
  readonly confirm: AnyCommandDefinition;
  readonly lease: AnyCommandDefinition;
  readonly declareCalendar: AnyCommandDefinition;
}

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
export async function freezeRace(seed: number, commands: FreezeRaceCommands): Promise<readonly StoredEvent[]> {
  const log = new MemoryEventLog();
  for (const event of history(before)) await log.append(event.stream, event.revision - 1, [event]);
  const random = seeded(seed);
  const turns = new Interleaving(log, random);
  let sent = 0;
  const send = async (definition: AnyCommandDefinition, target: string, fields: object): Promise<void> => {
    const meta = metaOf({ commandId: `00000000-0000-4000-8000-${String(++sent).padStart(12, '0')}`, person: 'dan' });
    const command = issue(Object.assign(new definition.type() as object, fields), target, meta);
    try {
      await transact({ log: turns.log, codec }, definition, command);
    } catch (error) {
      if (!isRefusal((error as { refusal?: object }).refusal ?? {})) throw error;
    }
  };
  const idle = Math.floor(random() * 40);
  await turns.run(
    async () => {
      await send(commands.start, DEPLOYMENT, release);
      await send(commands.reserve, 'production', { deploymentId: DEPLOYMENT, releaseId: RELEASE, round: 1 });
      await send(commands.confirm, DEPLOYMENT, {});
      await send(commands.lease, DEPLOYMENT, { step: 'a', holder: 'w1', leaseSeconds: 15, compensating: false });
    },
    async () => {
      for (let i = 0; i < idle; i++) await turns.log.readStream('nothing');
      await send(commands.declareCalendar, ORGANISATION, freeze);
    },
  );
  return await log.readAll({ after: -1n, maxCount: 1000 });
}

export type FreezeRaceEnd =
  'never started' | 'halted at the confirmation' | 'halted at the first step' | 'ran' | 'ran though frozen before';

export function endOfFreezeRace(events: readonly StoredEvent[]): FreezeRaceEnd {
  const positionOf = (type: string): bigint | undefined => events.find((e) => e.type === type)?.position;
  const [started, confirmed, leased] = [positionOf('DeploymentStarted'), positionOf('DeploymentConfirmed'), positionOf('StepLeased')];
  const frozen = positionOf('CalendarDeclared');
  if (frozen === undefined) throw new Error('The freeze was not declared.');
  if (started === undefined) return 'never started';
  if (confirmed === undefined) return 'halted at the confirmation';
  if (leased === undefined) return 'halted at the first step';
  return frozen < confirmed ? 'ran though frozen before' : 'ran';
}
