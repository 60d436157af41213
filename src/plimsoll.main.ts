import { ConfigurationError, readConfiguration } from './configuration.ts';
import { guardProcess } from './last-resort.ts';
import { createLogger } from './logging.ts';
import { startPlimsoll, type Plimsoll } from './plimsoll.ts';

const HELP = `Plimsoll: a release-governance control plane.

Usage: npm start            everything in one process, on an embedded Postgres
       node dist/src/plimsoll.main.js [--help]

Configured by environment variables; README.md lists them. Exit codes: 0 stopped when told to, 1 failed, 2 the configuration is wrong.`;

if (process.argv.includes('--help')) {
  console.log(HELP);
  process.exit(0);
}

try {
  const configuration = readConfiguration(process.env);
  const logger = createLogger(configuration.logLevel);
  const started: { plimsoll?: Plimsoll } = {};
  const guard = guardProcess({ process, log: logger, stop: async () => await started.plimsoll?.stop() });
  const onLost = (error: unknown): void => guard.end(error, 'A task that runs by itself has ended by an error.');
  const plimsoll = await startPlimsoll(configuration, { logger, onLost });
  started.plimsoll = plimsoll;
  console.log(
    `Plimsoll is ready on ${plimsoll.url}\n  API page      ${plimsoll.url}/docs\n  health        ${plimsoll.url}/health/ready\n  metrics       ${plimsoll.url}/metrics`,
  );
  let stopping = false;
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    // Not once: a terminal tells the whole group, and npm tells again; the second time must not cut the first one short.
    process.on(signal, () => {
      if (!stopping) console.log(`Stopping on ${signal}.`);
      stopping = true;
      plimsoll.stop().then(
        () => process.exit(0),
        (error: unknown) => {
          console.error(error);
          process.exit(1);
        },
      );
    });
  }
} catch (error) {
  if (error instanceof ConfigurationError) {
    console.error(error.message);
    process.exit(2);
  }
  console.error(error);
  process.exit(1);
}
