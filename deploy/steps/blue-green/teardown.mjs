// Takes a site down: ends both slots and the proxy. Input: { site }. What was measured and decided stays in the folder.
import { activeRoute, drainAndEnd, runningProxy } from '../lib/blue-green.mjs';
import { abandonLaunch, endProcess } from '../lib/processes.mjs';
import { changingStep, SLOTS, StepError } from '../lib/step.mjs';

await changingStep(async ({ folder, site, save, remembered, remember }) => {
  if (remembered?.result) return remembered.result;
  const live = activeRoute(folder)?.slot;
  const proxy = runningProxy(folder);
  const ended = {};
  // First the proxy: whoever asks then gets no connection, rather than an error of a service that goes away.
  if (site.proxy) abandonLaunch(folder, site.proxy.launchId);
  if (proxy && !(await endProcess(proxy))) throw new StepError(`The proxy's process ${proxy.pid} does not end.`);
  if (proxy) ended.proxy = proxy.pid;
  for (const name of SLOTS.filter((slot) => site.slots[slot])) {
    site.slots[name] = { ...site.slots[name], stopped: true };
    save();
    const { pid } = await drainAndEnd(folder, name, site.slots[name], 0);
    if (pid !== undefined) ended[name] = pid;
  }
  const result = { summary: 'The site is down.', wasLive: live ?? null, ended };
  remember({ result });
  return result;
});
