import type { ApprovalEvent, ChangeEvent, EnvironmentEvent } from '#libs/contracts';
import { defineProcess, send } from '#libs/processes';

type Asked = Extract<ApprovalEvent, { type: 'ApprovalRequested' }>;
type Closed = Extract<ApprovalEvent, { type: 'ApprovalVoided' | 'ApprovalRejected' }>;
type Defined = Extract<EnvironmentEvent, { type: 'EnvironmentDefined' }>;

/** Releases by approval. */
interface Open {
  readonly approvals: Readonly<Record<string, string>>;
}

/**
 * Has the approvals for an environment looked at whenever it is defined anew, under another policy, class or regimes: what was asked for as it
 * was before is voided by an event (principle 3), so that nobody gets it back by defining the environment as it was.
 */
export const environmentGuard = defineProcess<Open, Asked | Closed | Defined>({
  name: 'environment_guard',
  instance: {
    ApprovalRequested: (e) => e.data.environment,
    ApprovalVoided: (e) => e.data.environment,
    ApprovalRejected: (e) => e.data.environment,
    EnvironmentDefined: (e) => e.data.environment,
  },
  initial: { approvals: {} },
  // One that was looked at stays: the environment may have been defined as it was.
  evolve: ({ approvals }, event) => {
    if (event.type === 'ApprovalRequested') return { approvals: { ...approvals, [event.data.approvalId]: event.data.releaseId } };
    if (event.type !== 'ApprovalVoided' && event.type !== 'ApprovalRejected') return { approvals };
    const { [event.data.approvalId]: _closed, ...others } = approvals;
    return { approvals: others };
  },
  react: ({ approvals }, input) =>
    input.type === 'EnvironmentDefined'
      ? Object.entries(approvals).map(([id, releaseId]) =>
          send('VoidApprovalIfChanged', id, { releaseId, environment: input.data.environment }),
        )
      : [],
});

type Submitted = Extract<ChangeEvent, { type: 'ChangeSubmitted' }>;

/** The same for changes. */
export const changeEnvironmentGuard = defineProcess<{ readonly changes: readonly string[] }, Submitted | Defined>({
  name: 'change_environment_guard',
  instance: { ChangeSubmitted: (e) => e.data.environment, EnvironmentDefined: (e) => e.data.environment },
  initial: { changes: [] },
  evolve: ({ changes }, event) =>
    event.type === 'ChangeSubmitted'
      ? { changes: [...changes.filter((id) => id !== event.data.changeId), event.data.changeId] }
      : { changes },
  react: ({ changes }, input) => (input.type === 'EnvironmentDefined' ? changes.map((id) => send('VoidChangeIfChanged', id, {})) : []),
});
