// Drains and ends the process of a slot that is not live. Input: { site, slot?, digest?, drainMs? }; without a slot, the one that is not live.
import { activeRoute, drainAndEnd } from '../lib/blue-green.mjs';
import { changingStep, chooseSlot, numberOf, SLOTS, StepError } from '../lib/step.mjs';

await changingStep(async (step) => {
  const { input, folder, site, remembered, remember, save } = step;
  if (remembered?.result) return remembered.result;
  const drainMs = numberOf(input, 'drainMs', { least: 0, most: 120_000, otherwise: 10_000 });
  const live = activeRoute(folder)?.slot;
  const name = remembered?.slot ?? (input.slot !== undefined || input.digest !== undefined ? chooseSlot(step) : idle(site, live));
  const launchId = remembered?.launchId ?? site.slots[name].launchId;
  remember({ slot: name, launchId }); // run again, it means this very process, not one started in the slot later
  if (site.slots[name].launchId === launchId) {
    if (name === live) throw new StepError(`The slot ${name} is live; traffic has to go elsewhere before it is stopped.`);
    site.slots[name] = { ...site.slots[name], stopped: true };
    save();
  }
  const { pid = null, drained } = await drainAndEnd(folder, name, { launchId }, drainMs);
  const result = { summary: `The slot ${name} is stopped.`, slot: name, pid, drained };
  remember({ result });
  return result;
});

function idle(site, live) {
  const [name, other] = SLOTS.filter((slot) => slot !== live && site.slots[slot]);
  if (name === undefined) throw new StepError('There is no slot to stop.');
  if (other !== undefined) throw new StepError('No slot is live; name the one to stop.');
  return name;
}
