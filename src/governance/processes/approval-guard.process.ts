import { approvalId, type ReleaseEvent } from '#libs/contracts';
import { defineProcess, send } from '#libs/processes';

/** Has the approvals of a release looked at whenever the release changes: what no longer fits is voided by an event (principle 3). */
export const approvalGuard = defineProcess<
  { readonly environments: readonly string[] },
  Extract<ReleaseEvent, { type: 'ReleaseAmended' | 'ReleasePlanned' }>
>({
  name: 'approval_guard',
  instance: { ReleaseAmended: (e) => e.data.releaseId, ReleasePlanned: (e) => e.data.releaseId },
  initial: { environments: [] },
  evolve: (state, event) =>
    event.type === 'ReleasePlanned' && !state.environments.includes(event.data.environment)
      ? { environments: [...state.environments, event.data.environment] }
      : state,
  react: (state, input, { instance: releaseId }) => {
    const check = (environment: string) => send('VoidApprovalIfChanged', approvalId(releaseId, environment), { releaseId, environment });
    if (input.type === 'ReleasePlanned') return [check(input.data.environment)];
    return input.type === 'ReleaseAmended' ? state.environments.map(check) : [];
  },
});
