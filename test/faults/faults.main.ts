import 'reflect-metadata';
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { HELP, readOptions, type Options } from './options.ts';
import { Random } from './random.ts';
import { isSound, printFigures, summarise } from './report.ts';
import { runVariant, type VariantRun } from './run-variant.ts';
import type { Program } from './server.ts';

const options = read();
const root = resolve(import.meta.dirname, '../../..');
const program: Program = {
  main: join(root, 'dist/src/plimsoll.main.js'),
  faultPoints: pathToFileURL(join(import.meta.dirname, 'fault-points.js')).href,
  steps: join(root, 'test/faults/steps'),
};

const folder = mkdtempSync(join(tmpdir(), 'plimsoll-faults-'));
// The embedded Postgres may run as another user, who has to get in.
chmodSync(folder, 0o755);
if (!options.keep) process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1));

const say = (line: string): void => console.error(line);
say(
  `Seed ${options.seed}: repeat this choice of kills with --kills ${options.kills} --seed ${options.seed}.${options.keep ? ` Logs: ${folder}` : ''}`,
);
const random = new Random(options.seed);
const runs: VariantRun[] = [];
for (const [n, variant] of options.variants.entries()) {
  const kills = Math.ceil((options.kills - n) / options.variants.length);
  if (kills > 0) runs.push(await runVariant({ variant, kills, random: random.split(), program, folder: join(folder, variant), say }));
}
const summary = summarise(options.seed, runs);
if (options.json) console.log(JSON.stringify(summary, undefined, 2));
else printFigures(summary);
process.exit(isSound(summary) ? 0 : 1);

function read(): Options {
  try {
    const options = readOptions(process.argv.slice(2));
    if (options !== 'help') return options;
    console.log(HELP);
    process.exit(0);
  } catch (error) {
    console.error(`${(error as Error).message}\n\n${HELP}`);
    process.exit(2);
  }
}
