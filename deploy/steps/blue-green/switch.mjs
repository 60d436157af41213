// Sends the site's traffic to a slot. Input: { site, slot?, digest? }; without either, to the slot that this deployment started.
import { control, processOf, runningProxy } from '../lib/blue-green.mjs';
import { changingStep, chooseSlot, fenced, StepError } from '../lib/step.mjs';

await changingStep(async (step) => {
  const { input, folder, site, key, fencingToken, remembered, remember } = step;
  const name = remembered?.slot ?? chooseSlot(step);
  remember({ slot: name }); // run again, it means the same slot
  const slot = site.slots[name];
  const done = remembered?.result;
  if (done) return done;
  if (!processOf(folder, slot)) throw new StepError(`The process of the slot ${name} does not run; traffic stays where it is.`);
  const { status, body } = await control(folder, 'POST', '/route', { slot: name, port: slot.port, digest: slot.digest, fencingToken, key });
  if (status === 409) throw fenced(fencingToken, body.fencingToken);
  if (status !== 200) throw new StepError(`The proxy refused the route with status ${status}: ${body.detail}`);
  const { port: proxyPort } = runningProxy(folder) ?? {};
  const result = { summary: `Traffic of ${input.site} goes to the slot ${name}.`, ...body, proxyPort };
  remember({ result });
  return result;
});
