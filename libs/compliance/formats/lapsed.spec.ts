import { aChange, aReport } from '#libs/compliance/testing';
import { loadFrameworks } from '../load-frameworks.ts';
import { renderReport } from './render.ts';

/** A sampled change of which one approval counted, one did not, and one not for its group; and of which the board's votes had lapsed. */
const written = { at: '2026-01-05T01:03:00.000Z', ref: 'approval-1@3', sequence: 63 };
const GONE = 'person-ben has left since.';
const OUT = 'person-cora has been out of group payments since.';
const OFF = 'person-otto is no member of the board any more.';
const change = aChange(1, {
  tests: [],
  claimedClass: 'emergency',
  risk: { declared: 'low', floor: 'medium', effective: 'medium', detail: 'Its risk was declared low, and the policy judges it as medium.' },
  approvals: [
    { ...written, person: 'person-anna', counted: true },
    { ...written, person: 'person-ben', counted: false, lapsed: [{ because: 'left', detail: GONE, ref: 'person-ben@4' }] },
    { ...written, person: 'person-cora', counted: true, lapsed: [{ because: 'out-of-group', detail: OUT, group: 'payments' }] },
  ],
  changeRecord: { ...written, changeId: 'c-1', round: 1, route: 'board', dossierHash: 'd'.repeat(64), votesLapsed: [OFF] },
});
const report = aReport({ changes: [change], sample: { seed: 's', size: 1, algorithm: 'a', changeIds: [change.id] } });

async function rendered(choice: Parameters<typeof renderReport>[2]): Promise<string> {
  const texts: string[] = [];
  for await (const piece of renderReport(report, 'ab'.repeat(32), choice).pieces) texts.push(Buffer.from(piece).toString());
  return texts.join('');
}

describe('what an approval came to, and how risky a change was judged to be', () => {
  it('is in the table of the population, with why and where that is written', async () => {
    const [head = '', row = ''] = (await rendered({ format: 'csv', table: 'population', frameworks: [] })).split('\r\n');
    const cell = (name: string): string => row.split(',')[head.split(',').indexOf(name)] ?? '';
    expect(cell('approvers')).toBe('person-anna; person-ben; person-cora');
    expect(cell('approversCounted')).toBe('person-anna; person-cora');
    expect(cell('approvalsLapsed')).toBe(`${GONE} person-ben@4; ${OUT}`);
    expect(cell('votesLapsed')).toBe(OFF);
    expect([cell('claimedClass'), cell('riskDeclared'), cell('riskJudged')]).toEqual(['emergency', 'low', 'medium']);
  });

  it('is on the page', async () => {
    const page = await rendered({ format: 'html', frameworks: [] });
    expect(page).toContain(`did not count. ${GONE}`);
    expect(page).toContain(`; ${OUT}`);
    expect(page).toContain(OFF);
    expect(page).toContain('medium, declared low');
  });

  it('is in the assessment results, with the change', async () => {
    const oscal = JSON.parse(await rendered({ format: 'oscal', frameworks: await loadFrameworks() })) as {
      'assessment-results': { 'back-matter': { resources: { title: string; props?: { name: string; value: string }[] }[] } };
    };
    const resource = oscal['assessment-results']['back-matter'].resources.find(({ title }) => title === change.id);
    const props = (resource?.props ?? []).map(({ name, value }) => `${name}: ${value}`);
    expect(props).toEqual(
      expect.arrayContaining([
        'claimed-class: emergency',
        'risk-declared: low',
        'risk-judged: medium',
        'approval-counted: person-anna',
        'approval-not-counted: person-ben',
        `approval-lapsed: ${GONE}`,
        `approval-lapsed: ${OUT}`,
        `vote-lapsed: ${OFF}`,
      ]),
    );
  });
});
