import { BYPASS_REGISTER } from '#libs/contracts';
import type { DomainEvent } from '#libs/event-sourcing';
import { cancelTimer, send, setTimer } from '#libs/processes';
import { processScenario } from '#libs/processes/testing';
import { bypassReview } from './bypass-review.process.ts';

const process = processScenario(bypassReview, 'b1');
const requested: DomainEvent = { type: 'BypassRequested', data: { bypassId: 'b1', reviewDueAt: '2026-03-05T10:00:00.000Z' } };
const started = (bypassId?: string): DomainEvent => ({
  type: 'DeploymentStarted',
  data: { deploymentId: 'd1', deployer: 'dan', ...(bypassId ? { bypassId } : {}) },
});

describe('the review of a bypass', () => {
  it('is given a deadline with the request, and let off by the review', () => {
    process.given().when(requested).then(setTimer('review', '2026-03-05T10:00:00.000Z'));
    process
      .given(requested)
      .when({ type: 'BypassReviewed', data: { bypassId: 'b1' } })
      .then(cancelTimer('review'));
  });

  it('is overdue when the timer rings', () => {
    process
      .given(requested)
      .when({ type: 'ProcessTimerElapsed', data: { timerId: 'review' } })
      .then(send('MarkBypassReviewOverdue', BYPASS_REGISTER, { bypassId: 'b1' }));
  });

  it('hears of every deployment with it, and of no other', () => {
    process
      .given(requested)
      .when(started('b1'))
      .then(
        send('RecordBypassUse', BYPASS_REGISTER, { bypassId: 'b1', deploymentId: 'd1', deployer: 'dan', at: '2026-03-02T10:00:00.000Z' }),
      );
    const resumed = (deployer?: string): DomainEvent => ({
      type: 'DeploymentResumed',
      data: { deploymentId: 'd1', bypassId: 'b1', ...(deployer ? { deployer } : {}) },
    });
    process
      .given(requested, started('b1'))
      .when(resumed('eve'))
      .then(
        send('RecordBypassUse', BYPASS_REGISTER, { bypassId: 'b1', deploymentId: 'd1', deployer: 'eve', at: '2026-03-02T10:00:00.000Z' }),
      );
    // Of before resuming was judged: who resumed is not told.
    process.given(requested, started('b1')).when(resumed()).then();
    expect(process.instanceOf(resumed('eve'))).toBe('b1');
    expect(process.instanceOf(started('b1'))).toBe('b1');
    expect(process.instanceOf(started())).toBeUndefined();
  });
});
