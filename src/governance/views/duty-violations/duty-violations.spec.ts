import type { DutyReviewEvent } from '#libs/contracts';
import { foldView } from '#libs/read-models';
import { history } from '../../../../test/support/history.ts';
import { dutyViolations } from './duty-violations.projection.ts';

const found = (rule: string, duty: string): DutyReviewEvent => ({
  type: 'DutyViolationFound',
  data: {
    releaseId: 'release-1',
    environment: 'production',
    rule,
    person: 'dora',
    duties: [duty, 'approver'],
    evidence: ['approval-1@1', 'release-1@0'],
    learnedFrom: 'account-1',
  },
});

describe('The list of violations that were learned of later', () => {
  it('shows who held which duties of what, against which rule, where that is written, and what showed it', () => {
    const rows = foldView(dutyViolations, history([{ stream: 'dutyreview-1', event: found('approver-is-not-author', 'author') }]));
    expect([...rows.values()]).toEqual([
      {
        violation_id: '00000000-0000-5000-8000-000000000000',
        release_id: 'release-1',
        environment: 'production',
        rule: 'approver-is-not-author',
        person: 'dora',
        duties: ['author', 'approver'],
        evidence: ['approval-1@1', 'release-1@0'],
        learned_from: 'account-1',
        found_at: '2026-03-02T10:00:00.000Z',
        position: 0n,
      },
    ]);
  });

  it('has a row for each that was found, in whatever number at once', () => {
    const events = [found('approver-is-not-author', 'author'), found('approver-is-not-tester', 'tester')];
    const rows = foldView(dutyViolations, history(events.map((event) => ({ stream: 'dutyreview-1', event }))));
    expect([...rows.values()].map((row) => row.rule).sort()).toEqual(['approver-is-not-author', 'approver-is-not-tester']);
  });
});
