import { Controller, Get, Header, HttpStatus, Inject, Res } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { CLOCK, Public, type Clock } from '#libs/http';
import { subscriptionStatuses, type SubscriptionStatus } from '#libs/subscriptions';
import { archiveStatus } from './archive/archive-status.ts';
import { ledgerStatus } from './ledger/ledger-status.ts';
import { INFRASTRUCTURE } from './tokens.ts';
import type { Infrastructure } from './infrastructure.ts';
import { Metrics } from './metrics.ts';

interface Readiness {
  readonly status: 'ready' | 'degraded' | 'not-ready';
  readonly checks: Readonly<Record<string, string>>;
  /** What runs by itself and has stopped: each needs a person. */
  readonly failedSubscriptions: readonly { readonly name: string; readonly reason: string }[];
}

/** For whoever runs Plimsoll: is it alive, is it ready, how far has it come. */
@Controller()
@Public()
export class OperationsController {
  constructor(
    @Inject(INFRASTRUCTURE) private readonly infrastructure: Infrastructure,
    @Inject(CLOCK) private readonly clock: Clock,
    private readonly metrics: Metrics,
  ) {}

  @Get('health/live')
  live(): { status: 'live' } {
    return { status: 'live' };
  }

  /**
   * Ready while the stores answer; `degraded` where something that runs by itself has stopped for good. That is 200 all the same: a failure is of the
   * whole deployment, in the database, so that 503 would take every instance out of service at once, and with them the decisions, which are made on
   * streams and not on views. Watch `status`, or the metric plimsoll_subscription_failed.
   */
  @Get('health/ready')
  async ready(@Res({ passthrough: true }) reply: FastifyReply): Promise<Readiness> {
    const checks: Record<string, string> = {};
    const check = async (name: string, ask: () => Promise<unknown>): Promise<void> => {
      try {
        await ask();
        checks[name] = 'ok';
      } catch {
        checks[name] = 'does not answer';
      }
    };
    const { pool, log } = this.infrastructure;
    await Promise.all([check('postgres', () => pool.query('select 1')), check('eventLog', () => log.head())]);
    const ready = Object.values(checks).every((c) => c === 'ok');
    const statuses = ready ? await this.statuses() : [];
    const failedSubscriptions = statuses.flatMap(({ name, failure, state }) =>
      state === 'failed' && failure
        ? [{ name, reason: `${failure.type} at ${failure.stream}@${failure.revision}: ${failure.message}` }]
        : [],
    );
    if (!ready) reply.status(HttpStatus.SERVICE_UNAVAILABLE);
    return { status: !ready ? 'not-ready' : failedSubscriptions.length > 0 ? 'degraded' : 'ready', checks, failedSubscriptions };
  }

  @Get('metrics')
  @Header('content-type', 'text/plain; version=0.0.4; charset=utf-8')
  async prometheus(): Promise<string> {
    this.metrics.subscriptions(await this.statuses());
    const { pool, log } = this.infrastructure;
    this.metrics.ledger(await ledgerStatus(pool, log, this.clock().toISOString()));
    this.metrics.archive(await archiveStatus(pool, log, this.clock().toISOString()));
    return await this.metrics.registry.metrics();
  }

  private statuses(): Promise<readonly SubscriptionStatus[]> {
    return subscriptionStatuses(this.infrastructure.pool, this.infrastructure.log, this.clock().toISOString());
  }
}
