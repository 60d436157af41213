import type { ApprovalEvent, PersonEvent } from '#libs/contracts';
import { defineProcess, send } from '#libs/processes';

/** A leaver's roles end, and approvals that rest on the leaver and are not used up are voided. An instance is a person. */
export const leaver = defineProcess<
  { readonly approvals: readonly string[] },
  Extract<ApprovalEvent, { type: 'ApprovalRequested' | 'ApprovalGranted' }> | Extract<PersonEvent, { type: 'PersonLeft' }>
>({
  name: 'leaver',
  instance: { ApprovalRequested: (e) => e.data.requester, ApprovalGranted: (e) => e.data.person, PersonLeft: (e) => e.data.person },
  initial: { approvals: [] },
  evolve: (state, event) =>
    (event.type === 'ApprovalRequested' || event.type === 'ApprovalGranted') && !state.approvals.includes(event.data.approvalId)
      ? { approvals: [...state.approvals, event.data.approvalId] }
      : state,
  react: (state, input, { instance: person }) =>
    input.type === 'PersonLeft'
      ? [
          send('EndRoles', person, { reason: 'The person left.' }),
          ...state.approvals.map((approvalId) => send('VoidApprovalOfLeaver', approvalId, { person })),
        ]
      : [],
});
