// Makes sure that the site's proxy runs. Input: { site, port? }. It keeps its port and its route when it has to be started again.
import { randomBytes, randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { control, runningProxy } from '../lib/blue-green.mjs';
import { createOnce, readJson } from '../lib/files.mjs';
import { abandonLaunch, ensureLaunched, isAlive, tailOf, waitFor } from '../lib/processes.mjs';
import { changingStep, numberOf, StepError } from '../lib/step.mjs';

const program = fileURLToPath(new URL('../lib/blue-green-proxy.mjs', import.meta.url));

await changingStep(async ({ input, folder, site, save }) => {
  const wanted = numberOf(input, 'port', { least: 0, most: 65_535, otherwise: 0 });
  createOnce(join(folder, 'control-token'), randomBytes(32).toString('base64url'));
  const running = runningProxy(folder);
  if (running) {
    if (wanted !== 0 && running.port !== wanted) throw new StepError(`The proxy of this site runs on port ${running.port}, not ${wanted}.`);
    return told(folder, running);
  }

  const port = wanted || (readJson(join(folder, 'proxy.json'))?.port ?? 0);
  const logFile = join(folder, 'proxy.log');
  for (let attempt = 1; attempt <= 2; attempt += 1) {
    if (site.proxy === undefined || attempt > 1) {
      site.proxy = { launchId: randomUUID(), port };
      save(); // before it is started: run again, this program takes the same launch
    }
    const env = { PLIMSOLL_PROXY_FOLDER: folder, PLIMSOLL_PROXY_PORT: String(site.proxy.port) };
    const claim = await ensureLaunched({ folder, launchId: site.proxy.launchId, args: [program], env, logFile, cwd: folder });
    const proxy = await waitFor(() => runningProxy(folder) ?? (isAlive(claim) ? undefined : { died: true }), 10_000);
    if (proxy && !proxy.died) return told(folder, proxy);
    abandonLaunch(folder, site.proxy.launchId);
  }
  throw new StepError(`The proxy did not come up: ${tailOf(logFile)}`);
});

async function told(folder, { pid, startedAt, port, controlPort }) {
  const { status } = await control(folder, 'GET', '/health');
  if (status !== 200) throw new StepError(`The proxy's control answers ${status}.`);
  return { summary: `The proxy runs on port ${port}.`, pid, startedAt, port, controlPort };
}
