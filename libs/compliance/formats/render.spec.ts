import { loadFrameworks } from '../load-frameworks.ts';
import type { Framework } from '../framework.ts';
import { aChange, aReport } from '../testing/index.ts';
import { parseFormat, renderReport, REPORT_FORMATS, type FormatTexts } from './render.ts';
import { canonicalReport } from '../canonical.ts';

describe('The way in which a report is written', () => {
  let known: readonly Framework[];
  beforeAll(async () => {
    known = await loadFrameworks();
  });
  const parsed = (texts: Partial<FormatTexts>) =>
    parseFormat({ format: undefined, table: undefined, framework: undefined, assessmentPlan: undefined, ...texts }, known);

  it('is JSON unless told, and is held against every framework where that says something', () => {
    expect(parsed({})).toMatchObject({ choice: { format: 'json' } });
    expect(parsed({ format: 'oscal' })).toEqual({ choice: { format: 'oscal', frameworks: known } });
    expect(parsed({ format: 'html', framework: 'soc2-cc8.1,pci-dss-4.0' })).toMatchObject({
      choice: { frameworks: [{ id: 'pci-dss-4.0' }, { id: 'soc2-cc8.1' }] },
    });
  });

  it.each(['https://plans.example/a?b=c#d', 'plans/2026.json', '../plan.json', '#plan', '/plans/1', 'a%20b'])(
    'takes a plan at %s',
    (plan) => {
      expect(parsed({ format: 'oscal', assessmentPlan: plan })).toMatchObject({ choice: { assessmentPlan: plan } });
    },
  );

  it.each([
    '',
    'javascript:alert(1)',
    'data:text/html,x',
    'http://plans.example',
    '//plans.example',
    'a b',
    'a\nb',
    '%zz',
    '<b>',
    'x'.repeat(2001),
    'https://',
  ])('refuses a plan at %j', (plan) => {
    expect(parsed({ format: 'oscal', assessmentPlan: plan })).toMatchObject({ problems: { assessmentPlan: expect.any(String) } });
  });

  it('has a file name that nobody but the period has a part in', () => {
    const report = aReport({ query: { from: '2026-01-01T00:00:00.000Z', to: '2026-04-01T00:00:00.000Z', seed: '../"\r\nx', sample: 1 } });
    const names = REPORT_FORMATS.map((format) => renderReport(report, 'ab'.repeat(32), { format, frameworks: known }).fileName);
    expect(names).toEqual([
      'plimsoll-compliance-2026-01-01-to-2026-04-01.json',
      'plimsoll-compliance-2026-01-01-to-2026-04-01-population.csv',
      'plimsoll-compliance-2026-01-01-to-2026-04-01.html',
      'plimsoll-compliance-2026-01-01-to-2026-04-01-oscal.json',
    ]);
  });

  it.each(REPORT_FORMATS)('is the same bytes every time: %s', (format) => {
    const report = aReport({ changes: [aChange(1), aChange(2)] });
    const { digest, bytes } = canonicalReport(report);
    const written = () => Buffer.concat([...renderReport(report, digest, { format, frameworks: known }).pieces]);
    expect(written().equals(written())).toBe(true);
    if (format === 'json') expect(written().equals(bytes)).toBe(true);
  });
});
