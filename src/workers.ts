import { setMaxListeners } from 'node:events';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { CommandBus } from '@nestjs/cqrs';
import type { Logger } from 'pino';
import { openArchive, PostgresRecordStore } from '#libs/archive';
import { areaOf } from '#libs/contracts';
import { Aggregates, CommandRegistry } from '#libs/cqrs';
import { drivers } from '#libs/deployers';
import { CLOCK, type Clock } from '#libs/http';
import { EventPublisher } from '#libs/messaging';
import { runProcess, runTimers } from '#libs/processes';
import { runView } from '#libs/read-models';
import { resumeFailedSubscriptions, runSubscription } from '#libs/subscriptions';
import { Archiver } from './archive/archiver.ts';
import { listRecords, RecordKeeper, RECORDS_SUBSCRIPTION } from './archive/record-keeper.ts';
import { retainUntil } from './archive/retention-status.ts';
import { BusCommandSender } from './command-sender.ts';
import type { Configuration, Role } from './configuration.ts';
import { Deployer } from './deployments/deployer/deployer.ts';
import { OpenDeployments } from './deployments/deployer/open-deployments.query.ts';
import { BACKTEST_SUBSCRIPTION, BacktestRunner } from './governance/backtest/backtest-runner.ts';
import { KeyDestroyer } from './governance/erasure/key-destroyer.ts';
import { IncidentOutbox } from './incidents/incident/incident-outbox.ts';
import { ChangeOutbox } from './governance/change/change-outbox.ts';
import type { Infrastructure } from './infrastructure.ts';
import { OutsideEventCarrier } from './ingestion/carry-out.ts';
import { consumeOutsideEvents } from './ingestion/consume-outside-events.ts';
import { Intake } from './ingestion/intake.ts';
import { CheckpointSigner } from './ledger/checkpoint-signer.ts';
import { WitnessSender } from './ledger/witness-sender.ts';
import { ledgerSubscription } from './ledger-subscription.ts';
import { processes } from './processes.ts';
import { views } from './read-models.ts';
import { SmokeRunner } from './validation/smoke-run/smoke-runner.ts';

export interface Workers {
  /** Finishes what is in hand and lets leases go. */
  stop(): Promise<void>;
}

/** How often a deployer looks for steps that are ready, milliseconds. */
const DEPLOYER_TICK_MS = 100;

/**
 * Starts what runs by itself in the configured roles: `projector` keeps the views, `correlator` runs processes and their timers and backtests, `deployer`
 * takes steps and runs smoke suites, `publisher` tells the outside, and keeps and signs the ledger. Every worker may run beside others of its kind: leases keep them apart.
 *
 * @param onLost told of a task that ended by an error, which none should
 */
export function startWorkers(
  configuration: Configuration,
  infrastructure: Infrastructure,
  app: NestFastifyApplication,
  logger: Logger,
  onLost: (error: unknown) => void,
): Workers {
  const { log, codec, pool, registry, bus } = infrastructure;
  const stop = new AbortController();
  const { signal } = stop;
  // Everything that runs listens to it: many are no leak.
  setMaxListeners(0, signal);
  const onError = (error: unknown): void => {
    if (!signal.aborted) logger.warn({ err: error }, 'Something that runs by itself was interrupted.');
  };
  const clock: Clock = app.get(CLOCK);
  const now = (): string => clock().toISOString();
  const commands = app.get(CommandBus);
  const aggregates = app.get(Aggregates);
  const host = { log, codec, pool, registry, signal, onError };

  const roles: Readonly<Record<Role, () => Promise<unknown>[]>> = {
    api: () => [],

    projector: () => views.map((view) => runView({ ...host, view })),

    correlator: () => {
      const sender = new BusCommandSender(commands, app.get(CommandRegistry), clock);
      const backtests = new BacktestRunner({ commands, aggregates, log, codec, clock });
      const destroyer = new KeyDestroyer({ aggregates, keys: infrastructure.subjectKeys });
      const outside = new OutsideEventCarrier({ sender, commands, registry: app.get(CommandRegistry), clock });
      return [
        ...processes.map((process) => runProcess({ ...host, process, sender, clock: now })),
        runTimers({ ...host, clock: now }),
        runSubscription({
          ...host,
          name: BACKTEST_SUBSCRIPTION,
          handle: { external: (events, context) => backtests.handle(events, context) },
        }),
        runSubscription({ ...host, name: 'process:ingestion', handle: { external: (events) => outside.handle(events) } }),
        runSubscription({ ...host, name: 'process:erasure', handle: { external: (events) => destroyer.handle(events) } }),
        consumeOutsideEvents({ bus, pool, intake: app.get(Intake, { strict: false }), clock, signal, onError }),
      ];
    },

    deployer: () => {
      const deployer = new Deployer({
        commands,
        aggregates,
        clock,
        records: new PostgresRecordStore(pool),
        leaseSeconds: configuration.stepLeaseSeconds,
        onError,
        drivers: drivers({
          ...(configuration.execFolder
            ? { exec: { folder: configuration.execFolder, env: { PLIMSOLL_STEPS_STATE: configuration.stepsState } } }
            : {}),
          http: { targets: configuration.httpTargets },
        }),
      });
      const smoke = new SmokeRunner({ commands, aggregates, clock, hosts: configuration.smokeHosts });
      const open = new OpenDeployments(pool, log);
      return [
        deployer.run(() => open.ids(), DEPLOYER_TICK_MS, signal),
        runSubscription({ ...host, name: 'smoke-runner', handle: { external: (events) => smoke.handle(events) } }),
      ];
    },

    publisher: () => {
      const publisher = new EventPublisher({ log, pool, bus, areaOf, codec, signal, subscription: { registry, onError } });
      const { incidentWebhook } = configuration;
      const outbox = incidentWebhook
        ? new IncidentOutbox({ commands, aggregates, clock, webhook: incidentWebhook, revealer: infrastructure.texts })
        : undefined;
      const { itsmWebhook } = configuration;
      const changes = itsmWebhook
        ? new ChangeOutbox({ commands, aggregates, clock, webhook: itsmWebhook, revealer: infrastructure.texts })
        : undefined;
      const { ledger } = infrastructure;
      const checkpoints = ledger
        ? new CheckpointSigner({
            ...ledger,
            witnesses: configuration.ledger.witnesses,
            pool,
            log,
            bus,
            everyEvents: configuration.ledger.everyEvents,
            everySeconds: configuration.ledger.everySeconds,
            now,
            onAlarm: ({ code, detail }) => logger.error({ code }, `The ledger signs nothing any more: ${detail}`),
          })
        : undefined;
      const { witnesses } = configuration.ledger;
      const witnessing = new WitnessSender({
        pool,
        witnesses,
        now,
        onProblem: (witness, problem, detail) => logger.error({ witness, problem }, `A witness of the ledger does not sign: ${detail}`),
      });
      const { archive } = configuration;
      const keeper = archive
        ? new RecordKeeper({
            ...archive,
            archive: openArchive(archive.location),
            store: new PostgresRecordStore(pool),
            pool,
            log,
            codec,
            now,
          })
        : undefined;
      const archiver = keeper
        ? new Archiver({
            ...archive!,
            archive: openArchive(archive!.location),
            pool,
            log,
            kind: configuration.eventStoreUrl ? 'eventstoredb' : 'postgres',
            views,
            records: keeper,
            retainUntil: (at) => retainUntil(aggregates.read, at),
            now,
            onAlarm: ({ code, detail }) => logger.error({ code }, `The archive needs a person: ${detail}`),
          })
        : undefined;
      return [
        runSubscription({ ...ledgerSubscription(log), log, pool, registry, signal, onError }),
        ...(checkpoints ? [checkpoints.run(signal, onError)] : []),
        ...(archiver ? [archiver.run(signal, onError)] : []),
        ...(keeper ? [runSubscription({ ...host, name: RECORDS_SUBSCRIPTION, handle: listRecords })] : []),
        ...(witnesses.length > 0 ? [witnessing.run(signal, onError)] : []),
        // On the embedded default there is nobody outside who could read it.
        ...(configuration.kafka ? [publisher.run()] : []),
        ...(outbox
          ? [runSubscription({ ...host, name: 'outbox:incidents', handle: { external: (events) => outbox.handle(events) } })]
          : []),
        ...(changes
          ? [runSubscription({ ...host, name: 'outbox:changes', handle: { external: (events) => changes.handle(events) } })]
          : []),
      ];
    },
  };
  // Otherwise what has failed once would stay so for good, also under a program that can handle the event.
  const resumed = configuration.roles.every((role) => role === 'api')
    ? []
    : [
        resumeFailedSubscriptions(pool).then((names) => {
          if (names.length > 0) logger.warn({ names }, 'What had stopped at an event before this start tries it again.');
        }, onError),
      ];
  const running = [...configuration.roles.flatMap((role) => roles[role]()), ...resumed];
  // Each of these never rejects; one that does is gone until the next start, and the program would go on without it.
  for (const task of running) task.catch(onLost);

  return {
    stop: async () => {
      stop.abort();
      await Promise.allSettled(running);
    },
  };
}
