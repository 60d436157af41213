import { createHash } from 'node:crypto';
import type { Framework } from '../../framework.ts';
import { sectionFindings, thousands } from '../../assess.ts';
import type { ComplianceReport } from '../../report.ts';
import { h, Markup } from './markup.ts';
import { facts, id, lines, note, time, verdict, where } from './parts.ts';
import * as sections from './sections.ts';
import { STYLE } from './style.ts';

/** What a page may do: nothing but look as it looks. The same for the answer's header and, for whoever keeps the file, in the page. */
export const HTML_POLICY = [
  "default-src 'none'",
  `style-src 'sha256-${createHash('sha256').update(STYLE).digest('base64')}'`,
  "base-uri 'none'",
  "form-action 'none'",
].join('; ');

interface PageSection {
  readonly anchor: string;
  readonly title: string;
  /** Begins on a page of its own on paper. */
  readonly page?: boolean;
  content(): Iterable<Markup>;
}

/**
 * The report as one page to read and to print: no scripts, nothing loaded, everything escaped. In bits, so that the page need not be held.
 *
 * @param digest SHA-256 (hex) of the report's JSON, by which the page names what it shows
 */
export function* complianceHtml(report: ComplianceReport, digest: string, frameworks: readonly Framework[]): Generator<string> {
  const list = sectionsOf(report, digest, frameworks);
  yield head(report).text;
  yield cover(report, digest).text;
  const contents = list.map(({ anchor, title }) => h`<li><a href="#${anchor}">${title}</a></li>`);
  yield h`<nav aria-label="Contents"><h2>Contents</h2><ol>${contents}</ol></nav>\n<main id="report">\n`.text;
  for (const [i, { anchor, title, page, content }] of list.entries()) {
    yield h`<section aria-labelledby="${anchor}"${page && PAGE}><h2 id="${anchor}">${i + 1}. ${title}</h2>\n`.text;
    for (const bit of content()) yield bit.text;
    yield '</section>\n';
  }
  yield `</main>\n${SIGNATURES}</body></html>\n`;
}

function sectionsOf(report: ComplianceReport, digest: string, frameworks: readonly Framework[]): readonly PageSection[] {
  const controls = { anchor: 'controls', page: true, title: 'Controls', content: () => sections.controls(report, frameworks) };
  return [
    { anchor: 'summary', page: true, title: 'Summary', content: () => sections.summary(report) },
    { anchor: 'exceptions', page: true, title: 'Exceptions', content: () => sections.exceptions(report) },
    { anchor: 'unmatched', title: 'Completeness: what does not match, in both directions', content: () => sections.unmatched(report) },
    ...(frameworks.length === 0 ? [] : [controls]),
    { anchor: 'change-records', title: 'Changes and who decided on them', content: () => sections.changeRecords(report) },
    { anchor: 'emergencies', title: 'Emergencies and bypasses', content: () => sections.emergencies(report) },
    { anchor: 'later-violations', title: 'Duties: what was learned later', content: () => sections.laterViolations(report) },
    { anchor: 'sample', page: true, title: 'Sample', content: () => sections.sample(report) },
    { anchor: 'access', title: 'Who could approve, deploy or administer', content: () => sections.access(report) },
    { anchor: 'rule-changes', title: 'Changes to policies, boards, roles and who is who', content: () => sections.ruleChanges(report) },
    { anchor: 'denials', title: 'What was refused', content: () => sections.denials(report) },
    { anchor: 'population', page: true, title: 'Population', content: () => sections.population(report) },
    { anchor: 'basis', page: true, title: 'What this report rests on, and how to make it again', content: () => basis(report, digest) },
  ];
}

function head({ query }: ComplianceReport): Markup {
  const title = `Compliance report, ${query.from.slice(0, 10)} to ${query.to.slice(0, 10)}`;
  const policy = h`<meta http-equiv="Content-Security-Policy" content="${HTML_POLICY}">`;
  const metas = h`<meta name="viewport" content="width=device-width, initial-scale=1"><meta name="referrer" content="no-referrer">`;
  const style = h`<style>${new Markup(STYLE)}</style>`;
  const skip = h`<a class="skip" href="#report">To the report</a>`;
  return h`<!doctype html>\n<html lang="en"><head><meta charset="utf-8">${policy}${metas}<title>${title}</title>${style}</head><body>${skip}\n`;
}

function cover(report: ComplianceReport, digest: string): Markup {
  const { query, log, summary, accuracy } = report;
  const figure = (n: number, label: string, bad = ''): Markup =>
    h`<li class="${n > 0 && bad}"><b>${thousands(n)}</b><span>${label}</span></li>`;
  const figures = [
    figure(summary.changes, 'changes in the population'),
    figure(summary.changesWithNo, 'with at least one “no”', 'no'),
    figure(summary.changesWithException, 'with exceptions only', 'exception'),
    figure(accuracy.neverAuthorised.length, 'observed, never authorised', 'no'),
    figure(accuracy.neverObserved.length, 'deployed, never observed', 'no'),
  ];
  const basics = facts([
    ['Report', id(`sha256:${digest}`)],
    ['Signed root of the log', log.checkpoint ? id(log.checkpoint.root) : h`<strong>none: nothing is proved</strong>`],
    ['Log', log.checkpoint && `${log.checkpoint.origin}, ${thousands(log.checkpoint.size)} events`],
    ['Last event', time(log.lastRecordedAt)],
    ['Made by', report.engine],
  ]);
  const period = h`<p class="period">From ${time(query.from)} to before ${time(query.to)}</p>`;
  const heading = h`<p class="kicker">Plimsoll · compliance report</p><h1>Changes to governed environments</h1>${period}`;
  return h`<header class="cover">${heading}<ul class="figures">${figures}</ul>${basics}</header>\n`;
}

function* basis(report: ComplianceReport, digest: string): Generator<Markup> {
  const { log, query } = report;
  const { verdict: answer, detail } = sectionFindings(report).log;
  yield h`<p>${answer && h`${verdict(answer)} `}${detail}</p>`;
  const sample = query.seed !== undefined && h`, sample of ${query.sample} with the seed ${id(query.seed)}`;
  yield facts([
    ['Asked for', h`from ${time(query.from)} to before ${time(query.to)}${sample}`],
    ['Events read', `${thousands(log.events)}, from the log’s beginning`],
    ['Positions', log.firstPosition && `${log.firstPosition} to ${log.lastPosition ?? ''}`],
    ['Last recorded', time(log.lastRecordedAt)],
    ['Covers the period', log.coversPeriod ? 'yes: something was recorded after its end' : 'not shown: nothing was recorded after its end'],
    ['Log', log.checkpoint && id(log.checkpoint.origin)],
    ['Tree size', log.checkpoint?.size],
    ['Root (SHA-256, base64)', log.checkpoint && id(log.checkpoint.root)],
    ['Events that can’t be read', log.unreadable && lines(log.unreadable.map((u) => h`${u.event}, ${where(u)}`))],
    ['Report (SHA-256 of its JSON)', id(digest)],
    ['Made by', report.engine],
    ['Decisions judged by', report.gateEngines.join(', ') || 'no decisions in the period'],
    ['Time zone database', report.tzdata.join(', ') || 'none was needed'],
  ]);
  yield h`<h3>To make it again, offline</h3>`;
  yield h`<p>Whoever has the events needs neither this program’s server nor its word. Have the log’s key from another source than the export.</p>`;
  yield h`<pre>${commandsOf(report, digest)}</pre>`;
  yield note(
    'What persons wrote in their own words is sealed, and is shown to who asks with the header Plimsoll-Text: revealed; the digest stays that of the sealed report. ' +
      'Every change names the leaves of the log that it rests on. A leaf is proved to be in the signed tree by GET /v1/ledger/inclusion-proof?sequence=LEAF&treeSize=SIZE, and every decision receipt is executed once more by plimsoll-audit recheck.',
  );
}

/** As a person types them; what somebody else chose is quoted for the shell. */
function commandsOf({ query, log }: ComplianceReport, digest: string): string {
  const sample = query.seed === undefined ? '' : ` \\\n    --seed=${quoted(query.seed)} --sample ${query.sample ?? 0}`;
  const size = log.checkpoint ? ` --size ${log.checkpoint.size}` : '';
  return [
    `plimsoll-audit export FOLDER --database URL --from 0 --to ${log.events}`,
    'plimsoll-audit verify FOLDER --key KEY',
    `plimsoll-audit compliance FOLDER --key KEY --from ${query.from} --to ${query.to}${size}${sample} \\\n    --expect sha256:${digest}`,
  ].join('\n');
}

function quoted(text: string): string {
  return /^[A-Za-z0-9._:/-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}

const PAGE = h` class="page"`;
const SIGNATURES = '<footer class="sign"><div>Prepared for, and date</div><div>Reviewed by, and date</div></footer>\n';
