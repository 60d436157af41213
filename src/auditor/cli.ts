import { writeFile } from 'node:fs/promises';
import { parseArgs, type ParseArgsConfig } from 'node:util';
import { plimsollCodec, visible } from '#libs/contracts';
import { FILES, MalformedExport, parseManifest } from '#libs/audit-export';
import { eventStoreUrl, keyFrom, mustBe, postgresUrl, sentenceOf, smallFile, Usage } from './arguments.ts';
import type { GivenReport } from './compliance.ts';
import type { DatabaseSource } from './database-source.ts';
import { countsOf, EXIT_CODES, exitCodeOf, MEANINGS, notAsSigned, type Finding, type FindingName } from './findings.ts';
import { textOf } from '#libs/audit-export';
import { readExport } from '#libs/audit-export';
import { recheckReceipts, type Rechecked } from './recheck.ts';
import { verifyExport, type Verification, type VerifyOptions } from './verify.ts';

const HELP = `plimsoll-audit: checks what Plimsoll says, without asking Plimsoll. Needs no running server.

  plimsoll-audit export FOLDER --database URL | --data-dir DIR [--eventstore URL] [--from N] [--to N | --since TIME --until TIME] [--views] [--known FILE]...
      Writes events, the ledger's leaves, proofs and signed checkpoints into an empty folder. Only reads the databases.
      --data-dir       instead of --database: the data folder of a Plimsoll on its embedded Postgres (PLIMSOLL_DATA_DIR, .plimsoll unless told),
                       running or stopped; a stopped one's Postgres is started for reading only, and stopped again
      --from, --to     sequences of the ledger, from 0; the first included, the last excluded
      --since, --until the same by recordedAt (ISO 8601): the smallest range that holds every event of that time
      --views          the rows of the views, too, for replay
      --known          a signed checkpoint that the auditor keeps: where the range does not reach it, the export proves how both go together
  plimsoll-audit verify FOLDER [--key KEY] [--known FILE]... [--witness KEY]...
      Verifies an export offline and names everything that is wrong with it.
      --key            the log's verifier key (or a file with it), as you were told it by other means than the export
      --known          a signed checkpoint that you or a witness kept from earlier; may be given several times
      --witness        key of a witness (or a file with it) that must have signed too; may be given several times
      --clock-tolerance SECONDS   how far an event's time may be behind an earlier one's; 300 unless told
  plimsoll-audit recheck FOLDER [--key KEY]
      Executes every decision receipt once more, on the exported events alone.
  plimsoll-audit report FOLDER --release ID [--key KEY] [--out FILE] [--expect DIGEST]
      Computes the audit report of a release from the exported events. --expect: SHA-256 (hex) that it should have.
  plimsoll-audit compliance FOLDER --from TIME --to TIME [--seed TEXT --sample N] [--size N] [--out FILE] [--report FILE | --expect DIGEST]
                                   [--format json|csv|html|oscal] [--table NAME] [--framework ID|FILE,...] [--assessment-plan ADDRESS]
      Computes the compliance report of a period from the exported events, which must begin with the log's first.
      --size           tree size of the signed checkpoint that it shall rest on; the last one in the export unless told
      --out            writes the report: as canonical JSON, or in the format that is told
      --table          of the CSV: population unless told; exceptions, samples, proofs, access, unmatched, change-records, emergencies,
                       rule-changes, later-violations, denials or controls
      --framework      for html, oscal and the table controls: which frameworks it is held against, all that come with Plimsoll unless
                       told; also files with mappings of your own
      --assessment-plan  for oscal: where the assessment plan is
      --expect         SHA-256 (hex) that the report's JSON should have
      --report         a report that was given: it is made again by its own query and checkpoint, and compared byte for byte; an inclusion
                       proof in it that does not hold is named
  plimsoll-audit replay FOLDER --into URL [--key KEY]
      Puts the export into an empty Plimsoll database, makes the views anew and compares them with the exported rows.
  plimsoll-audit restore ARCHIVE --into URL [--key KEY] [--known FILE]...
      Restores an archive (a folder, or s3://bucket/prefix with PLIMSOLL_ARCHIVE_S3_* in the environment) into an empty Plimsoll database:
      every file against its manifest, all of it against what was signed, the views row for row, and the root of what was restored.

recheck, report, compliance and replay verify the export first, and stop where it is not what was signed (--unverified goes on). What is odd in the
log itself and was signed so (an event appended around Plimsoll, a clock that was set back) is told and gives the exit code, and stops nothing.
Everywhere: --json for the result as JSON on standard output, also of what failed; --quiet for no progress on standard error; --help.

Exit codes:
   0  nothing wrong was found; with export, replay and restore: it is done, too
   1  failed: what was to be done could not be done, and standard error says why
   2  wrong usage: the arguments are not as above, or name a file, folder or key that is none
else the first of these that was found:
${Object.entries(EXIT_CODES)
  .map(([name, code]) => `  ${code}  ${name}: ${MEANINGS[name as FindingName]}`)
  .join('\n')}
`;

/** Findings that are told one by one to a person; with --json all are. */
const MOST_TOLD = 50;

const common = {
  json: { type: 'boolean', default: false },
  quiet: { type: 'boolean', default: false },
  help: { type: 'boolean', short: 'h', default: false },
  key: { type: 'string' },
  known: { type: 'string', multiple: true, default: [] as string[] },
  witness: { type: 'string', multiple: true, default: [] as string[] },
  'clock-tolerance': { type: 'string', default: '300' },
  unverified: { type: 'boolean', default: false },
  database: { type: 'string' },
  'data-dir': { type: 'string' },
  eventstore: { type: 'string' },
  from: { type: 'string' },
  to: { type: 'string' },
  since: { type: 'string' },
  until: { type: 'string' },
  views: { type: 'boolean', default: false },
  release: { type: 'string' },
  out: { type: 'string' },
  expect: { type: 'string' },
  into: { type: 'string' },
  seed: { type: 'string' },
  sample: { type: 'string' },
  size: { type: 'string' },
  report: { type: 'string' },
  format: { type: 'string' },
  table: { type: 'string' },
  framework: { type: 'string' },
  'assessment-plan': { type: 'string' },
} as const satisfies ParseArgsConfig['options'];

type Options = ReturnType<typeof parse>['values'];

/** What a command comes to: as JSON, as lines for a person, and as findings that make the exit code. */
interface Result {
  readonly json: Readonly<Record<string, unknown>>;
  readonly lines: readonly string[];
  readonly findings: readonly Finding[];
}

const commands: Readonly<
  Record<string, { readonly options: readonly (keyof Options)[]; run(folder: string, options: Options): Promise<Result> }>
> = {
  export: { options: ['database', 'data-dir', 'eventstore', 'from', 'to', 'since', 'until', 'views', 'known'], run: runExport },
  verify: {
    options: ['key', 'known', 'witness', 'clock-tolerance'],
    run: async (folder, options) => told(await verified(folder, options)),
  },
  recheck: { options: ['key', 'known', 'witness', 'clock-tolerance', 'unverified'], run: afterVerifying(runRecheck) },
  report: {
    options: ['key', 'known', 'witness', 'clock-tolerance', 'unverified', 'release', 'out', 'expect'],
    run: afterVerifying(runReport),
  },
  compliance: {
    options: [
      'key',
      'known',
      'witness',
      'clock-tolerance',
      'unverified',
      'from',
      'to',
      'seed',
      'sample',
      'size',
      'out',
      'report',
      'expect',
      'format',
      'table',
      'framework',
      'assessment-plan',
    ],
    run: afterVerifying(runCompliance),
  },
  replay: { options: ['key', 'known', 'witness', 'clock-tolerance', 'unverified', 'into'], run: afterVerifying(runReplay) },
  restore: { options: ['key', 'known', 'witness', 'clock-tolerance', 'into'], run: runRestore },
};

function parse(args: readonly string[]) {
  return parseArgs({ args: [...args], options: common, allowPositionals: true });
}

/** Does what the arguments say; never throws. @returns the exit code */
export async function main(args: readonly string[], out: (text: string) => void, err: (text: string) => void): Promise<number> {
  let name: string | undefined;
  try {
    const { values, positionals } = parse(args);
    if (values.help) {
      out(HELP);
      return 0;
    }
    const [called = '', folder, ...rest] = positionals;
    name = called;
    const command = Object.hasOwn(commands, name) ? commands[name] : undefined;
    if (!command) throw new Usage(name ? `There is no command ${name}.` : 'Say what to do.');
    if (!folder || rest.length > 0) throw new Usage(`${name} takes one ${name === 'restore' ? 'archive' : 'folder'}.`);
    const given = (Object.keys(values) as (keyof Options)[]).filter((option) => args.some((arg) => arg.split('=')[0] === `--${option}`));
    const foreign = given.filter((option) => !['json', 'quiet'].includes(option) && !command.options.includes(option));
    if (foreign.length > 0) throw new Usage(`${name} has no option --${foreign.join(', --')}.`);
    if (!['export', 'restore'].includes(name)) await mustBe('folder', name, folder);
    progress = values.quiet ? () => undefined : throttled(err);
    const { json, lines, findings } = await command.run(folder, values);
    const exit = exitCodeOf(findings);
    const text = values.json
      ? JSON.stringify({ command: name, exitCode: exit, ...json, findings }, null, 2).split('\n')
      : [...lines, ...toldFindings(findings)];
    // What an export holds may be made to be read on a terminal: no name in it writes or takes away a line here.
    out(`${text.map(visible).join('\n')}\n`);
    return exit;
  } catch (error) {
    const { exit, told, findings } = failureOf(error);
    // Whoever reads JSON reads why there is no result, too; before anything was parsed, the word alone tells that it is wanted.
    if (args.includes('--json')) {
      const text = JSON.stringify({ command: name, exitCode: exit, error: told, findings }, null, 2);
      out(`${text.split('\n').map(visible).join('\n')}\n`);
    }
    err(`${told.split('\n').map(visible).join('\n')}\n${exit === 2 ? 'plimsoll-audit --help says how it is used.\n' : ''}`);
    return exit;
  }
}

function failureOf(error: unknown): { readonly exit: number; readonly told: string; readonly findings: readonly Finding[] } {
  if (error instanceof Usage || (error as { code?: string }).code?.startsWith('ERR_PARSE_ARGS'))
    return { exit: 2, told: (error as Error).message, findings: [] };
  if (error instanceof MalformedExport) {
    const finding: Finding = { name: 'malformed', where: error.file, detail: error.message };
    return { exit: EXIT_CODES.malformed, told: `malformed: ${error.file}: ${error.message}`, findings: [finding] };
  }
  return { exit: 1, told: sentenceOf(error), findings: [] };
}

let progress: (what: string) => void = () => undefined;

/** At most one line a second: long work should be seen to go on, and no more. */
function throttled(err: (text: string) => void): (what: string) => void {
  let last = Date.now();
  return (what) => {
    if (Date.now() - last < 1000) return;
    last = Date.now();
    err(`… ${what}\n`);
  };
}

function toldFindings(findings: readonly Finding[]): string[] {
  const told = findings.slice(0, MOST_TOLD).map(({ name, where, detail }) => `${name}: ${where}: ${detail}`);
  const more = findings.length > MOST_TOLD ? [`… and ${findings.length - MOST_TOLD} more (--json lists all).`] : [];
  const counts = Object.entries(countsOf(findings)).map(([name, count]) => `${count} × ${name}`);
  return [...told, ...more, counts.length > 0 ? `WRONG: ${counts.join(', ')}` : 'Nothing wrong was found.'];
}

async function verified(folder: string, options: Options): Promise<Verification> {
  return await verifyExport(folder, await verifyOptions(options));
}

async function verifyOptions(options: Options): Promise<VerifyOptions> {
  const tolerance = Number(options['clock-tolerance']);
  if (!(tolerance >= 0 && tolerance <= 86_400)) throw new Usage('--clock-tolerance is a number of seconds from 0 to 86400.');
  const known = await Promise.all(options.known.map((path) => smallFile('--known', path)));
  return {
    ...(options.key === undefined ? {} : { key: await keyFrom('--key', options.key) }),
    known,
    witnesses: await Promise.all(options.witness.map((given) => keyFrom('--witness', given))),
    toleranceMs: tolerance * 1000,
    onProgress: progress,
  };
}

function told({ findings, events, checkpoints, anchored, notes }: Verification): Result {
  const line = `${events} events, ${anchored} of them under ${checkpoints} signed checkpoints that hold.`;
  return { json: { events, checkpoints, anchored, notes }, lines: [line, ...notes.map((note) => `Note: ${note}`)], findings };
}

function afterVerifying(run: (folder: string, options: Options) => Promise<Result>) {
  return async (folder: string, options: Options): Promise<Result> => {
    if (options.unverified) return await run(folder, options);
    const verification = await verified(folder, options);
    const first = told(verification);
    if (notAsSigned(verification.findings).length > 0)
      return { ...first, lines: [...first.lines, 'The export does not hold; nothing was done with it.'] };
    const then = await run(folder, options);
    // What the log has signed so stays found, and stops nobody: for ever no proof could be had of it else.
    return {
      json: { verification: first.json, ...then.json },
      lines: [...first.lines, ...then.lines],
      findings: [...verification.findings, ...then.findings],
    };
  };
}

async function runRecheck(folder: string): Promise<Result> {
  const counts = { same: 0, differs: 0, unknowable: 0 };
  const wrong: Rechecked[] = [];
  for await (const checked of recheckReceipts(readExport(folder))) {
    counts[checked.outcome]++;
    if (checked.outcome !== 'same') wrong.push(checked);
    progress(`${counts.same + wrong.length} receipts`);
  }
  const findings = wrong.map(({ where, event, outcome, detail }): Finding => ({
    name: outcome === 'differs' ? 'receipt-differs' : 'receipt-unknowable',
    where,
    detail: `${event}: ${detail}`,
  }));
  const line = `${counts.same} receipts came out the same, ${counts.differs} differently; ${counts.unknowable} can't be executed again.`;
  return { json: { receipts: counts }, lines: [line], findings };
}

async function runReport(folder: string, { release, out, expect }: Options): Promise<Result> {
  if (!release) throw new Usage('report needs --release ID.');
  // What only one command needs is loaded by it: verify is at work in a tenth of a second.
  const { recomputeReport } = await import('./report.ts');
  const computed = await recomputeReport(readExport(folder), plimsollCodec(), release);
  if (!computed) throw new Error(`The export tells of no release ${release}.`);
  if (out) await writeFile(out, computed.text);
  const expected = expect?.replace(/^sha256:/, '').toLowerCase();
  const differs = expected !== undefined && expected !== computed.digest;
  return {
    json: { release, digest: `sha256:${computed.digest}`, report: computed.report },
    lines: [
      `Report of release ${release}: sha256:${computed.digest}, ${Buffer.byteLength(computed.text)} bytes${out ? ` in ${out}` : ''}.`,
    ],
    findings: differs
      ? [{ name: 'report-differs', where: release, detail: `The events give sha256:${computed.digest}, not sha256:${expected}.` }]
      : [],
  };
}

async function runCompliance(folder: string, options: Options): Promise<Result> {
  const { out, report: given } = options;
  const { choiceOf, computeCompliance, firstDifference, givenReport, writePieces, wrongProofsIn } = await import('./compliance.ts');
  if (given !== undefined) await mustBe('file', '--report', given);
  for (const file of options.framework?.split(',').filter((name) => name.endsWith('.json')) ?? [])
    await mustBe('file', '--framework', file);
  const choice = await choiceOf(options);
  if ('problems' in choice) throw new Usage(choice.problems.join('\n'));
  if (choice.format !== 'json' && !out) throw new Usage(`--format ${choice.format} needs --out FILE.`);
  const { query, treeSize } = await (given === undefined ? complianceQuery(options) : askedAgain(options, await givenReport(given)));
  const { report, written } = await computeCompliance(folder, query, treeSize, (events) => progress(`${events} events read`));
  const bytes = out ? await writePieces(out, report, written, choice) : written.bytes;
  const differs = given === undefined ? undefined : await firstDifference(given, written);
  const { changes, changesWithNo, changesWithException } = report.summary;
  const digest = `sha256:${written.digest}`;
  const expected = options.expect?.replace(/^sha256:/, '').toLowerCase();
  const findings: Finding[] = [];
  const proved = (report.proofs ?? []).reduce((sum, { leaves }) => sum + leaves.length, 0);
  // Where the bytes are the same its proofs are those that were just held to the signed root.
  if (given !== undefined && differs !== undefined)
    for (const { where, detail } of await wrongProofsIn(given, report)) findings.push({ name: 'proof-invalid', where, detail });
  if (given !== undefined && differs !== undefined)
    findings.push({
      name: 'report-differs',
      where: given,
      detail: `The events give ${digest}; the file differs from it at byte ${differs}.`,
    });
  if (expected !== undefined && expected !== written.digest)
    findings.push({
      name: 'report-differs',
      where: `${query.from} to ${query.to}`,
      detail: `The events give ${digest}, not sha256:${expected}.`,
    });
  return {
    json: { digest, bytes: written.bytes, query, log: report.log, summary: report.summary },
    lines: [
      `Compliance report from ${query.from} to ${query.to}: ${digest}, ${written.bytes} bytes${out ? `; ${bytes} bytes of ${choice.format} in ${out}` : ''}.`,
      `${changes} changes, ${changesWithNo} with a no, ${changesWithException} more with an exception.`,
      ...(report.proofs
        ? [
            `${proved} inclusion proofs of ${report.proofs.length} sampled changes hold against the signed root of size ${report.log.events}.`,
          ]
        : []),
      ...(report.log.checkpoint ? [] : ['Note: nothing is signed: the report rests on no checkpoint.']),
      ...(report.log.coversPeriod ? [] : ['Note: nothing was recorded after the end of the period: what belongs to it may be missing.']),
    ],
    findings,
  };
}

async function complianceQuery({ from, to, seed, sample, size }: Partial<Options>): Promise<GivenReport> {
  const { parseQuery } = await import('#libs/compliance');
  const parsed = parseQuery({ from, to, seed, sample });
  if ('problems' in parsed) {
    const problems = Object.entries(parsed.problems).map(([name, problem]) => `--${name}: ${problem}`);
    throw new Usage(problems.join('\n'));
  }
  if (size !== undefined && !/^[1-9]\d{0,14}$/.test(size))
    throw new Usage('--size is the size of a signed checkpoint: a whole number from 1.');
  return { query: parsed.query, treeSize: size === undefined ? undefined : Number(size) };
}

/** By the report's own words, which are no better than arguments. */
async function askedAgain(options: Options, { query, treeSize }: GivenReport): Promise<GivenReport> {
  const doubled = (['from', 'to', 'seed', 'sample', 'size'] as const).filter((name) => options[name] !== undefined);
  if (doubled.length > 0) throw new Usage(`The report says its query itself: leave out --${doubled.join(', --')}.`);
  const text = (value: unknown): string | undefined => (value === undefined ? undefined : String(value));
  const { from, to, seed, sample } = query;
  return await complianceQuery({ from: text(from), to: text(to), seed: text(seed), sample: text(sample), size: text(treeSize) });
}

async function runReplay(folder: string, { into }: Options): Promise<Result> {
  if (!into) throw new Usage('replay needs --into URL, of an empty database.');
  postgresUrl('--into', into);
  const { replay } = await import('./replay.ts');
  const manifest = parseManifest(await textOf(folder, FILES.manifest));
  const { events, views, findings } = await replay(folder, manifest, into, progress);
  const compared = views.filter((view) => view.compared);
  const lines = [
    `${events} events replayed; ${compared.length} of ${views.length} views compared, ${compared.reduce((sum, { rows }) => sum + rows, 0)} rows.`,
    ...(compared.length < views.length ? ['Note: views without exported rows (export --views) were made, and compared with nothing.'] : []),
  ];
  return { json: { events, views }, lines, findings };
}

async function runRestore(location: string, options: Options): Promise<Result> {
  if (!options.into) throw new Usage('restore needs --into URL, of an empty database.');
  const into = postgresUrl('--into', options.into);
  const { archiveNamed, restore } = await import('./restore.ts');
  const named = archiveNamed(location, process.env);
  if ('problems' in named) throw new Usage(named.problems.join('\n'));
  if (named.archive.kind === 'folder') await mustBe('folder', 'restore', location);
  const restored = await restore(named.archive, into, await verifyOptions(options), progress);
  const { segments, events, views = [], root, verification, findings, notes } = restored;
  const rows = views.reduce((sum, view) => sum + view.rows, 0);
  const lines =
    events === undefined
      ? [`${segments} segments read. The archive does not hold; nothing was restored.`]
      : [
          `${segments} segments, ${events} events restored; ${views.filter((v) => v.compared).length} of ${views.length} views compared, ${rows} rows.`,
          ...(root
            ? [`The restored log comes to the root ${root.hash} at size ${root.size}, as it was signed.`].filter(
                () => notAsSigned(findings).length === 0,
              )
            : []),
        ];
  const told = [...notes, ...(verification?.notes ?? [])];
  return { json: { segments, events, views, root, notes: told }, lines: [...lines, ...told.map((note) => `Note: ${note}`)], findings };
}

async function knownSizes({ known }: Options, { verifierKey, successions }: DatabaseSource): Promise<number[]> {
  const { LogKeys, parseVerifier, soundSuccessions } = await import('#libs/ledger');
  const keys = new LogKeys(parseVerifier(verifierKey), soundSuccessions((await successions?.()) ?? []));
  const sizes: number[] = [];
  for (const path of known) {
    try {
      sizes.push(keys.open(await smallFile('--known', path)).size);
    } catch (error) {
      throw new Usage(`${path} is no checkpoint that this log has signed: ${(error as Error).message}`);
    }
  }
  return sizes;
}

async function sourceOf({ database, 'data-dir': dataDir, eventstore, views }: Options): Promise<DatabaseSource> {
  if ((database === undefined) === (dataDir === undefined)) {
    const why = 'the ledger is in Postgres, wherever the events are';
    throw new Usage(`export needs --database URL, or --data-dir DIR for the embedded Postgres, and not both: ${why}.`);
  }
  const { openDatabase, openDataFolder, holdsDatabase } = await import('./database-source.ts');
  const how = { eventStore: eventstore === undefined ? undefined : eventStoreUrl(eventstore), views };
  if (database !== undefined) return await openDatabase({ database: postgresUrl('--database', database), ...how });
  await mustBe('folder', '--data-dir', dataDir!);
  if (!holdsDatabase(dataDir!))
    throw new Usage(
      `${dataDir} holds no embedded Postgres: --data-dir is Plimsoll's data folder (PLIMSOLL_DATA_DIR, .plimsoll unless told).`,
    );
  return await openDataFolder({ dataDir: dataDir!, ...how });
}

async function runExport(folder: string, options: Options): Promise<Result> {
  const number = (name: 'from' | 'to'): number | undefined => {
    const text = options[name];
    if (text !== undefined && !/^\d{1,15}$/.test(text)) throw new Usage(`--${name} is a sequence of the ledger: a whole number from 0.`);
    return text === undefined ? undefined : Number(text);
  };
  const time = (name: 'since' | 'until'): string | undefined => {
    const text = options[name];
    if (text !== undefined && Number.isNaN(Date.parse(text))) throw new Usage(`--${name} is a time, such as 2026-03-01T00:00:00Z.`);
    return text === undefined ? undefined : new Date(text).toISOString();
  };
  const [first, end, since, until] = [number('from'), number('to'), time('since'), time('until')];
  if ((first ?? end) !== undefined && (since ?? until) !== undefined) throw new Usage('Give sequences or times, not both.');
  const { writeExport } = await import('#libs/audit-export');
  const source = await sourceOf(options);
  try {
    const range =
      (since ?? until)
        ? await source.rangeOf(since, until)
        : { ...(first === undefined ? {} : { first }), ...(end === undefined ? {} : { end }) };
    const known = await knownSizes(options, source);
    const now = new Date().toISOString();
    const manifest = await writeExport(source, folder, {
      ...range,
      known,
      now,
      onProgress: (events) => progress(`${events} events exported`),
    });
    const { events, checkpoints, origin, verifierKey } = manifest;
    const lines = [
      `${events} events (sequences ${manifest.first} to before ${manifest.end}) and ${checkpoints} checkpoints of ${origin} in ${folder}.`,
      `The log's key, to be compared with what you were told by other means: ${verifierKey}`,
    ];
    return { json: { manifest }, lines, findings: [] };
  } finally {
    await source.close();
  }
}
