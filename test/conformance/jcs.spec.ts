import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { canonicalJson, canonicalText } from '#libs/ledger';
import { skipAloud } from '../support/kafka/index.ts';

/** The test data of RFC 8785's author; they are nobody's here, so they are read where they are. */
const folder = process.env['PLIMSOLL_JCS_DATA'] ?? resolve(__dirname, '../../../shared/data/jcs/testdata');
const present = existsSync(folder);
const files = present ? readdirSync(join(folder, 'input')).sort() : [];
const text = (kind: string, name: string): string => readFileSync(join(folder, kind, name), 'utf8');

if (!present) skipAloud(`no JCS test data in ${folder}: set PLIMSOLL_JCS_DATA.`);

(present ? describe : describe.skip)('canonical JSON (RFC 8785), held against the test data of others', () => {
  it('finds them all', () => expect(files).toHaveLength(6));

  it.each(files)('is the same bytes: %s', (name) => {
    const canonical = canonicalText(text('input', name));
    expect(canonical).toBe(text('output', name));
    const hex = text('outhex', name.replace('.json', '.txt')).replaceAll(/\s+/g, '');
    expect(Buffer.from(canonical).toString('hex')).toBe(hex);
    // What is canonical stays as it is.
    expect(canonicalText(canonical)).toBe(canonical);
  });
});

/** The doubles that RFC 8785's author chose and drew, as `numgen.js` beside the test data makes them. */
function* numbers(chosen: readonly bigint[]): Generator<number> {
  yield* new Float64Array(new BigUint64Array(chosen).buffer);
  yield* new Float64Array(BigUint64Array.from({ length: 2000 }, (_, i) => 0x0010000000000000n + BigInt(i)).buffer);
  let block = Buffer.alloc(32);
  for (;;) {
    block = createHash('sha256').update(block).digest();
    for (let at = 0; at < 32; at += 8) {
      const drawn = block.readDoubleLE(at);
      if (drawn !== 0 && Number.isFinite(drawn)) yield drawn;
    }
  }
}

(present ? it : it.skip)('writes 100,000 numbers as ECMAScript does, by the published hash', () => {
  const source = text('.', 'numgen.js').split('staticF64s')[0]!;
  const chosen = [...source.matchAll(/0x([0-9a-f]{16})n/g)].map(([, hex]) => BigInt(`0x${hex}`));
  const sum = createHash('sha256');
  let lines = 0;
  for (const number of numbers(chosen)) {
    const bits = new BigUint64Array(new Float64Array([number]).buffer)[0]!;
    sum.update(`${bits.toString(16)},${canonicalJson(number)}\n`);
    if (++lines === 100_000) break;
  }
  expect(sum.digest('hex')).toBe('22776e6d4b49fa294a0d0f349268e5c28808fe7e0cb2bcbe28f63894e494d4c7');
});
