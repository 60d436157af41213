// What every step program does: read its input, keep its turn, refuse where a newer deployment has taken over, and answer in one line of JSON.
import { createHash } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { readJson, writeJson } from './files.mjs';
import { withLock } from './lock.mjs';

const EXIT_FAILED = 1;
const EXIT_WRONG_INPUT = 2;
const EXIT_FENCED = 3;
const MAX_INPUT_BYTES = 1_048_576;
/** How many idempotency keys are remembered for a site. */
const REMEMBERED = 200;

export const SLOTS = ['blue', 'green'];

/** A step that can't be done, as a sentence; the program answers with it and an exit code. */
export class StepError extends Error {
  constructor(message, exitCode = EXIT_FAILED) {
    super(message);
    this.exitCode = exitCode;
  }
}

/**
 * Runs a program that changes something: alone for its site, behind the fence, remembering its idempotency key.
 * @param {(step) => Promise<object>} work gets { input, folder, site, key, deployment, fencingToken, remembered, remember, save }
 */
export async function changingStep(work) {
  await answering(async (step) => {
    mkdirSync(join(step.folder, 'launches'), { recursive: true, mode: 0o700 });
    return withLock(step.folder, async () => {
      const site = readSite(step.folder);
      if (step.fencingToken < site.fencingToken) throw fenced(step.fencingToken, site.fencingToken);
      const save = () => writeJson(join(step.folder, 'site.json'), site);
      site.fencingToken = step.fencingToken;
      save(); // before any effect: whoever comes later with a lower token is refused even if this program dies now

      const keyName = `key ${step.key}`; // a name like 17 would be sorted before older ones
      const inputHash = createHash('sha256').update(canonical(step.input)).digest('hex');
      const remembered = site.keys[keyName];
      if (remembered && remembered.inputHash !== inputHash) {
        throw new StepError('This idempotency key was used before, with other input.', EXIT_WRONG_INPUT);
      }
      const remember = (facts) => {
        site.keys[keyName] = { ...site.keys[keyName], ...facts, inputHash };
        for (const old of Object.keys(site.keys).slice(0, -REMEMBERED)) delete site.keys[old];
        save();
      };
      return work({ ...step, site, save, remembered, remember });
    });
  });
}

/** Runs a program that only looks. @param {(step) => Promise<object>} work gets { input, folder, site, deployment } */
export async function readingStep(work) {
  await answering((step) => work({ ...step, site: readSite(step.folder) }));
}

/** The slot that a step means: named, or of a digest, or the one that this deployment started. */
export function chooseSlot({ input, site, deployment }) {
  const known = SLOTS.filter((slot) => site.slots[slot]);
  if (input.slot !== undefined) {
    if (!SLOTS.includes(input.slot)) throw new StepError('The slot is blue or green.', EXIT_WRONG_INPUT);
    if (!known.includes(input.slot)) throw new StepError(`Nothing was ever started in the slot ${input.slot}.`);
    if (input.digest !== undefined && site.slots[input.slot].digest !== input.digest) {
      throw new StepError(`The slot ${input.slot} holds ${site.slots[input.slot].digest}, not ${input.digest}.`);
    }
    return input.slot;
  }
  const wanted = known.filter((slot) =>
    input.digest !== undefined ? site.slots[slot].digest === input.digest : site.slots[slot].deployment === deployment,
  );
  // One deployment may have had both slots, one after the other: the last is meant.
  const [latest] = wanted.sort((a, b) => site.slots[b].launchedAt.localeCompare(site.slots[a].launchedAt));
  if (latest !== undefined) return latest;
  throw new StepError(
    input.digest !== undefined ? `No slot holds ${input.digest}.` : 'No slot was started by this deployment; name the slot.',
  );
}

/** A number of the input within its range, or its default. */
export function numberOf(input, name, { least, most, otherwise }) {
  const value = input[name] ?? otherwise;
  if (typeof value !== 'number' || !(value >= least && value <= most)) {
    throw new StepError(`"${name}" is a number from ${least} to ${most}.`, EXIT_WRONG_INPUT);
  }
  return value;
}

export function fenced(token, highest) {
  return new StepError(`Fenced off: the token ${token} is older than ${highest}, which this site has seen.`, EXIT_FENCED);
}

async function answering(work) {
  try {
    const result = await work(await readStep());
    console.log(JSON.stringify(result));
  } catch (error) {
    console.error(error instanceof StepError ? error.message : error.stack);
    console.log(JSON.stringify({ summary: error.message, ...error.details }));
    process.exitCode = error instanceof StepError ? error.exitCode : EXIT_FAILED;
  }
}

async function readStep() {
  const { PLIMSOLL_STEPS_STATE: state, PLIMSOLL_IDEMPOTENCY_KEY: key, PLIMSOLL_DEPLOYMENT: deployment } = process.env;
  if (!state) throw new StepError('PLIMSOLL_STEPS_STATE does not name the folder where steps keep their state.', EXIT_WRONG_INPUT);
  if (!key || !deployment) throw new StepError('PLIMSOLL_IDEMPOTENCY_KEY and PLIMSOLL_DEPLOYMENT are needed.', EXIT_WRONG_INPUT);
  const { PLIMSOLL_FENCING_TOKEN: token = '' } = process.env;
  const fencingToken = Number(token);
  if (!/^\d+$/.test(token) || !Number.isSafeInteger(fencingToken)) {
    throw new StepError('PLIMSOLL_FENCING_TOKEN is not a whole number of 0 or more.', EXIT_WRONG_INPUT);
  }
  const input = await readInput();
  if (typeof input.site !== 'string' || !/^[a-z0-9][a-z0-9-]{0,62}$/.test(input.site)) {
    throw new StepError('"site" is a name of small letters, digits and hyphens.', EXIT_WRONG_INPUT);
  }
  return { input, key, deployment, fencingToken, folder: join(state, input.site) };
}

async function readInput() {
  const chunks = [];
  let length = 0;
  for await (const chunk of process.stdin) {
    length += chunk.length;
    if (length > MAX_INPUT_BYTES) throw new StepError('The input is longer than a megabyte.', EXIT_WRONG_INPUT);
    chunks.push(chunk);
  }
  try {
    const input = JSON.parse(Buffer.concat(chunks).toString('utf8'));
    if (typeof input === 'object' && input !== null && !Array.isArray(input)) return input;
  } catch {
    // said below
  }
  throw new StepError('The input on stdin is not a JSON object.', EXIT_WRONG_INPUT);
}

function readSite(folder) {
  const site = readJson(join(folder, 'site.json')) ?? { fencingToken: 0, slots: {}, keys: {} };
  return { ...site, keys: Object.assign(Object.create(null), site.keys) };
}

/** The same text for the same input, whatever the order of its names. */
function canonical(value) {
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const members = Object.keys(value).sort();
  return `{${members.map((name) => `${JSON.stringify(name)}:${canonical(value[name])}`).join(',')}}`;
}
