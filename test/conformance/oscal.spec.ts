import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { Ajv, type ValidateFunction } from 'ajv';
import formats from 'ajv-formats';
import {
  canonicalReport,
  ComplianceFold,
  loadFrameworks,
  OSCAL_VERSION,
  renderReport,
  type ComplianceReport,
  type Framework,
} from '#libs/compliance';
import { plimsollCodec } from '#libs/contracts';
import { summaryOf } from '#libs/compliance/testing';
import { complianceYear } from '../support/compliance-year.ts';
import { skipAloud } from '../support/kafka/index.ts';

/** NIST's schema of all of OSCAL's documents; it is nobody's here, so it is read where it is. */
const folder = process.env['PLIMSOLL_OSCAL_DATA'] ?? resolve(__dirname, '../../../shared/data/oscal');
const file = join(folder, `oscal_complete_schema-${OSCAL_VERSION.replaceAll('.', '-')}.json`);
const present = existsSync(file);

if (!present) skipAloud(`no OSCAL schema ${file}: set PLIMSOLL_OSCAL_DATA.`);

type Json = { [name: string]: Json } & Json[] & string;

/** Everything that is called `uuid`, and everything that refers to one, wherever it is. */
function references(value: unknown, made: string[] = [], meant: string[] = []): { readonly made: string[]; readonly meant: string[] } {
  if (typeof value !== 'object' || value === null) return { made, meant };
  for (const [name, member] of Object.entries(value)) {
    if (name === 'uuid') made.push(String(member));
    else if (name.endsWith('-uuid')) meant.push(String(member));
    else if (name === 'href' && String(member).startsWith('#')) meant.push(String(member).slice(1));
    else references(member, made, meant);
  }
  return { made, meant };
}

/** The texts of members that are called so, wherever they are. */
function textsOf(value: unknown, names: readonly string[]): string[] {
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([name, member]) =>
    typeof member === 'string' && names.includes(name) ? [member] : textsOf(member, names),
  );
}

(present ? describe : describe.skip)('compliance reports as OSCAL assessment results, held against NIST’s schema', () => {
  let validate: ValidateFunction;
  let frameworks: readonly Framework[];
  let planted: ComplianceReport;
  let quiet: ComplianceReport;

  const reportOf = (year: ReturnType<typeof complianceYear>, from: string, to: string): ComplianceReport => {
    const codec = plimsollCodec();
    const fold = new ComplianceFold({ from, to, seed: 'spring "24" <b>', sample: 5 });
    let events = 0;
    for (const batch of year.batches())
      for (const event of batch) {
        fold.add((event.metadata as unknown) ? codec.upcast(event) : event);
        events++;
      }
    return fold.report({ origin: 'plimsoll.example/ledger', size: events, root: Buffer.alloc(32, 7).toString('base64') });
  };
  const textOf = (report: ComplianceReport, chosen: readonly Framework[] = frameworks, assessmentPlan?: string): string => {
    const { digest } = canonicalReport(report);
    const choice = { format: 'oscal' as const, frameworks: chosen, ...(assessmentPlan === undefined ? {} : { assessmentPlan }) };
    return Buffer.concat([...renderReport(report, digest, choice).pieces]).toString('utf8');
  };
  const documentOf = (...args: Parameters<typeof textOf>): Json => (JSON.parse(textOf(...args)) as Json)['assessment-results']!;
  const problemsOf = (document: unknown): readonly string[] => {
    if (validate({ 'assessment-results': document })) return [];
    // Which of OSCAL's kinds of document it might be otherwise is of no interest.
    return (validate.errors ?? [])
      .map(({ instancePath, message }) => `${instancePath} ${message}`)
      .filter((p) => p.startsWith('/assessment-results'));
  };

  beforeAll(async () => {
    const schema = JSON.parse(readFileSync(file, 'utf8')) as object;
    const ajv = new Ajv({ strict: false, allErrors: true, unicodeRegExp: true });
    formats.default(ajv);
    validate = ajv.compile(schema);
    frameworks = await loadFrameworks();
    const year = complianceYear({ seed: 5, changes: 400, each: 1 });
    planted = reportOf(year, year.from, year.to);
    quiet = reportOf(year, '2001-01-01T00:00:00.000Z', '2001-02-01T00:00:00.000Z');
  }, 120_000);

  it('are valid, with every kind of exception planted, and for every framework alone', () => {
    expect(planted.summary.changesWithNo).toBeGreaterThan(10);
    expect(problemsOf(documentOf(planted))).toEqual([]);
    for (const framework of frameworks) expect(problemsOf(documentOf(planted, [framework]))).toEqual([]);
  });

  it('are valid for a period in which nothing happened, and find nothing to be satisfied by changes there', () => {
    expect(quiet.summary.changes).toBe(0);
    const document = documentOf(quiet);
    expect(problemsOf(document)).toEqual([]);
    const objectives = new Map(frameworks.flatMap((f) => f.controls.flatMap((c) => c.objectives.map((o) => [o.id, o] as const))));
    const findings = document['results']!.flatMap((result) => result['findings'] ?? []) as unknown as Json[];
    expect(
      findings.filter(
        (f) => objectives.get(f['target']!['target-id']!)!.questions.length > 0 && f['target']!['status']!['state'] === 'satisfied',
      ),
    ).toEqual([]);
    const without = document['results']!.flatMap((r) =>
      r['reviewed-controls']!['control-objective-selections']!.flatMap((s) => s['include-objectives'] as unknown as Json[]),
    ).filter((o) => o['remarks'] !== undefined);
    expect(without.length).toBeGreaterThan(0);
  });

  it('are valid whatever anybody wrote', () => {
    const nasty = [
      ' =cmd|x ',
      '',
      '\n',
      'a\nb',
      '\u202e\0',
      '\ud800',
      '<b>&amp;',
      '{{ insert: param, x }}',
      '*_`[x](javascript:1)',
      '🜁'.repeat(300),
    ];
    const changes = planted.changes.slice(0, nasty.length).map((change, i) => {
      const text = nasty[i]!;
      const tested = { verdict: 'no' as const, reason: text, evidence: [text] };
      return {
        ...change,
        id: `${text}${i}`,
        environment: text,
        release: { releaseId: text, product: text, version: text },
        verdicts: { ...change.verdicts, tested },
      };
    });
    const summary = summaryOf(changes);
    const log = { ...planted.log, checkpoint: { ...planted.log.checkpoint!, origin: nasty[6]! } };
    const document = JSON.parse(
      Buffer.concat([
        ...renderReport({ ...planted, changes, summary, log }, 'ab'.repeat(32), { format: 'oscal', frameworks }).pieces,
      ]).toString('utf8'),
    ) as Json;
    expect(problemsOf(document['assessment-results'])).toEqual([]);
    const marked = textsOf(document, ['title', 'description', 'prose', 'statement', 'remarks']);
    expect(marked.some((text) => text.includes('\\<b\\>'))).toBe(true);
    expect(marked.filter((text) => /(?<!\\)(?:[<>[\]{}`]|&amp;)/.test(text))).toEqual([]);
  });

  it('refer to nothing that is not there, and call no two things by one name', () => {
    const { made, meant } = references(documentOf(planted));
    expect(new Set(made).size).toBe(made.length);
    expect(meant.filter((id) => !made.includes(id))).toEqual([]);
    for (const id of made) expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  });

  it('are the same bytes every time, and have another id where they say something else', () => {
    expect(textOf(planted)).toBe(textOf(planted));
    const ids = [
      documentOf(planted),
      documentOf(quiet),
      documentOf(planted, frameworks.slice(1)),
      documentOf(planted, frameworks, 'https://plans.example/2026.json'),
      documentOf(
        planted,
        frameworks.map((f) => ({ ...f, title: `${f.title}, edited` })),
      ),
    ].map((document) => document['uuid']);
    expect(new Set(ids).size).toBe(ids.length);
    const subjects = (document: Json) =>
      document['results']!.flatMap((r) => r['observations']!.flatMap((o) => (o['subjects'] ?? []) as unknown as Json[]));
    const uuids = (document: Json) => new Set(subjects(document).map((s) => s['subject-uuid']));
    // A change is the same subject in every document.
    expect(uuids(documentOf(planted, frameworks.slice(1)))).toEqual(uuids(documentOf(planted)));
  });

  it('find satisfied exactly what every change answers with yes', () => {
    const document = documentOf(planted);
    const states = new Map(
      document['results']!.flatMap((r) => r['findings'] as unknown as Json[]).map(
        (f) => [String(f['target']!['target-id']), f['target']!['status']!] as const,
      ),
    );
    const byQuestion = planted.summary.byQuestion;
    for (const { id, questions, sections } of frameworks.flatMap((f) => f.controls.flatMap((c) => c.objectives))) {
      if (questions.length === 0 || sections.length > 0) continue;
      const no = questions.some((q) => byQuestion[q].no > 0);
      const exception = questions.some((q) => byQuestion[q].exception > 0);
      const state = no ? ['not-satisfied', 'fail'] : exception ? ['not-satisfied', 'other'] : ['satisfied', 'pass'];
      expect([id, states.get(id)?.['state'], states.get(id)?.['reason']]).toEqual([id, ...state]);
    }
    expect(states.size).toBeGreaterThan(15);
  });

  it('have every change of the population as a resource, and those that deviate as subjects with their verdicts', () => {
    const document = documentOf(
      planted,
      frameworks.filter(({ id }) => id === 'soc2-cc8.1'),
    );
    const resources = document['back-matter']!['resources']!;
    expect(resources.filter((r) => r['title'] !== undefined && r['props']?.some((p) => p['name'] === 'verdict'))).toHaveLength(
      planted.changes.length,
    );
    const tested = document['results']![0]!['observations']!.find((o) => o['title'] === ('Tested' as Json))!;
    const { no, exception } = planted.summary.byQuestion.tested;
    expect(no).toBeGreaterThan(0);
    expect(tested['subjects']).toHaveLength(no + exception);
  });

  it('name the assessment plan that was given, and say so where none was', () => {
    expect(documentOf(planted)['import-ap']!['remarks']).toContain('No assessment plan');
    const { 'import-ap': plan, 'back-matter': matter } = documentOf(planted, frameworks, 'https://plans.example/2026.json');
    expect(plan).toEqual({ href: 'https://plans.example/2026.json' });
    expect(JSON.stringify(matter)).not.toContain('No assessment plan');
  });

  /** Each breaks a valid document in one place; where the schema did not notice, this spec would prove nothing. */
  it.each<[string, (document: Json) => void]>([
    ['no uuid', (d) => delete d['uuid']],
    ['a uuid of another version', (d) => (d['uuid'] = '00000000-0000-1000-8000-000000000000' as Json)],
    ['no import of a plan', (d) => delete d['import-ap']],
    ['no results', (d) => (d['results'] = [] as unknown as Json)],
    ['a result without a start', (d) => delete d['results']![0]!['start']],
    ['a time without an offset', (d) => (d['metadata']!['last-modified'] = '2026-01-01T00:00:00' as Json)],
    ['a time that is none', (d) => (d['results']![0]!['end'] = '2026-02-30T00:00:00Z' as Json)],
    ['a member that OSCAL has not', (d) => (d['results']![0]!['verdict'] = 'yes' as Json)],
    ['a state that OSCAL has not', (d) => (d['results']![0]!['findings']![0]!['target']!['status']!['state'] = 'partly' as Json)],
    ['a target id that is no token', (d) => (d['results']![0]!['findings']![0]!['target']!['target-id'] = '8.1' as Json)],
    ['an observation without methods', (d) => delete d['results']![0]!['observations']![0]!['methods']],
    ['an observation without a time', (d) => delete d['results']![0]!['observations']![0]!['collected']],
    ['a property with a blank value', (d) => (d['metadata']!['props']![0]!['value'] = ' ' as Json)],
    ['a property with white space around its value', (d) => (d['metadata']!['props']![0]!['value'] = ' x' as Json)],
    ['a title with two lines', (d) => (d['results']![0]!['title'] = 'a\nb' as Json)],
    ['an empty list', (d) => (d['results']![0]!['risks'] = [] as unknown as Json)],
    ['no controls that were reviewed', (d) => delete d['results']![0]!['reviewed-controls']],
  ])('would be refused with %s', (_what, breakIt) => {
    const document = documentOf(planted);
    breakIt(document);
    expect(problemsOf(document)).not.toEqual([]);
  });
});
