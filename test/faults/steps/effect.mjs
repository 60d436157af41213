// One step of a deployment. Takes its effect once per idempotency key, as every step program should, and writes down every run, so that the
// fault runs can see what the product asked of it: a second key for the same step, or an older fencing token after a newer one.
import { appendFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';

const { folder, milliseconds } = JSON.parse(readFileSync(0, 'utf8'));
const { PLIMSOLL_IDEMPOTENCY_KEY: key, PLIMSOLL_DEPLOYMENT: deployment, PLIMSOLL_STEP: step, PLIMSOLL_FENCING_TOKEN: token } = process.env;

const write = (file, line) =>
  appendFileSync(`${folder}/${file}.jsonl`, `${JSON.stringify({ ...line, deployment, step, key, token: Number(token) })}\n`);

write('runs', { at: 'begin' });
const done = `${folder}/${key}.done`;
await pause(milliseconds / 2);
const took = !existsSync(done) && claim();
if (took) write('effects', {});
await pause(milliseconds / 2);
write('runs', { at: 'end' });
console.log(JSON.stringify({ summary: took ? 'Took effect.' : 'Had taken effect before.' }));

/** The file is made by one run only, however many run at once. */
function claim() {
  try {
    writeFileSync(done, '', { flag: 'wx' });
    return true;
  } catch (error) {
    if (error.code === 'EEXIST') return false;
    throw error;
  }
}
