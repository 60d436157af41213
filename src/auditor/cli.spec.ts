import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { writeExport } from '#libs/audit-export';
import { logKey, memorySource } from '../../test/support/exports.ts';
import { history } from '../../test/support/history.ts';
import { story } from '../../test/support/story.ts';
import { audit } from '../../test/support/audit.ts';
import { EXIT_CODES, MEANINGS } from './findings.ts';

const events = history(story);
const key = logKey().verifier.text;
/** Nothing listens there. */
const NOWHERE = 'postgres://postgres:x@127.0.0.1:1/none';

const root = mkdtempSync(join(tmpdir(), 'plimsoll-cli-'));
const good = join(root, 'good');
const empty = join(root, 'empty');
const bad = join(root, 'bad');
const file = join(root, 'file');
const absent = join(root, 'absent');
const keyFile = join(root, 'key');

beforeAll(async () => {
  await writeExport(memorySource(events, [events.length]), good, { now: '2026-03-03T00:00:00.000Z' });
  await writeExport(memorySource(events, [events.length]), bad, { now: '2026-03-03T00:00:00.000Z' });
  writeFileSync(join(bad, 'manifest.json'), JSON.stringify({ schema: 'plimsoll.audit-export.v0\u001b[2J' }));
  mkdirSync(empty);
  writeFileSync(file, 'no key, no checkpoint, no report');
  writeFileSync(keyFile, `${key}\n`);
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

const PERIOD = ['--from', '2026-01-01T00:00:00Z', '--to', '2026-12-31T00:00:00Z'];

/** What is asked, the exit code, and what the sentence says. */
const failures: readonly (readonly [readonly string[], number, RegExp])[] = [
  [[], 2, /Say what to do/],
  [['nonsense', 'x'], 2, /no command nonsense/],
  [['constructor', 'x'], 2, /no command constructor/],
  [['verify'], 2, /takes one folder/],
  [['restore'], 2, /takes one archive/],
  [['verify', good, 'b'], 2, /takes one folder/],
  [['verify', good, '--into', 'x'], 2, /verify has no option --into/],
  [['verify', good, '--what'], 2, /'--what'/],
  [['verify', good, '--key'], 2, /--key/],
  [['verify', good, '--clock-tolerance=-1'], 2, /from 0 to 86400/],
  [['verify', absent], 2, /verify should name a folder, and there is no .*absent/],
  [['verify', file], 2, /verify should name a folder; .*file is none/],
  [['recheck', absent], 2, /there is no .*absent/],
  [['verify', good, '--key', absent], 2, /--key should name a file, and there is no .*absent/],
  [['verify', good, '--key', empty], 2, /--key should name a file; .*empty is none/],
  [['verify', good, '--key', file], 2, /of --key is no verifier key/],
  [['verify', good, '--key', 'abc'], 2, /--key should name a file, and there is no abc/],
  [['verify', good, '--key', `${key.slice(0, key.lastIndexOf('+'))}+AAAA`], 2, /--key is no verifier key/],
  [['verify', good, '--witness', absent], 2, /--witness should name a file/],
  [['verify', good, '--known', absent], 2, /--known should name a file/],
  [['verify', good, '--known', empty], 2, /--known should name a file/],
  [['verify', good, '--known', file], EXIT_CODES['forged-checkpoint'], /known checkpoint 1/],
  [['verify', empty], EXIT_CODES.malformed, /manifest\.json: It can't be read: ENOENT/],
  [['verify', bad], EXIT_CODES.malformed, /plimsoll\.audit-export\.v0/],
  [['recheck', empty, '--unverified'], EXIT_CODES.malformed, /events\.ndjson/],
  [['report', good], 2, /report needs --release/],
  [['report', good, '--release', 'none'], 1, /tells of no release none/],
  [['compliance', good], 2, /--from/],
  [['compliance', good, '--report', absent], 2, /--report should name a file/],
  [['compliance', good, '--report', file], 1, /is not JSON/],
  [['compliance', good, ...PERIOD, '--size', '3'], 1, /no signed checkpoint of size 3/],
  [['compliance', good, ...PERIOD, '--format', 'pdf', '--out', absent], 2, /--format/],
  [
    ['compliance', good, ...PERIOD, '--format', 'html', '--out', absent, '--framework', `${absent}.json`],
    2,
    /--framework should name a file/,
  ],
  [['replay', good], 2, /replay needs --into URL/],
  [['replay', good, '--into', 'nothing'], 2, /--into should be the URL of a Postgres database/],
  [['replay', good, '--into', NOWHERE], 1, /ECONNREFUSED/],
  [['restore', absent, '--into', NOWHERE], 2, /restore should name a folder, and there is no .*absent/],
  [['restore', file, '--into', NOWHERE], 2, /restore should name a folder/],
  [['restore', 's3://B', '--into', NOWHERE], 2, /s3:\/\/bucket/],
  [['restore', empty], 2, /restore needs --into/],
  [['restore', empty, '--into', NOWHERE], 1, /has no segment/],
  [['export', absent], 2, /export needs --database URL, or --data-dir DIR/],
  [['export', absent, '--database', 'x'], 2, /--database should be the URL/],
  [['export', absent, '--database', NOWHERE], 1, /ECONNREFUSED/],
  [['export', absent, '--database', NOWHERE, '--eventstore', 'http://x'], 2, /--eventstore should be a connection string/],
  [['export', absent, '--database', NOWHERE, '--data-dir', empty], 2, /and not both/],
  [['export', absent, '--data-dir', absent], 2, /--data-dir should name a folder/],
  [['export', absent, '--data-dir', empty], 2, /holds no embedded Postgres/],
  [['export', absent, '--database', NOWHERE, '--from', '-1'], 2, /'--from'|--from is a sequence/],
  [['export', absent, '--database', NOWHERE, '--since', 'noon'], 2, /--since is a time/],
  [['export', absent, '--database', NOWHERE, '--since', '2026-01-01', '--to', '7'], 2, /sequences or times/],
];

describe('plimsoll-audit', () => {
  const named = failures.map(([args, code, sentence]) => [args.join(' ').replaceAll(`${root}/`, ''), code, { args, sentence }] as const);
  it.each(named)('%s: fails with %i and says why, in words and as JSON', async (_name, code, { args, sentence }) => {
    const said = await audit(...args, '--quiet');
    expect(said.exit).toBe(code);
    expect(said.out + said.err).toMatch(sentence);
    // A failure is no stack, and no name in an export writes on the terminal.
    expect(said.out + said.err).not.toMatch(/\n {4}at /);
    expect(said.out + said.err).not.toContain('\u001b');
    expect(said.err.includes('plimsoll-audit --help')).toBe(code === 2);

    const json = await audit(...args, '--quiet', '--json');
    expect(json.exit).toBe(code);
    const answer = JSON.parse(json.out) as {
      exitCode: number;
      error?: string;
      findings: { name: string; where: string; detail: string }[];
    };
    expect(answer).toMatchObject({ exitCode: code, findings: expect.any(Array) });
    const found = answer.findings.map(({ where, detail }) => `${where}: ${detail}`);
    expect([answer.error ?? '', ...found].join('\n')).toMatch(sentence);
    expect(answer.findings.length > 0).toBe(code >= 10);
  });

  it('ends with 0 where nothing is wrong, with the key as text or in a file', async () => {
    for (const given of [key, keyFile]) {
      const { exit, out, err } = await audit('verify', good, '--key', given, '--json', '--quiet');
      expect({ exit, err }).toEqual({ exit: 0, err: '' });
      expect(JSON.parse(out)).toMatchObject({ command: 'verify', exitCode: 0, findings: [], events: events.length });
    }
  });

  it('says in --help, and in the README, what each exit code means, and each once', async () => {
    const { exit, out } = await audit('--help');
    expect(exit).toBe(0);
    const codes = out.slice(out.indexOf('Exit codes:'));
    for (const code of [0, 1, 2]) expect(codes).toMatch(new RegExp(`^ +${code}  \\w`, 'm'));
    const readme = readFileSync(resolve(__dirname, '../../README.md'), 'utf8').replaceAll('`', '');
    for (const [name, code] of Object.entries(EXIT_CODES)) {
      const meaning = MEANINGS[name as keyof typeof MEANINGS];
      expect(codes).toContain(`\n  ${code}  ${name}: ${meaning}\n`);
      expect(readme).toContain(`\n| ${code} | ${name} | ${meaning} |\n`);
    }
    expect(new Set(Object.values(EXIT_CODES)).size).toBe(Object.keys(EXIT_CODES).length);
  });
});
