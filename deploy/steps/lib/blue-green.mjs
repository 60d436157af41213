// What the programs of blue-green share: the proxy as seen by its steps, and the end of a slot's process.
import { readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { readJson } from './files.mjs';
import { abandonLaunch, claimOf, endProcess, isAlive, waitFor } from './processes.mjs';
import { ask } from './requests.mjs';
import { StepError } from './step.mjs';

/** Where the site's proxy sends its traffic; undefined while it sends it nowhere. */
export function activeRoute(folder) {
  return readJson(join(folder, 'route.json'))?.route;
}

/** Who the site's proxy is: { pid, startedAt, port, controlPort }; undefined where it does not run. */
export function runningProxy(folder) {
  const proxy = readJson(join(folder, 'proxy.json'));
  return isAlive(proxy) ? proxy : undefined;
}

/** Asks the proxy's control endpoint. @returns {Promise<{ status: number, body: object }>} */
export async function control(folder, method, path, body) {
  const proxy = runningProxy(folder);
  if (!proxy) throw new StepError('The proxy of this site does not run; the step blue-green/proxy starts it.');
  const headers = { authorization: `Bearer ${readFileSync(join(folder, 'control-token'), 'utf8')}`, 'content-type': 'application/json' };
  const answer = await ask({ port: proxy.controlPort, method, path, headers, body: body && JSON.stringify(body), timeoutMs: 5_000 });
  return { status: answer.status, body: JSON.parse(answer.body) };
}

/** The process that runs in a slot; undefined where none does. */
export function processOf(folder, slot) {
  const claim = slot && claimOf(folder, slot.launchId);
  return isAlive(claim) ? claim : undefined;
}

/** Lets the slot's requests end, then its process. @returns {Promise<{ pid?: number, drained: boolean }>} */
export async function drainAndEnd(folder, name, slot, drainMs) {
  const claim = abandonLaunch(folder, slot.launchId); // one that is only just coming up must not come up later
  if (!isAlive(claim)) return { pid: claim?.pid, drained: true };
  const drained = runningProxy(folder)
    ? await waitFor(async () => {
        if (!runningProxy(folder)) return true;
        const { body } = await control(folder, 'GET', '/route');
        return (body.inFlight[name] ?? 0) === 0;
      }, drainMs)
    : true;
  if (!(await endProcess(claim))) throw new StepError(`The process ${claim.pid} of the slot ${name} does not end.`);
  return { pid: claim.pid, drained: drained === true };
}

/** A port that is free now: the one preferred, if it is. */
export async function freePort(preferred) {
  const attempt = (port) =>
    new Promise((resolve) => {
      const server = createServer();
      server.once('error', () => resolve(undefined));
      server.listen(port, '127.0.0.1', () => {
        const { port: got } = server.address();
        server.close(() => resolve(got));
      });
    });
  return (preferred && (await attempt(preferred))) || attempt(0);
}
