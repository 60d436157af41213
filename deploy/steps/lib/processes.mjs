// Processes by who they are, not only by number: a pid is given to somebody else one day, so it counts only with the time it was started.
import { execFileSync, spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createOnce, readJson } from './files.mjs';

export const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** Waits for a condition. @returns what the condition returned, or undefined where the deadline (ms) came first */
export async function waitFor(condition, deadlineMs, intervalMs = 20) {
  const until = Date.now() + deadlineMs;
  for (;;) {
    const found = await condition();
    if (found) return found;
    if (Date.now() >= until) return undefined;
    await sleep(intervalMs);
  }
}

/** When a process was started: clock ticks since boot on Linux, a date elsewhere; undefined where it is gone, or a zombie. */
export function startedAt(pid) {
  try {
    if (process.platform === 'linux') {
      const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
      const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' '); // the name before it may hold anything
      return fields[0] === 'Z' || fields[0] === 'X' ? undefined : fields[19];
    }
    const [state = '', ...started] = execFileSync('ps', ['-o', 'stat=,lstart=', '-p', String(pid)], { encoding: 'utf8' })
      .trim()
      .split(/\s+/);
    return state === '' || state.startsWith('Z') ? undefined : started.join(' ');
  } catch {
    return undefined;
  }
}

/** What identifies this very process. */
export function self() {
  return { pid: process.pid, startedAt: startedAt(process.pid) };
}

/** Whether the very process that was written down still runs. */
export function isAlive(known) {
  return known?.pid !== undefined && known.startedAt !== undefined && startedAt(known.pid) === known.startedAt;
}

/** Ends a process: SIGTERM, and SIGKILL after the grace (ms). Looks each time that it still is the one meant. @returns whether it is gone */
export async function endProcess(known, graceMs = 3_000) {
  for (const [signal, wait] of [
    ['SIGTERM', graceMs],
    ['SIGKILL', 3_000],
  ]) {
    if (!isAlive(known)) return true;
    try {
      process.kill(known.pid, signal);
    } catch (error) {
      if (error.code !== 'ESRCH') throw error;
    }
    if (await waitFor(() => !isAlive(known), wait)) return true;
  }
  return !isAlive(known);
}

/*
 * A launch: a process that outlives the program that starts it, and is started once although that program may be killed at any moment and run
 * again. The launch gets an id that is written down before anything is started; the new process claims that id (`createOnce`) before it does
 * anything else, and ends where it finds it claimed. So of any number of processes started under one id, one serves.
 */

const claimPath = (folder, launchId) => join(folder, 'launches', `${launchId}.json`);

/** Called first by a launched process: it goes on only where it is the launch's one process. */
export function claimLaunch(facts) {
  const claim = process.env.PLIMSOLL_LAUNCH_CLAIM;
  if (claim === undefined) throw new Error('This process was not launched by a step: PLIMSOLL_LAUNCH_CLAIM is not set.');
  if (!createOnce(claim, JSON.stringify({ ...self(), ...facts }))) process.exit(0);
}

/** The process of a launch: who it is and what it said of itself; undefined while nobody has claimed it. */
export function claimOf(folder, launchId) {
  return readJson(claimPath(folder, launchId));
}

/** Makes sure that nobody can claim the launch any more. @returns the claim of the process that came first, if one did */
export function abandonLaunch(folder, launchId) {
  return createOnce(claimPath(folder, launchId), JSON.stringify({ abandoned: true })) ? undefined : claimOf(folder, launchId);
}

/**
 * Starts the launch's process unless it has one. @returns its claim, whether that process still runs or not
 * @throws where the process ended before it claimed the launch, or did not within ten seconds
 */
export async function ensureLaunched({ folder, launchId, args, env, logFile, cwd }) {
  const claimed = claimOf(folder, launchId);
  if (claimed) return claimed;
  const log = openSync(logFile, 'a', 0o600);
  const child = spawn(process.execPath, args, {
    cwd,
    detached: true, // a session of its own: it stays when the step's process group is ended
    stdio: ['ignore', log, log],
    env: { PATH: process.env.PATH, ...env, PLIMSOLL_LAUNCH_CLAIM: claimPath(folder, launchId) },
  });
  closeSync(log);
  let ended = false;
  child.once('exit', () => (ended = true));
  child.once('error', () => (ended = true));
  child.unref();
  const claim = await waitFor(() => claimOf(folder, launchId) ?? (ended ? { never: true } : undefined), 10_000, 10);
  if (claim && !claim.never) return claim;
  throw new Error(`The process did not come up: ${tailOf(logFile)}`);
}

/** The end of a log, for a sentence. */
export function tailOf(logFile) {
  try {
    return readFileSync(logFile, 'utf8').trim().slice(-300) || 'it left no word';
  } catch {
    return 'it left no word';
  }
}
