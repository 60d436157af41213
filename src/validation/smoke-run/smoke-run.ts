import type { SmokeRunEvent } from '#libs/contracts';
import { unknownEvent, type Aggregate } from '#libs/event-sourcing';

export interface SmokeRun {
  readonly status: 'none' | 'running' | 'passed' | 'failed' | 'timed-out';
  readonly deploymentId?: string;
  readonly releaseId?: string;
  readonly environment?: string;
  readonly deadline?: string;
  readonly expectedDigests: readonly string[];
}

export const smokeRun: Aggregate<SmokeRun, SmokeRunEvent> = {
  category: 'smokerun',
  initial: { status: 'none', expectedDigests: [] },
  evolve: (state, event) => {
    switch (event.type) {
      case 'SmokeRunStarted': {
        const { deploymentId, releaseId, environment, deadline, expectedDigests } = event.data;
        return { status: 'running', deploymentId, releaseId, environment, deadline, expectedDigests };
      }
      case 'SmokeRunPassed':
        return { ...state, status: 'passed' };
      case 'SmokeRunFailed':
        return { ...state, status: 'failed' };
      case 'SmokeRunTimedOut':
        return { ...state, status: 'timed-out' };
      default:
        return unknownEvent(event);
    }
  },
};
