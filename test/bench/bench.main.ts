import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { appendBench } from './append.bench.ts';
import { backtestBench } from './backtest.bench.ts';
import { commandsBench } from './commands.bench.ts';
import { complianceBench } from './compliance.bench.ts';
import { lagBench } from './lag.bench.ts';
import { ledgerBench } from './ledger.bench.ts';
import { describeMachine, loadAverage } from './machine.ts';
import { projectionBench } from './projection.bench.ts';
import { printReport, type BenchOptions, type BenchReport } from './report.ts';
import { verifyBench } from './verify.bench.ts';

const HELP = `Measures Plimsoll on this machine; asserts nothing.

Usage: npm run bench -- [--quick] [--json] [--only append,commands,projection,lag,verify,ledger,backtest,compliance] [--folder DIR]

  --quick    a short run, to see that the benches work; its figures say little
  --json     the report as JSON on standard output, progress on standard error
  --only     these benches alone
  --folder   where databases are made and removed again; the system's temporary folder unless told. A RAM disk would flatter.`;

const benches: Readonly<Record<string, (folder: string, options: BenchOptions) => Promise<BenchReport>>> = {
  append: appendBench,
  commands: commandsBench,
  projection: projectionBench,
  lag: lagBench,
  verify: verifyBench,
  backtest: backtestBench,
  compliance: complianceBench,
  ledger: ledgerBench,
};

const { values } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
    only: { type: 'string', default: Object.keys(benches).join(',') },
    folder: { type: 'string', default: tmpdir() },
    help: { type: 'boolean', default: false },
  },
});
const chosen = values.only.split(',').map((name) => name.trim());
const unknown = chosen.filter((name) => !Object.hasOwn(benches, name));
if (values.help || unknown.length > 0) {
  console.log(unknown.length > 0 ? `There is no bench ${unknown.join(', ')}.\n\n${HELP}` : HELP);
  process.exit(values.help ? 0 : 2);
}

const folder = mkdtempSync(join(values.folder, 'plimsoll-bench-'));
// The embedded Postgres may run as another user, who has to get in.
process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
for (const [signal, code] of [
  ['SIGINT', 130],
  ['SIGTERM', 143],
] as const)
  process.once(signal, () => process.exit(code));
const say = values.json ? console.error : console.log;

const machine = describeMachine(folder);
say(
  `${machine.cores} cores (${machine.cpu}), ${machine.memoryGb} GB, ${machine.platform}, Node ${machine.node}; ` +
    `a flush to disk takes ${machine.flushMs.toFixed(2)} ms; JSON.parse ${machine.parseMbPerSecond.toFixed(0)} MB/s, SHA-256 of 1 KB ${machine.sha256Us.toFixed(1)} µs; ` +
    `load average ${machine.loadAverage.map((n) => n.toFixed(2)).join(', ')}`,
);
const reports: (BenchReport & { readonly loadAverage: readonly number[] })[] = [];
for (const name of chosen) {
  // Of the minute before: it says whether the machine had something else to do.
  const before = loadAverage();
  const report = await benches[name]!(folder, { quick: values.quick, progress: (line) => console.error(`… ${line}`) });
  reports.push({ ...report, loadAverage: before });
  say(printReport({ ...report, notes: [...report.notes, `load average before: ${before.map((n) => n.toFixed(2)).join(', ')}`] }));
}
if (values.json) console.log(JSON.stringify({ at: new Date().toISOString(), quick: values.quick, machine, reports }, null, 2));
