import { BYPASS_REGISTER, type BypassEvent, type DeploymentEvent } from '#libs/contracts';
import { cancelTimer, defineProcess, send, setTimer } from '#libs/processes';

type Input =
  | Extract<BypassEvent, { type: 'BypassRequested' | 'BypassReviewed' }>
  | Extract<DeploymentEvent, { type: 'DeploymentStarted' | 'DeploymentResumed' }>;

const REVIEW = 'review';

/** Holds every bypass to its review, also across restarts, and notes on its record what was deployed with it (principle 7). */
export const bypassReview = defineProcess<{ readonly bypassId?: string }, Input>({
  name: 'bypass_review',
  instance: {
    BypassRequested: (e) => e.data.bypassId,
    BypassReviewed: (e) => e.data.bypassId,
    DeploymentStarted: (e) => e.data.bypassId,
    DeploymentResumed: (e) => e.data.bypassId,
  },
  initial: {},
  evolve: (state, event) => (event.type === 'BypassRequested' ? { bypassId: event.data.bypassId } : state),
  react: (_state, input, { instance: bypassId }) => {
    switch (input.type) {
      case 'BypassRequested':
        return [setTimer(REVIEW, input.data.reviewDueAt)];
      case 'BypassReviewed':
        return [cancelTimer(REVIEW)];
      case 'DeploymentStarted':
      case 'DeploymentResumed': {
        const { deploymentId, deployer } = input.data;
        if (deployer === undefined) return [];
        return [send('RecordBypassUse', BYPASS_REGISTER, { bypassId, deploymentId, deployer, at: input.metadata.recordedAt })];
      }
      case 'ProcessTimerElapsed':
        return [send('MarkBypassReviewOverdue', BYPASS_REGISTER, { bypassId })];
      default:
        return [];
    }
  },
});
