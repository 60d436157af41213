import 'reflect-metadata';
import type { AddressInfo } from 'node:net';
import { NestFactory } from '@nestjs/core';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { Logger } from 'pino';
import { createFastifyAdapter, setupHttpEdge, setupOpenApi, type Clock } from '#libs/http';
import { expressionHost } from '#libs/policy';
import { AppModule } from './app.module.ts';
import type { Configuration } from './configuration.ts';
import { openInfrastructure, type Infrastructure } from './infrastructure.ts';
import { createLogger, nestLogger } from './logging.ts';
import { startWorkers } from './workers.ts';

export interface Plimsoll {
  /** `http://host:port` */
  readonly url: string;
  readonly app: NestFastifyApplication;
  readonly infrastructure: Infrastructure;
  /** Finishes what is in hand, lets leases and connections go. May be called again. */
  stop(): Promise<void>;
}

export interface StartOptions {
  /** Server time; the system's unless told. */
  readonly clock?: Clock;
  readonly logger?: Logger;
  /** Told of a task that ran by itself and is gone until the next start. */
  readonly onLost?: (error: unknown) => void;
}

/** Starts Plimsoll in the roles that the configuration names; resolves when it answers. */
export async function startPlimsoll(configuration: Configuration, options: StartOptions = {}): Promise<Plimsoll> {
  const logger = options.logger ?? createLogger(configuration.logLevel);
  const infrastructure = await openInfrastructure(configuration, logger);
  try {
    const app = await NestFactory.create<NestFastifyApplication>(
      AppModule.of(configuration, infrastructure, options.clock),
      createFastifyAdapter(),
      {
        logger: nestLogger(logger),
        abortOnError: false,
        bodyParser: false,
      },
    );
    await setupHttpEdge(app);
    setupOpenApi(app);
    await app.listen(configuration.port, configuration.host);
    const workers = startWorkers(configuration, infrastructure, app, logger, (error) => {
      logger.error({ err: error }, 'A task that runs by itself has ended by an error.');
      options.onLost?.(error);
    });
    const { address, family, port } = app.getHttpServer().address() as AddressInfo;
    let stopping: Promise<void> | undefined;
    const stop = async (): Promise<void> => {
      await workers.stop();
      await app.close();
      await expressionHost.close();
      await infrastructure.close();
    };
    return {
      url: `http://${family === 'IPv6' ? `[${address}]` : address}:${port}`,
      app,
      infrastructure,
      stop: () => (stopping ??= stop()),
    };
  } catch (error) {
    await infrastructure.close();
    throw error;
  }
}
