import type { LoggerService } from '@nestjs/common';
import pino, { type DestinationStream, type Logger } from 'pino';
import { visible } from '#libs/contracts';

/** Writes JSON, a line for each entry, to stdout unless told; what would break, colour or turn round a line is escaped. */
export function createLogger(level: string, destination?: DestinationStream): Logger {
  const streamWrite = (line: string): string => (line.endsWith('\n') ? `${visible(line.slice(0, -1))}\n` : visible(line));
  const options = { level, redact: ['req.headers.authorization'], hooks: { streamWrite } };
  return destination ? pino(options, destination) : pino(options);
}

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
