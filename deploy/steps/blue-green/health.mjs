// Waits until a slot answers 200. Input: { site, slot?, path?, deadlineMs? }. It changes nothing; each run looks anew.
import { processOf } from '../lib/blue-green.mjs';
import { sleep } from '../lib/processes.mjs';
import { ask } from '../lib/requests.mjs';
import { chooseSlot, numberOf, readingStep, StepError } from '../lib/step.mjs';

await readingStep(async (step) => {
  const { input, folder, site } = step;
  const name = chooseSlot(step);
  const slot = site.slots[name];
  const until = Date.now() + numberOf(input, 'deadlineMs', { least: 1, most: 240_000, otherwise: 30_000 });
  const { path = '/' } = input;
  if (typeof path !== 'string' || !path.startsWith('/')) throw new StepError('"path" begins with a slash.');
  let last = 'it was not asked';
  while (Date.now() < until) {
    if (!processOf(folder, slot)) throw new StepError(`The process of the slot ${name} does not run.`);
    const left = Math.max(1, Math.min(2_000, until - Date.now()));
    const answer = await ask({ port: slot.port, path, timeoutMs: left }).catch((error) => ({
      error: error.code ?? error.name,
    }));
    if (answer.status === 200) {
      const digestObserved = answer.headers['x-plimsoll-digest'] ?? null;
      return { summary: `The slot ${name} answers 200.`, slot: name, port: slot.port, digestObserved };
    }
    last = answer.error ? `no answer (${answer.error})` : `status ${answer.status}`;
    await sleep(Math.min(100, Math.max(0, until - Date.now())));
  }
  throw new StepError(`The slot ${name} did not answer 200 in time; the last try: ${last}.`);
});
