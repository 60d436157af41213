import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { Logger } from 'pino';
import { runView } from '#libs/read-models';
import type { Configuration } from './configuration.ts';
import type { Infrastructure } from './infrastructure.ts';
import { views } from './read-models.ts';

export interface Workers {
  /** Finishes what is in hand and lets leases go. */
  stop(): Promise<void>;
}

/** Starts what runs by itself in the configured roles. Every worker may run beside others of its kind: leases keep them apart. */
export function startWorkers(
  configuration: Configuration,
  infrastructure: Infrastructure,
  app: NestFastifyApplication,
  logger: Logger,
): Workers {
  void app;
  const stop = new AbortController();
  const running: Promise<unknown>[] = [];
  const { log, codec, pool, registry } = infrastructure;
  const onError = (error: unknown): void => logger.warn({ err: error }, 'A subscription was interrupted.');
  if (configuration.roles.includes('projector')) {
    for (const view of views) running.push(runView({ view, log, codec, pool, registry, signal: stop.signal, onError }));
  }
  return {
    stop: async () => {
      stop.abort();
      await Promise.all(running);
    },
  };
}
