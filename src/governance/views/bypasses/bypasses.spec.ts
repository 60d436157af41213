import type { BypassEvent } from '#libs/contracts';
import { foldView } from '#libs/read-models';
import { history } from '../../../../test/support/history.ts';
import { ENVIRONMENT, RELEASE, tuple, tupleHash } from '../../../../test/support/story.ts';
import { bypasses } from './bypasses.projection.ts';

const requested: BypassEvent = {
  type: 'BypassRequested',
  data: {
    bypassId: 'b1',
    releaseId: RELEASE,
    environment: ENVIRONMENT,
    product: 'shop',
    gates: ['approved'],
    justification: 'Payments are down.',
    requester: 'person-otto',
    tuple,
    tupleHash,
    reviewDueAt: '2026-03-05T10:00:00.000Z',
  },
};
const use = { deploymentId: 'd1', deployer: 'person-dan', at: '2026-03-02T10:00:01.000Z' };
const used: BypassEvent = { type: 'BypassUsed', data: { bypassId: 'b1', ...use } };
const overdue: BypassEvent = {
  type: 'BypassReviewOverdue',
  data: { bypassId: 'b1', requester: 'person-otto', product: 'shop', dueAt: '2026-03-05T10:00:00.000Z' },
};
const reviewed = (late: boolean): BypassEvent => ({
  type: 'BypassReviewed',
  data: { bypassId: 'b1', reviewer: 'person-rita', outcome: 'approved', findings: 'It was real.', late },
});
const after = (...events: readonly BypassEvent[]) =>
  foldView(bypasses, history(events.map((event) => ({ stream: 'bypass-register', event })))).get('b1');

describe('The report of bypasses', () => {
  it('shows what is waived for whom and why, and when the review is due', () => {
    expect(after(requested)).toMatchObject({
      status: 'open',
      overdue: false,
      gates: ['approved'],
      requester: 'person-otto',
      requested_at: '2026-03-02T10:00:00.000Z',
      review_due_at: '2026-03-05T10:00:00.000Z',
      uses: [],
      outcome: null,
    });
    expect(after(requested, used)?.uses).toEqual([use]);
  });

  it('shows the review with its findings, and that it was overdue also when it has been done', () => {
    expect(after(requested, used, reviewed(false))).toMatchObject({ status: 'reviewed', overdue: false, findings: 'It was real.' });
    expect(after(requested, used, overdue)).toMatchObject({ status: 'overdue', overdue: true });
    expect(after(requested, used, overdue, reviewed(true))).toMatchObject({ status: 'reviewed', overdue: true, reviewer: 'person-rita' });
  });

  it('has no row for what was never requested', () => {
    expect(after(used, overdue)).toBeUndefined();
  });
});
