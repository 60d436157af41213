import { aChange, aReport, judged } from '../testing/index.ts';
import { loadFrameworks } from '../load-frameworks.ts';
import type { Change, ComplianceReport } from '../report.ts';
import { complianceCsv, TABLE_NAMES, TABLES, type TableName } from './tables.ts';

const textOf = (report: ComplianceReport, name: TableName): string => [...complianceCsv(report, name)].join('');

/** Reads CSV as RFC 4180 has it, with none of our own code. */
function parse(text: string): string[][] {
  const rows: string[][] = [];
  const cell = /(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r\n)/gy;
  const row: string[] = [];
  let end = 0;
  for (let match = cell.exec(text); match; match = cell.exec(text)) {
    row.push(match[1]?.replaceAll('""', '"') ?? match[2] ?? '');
    if (match[3] === '\r\n') rows.push(row.splice(0));
    end = cell.lastIndex;
  }
  expect(end).toBe(text.length);
  return rows;
}

function records(report: ComplianceReport, name: TableName): Record<string, string>[] {
  const [header = [], ...rows] = parse(textOf(report, name));
  expect(rows.filter((row) => row.length !== header.length)).toEqual([]);
  return rows.map((row) => Object.fromEntries(header.map((column, i) => [column, row[i] ?? ''])));
}

const written = { at: '2026-02-01T00:00:00.000Z', ref: 'x-1@2', sequence: 7 };

describe('The tables of a report', () => {
  it.each(TABLE_NAMES)('have a header and no rows for a period in which nothing happened: %s', (name) => {
    expect(parse(textOf(aReport(), name))).toEqual([[...TABLES[name].columns]]);
  });

  it('have a row for every change, with a verdict for every question', () => {
    const bypassed = aChange(2, {
      changeClass: 'emergency',
      bypass: { ...written, bypassId: 'bypass-1', waived: ['approved', 'tests-passed'] },
      verdicts: { 'approved-before-deployment': judged('exception', 'A bypass waived it.'), tested: judged('no', 'No report names it.') },
    });
    const rows = records(aReport({ changes: [aChange(1), bypassed] }), 'population');
    expect(rows).toHaveLength(2);
    expect(rows[0]).toMatchObject({
      changeId: 'deployment-1',
      verdict: 'yes',
      environment: 'production',
      approvers: 'person-anna; person-ben',
      deployer: 'person-dave',
      approvedAt: '2026-01-05T01:04:00.000Z',
      startedAt: '2026-01-05T01:05:00.000Z',
      startedRef: 'deployment-1@5',
      observedRef: 'environment-1@10',
      'approved-before-deployment': 'yes',
      'approved-before-deployment: reason': '',
      sampled: 'no',
    });
    expect(rows[1]).toMatchObject({
      verdict: 'no',
      bypassId: 'bypass-1',
      waivedGates: 'approved; tests-passed',
      'approved-before-deployment': 'exception',
      'approved-before-deployment: reason': 'A bypass waived it.',
      tested: 'no',
    });
  });

  it('leave empty what does not arise for a change that was only observed', () => {
    const { release: _release, deployer: _deployer, policy: _policy, effect: _effect, ...rest } = aChange(1);
    const observed: Change = { ...rest, id: 'observed-9', kind: 'observed', changeClass: 'unknown', outcome: 'observed', approvals: [] };
    const [row] = records(aReport({ changes: [observed] }), 'population');
    expect(row).toMatchObject({
      kind: 'observed',
      releaseId: '',
      deployer: '',
      policy: '',
      policyVersion: '',
      effectAt: '',
      approvers: '',
    });
  });

  it('list every answer that is not yes, and say where it is unknowable', () => {
    const change = aChange(3, {
      verdicts: {
        tested: judged('exception', 'The policy asks for no tests.', ['policy-p@2']),
        observed: { ...judged('no', 'Nothing tells what runs there.'), unknowable: true },
      },
    });
    expect(records(aReport({ changes: [aChange(1), change] }), 'exceptions')).toMatchObject([
      { changeId: 'deployment-3', question: 'tested', verdict: 'exception', unknowable: 'no', evidence: 'policy-p@2' },
      { changeId: 'deployment-3', question: 'observed', verdict: 'no', unknowable: 'yes', reason: 'Nothing tells what runs there.' },
    ]);
    expect(records(aReport({ changes: [change] }), 'population')[0]).toMatchObject({ observed: 'no (unknowable)' });
  });

  it('list the sample in the order in which it was drawn', () => {
    const changes = [aChange(1), aChange(2), aChange(3)];
    const sample = { seed: 's', size: 2, algorithm: 'a', changeIds: ['deployment-3', 'deployment-1'] };
    const report = aReport({ changes, sample });
    expect(records(report, 'samples')).toMatchObject([
      { drawn: '1', changeId: 'deployment-3' },
      { drawn: '2', changeId: 'deployment-1' },
    ]);
    expect(records(report, 'population').map(({ sampled }) => sampled)).toEqual(['yes', 'no', 'yes']);
  });

  it('tell roles, memberships and deeds without a grant apart', () => {
    const access: ComplianceReport['access'] = {
      roles: [
        {
          ...written,
          person: 'p1',
          role: 'approver',
          scope: { kind: 'environment', id: 'production' },
          from: 'a',
          until: 'b',
          capabilities: ['approve'],
          requestedBy: 'p2',
          confirmedBy: 'p3',
        },
      ],
      memberships: [{ ...written, group: 'payments', person: 'p1', from: 'a' }],
      actedWithoutGrant: [{ ...written, person: 'p4', capability: 'deploy', times: 3 }],
    };
    expect(records(aReport({ access }), 'access')).toMatchObject([
      { kind: 'role', person: 'p1', role: 'approver', scopeKind: 'environment', scopeId: 'production', writtenRef: 'x-1@2', endedAt: '' },
      { kind: 'membership', person: 'p1', group: 'payments', until: '' },
      { kind: 'acted-without-grant', person: 'p4', capabilities: 'deploy', times: '3' },
    ]);
  });

  it('tell what is unmatched in both directions', () => {
    const accuracy: ComplianceReport['accuracy'] = {
      ...aReport().accuracy,
      neverObserved: [{ ...written, changeId: 'deployment-1', environment: 'production' }],
      neverAuthorised: [
        { ...written, by: 'report', artifact: 'pkg:oci/x', changeId: 'observed-7', environment: 'production', why: 'never-deployed-here' },
      ],
    };
    expect(records(aReport({ accuracy }), 'unmatched')).toMatchObject([
      { kind: 'never-observed', changeId: 'deployment-1', artifact: '' },
      { kind: 'never-authorised', changeId: 'observed-7', artifact: 'pkg:oci/x', why: 'never-deployed-here' },
    ]);
  });

  it('say of every objective of a framework what it comes to', async () => {
    const frameworks = (await loadFrameworks()).filter(({ id }) => id === 'soc2-cc8.1');
    const report = aReport({ changes: [aChange(1, { verdicts: { tested: judged('no', 'No report.') } })] });
    const [header = [], ...rows] = parse([...complianceCsv(report, 'controls', frameworks)].join(''));
    const of = (objective: string, column: string) =>
      rows.find((row) => row[header.indexOf('objective')] === objective)?.[header.indexOf(column)];
    expect(of('cc8.1-tested', 'status')).toBe('not-met');
    expect(of('cc8.1-tested', 'questions')).toBe('tested (0 yes, 0 exception, 1 no)');
    expect(of('cc8.1-approved', 'status')).toBe('met');
    expect(of('cc8.1-approved', 'controlStatus')).toBe('not-met');
    expect(of('cc8.1-approved', 'notCovered')).toContain('Design and development');
  });

  it('let nothing that somebody wrote run in a spreadsheet, and leave what is harmless as it is', () => {
    const justifications = [
      '=HYPERLINK("https://x.example","click")',
      '\t=1',
      ' +1',
      '\uff1d1',
      'x";=1+1',
      'The shop was down; see "ops", line 3',
    ];
    const emergencies = justifications.map((justification, i): ComplianceReport['emergencies'][number] => ({
      changeIds: [],
      environment: 'production',
      releaseId: 'r',
      bypass: {
        ...written,
        bypassId: `bypass-${i}`,
        requester: 'p',
        gates: ['approved'],
        justification,
        tuple: {} as never,
        expiresAt: 'e',
        reviewDueAt: 'd',
        state: 'due',
      },
    }));
    expect(records(aReport({ emergencies }), 'emergencies').map((row) => row['justification'])).toEqual([
      '\'=HYPERLINK("https://x.example","click")',
      "'\t'=1",
      "' +1",
      "'\uff1d1",
      'x";\'=1+1',
      'The shop was down; see "ops", line 3',
    ]);
  });

  it('come in pieces where there are 20,000 changes', () => {
    const report = aReport({ changes: Array.from({ length: 20_000 }, (_, n) => aChange(n)) });
    let lines = 0;
    let longest = 0;
    for (const piece of complianceCsv(report, 'population')) {
      longest = Math.max(longest, piece.length);
      lines += piece.split('\r\n').length - 1;
    }
    expect(lines).toBe(20_001);
    expect(longest).toBeLessThan(128 * 1024);
  });
});
