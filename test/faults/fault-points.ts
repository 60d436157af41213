import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { Client } from 'pg';

/**
 * Loaded before the program by `node --import`: has the process kill itself at a chosen statement, by SIGKILL, so that nothing of its own
 * runs any more. Does nothing unless `PLIMSOLL_FAULT_POINTS` names a file. On SIGUSR2 that file is read and removed; it says
 * `<statement>:<phase>:<n>`:
 * - statement: the name of a prepared statement, or the text of another one (`commit`);
 * - phase: `before` it is sent, `during` (sent, and nobody hears the answer), `after` (answered, and nobody is told);
 * - n: the how manieth from then on, from 1.
 * The process leaves the same line in `<file>.died` when it dies there.
 */
const file = process.env.PLIMSOLL_FAULT_POINTS;
if (file) {
  const armed = watchStatements(`${file}.died`);
  process.on('SIGUSR2', () => {
    const [, statement, phase, nth] = /^([^:]+):(before|during|after):([1-9]\d*)$/.exec(readFileSync(file, 'utf8').trim()) ?? [];
    rmSync(file);
    if (statement) armed({ statement, phase: phase as Phase, left: Number(nth) });
  });
}

export const PHASES = ['before', 'during', 'after'] as const;
export type Phase = (typeof PHASES)[number];

interface FaultPoint {
  readonly statement: string;
  readonly phase: Phase;
  left: number;
}

type Query = (this: Client, ...args: unknown[]) => unknown;

/** @returns takes the point at which to die */
function watchStatements(report: string): (point: FaultPoint) => void {
  const prototype = Client.prototype as unknown as { query: Query };
  const original = prototype.query;
  let point: FaultPoint | undefined;
  prototype.query = function (...args) {
    if (!point || statementOf(args[0]) !== point.statement || --point.left !== 0) return original.apply(this, args);
    const { phase } = point;
    if (phase === 'before') die();
    const callback = args.at(-1);
    if (phase === 'after' && typeof callback === 'function') args[args.length - 1] = die;
    const answer = original.apply(this, args);
    if (phase === 'after' && answer instanceof Promise) return answer.finally(die);
    // The statement is written to the socket in this turn; what the server makes of it nobody will hear.
    if (phase === 'during') setImmediate(die);
    return answer;
  };
  return (chosen) => (point = chosen);

  function die(): void {
    if (!existsSync(report)) writeFileSync(report, point ? `${point.statement}:${point.phase}` : '');
    process.kill(process.pid, 'SIGKILL');
    // The signal is on its way; nothing of the program may run until it is there.
    for (;;) existsSync(report);
  }
}

function statementOf(query: unknown): string | undefined {
  if (typeof query === 'string') return query;
  if (typeof query !== 'object' || query === null) return undefined;
  const { name, text } = query as { name?: string; text?: string };
  return name ?? text;
}
