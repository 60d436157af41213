import type { ApprovalEvent } from '#libs/contracts';
import { cancelTimer, defineProcess, send, setTimer } from '#libs/processes';

type Input = Extract<ApprovalEvent, { type: 'ApprovalRequested' | 'ApprovalRejected' | 'ApprovalVoided' }>;

const EXPIRY = 'expiry';

/**
 * Puts on record that a request for approval has expired, also across restarts. Gates and votes go by the clock and not by this event:
 * nothing passes in the time until it is written.
 */
export const approvalExpiry = defineProcess<{ readonly round: number }, Input>({
  name: 'approval_expiry',
  instance: {
    ApprovalRequested: (e) => e.data.approvalId,
    ApprovalRejected: (e) => e.data.approvalId,
    ApprovalVoided: (e) => e.data.approvalId,
  },
  initial: { round: 0 },
  evolve: (state, event) => (event.type === 'ApprovalRequested' ? { round: event.data.round } : state),
  react: ({ round }, input, { instance: approvalId }) => {
    switch (input.type) {
      case 'ApprovalRequested':
        return [setTimer(EXPIRY, input.data.tuple.expiresAt)];
      case 'ApprovalRejected':
        return [cancelTimer(EXPIRY)];
      case 'ApprovalVoided':
        return input.data.because === 'expired' ? [] : [cancelTimer(EXPIRY)];
      case 'ProcessTimerElapsed':
        return [send('ExpireApproval', approvalId, { round })];
      default:
        return [];
    }
  },
});
