// Asks a slot a few things through its own port, before traffic comes to it.
// Input: { site, slot?, checks?: [{ name, method?, path, expectStatus, expectBodyIncludes?, expectHeader?: { name, value } }] }.
import { processOf } from '../lib/blue-green.mjs';
import { ask } from '../lib/requests.mjs';
import { chooseSlot, readingStep, StepError } from '../lib/step.mjs';

const USUAL = [
  { name: 'the front page is served', path: '/', expectStatus: 200 },
  { name: 'what is not there is not found', path: '/no-such-page', expectStatus: 404 },
];

await readingStep(async (step) => {
  const { input, folder, site } = step;
  const name = chooseSlot(step);
  const slot = site.slots[name];
  if (!processOf(folder, slot)) throw new StepError(`The process of the slot ${name} does not run.`);
  const checks = input.checks ?? USUAL;
  if (!Array.isArray(checks) || checks.length === 0 || checks.length > 50) throw new StepError('A smoke test has 1 to 50 checks.');

  const results = [];
  const digests = new Set();
  for (const check of checks) {
    const { method = 'GET', path } = check;
    if (!['GET', 'HEAD'].includes(method) || typeof path !== 'string' || !path.startsWith('/'))
      throw new StepError('A check is a GET or HEAD of a path.');
    const answer = await ask({ port: slot.port, method, path, timeoutMs: 5_000 }).catch((error) => ({ error: error.code ?? error.name }));
    if (!answer.error) digests.add(answer.headers['x-plimsoll-digest'] ?? 'none');
    const problem = answer.error ? `no answer (${answer.error})` : problemOf(check, answer);
    results.push({ name: String(check.name ?? path), ok: problem === undefined, ...(problem ? { problem } : {}) });
  }

  const [digestObserved = null] = digests.size === 1 ? digests : [];
  const failed = results.filter(({ ok }) => !ok);
  const details = { slot: name, port: slot.port, digestObserved, checks: results };
  if (failed.length > 0)
    throw stepError(`${failed.length} of ${results.length} checks failed, first "${failed[0].name}": ${failed[0].problem}.`, details);
  if (digestObserved !== slot.digest)
    throw stepError(`The slot ${name} should run ${slot.digest}, but says it runs ${[...digests].join(' and ')}.`, details);
  return { summary: `${results.length} checks passed in the slot ${name}.`, ...details };
});

function problemOf({ expectStatus = 200, expectBodyIncludes, expectHeader }, { status, body, headers }) {
  if (status !== expectStatus) return `status ${status} instead of ${expectStatus}`;
  if (expectBodyIncludes !== undefined && !body.includes(expectBodyIncludes)) return 'the body lacks the expected text';
  if (expectHeader !== undefined && headers[String(expectHeader.name).toLowerCase()] !== expectHeader.value)
    return `the header ${expectHeader.name} is not as expected`;
  return undefined;
}

function stepError(message, details) {
  return Object.assign(new StepError(message), { details });
}
