import { plimsollCodec } from '#libs/contracts';
import {
  canonicalReport,
  ComplianceFold,
  CONTROL_QUESTIONS,
  type Change,
  type ComplianceReport,
  type ControlQuestion,
} from '#libs/compliance';
import { BY_CHANGE, complianceYear, EXCEPTIONS, type ComplianceYear, type PlantedChange } from '../../test/support/compliance-year.ts';

jest.setTimeout(240_000);

const questions = Object.keys(CONTROL_QUESTIONS) as ControlQuestion[];

function reportOf(year: ComplianceYear, query: { seed?: string; sample?: number } = {}): ComplianceReport {
  const codec = plimsollCodec();
  const fold = new ComplianceFold({ from: year.from, to: year.to, ...query });
  for (const batch of year.batches()) for (const event of batch) fold.add(codec.upcast(event));
  return fold.report();
}

/** What is not answered by yes. */
function notYes(change: Change): Readonly<Record<string, string>> {
  return Object.fromEntries(
    questions.flatMap((q) => (change.verdicts[q].verdict === 'yes' ? [] : [[q, change.verdicts[q].verdict] as const])),
  );
}

describe.each([
  // The issue's own measure: a year of 20,000 changes, every kind of exception several times over.
  { seed: 20_261_122, changes: 20_000, each: 7 },
  { seed: 7, changes: 1200, each: 3 },
  { seed: 8, changes: 1200, each: 3 },
])('a year of $changes changes with $each planted exceptions of every kind (seed $seed)', (options) => {
  const year = complianceYear(options);
  let report: ComplianceReport;
  let planted: ReadonlyMap<string, PlantedChange>;
  beforeAll(() => {
    report = reportOf(year);
    planted = new Map(year.planted.map((p) => [p.where, p]));
  });
  const keyOf = ({ id, kind, started }: Change): string => (kind === 'observed' ? started.ref : `deployment-${id}`);

  it('has the whole population, and nothing else', () => {
    expect(planted.size).toBe(EXCEPTIONS.length * options.each);
    expect(report.summary.changes).toBe(year.population());
    expect(new Set(report.changes.map((c) => c.id)).size).toBe(year.population());
  });

  it('shows exactly the planted exceptions, each by its own questions and no others', () => {
    const found = report.changes.filter((c) => Object.keys(notYes(c)).length > 0);
    const expected = [...planted].filter(([, p]) => Object.keys(p.wanted).length > 0);
    expect(Object.fromEntries(found.map((c) => [keyOf(c), { planted: planted.get(keyOf(c))?.planted, ...notYes(c) }]))).toEqual(
      Object.fromEntries(expected.map(([where, p]) => [where, { planted: p.planted, ...p.wanted }])),
    );
  });

  it('leaves no verdict blank, and says why for each that is not yes', () => {
    const blank = report.changes.flatMap((change) =>
      questions.flatMap((question) => {
        const { verdict, reason } = change.verdicts[question];
        const answered = verdict === 'yes' || ((verdict === 'no' || verdict === 'exception') && /\S/.test(reason ?? ''));
        return answered ? [] : [`${change.id} ${question}`];
      }),
    );
    expect(blank).toEqual([]);
  });

  it('matches the log with what environments tell, in both directions, and lists exactly what does not match', () => {
    const { accuracy } = report;
    const unmatched = year.planted.filter((p) => p.unmatched);
    expect(Object.fromEntries(accuracy.neverAuthorised.map((o) => [o.ref, o.why]))).toEqual(
      Object.fromEntries(unmatched.map((p) => [p.where, p.unmatched])),
    );
    const unseen = year.planted.filter((p) => p.wanted.observed === 'no').map((p) => p.where);
    expect(accuracy.neverObserved.map((d) => `deployment-${d.changeId}`).sort()).toEqual(unseen.sort());
    expect(accuracy.deployments).toBe(year.population() - unmatched.length);
    expect(accuracy.observed + accuracy.neverObserved.length).toBe(accuracy.tookEffect);
    expect(accuracy.reportsMatched + accuracy.neverAuthorised.length).toBe(accuracy.reports);
  });

  it('names who acted without a role, and nobody else', () => {
    expect(new Set(report.access.actedWithoutGrant.map((a) => `${a.person} ${a.capability}`))).toEqual(year.withoutRole);
  });

  it('has every bypass with its review, and how it stands', () => {
    const count = (kinds: readonly string[]): number => year.planted.filter((p) => kinds.includes(p.planted)).length;
    const states = report.emergencies.map((e) => e.bypass?.state ?? (e.change ? `change ${e.change.state}` : 'none'));
    const of = (state: string): number => states.filter((s) => s === state).length;
    expect({
      reviewed: of('reviewed'),
      late: of('reviewed-late'),
      rejected: of('rejected'),
      overdue: of('overdue'),
      due: of('due'),
      unused: of('unused'),
      none: of('none'),
      change: of('change reviewed'),
      changeOverdue: of('change overdue'),
    }).toEqual({
      reviewed: count(['bypass-reviewed-in-time', 'bypass-reviewed-by-its-user', 'bypass-for-another-digest']),
      late: count(['bypass-review-late']),
      rejected: count(['bypass-rejected']),
      overdue: count(['bypass-review-missing']),
      due: count(['bypass-review-not-due-yet']),
      unused: 0,
      none: count(['emergency-class', 'emergency-class-that-nothing-bears']),
      change: count(['emergency-change-reviewed', 'emergency-change-reviewed-by-its-deployer']),
      changeOverdue: count(['emergency-change-review-missing']),
    });
  });

  it('has every change that was submitted, with its route and the deployment that rests on it', () => {
    const routes = (of: readonly (string | undefined)[]): Readonly<Record<string, number>> =>
      Object.fromEntries(['board', 'itsm', 'model', 'emergency'].map((route) => [route, of.filter((r) => r === route).length]));
    const wanted = year.planted.filter((p) => BY_CHANGE[p.planted] && p.planted !== 'change-without-any');
    expect(routes(report.changeRecords.map(({ route }) => route))).toEqual(routes(wanted.map((p) => BY_CHANGE[p.planted])));
    expect(report.changeRecords.flatMap(({ changeIds }) => changeIds.map((id) => `deployment-${id}`)).sort()).toEqual(
      wanted.map((p) => p.where).sort(),
    );
  });

  it('tells violations that were found later with the changes that they are about', () => {
    const noted = year.planted.filter((p) => p.planted === 'self-approval-by-alias-on-record').map((p) => p.where);
    expect(
      report.laterViolations
        .flatMap((v) => v.changeIds)
        .map((id) => `deployment-${id}`)
        .sort(),
    ).toEqual(noted.sort());
  });
});

describe('the same year', () => {
  const options = { seed: 3, changes: 400, each: 1 };

  it('gives the same bytes when it is computed again, and others for another seed of the sample', () => {
    const once = canonicalReport(reportOf(complianceYear(options), { seed: 'a', sample: 5 }));
    expect(canonicalReport(reportOf(complianceYear(options), { seed: 'a', sample: 5 })).digest).toBe(once.digest);
    expect(canonicalReport(reportOf(complianceYear(options), { seed: 'b', sample: 5 })).digest).not.toBe(once.digest);
  });
});
