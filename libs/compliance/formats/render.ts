import { canonicalPieces } from '../canonical.ts';
import type { Framework } from '../framework.ts';
import type { ComplianceReport } from '../report.ts';
import { complianceHtml, HTML_POLICY } from './html/page.ts';
import { oscalResults } from './oscal.ts';
import { bytesOf } from './pieces.ts';
import { complianceCsv, TABLE_NAMES, type TableName } from './tables.ts';

export const REPORT_FORMATS = ['json', 'csv', 'html', 'oscal'] as const;
export type ReportFormat = (typeof REPORT_FORMATS)[number];

/** How a report is to be written. */
export interface FormatChoice {
  readonly format: ReportFormat;
  /** Of the CSV; `population` unless told. */
  readonly table?: TableName;
  /** Held against these: in HTML, in OSCAL (at least one), and in the CSV of the controls. */
  readonly frameworks: readonly Framework[];
  /** Of the OSCAL: a URI reference. */
  readonly assessmentPlan?: string;
}

/** A report as it is sent or kept. */
export interface RenderedReport {
  readonly contentType: string;
  /** Letters, digits, dots and hyphens. */
  readonly fileName: string;
  /** Content-Security-Policy of what a browser would show. */
  readonly policy?: string;
  /** Made as they are asked for; once. */
  readonly pieces: Iterable<Buffer>;
}

/** What was asked for, as texts; each absent unless told. */
export type FormatTexts = Readonly<Record<'format' | 'table' | 'framework' | 'assessmentPlan', string | undefined>>;

export type ParsedFormat = { readonly choice: FormatChoice } | { readonly problems: Readonly<Partial<Record<keyof FormatTexts, string>>> };

const MOST_ADDRESS = 2000;

/**
 * Reads how a report is to be written, or says by parameter what would be accepted. `framework` is ids, separated by commas; all are held
 * against it unless told.
 */
export function parseFormat({ format = 'json', table, framework, assessmentPlan }: FormatTexts, known: readonly Framework[]): ParsedFormat {
  const problems: Partial<Record<keyof FormatTexts, string>> = {};
  const wanted = REPORT_FORMATS.find((name) => name === format);
  if (!wanted) problems.format = `This must be one of: ${REPORT_FORMATS.join(', ')}.`;
  const named = TABLE_NAMES.find((name) => name === table);
  if (table !== undefined && wanted !== 'csv') problems.table = 'Only CSV comes in tables: ask for format=csv, too.';
  else if (table !== undefined && !named) problems.table = `This must be one of: ${TABLE_NAMES.join(', ')}.`;
  const ids = framework?.split(',') ?? known.map(({ id }) => id);
  const frameworks = known.filter(({ id }) => ids.includes(id));
  if (framework !== undefined && (wanted === 'json' || (wanted === 'csv' && named !== 'controls')))
    problems.framework = 'A framework is for html, for oscal, and for the table controls of csv: the report itself knows none.';
  else if (frameworks.length < ids.length)
    problems.framework = `This must be some of these, each once, separated by commas: ${known.map(({ id }) => id).join(', ')}.`;
  if (assessmentPlan !== undefined && wanted !== 'oscal') problems.assessmentPlan = 'An assessment plan is named in oscal only.';
  else if (assessmentPlan !== undefined && !isAddress(assessmentPlan))
    problems.assessmentPlan = 'This must be an https address, or a path relative to where the results are kept.';
  if (!wanted || Object.keys(problems).length > 0) return { problems };
  return {
    choice: { format: wanted, frameworks, ...(named && { table: named }), ...(assessmentPlan !== undefined && { assessmentPlan }) },
  };
}

/**
 * A report in one of its formats. Pure: the same report and choice give the same bytes.
 *
 * @param digest SHA-256 (hex) of the report's JSON
 */
export function renderReport(report: ComplianceReport, digest: string, choice: FormatChoice): RenderedReport {
  const { table = 'population', frameworks, assessmentPlan } = choice;
  const named = (ending: string, ...parts: readonly string[]): string => fileNameOf(report, parts, ending);
  switch (choice.format) {
    case 'json':
      return { contentType: 'application/json', fileName: named('json'), pieces: canonicalPieces(report) };
    case 'csv':
      return {
        contentType: 'text/csv; charset=utf-8; header=present',
        fileName: named('csv', table),
        pieces: bytesOf(complianceCsv(report, table, frameworks)),
      };
    case 'html':
      return {
        contentType: 'text/html; charset=utf-8',
        fileName: named('html'),
        policy: `${HTML_POLICY}; frame-ancestors 'none'; sandbox`,
        pieces: bytesOf(complianceHtml(report, digest, frameworks)),
      };
    case 'oscal': {
      const options = { digest, frameworks, ...(assessmentPlan !== undefined && { assessmentPlan }) };
      return { contentType: 'application/json', fileName: named('json', 'oscal'), pieces: bytesOf(oscalResults(report, options)) };
    }
  }
}

/** Of nothing that anybody chose but the period, and of that only what a file's name can hold everywhere. */
function fileNameOf({ query }: ComplianceReport, parts: readonly string[], ending: string): string {
  const day = (at: string): string => at.slice(0, 10).replace(/[^0-9-]/g, '');
  return `${['plimsoll-compliance', day(query.from), 'to', day(query.to), ...parts].join('-')}.${ending}`;
}

/** A URI reference (RFC 3986) that is https or relative; nothing that does something when it is followed. */
function isAddress(text: string): boolean {
  if (text.length === 0 || text.length > MOST_ADDRESS || !/^[A-Za-z0-9\-._~:/?#[\]@!$&'()*+,;=%]+$/.test(text)) return false;
  if (/%(?![0-9A-Fa-f]{2})/.test(text)) return false;
  return /^https:\/\/[^/]/.test(text) ? URL.canParse(text) : !/^[^/?#]*:/.test(text) && !text.startsWith('//') && !/[[\]]/.test(text);
}
