// Starts a version of a service in the slot that is not live.
// Input: { site, service, package, digest, port?, slot?, fault?: { share, afterRequests? } }.
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { activeRoute, drainAndEnd, freePort, processOf } from '../lib/blue-green.mjs';
import { ensureLaunched, endProcess, isAlive, tailOf } from '../lib/processes.mjs';
import { launcherOf, root } from '../lib/services.mjs';
import { changingStep, numberOf, SLOTS, StepError } from '../lib/step.mjs';

await changingStep(async ({ input, folder, site, save, deployment, remembered, remember }) => {
  const launcher = launcherOf(input);
  const wantedPort = numberOf(input, 'port', { least: 0, most: 65_535, otherwise: 0 });
  const live = activeRoute(folder)?.slot;
  const name = remembered?.slot ?? slotFor(input, live);
  const before = site.slots[name];
  const again = remembered !== undefined;
  if (again && before?.launchId !== remembered.launchId)
    throw new StepError(`This step was taken before; since then the slot ${name} was given to another start.`);

  const what = { package: input.package, digest: input.digest, fault: input.fault ?? null };
  const same =
    before &&
    before.stopped !== true &&
    Object.entries(what).every(([fact, value]) => JSON.stringify(before[fact]) === JSON.stringify(value));
  const running = processOf(folder, before);
  if (same && running && (wantedPort === 0 || running.port === wantedPort)) {
    site.slots[name] = { ...before, deployment };
    remember({ slot: name, launchId: before.launchId });
    return told(name, site.slots[name], running);
  }
  if (again && before.stopped === true) throw new StepError(`This step was taken before; since then the slot ${name} was stopped.`);
  // What is not live gets no traffic: it makes room. (Run again for a start whose process has died, there is nothing to end.)
  if (before && !(again && same)) await drainAndEnd(folder, name, before, 10_000);

  const logFile = join(folder, `${name}.log`);
  // An unclaimed launch of this very step goes on; a process that has died needs a new one, on the port that the proxy may know.
  const resumed = again && same ? before : undefined;
  let slot = resumed ?? (await newLaunch());
  for (let attempt = 1; ; attempt += 1) {
    site.slots[name] = slot;
    remember({ slot: name, launchId: slot.launchId }); // before it is started: run again, this program takes the same launch
    const env = { ...launcher.env, PLIMSOLL_LAUNCH_PORT: String(slot.port) };
    const claim = await ensureLaunched({ folder, launchId: slot.launchId, args: launcher.args(slot.port), env, logFile, cwd: root });
    if (isAlive(claim)) {
      if (claim.digest !== input.digest) {
        await endProcess(claim);
        throw new StepError(`What came up is ${claim.digest}, not ${input.digest}; it was ended.`);
      }
      slot = { ...slot, pid: claim.pid, startedAt: claim.startedAt };
      site.slots[name] = slot;
      save();
      return told(name, slot, claim);
    }
    if (attempt === 2) throw new StepError(`The service ended at once: ${tailOf(logFile)}`);
    slot = await newLaunch(slot.port);
  }

  async function newLaunch(preferredPort) {
    const port = await freePort(wantedPort || preferredPort);
    if (wantedPort !== 0 && port !== wantedPort) throw new StepError(`The port ${wantedPort} is taken.`);
    return { ...what, deployment, launchId: randomUUID(), port, launchedAt: new Date().toISOString() };
  }
});

function slotFor(input, live) {
  if (input.slot === undefined) return live === SLOTS[0] ? SLOTS[1] : SLOTS[0];
  if (!SLOTS.includes(input.slot)) throw new StepError('The slot is blue or green.');
  if (input.slot === live) throw new StepError(`The slot ${live} is live; what gets traffic is not replaced.`);
  return input.slot;
}

function told(name, slot, claim) {
  const { pid, startedAt, port, digest } = claim;
  return { summary: `${slot.package} runs in the slot ${name} on port ${port}.`, slot: name, pid, startedAt, port, digest };
}
