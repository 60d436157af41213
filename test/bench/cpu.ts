import { readdirSync, readFileSync } from 'node:fs';

/** Linux counts in hundredths of a second, whatever the kernel's own clock does. */
const TICKS_A_SECOND = 100;

/**
 * Seconds of processor time that a process and its children have used, those that have ended included; undefined where there is no /proc.
 * What work costs hardly depends on who else is at work, as the time that it takes does.
 */
export function cpuSeconds(pid: number): number | undefined {
  const root = timesOf(pid);
  if (!root) return undefined;
  let ticks = root.own + root.ended;
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    const times = timesOf(Number(name));
    if (times?.parent === pid) ticks += times.own + times.ended;
  }
  return ticks / TICKS_A_SECOND;
}

function timesOf(pid: number): { readonly parent: number; readonly own: number; readonly ended: number } | undefined {
  let stat: string;
  try {
    stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  } catch {
    return undefined;
  }
  // proc_pid_stat(5): the name, which may hold anything, stands in parentheses; state is the first field after it.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const [parent, user, system, endedUser, endedSystem] = [1, 11, 12, 13, 14].map((i) => Number(fields[i])) as [
    number,
    number,
    number,
    number,
    number,
  ];
  return { parent, own: user + system, ended: endedUser + endedSystem };
}

/** What this process has taken of processors since, seconds. */
export function ownCpuSeconds(before: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1e6;
}
