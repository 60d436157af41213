import type { ApprovalEvent, PolicyEvent } from '#libs/contracts';
import { defineProcess, send, setTimer, type Effect } from '#libs/processes';

interface Asked {
  readonly approvalId: string;
  readonly releaseId: string;
  readonly environment: string;
}

type Input = Extract<ApprovalEvent, { type: 'ApprovalRequested' }> | PolicyEvent;

/**
 * Has the approvals under a policy looked at when another version of it comes into force, at once or on its day: what was asked for under
 * the older one is voided by an event (principle 3).
 */
export const policyGuard = defineProcess<{ readonly asked: readonly Asked[] }, Input>({
  name: 'policy_guard',
  instance: { ApprovalRequested: (e) => e.data.tuple.policyId, PolicyPublished: (e) => e.data.policyId },
  initial: { asked: [] },
  evolve: (state, event) => {
    if (event.type === 'ApprovalRequested') {
      const { approvalId, releaseId, environment } = event.data;
      return { asked: [...state.asked.filter((a) => a.approvalId !== approvalId), { approvalId, releaseId, environment }] };
    }
    // Looked at once; a new request puts it back.
    return event.type === 'ProcessCommandIssued' ? { asked: state.asked.filter((a) => a.approvalId !== event.data.target) } : state;
  },
  react: ({ asked }, input): readonly Effect[] => {
    const look = asked.map(({ approvalId, ...of }) => send('VoidApprovalIfChanged', approvalId, of));
    switch (input.type) {
      case 'PolicyPublished': {
        const { effectiveFrom, version } = input.data;
        return effectiveFrom <= input.metadata.recordedAt ? look : [setTimer(`version-${version}`, effectiveFrom)];
      }
      case 'ProcessTimerElapsed':
        return look;
      default:
        return [];
    }
  },
});
