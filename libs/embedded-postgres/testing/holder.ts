import { startEmbeddedPostgres } from '../embedded-postgres.ts';

// A program that holds an embedded Postgres until it is killed: run by the spec in a process of its own.
void startEmbeddedPostgres({ dataDir: process.argv[2]! }).then(
  ({ url, pid, port }) => {
    process.stdout.write(`${JSON.stringify({ url, pid, port })}\n`);
    setInterval(() => undefined, 60_000);
  },
  (error: Error) => {
    process.stdout.write(`${JSON.stringify({ error: error.message })}\n`);
  },
);
