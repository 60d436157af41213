import type { LoggerService } from '@nestjs/common';
import type { Logger } from 'pino';

/** Nest's log lines as pino's. Nest's tales of modules and routes at start are for debugging. */
export function nestLogger(logger: Logger): LoggerService {
  const quiet = new Set(['InstanceLoader', 'RoutesResolver', 'RouterExplorer', 'NestFactory', 'NestApplication']);
  const write =
    (level: 'error' | 'warn' | 'info' | 'debug') =>
    (message: unknown, ...rest: unknown[]): void => {
      const context = typeof rest.at(-1) === 'string' ? (rest.at(-1) as string) : undefined;
      const at = level === 'info' && context && quiet.has(context) ? 'debug' : level;
      if (message instanceof Error) logger[at]({ err: message, context });
      else logger[at]({ context, ...(level === 'error' && rest.length > 1 ? { stack: rest[0] } : {}) }, String(message));
    };
  return { log: write('info'), error: write('error'), warn: write('warn'), debug: write('debug'), verbose: write('debug') };
}
