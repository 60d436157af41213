import { createHash } from 'node:crypto';
import { KEPT_LOG_BYTES, LOG_TAIL_BYTES } from './driver.ts';
import { StepLog } from './step-log.ts';

function logOf(...chunks: (string | Buffer)[]) {
  const log = new StepLog();
  for (const chunk of chunks) log.add(chunk);
  return log.outcome('succeeded', 'Done.');
}

describe('the log of a step', () => {
  it('is kept whole, with secrets masked, and hashed as it was printed', () => {
    const printed = 'one\npassword=hunter2\nthree\n';
    expect(logOf(printed.slice(0, 9), printed.slice(9))).toMatchObject({
      log: 'one\npassword=[masked]\nthree\n',
      logTail: 'one\npassword=[masked]\nthree\n',
      logDigest: createHash('sha256').update(printed).digest('hex'),
    });
    expect(logOf().log).toBe('');
  });

  it('is kept at its beginning and its end where it is long, however it comes in pieces', () => {
    const lines = Array.from({ length: 60_000 }, (_, n) => `line ${n} ${'x'.repeat(40)}\n`);
    const printed = Buffer.from(lines.join(''));
    const whole = logOf(printed).log!;
    expect(Buffer.byteLength(whole)).toBeLessThan(KEPT_LOG_BYTES + 100);
    expect(Buffer.byteLength(whole)).toBeGreaterThan(KEPT_LOG_BYTES - 200);
    const [head = '', tail = ''] = whole.split(/\[… \d+ bytes are left out …\]\n/);
    expect(lines.join('').startsWith(head) && head.endsWith('\n')).toBe(true);
    expect(lines.join('').endsWith(tail) && tail.startsWith('line ')).toBe(true);
    expect(whole).toContain(`[… ${printed.length - Buffer.byteLength(head) - Buffer.byteLength(tail)} bytes are left out …]`);
    for (const size of [1_000, 65_536, 700_001]) {
      const pieces: Buffer[] = [];
      for (let at = 0; at < printed.length; at += size) pieces.push(printed.subarray(at, at + size));
      const log = logOf(...pieces);
      expect(log.log).toBe(whole);
      expect(log.logTail.length).toBe(LOG_TAIL_BYTES);
      expect(tail.endsWith(log.logTail)).toBe(true);
    }
  });

  it('is whole at exactly the limit', () => {
    const printed = `${'y'.repeat(99)}\n`.repeat(Math.ceil(KEPT_LOG_BYTES / 100)).slice(0, KEPT_LOG_BYTES);
    expect(logOf(printed).log).toBe(printed);
    expect(logOf(`${printed}!`).log).toContain('left out');
  });

  it('shows no half of a secret at the place where something is left out', () => {
    const token = `eyJhbGciOiJub25lIn0.${'a'.repeat(2_000)}.sig`;
    const filler = `${'z'.repeat(63)}\n`.repeat(KEPT_LOG_BYTES / 128 - 8);
    const log = logOf(`${filler}${token}\n${filler}${token}\n${filler}`).log!;
    expect(log).toContain('left out');
    expect(log).not.toMatch(/eyJ|aaaa/);
  });

  it('is masked in bounded time, also where it looks like secrets all along', () => {
    for (const line of ['password'.repeat(20), '-----BEGIN PRIVATE KEY-----', 'a://b:c', 'eyJ', '----'])
      expect(logOf(`${line}\n`.repeat(Math.ceil((2 * KEPT_LOG_BYTES) / (line.length + 1)))).outcome).toBe('succeeded');
  });
});
