import { Injectable } from '@nestjs/common';
import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';
import type { CommandObserver } from '#libs/cqrs';
import type { SubscriptionStatus } from '#libs/subscriptions';
import type { ArchiveStatus } from './archive/archive-status.ts';
import type { LedgerStatus } from './ledger/ledger-status.ts';

/** What Plimsoll says of itself to Prometheus. */
@Injectable()
export class Metrics implements CommandObserver {
  readonly registry = new Registry();
  private readonly commands = new Histogram({
    name: 'plimsoll_command_duration_seconds',
    help: 'Time from the bus to the answer of the event log, by command and outcome.',
    labelNames: ['command', 'outcome'],
    buckets: [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5, 1, 5],
    registers: [this.registry],
  });
  private readonly lag = new Gauge({
    name: 'plimsoll_subscription_lag_seconds',
    help: 'Age of the oldest event that a subscription has not handled; 0 when it has caught up.',
    labelNames: ['subscription'],
    registers: [this.registry],
  });
  private readonly failed = new Gauge({
    name: 'plimsoll_subscription_failed',
    help: '1 where a subscription stopped itself at an event and waits for a person.',
    labelNames: ['subscription'],
    registers: [this.registry],
  });
  private readonly unanchoredEvents = new Gauge({
    name: 'plimsoll_ledger_unanchored_events',
    help: 'Leaves of the ledger that are under no signed checkpoint: now, and the most there ever were.',
    labelNames: ['window'],
    registers: [this.registry],
  });
  private readonly unanchoredSeconds = new Gauge({
    name: 'plimsoll_ledger_unanchored_seconds',
    help: 'Age of the oldest event that is under no signed checkpoint: now, and the oldest there ever was.',
    labelNames: ['window'],
    registers: [this.registry],
  });
  private readonly refusesToSign = new Gauge({
    name: 'plimsoll_ledger_refuses_to_sign',
    help: '1 where the ledger was lost, changed or forked and nothing is signed; GET /v1/ledger says why.',
    registers: [this.registry],
  });
  private readonly unwitnessedEvents = new Gauge({
    name: 'plimsoll_ledger_unwitnessed_events',
    help: "Leaves under the log's own signature that a witness has not signed yet.",
    labelNames: ['witness'],
    registers: [this.registry],
  });
  private readonly witnessRefuses = new Gauge({
    name: 'plimsoll_ledger_witness_refuses',
    help: '1 where a witness does not sign and is not merely away: GET /v1/ledger says why.',
    labelNames: ['witness'],
    registers: [this.registry],
  });
  private readonly unarchivedEvents = new Gauge({
    name: 'plimsoll_archive_unarchived_events',
    help: 'Events under a signed checkpoint that are not archived and read back.',
    registers: [this.registry],
  });
  private readonly archiveAlarm = new Gauge({
    name: 'plimsoll_archive_alarm',
    help: '1 where the archive is damaged, is of another log, or the log is not what was signed; GET /v1/governance/archive says why.',
    registers: [this.registry],
  });
  private readonly strays = new Gauge({
    name: 'plimsoll_event_log_stray_events',
    help: 'Events that somebody appended around Plimsoll, in a form that it never writes; GET /v1/ledger names the last.',
    registers: [this.registry],
  });
  readonly alarms = new Counter({
    name: 'plimsoll_event_log_alarms_total',
    help: 'Things in the event log that must not happen, such as metadata on our streams.',
    registers: [this.registry],
  });

  constructor() {
    collectDefaultMetrics({ register: this.registry });
  }

  observed(command: string, outcome: string, seconds: number): void {
    this.commands.observe({ command, outcome }, seconds);
  }

  subscriptions(statuses: readonly SubscriptionStatus[]): void {
    for (const { name, lagSeconds, state } of statuses) {
      this.lag.set({ subscription: name }, lagSeconds);
      this.failed.set({ subscription: name }, state === 'failed' ? 1 : 0);
    }
  }

  archive({ signedTo, verifiedTo, alarm }: ArchiveStatus): void {
    this.unarchivedEvents.set(Math.max(0, signedTo - verifiedTo));
    this.archiveAlarm.set(alarm ? 1 : 0);
  }

  ledger(status: LedgerStatus): void {
    this.unanchoredEvents.set({ window: 'now' }, status.unanchoredEvents);
    this.unanchoredEvents.set({ window: 'largest' }, status.largestUnanchoredEvents);
    this.unanchoredSeconds.set({ window: 'now' }, status.unanchoredSeconds);
    this.unanchoredSeconds.set({ window: 'largest' }, status.largestUnanchoredSeconds);
    this.refusesToSign.set(status.alarm ? 1 : 0);
    this.strays.set(status.strays);
    for (const { verifier, size, problem } of status.witnesses) {
      const labels = { witness: verifier.slice(0, verifier.indexOf('+')) };
      this.unwitnessedEvents.set(labels, Math.max(0, status.signedSize - size));
      this.witnessRefuses.set(labels, problem && problem.code !== 'away' ? 1 : 0);
    }
  }
}
