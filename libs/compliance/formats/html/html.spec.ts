import { createHash } from 'node:crypto';
import { loadFrameworks } from '../../load-frameworks.ts';
import type { ComplianceReport } from '../../report.ts';
import { CONTROL_QUESTIONS } from '../../report.ts';
import { aChange, aReport, judged } from '../../testing/index.ts';
import { escaped, h } from './markup.ts';
import { complianceHtml, HTML_POLICY } from './page.ts';
import { MOST_ROWS } from './sections.ts';

const DIGEST = 'a1'.repeat(32);
const textOf = (report: ComplianceReport, frameworks: Parameters<typeof complianceHtml>[2] = []): string =>
  [...complianceHtml(report, DIGEST, frameworks)].join('');

const HOSTILE = `</td></table><script>alert(1)</script><img src=x onerror="alert(2)"> ' onmouseover='alert(3) {{7*7}} \${8*8}`;
const written = { at: '2026-02-01T00:00:00.000Z', ref: 'x-1@2', sequence: 7 };

/** Tags as an HTML parser sees them, with how deep each is; throws where they do not close. */
function elements(page: string): { readonly name: string; readonly attributes: Readonly<Record<string, string>>; readonly path: string }[] {
  const open: string[] = [];
  const found: { name: string; attributes: Record<string, string>; path: string }[] = [];
  const withoutStyle = page.replace(/<style>[\s\S]*?<\/style>/, '<style></style>').replace('<!doctype html>', '');
  for (const [, close, name = '', rest = ''] of withoutStyle.matchAll(/<(\/?)([a-z][a-z0-9]*)((?:\s+[a-z-]+(?:="[^"]*")?)*)\s*>/g)) {
    if (close) {
      if (open.pop() !== name) throw new Error(`</${name}> closes nothing.`);
      continue;
    }
    const attributes = Object.fromEntries([...rest.matchAll(/([a-z-]+)(?:="([^"]*)")?/g)].map(([, key = '', value = '']) => [key, value]));
    found.push({ name, attributes, path: open.join('>') });
    if (!['meta', 'br'].includes(name)) open.push(name);
  }
  if (open.length > 0) throw new Error(`<${open.join('><')}> is not closed.`);
  // Whatever is left of the angles was not seen as a tag.
  const leftovers = withoutStyle.replace(/<\/?[a-z][a-z0-9]*(?:\s+[a-z-]+(?:="[^"]*")?)*\s*>/g, '').match(/[<>]/);
  if (leftovers) throw new Error('There is an angle bracket outside of any tag.');
  return found;
}

/** A report in which everything that anybody chose is hostile. */
function hostileReport(): ComplianceReport {
  const change = aChange(1, {
    id: HOSTILE,
    environment: HOSTILE,
    release: { releaseId: HOSTILE, product: HOSTILE, version: HOSTILE },
    rollbackOf: { deploymentId: HOSTILE, releaseId: HOSTILE },
    requester: HOSTILE,
    deployer: HOSTILE,
    authors: [{ account: HOSTILE, person: HOSTILE }],
    tests: [{ ...written, suite: HOSTILE, outcome: 'fail', artifactDigest: HOSTILE, reportDigest: HOSTILE, tester: HOSTILE }],
    approvals: [
      {
        ...written,
        ref: HOSTILE,
        person: HOSTILE,
        groups: [HOSTILE],
        counted: false,
        lapsed: [{ because: 'out-of-group', detail: HOSTILE, group: HOSTILE, ref: HOSTILE }],
      },
    ],
    changeRecord: { ...written, changeId: HOSTILE, round: 1, route: 'board', dossierHash: HOSTILE, votesLapsed: [HOSTILE] },
    risk: { declared: 'low', floor: 'high', effective: 'high', detail: HOSTILE },
    observations: [{ ...written, by: 'report', artifact: HOSTILE, service: HOSTILE, change: HOSTILE }],
    policy: { id: HOSTILE, version: 1 },
    bypass: { ...written, bypassId: HOSTILE, waived: [HOSTILE as never] },
    verdicts: { tested: judged('no', HOSTILE, [HOSTILE]), observed: judged('exception', HOSTILE) },
  });
  const accuracy = {
    ...aReport().accuracy,
    neverObserved: [{ ...written, changeId: HOSTILE, environment: HOSTILE }],
    neverAuthorised: [
      {
        ...written,
        by: 'report' as const,
        artifact: HOSTILE,
        service: HOSTILE,
        reportedBy: HOSTILE,
        changeId: HOSTILE,
        environment: HOSTILE,
        why: 'never-deployed-here' as const,
      },
    ],
  };
  return aReport({
    changes: [change],
    query: { ...aReport().query, seed: HOSTILE, sample: 1 },
    sample: { seed: HOSTILE, size: 1, algorithm: 'a', changeIds: [HOSTILE] },
    accuracy,
    log: { ...aReport().log, checkpoint: { origin: HOSTILE, size: 1, root: HOSTILE } },
    emergencies: [
      {
        changeIds: [HOSTILE],
        environment: HOSTILE,
        releaseId: HOSTILE,
        changeReason: HOSTILE,
        bypass: {
          ...written,
          bypassId: HOSTILE,
          requester: HOSTILE,
          gates: [HOSTILE as never],
          justification: HOSTILE,
          tuple: {} as never,
          expiresAt: HOSTILE,
          reviewDueAt: HOSTILE,
          review: { ...written, reviewer: HOSTILE, outcome: 'approved', findings: HOSTILE, late: true },
          state: 'reviewed-late',
        },
      },
    ],
    access: {
      roles: [
        {
          ...written,
          person: HOSTILE,
          role: HOSTILE,
          scope: { kind: 'team', id: HOSTILE },
          from: HOSTILE,
          until: HOSTILE,
          capabilities: ['approve'],
          requestedBy: HOSTILE,
          confirmedBy: HOSTILE,
        },
      ],
      memberships: [{ ...written, group: HOSTILE, person: HOSTILE, from: HOSTILE }],
      actedWithoutGrant: [{ ...written, person: HOSTILE, capability: 'deploy', times: 1 }],
    },
    ruleChanges: [{ ...written, kind: 'policy', event: HOSTILE, person: HOSTILE, principal: HOSTILE, what: HOSTILE }],
    laterViolations: [
      {
        ...written,
        releaseId: HOSTILE,
        environment: HOSTILE,
        rule: HOSTILE,
        person: HOSTILE,
        duties: [HOSTILE],
        evidence: [HOSTILE],
        learnedFrom: HOSTILE,
        changeIds: [HOSTILE],
      },
    ],
    denials: {
      total: 1,
      byType: [{ command: HOSTILE, refusal: HOSTILE, count: 1 }],
      list: [{ ...written, command: HOSTILE, refusal: HOSTILE, kind: HOSTILE, person: HOSTILE, detail: HOSTILE }],
      omitted: 0,
    },
  });
}

describe('Text in a page', () => {
  it.each([
    ['<script>', '&lt;script&gt;'],
    [`" onload='x'`, '&quot; onload=&#39;x&#39;'],
    ['&lt;', '&amp;lt;'],
    ['\u202egnp.exe', '⟨U+202E⟩gnp.exe'],
    ['ad\u200bmin', 'ad⟨U+200B⟩min'],
    ['a\0b\r', 'a⟨U+0000⟩b⟨U+000D⟩'],
    ['\ud800', '⟨U+D800⟩'],
    ['because {plimsoll-sealed:1:k1.k2:aGVsbG8_-} and so', 'because (sealed) and so'],
  ])('is shown and does nothing: %j', (text, shown) => {
    expect(escaped(text)).toBe(shown);
    expect(h`<b>${text}</b>`.text).toBe(`<b>${shown}</b>`);
  });

  it('stays as it is where it is harmless', () => {
    for (const text of ['Zoë Müller-Łukasz', '山田 太郎', 'a\nb', 'C++ = fun; 50 % (½)', 'éclair 👍🏽'.replace('🏽', '')])
      expect(escaped(text)).toBe(text);
  });
});

describe('The report as a page', () => {
  it('has sound tags, whatever anybody wrote, and shows what was written', async () => {
    const page = textOf(hostileReport(), await loadFrameworks());
    const seen = elements(page);
    expect(seen.filter(({ name }) => ['script', 'img', 'iframe', 'object', 'link', 'form', 'input', 'svg', 'base'].includes(name))).toEqual(
      [],
    );
    expect(seen.flatMap(({ attributes }) => Object.keys(attributes)).filter((name) => name.startsWith('on') || name === 'style')).toEqual(
      [],
    );
    expect(page).not.toContain('<script');
    expect(page.split('&lt;script&gt;alert(1)&lt;/script&gt;').length).toBeGreaterThan(60);
  });

  it('has no word of what others wrote in its style, and loads nothing', async () => {
    const page = textOf(hostileReport(), await loadFrameworks());
    const [, style = ''] = /<style>([\s\S]*?)<\/style>/.exec(page) ?? [];
    expect(style).not.toMatch(/url\(|@import|alert/);
    expect(HTML_POLICY).toContain(`'sha256-${createHash('sha256').update(style).digest('base64')}'`);
    expect(HTML_POLICY).toMatch(/^default-src 'none'/);
    const seen = elements(page);
    expect(seen.flatMap(({ attributes }) => [attributes['src'], attributes['srcset'], attributes['data']].filter(Boolean))).toEqual([]);
    expect(seen.flatMap(({ attributes }) => attributes['href'] ?? []).filter((href) => !href.startsWith('#'))).toEqual([]);
  });

  it('can be read by ear: one first heading, levels without gaps, tables with captions and scopes, links that lead somewhere', async () => {
    const seen = elements(textOf(hostileReport(), await loadFrameworks()));
    const levels = seen.flatMap(({ name }) => (/^h[1-6]$/.test(name) ? Number(name[1]) : []));
    expect(levels.filter((level) => level === 1)).toHaveLength(1);
    expect(levels.filter((level, i) => level > (levels[i - 1] ?? 0) + 1)).toEqual([]);
    expect(seen.filter(({ name }) => name === 'caption')).toHaveLength(seen.filter(({ name }) => name === 'table').length);
    expect(seen.filter(({ name, attributes }) => name === 'th' && !['col', 'row'].includes(attributes['scope'] ?? ''))).toEqual([]);
    expect(seen.filter(({ name, path }) => name === 'th' && !/thead>tr$|tbody>tr$/.test(path))).toEqual([]);
    const idsOf = seen.flatMap(({ attributes }) => attributes['id'] ?? []);
    expect(new Set(idsOf).size).toBe(idsOf.length);
    const targets = seen.flatMap(({ attributes }) => attributes['href']?.slice(1) ?? []);
    expect(targets.filter((target) => !idsOf.includes(target))).toEqual([]);
    expect(seen.find(({ name }) => name === 'html')?.attributes['lang']).toBe('en');
  });

  it('says a verdict in words, and not by colour alone', () => {
    const page = textOf(aReport({ changes: [aChange(1, { verdicts: { tested: judged('no', 'No report.') } })] }));
    expect(page).toContain('<span class="v no">✕ No</span>');
    expect(page).toContain('<span class="v yes">✓ Yes</span>');
  });

  it('asks every question, with its counts', () => {
    const changes = [aChange(1), aChange(2), aChange(3, { verdicts: { tested: judged('exception', 'None asked for.') } })];
    const page = textOf(aReport({ changes }));
    for (const asked of Object.values(CONTROL_QUESTIONS)) expect(page).toContain(escaped(asked));
    const row = /Tested<br>.*?<\/tr>/.exec(page)?.[0];
    expect(row).toContain('<td class="n">2</td><td class="n">1</td><td class="n">0</td>');
    expect(row).toContain('! Exception');
  });

  it('tells what is wrong before what is an exception, and that before everything else', () => {
    const changes = [
      aChange(1, { verdicts: { tested: judged('exception', 'EXCEPTION-REASON') } }),
      aChange(2, { verdicts: { requested: { ...judged('no', 'NO-REASON'), unknowable: true } } }),
    ];
    const page = textOf(aReport({ changes }));
    const places = [
      'id="summary"',
      'id="exceptions"',
      'NO-REASON',
      'EXCEPTION-REASON',
      'id="unmatched"',
      'id="sample"',
      'id="population"',
      'id="basis"',
    ];
    const found = places.map((place) => page.indexOf(place));
    expect(found).not.toContain(-1);
    expect(found).toEqual([...found].sort((a, b) => a - b));
    expect(page).toContain('<strong>Unknowable.</strong>');
  });

  it('names what it rests on, and how to make it again', () => {
    const report = aReport({
      query: { from: '2026-01-01T00:00:00.000Z', to: '2026-04-01T00:00:00.000Z', seed: `it's $(id) "q"`, sample: 5 },
    });
    const page = textOf(report);
    expect(page).toContain(report.log.checkpoint!.root);
    expect(page).toContain(`sha256:${DIGEST}`);
    // As the shell reads it: one word.
    expect(page).toContain(escaped(`--seed='it'\\''s $(id) "q"' --sample 5`));
    expect(page).toContain('--size 1000');
    const unsigned = textOf(aReport({ log: { events: 0, coversPeriod: false } }));
    expect(unsigned).toContain('none: nothing is proved');
    expect(unsigned).not.toContain('--size');
  });

  it('says that there was nothing to test where nothing happened', async () => {
    const page = textOf(aReport(), await loadFrameworks());
    expect(() => elements(page)).not.toThrow();
    expect(page).toContain('Nothing was deployed, rolled back or observed in this period');
    expect(page).toContain('– Nothing to test');
    expect(/<section aria-labelledby="summary"[\s\S]*?<\/section>/.exec(page)?.[0]).not.toContain('✓ Yes');
  });

  it('says of every control what is not covered', async () => {
    const frameworks = await loadFrameworks();
    const page = textOf(aReport({ changes: [aChange(1)] }), frameworks);
    for (const { notCovered } of frameworks.flatMap((f) => f.controls))
      for (const text of notCovered) expect(page).toContain(escaped(text));
    expect(textOf(aReport({ changes: [aChange(1)] }))).not.toContain('id="controls"');
  });

  it('shows as many rows as can be read, and says how many more there are and where', () => {
    const changes = Array.from({ length: 20_000 }, (_, n) => aChange(n, n % 2 ? { verdicts: { tested: judged('no', 'None.') } } : {}));
    const report = aReport({ changes });
    let length = 0;
    let longest = 0;
    const warnings: string[] = [];
    for (const bit of complianceHtml(report, DIGEST, [])) {
      length += bit.length;
      longest = Math.max(longest, bit.length);
      warnings.push(...(bit.match(/class="warning">[^<]*/g) ?? []));
    }
    expect(longest).toBeLessThan(64 * 1024);
    expect(length).toBeLessThan(5 * 1024 * 1024);
    expect(warnings).toEqual([
      expect.stringContaining(`${10_000 - MOST_ROWS}`.replace(/(\d)(\d{3})$/, '$1,$2')),
      expect.stringContaining(`${20_000 - MOST_ROWS}`.replace(/(\d+)(\d{3})$/, '$1,$2')),
    ]);
    expect(warnings[0]).toContain('“exceptions”');
  });
});
