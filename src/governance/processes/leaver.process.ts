import type { ApprovalEvent, GroupEvent, PersonEvent } from '#libs/contracts';
import { defineProcess, send } from '#libs/processes';

type Input =
  | Extract<ApprovalEvent, { type: 'ApprovalRequested' | 'ApprovalGranted' }>
  | Extract<GroupEvent, { type: 'GroupMemberRequested' | 'GroupMemberAdded' }>
  | Extract<PersonEvent, { type: 'PersonLeft' }>;

interface Leaver {
  readonly approvals: readonly string[];
  /** That the person is in or was asked into, at any time. */
  readonly groups?: readonly string[];
}

/**
 * A leaver's roles end, groups let the leaver go, and approvals that rest on the leaver and are not used up are voided. Who comes back is taken
 * in anew. An instance is a person.
 */
export const leaver = defineProcess<Leaver, Input>({
  name: 'leaver',
  instance: {
    ApprovalRequested: (e) => e.data.requester,
    ApprovalGranted: (e) => e.data.person,
    GroupMemberRequested: (e) => e.data.person,
    GroupMemberAdded: (e) => e.data.person,
    PersonLeft: (e) => e.data.person,
  },
  initial: { approvals: [] },
  evolve: (state, event) => {
    switch (event.type) {
      case 'ApprovalRequested':
      case 'ApprovalGranted':
        return { ...state, approvals: [...new Set([...state.approvals, event.data.approvalId])] };
      case 'GroupMemberRequested':
      case 'GroupMemberAdded':
        return { ...state, groups: [...new Set([...(state.groups ?? []), event.data.group])] };
      default:
        return state;
    }
  },
  react: ({ approvals, groups = [] }, input, { instance: person }) =>
    input.type === 'PersonLeft'
      ? [
          send('EndRoles', person, { reason: 'The person left.' }),
          ...groups.map((group) => send('RemoveGroupMember', group, { person, reason: 'The person left.' })),
          ...approvals.map((approvalId) => send('VoidApprovalOfLeaver', approvalId, { person })),
        ]
      : [],
});
