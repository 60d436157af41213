import { Injectable } from '@nestjs/common';
import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';
import type { CommandObserver } from '#libs/cqrs';
import type { SubscriptionStatus } from '#libs/subscriptions';

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
}
