import type { DomainEvent } from '#libs/event-sourcing';
import { cancelTimer, send, setTimer } from '#libs/processes';
import { processScenario } from '#libs/processes/testing';
import { approvalExpiry } from './approval-expiry.process.ts';

const process = processScenario(approvalExpiry, 'a1');
const requested = (round: number, expiresAt: string): DomainEvent => ({
  type: 'ApprovalRequested',
  data: { approvalId: 'a1', round, tuple: { expiresAt } },
});
const voided = (because: string): DomainEvent => ({ type: 'ApprovalVoided', data: { approvalId: 'a1', round: 1, because } });
const first = requested(1, '2026-03-05T10:00:00.000Z');
const second = requested(2, '2026-03-06T10:00:00.000Z');

describe('the expiry of an approval', () => {
  it('is set with the request, and anew with a newer one', () => {
    process.given().when(first).then(setTimer('expiry', '2026-03-05T10:00:00.000Z'));
    process.given(first, voided('superseded')).when(second).then(setTimer('expiry', '2026-03-06T10:00:00.000Z'));
  });

  it('is on record when the timer rings, of the round that is the newest then', () => {
    const elapsed: DomainEvent = { type: 'ProcessTimerElapsed', data: { timerId: 'expiry' } };
    process
      .given(first)
      .when(elapsed)
      .then(send('ExpireApproval', 'a1', { round: 1 }));
    process
      .given(first, second)
      .when(elapsed)
      .then(send('ExpireApproval', 'a1', { round: 2 }));
  });

  it('is let off where the round is closed otherwise, and has nothing to do after itself', () => {
    process.given(first).when(voided('changed')).then(cancelTimer('expiry'));
    process
      .given(first)
      .when({ type: 'ApprovalRejected', data: { approvalId: 'a1', round: 1 } })
      .then(cancelTimer('expiry'));
    process.given(first).when(voided('expired')).then();
  });
});
