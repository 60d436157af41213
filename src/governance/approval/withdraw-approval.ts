import { Matches, MaxLength } from 'class-validator';
import { SAYS_SOMETHING, type ApprovalEvent, type DeploymentEvent, type EnvironmentEvent } from '#libs/contracts';
import { defineCommand, refuse, type Aggregate, type Decision, type Issued } from '#libs/event-sourcing';
import { tupleHashOf } from '#libs/policy';
import { aboutApproval, approval, type Approval } from './approval.ts';

export class WithdrawApproval {
  @Matches(/^[0-9a-f]{64}$/, { message: 'tupleHash must be the SHA-256 (hex) of the tuple that you approved, as the approval shows it' })
  tupleHash: string;
  @Matches(SAYS_SOMETHING, { message: 'reason must say something' }) @MaxLength(2000) reason: string;
}

/** The newest deployment of each release for which the environment was reserved, and which was not halted before anything ran. */
const takenBy: Aggregate<Readonly<Record<string, string>>, EnvironmentEvent> = {
  category: 'environment',
  initial: {},
  evolve: (state, { type, data }) => {
    if (type === 'EnvironmentReserved') return { ...state, [data.releaseId]: data.deploymentId };
    if (type !== 'EnvironmentFreed' || data.outcome !== 'halted' || state[data.releaseId] !== data.deploymentId) return state;
    return Object.fromEntries(Object.entries(state).filter(([releaseId]) => releaseId !== data.releaseId));
  },
};

/** The tuple that a deployment was started on. */
const startedOn: Aggregate<{ readonly tupleHash?: string }, DeploymentEvent> = {
  category: 'deployment',
  initial: {},
  evolve: (state, { type, data }) => (type === 'DeploymentStarted' && data.tuple ? { tupleHash: tupleHashOf(data.tuple) } : state),
};

export interface WithdrawFacts {
  /** The deployment on exactly this tuple that has the environment, or had it; and where that is written. */
  readonly deploymentId?: string;
  readonly ref?: string;
}

/**
 * A person takes her own approval back. Once the environment is reserved for this release the approval has been acted on: from then on
 * stopping it is a matter of rolling back, and the record must not suggest that the approval was not there.
 */
export function withdrawApproval(command: Issued<WithdrawApproval>, state: Approval, facts: WithdrawFacts): Decision<ApprovalEvent> {
  const { person } = command.meta.actor;
  if (state.outcome === 'none') return refuse('not-found', 'approval-unknown', `No approval ${command.target} was requested.`);
  if (command.tupleHash !== state.tupleHash) {
    return refuse('conflict', 'tuple-changed', 'The open request is for another tuple than the one that you name.', [
      {
        code: 'tuple-hash-differs',
        detail: `The newest round is for ${state.tupleHash ?? ''}: what you approved before is superseded and counts no more.`,
        unblockedBy: 'Read the approval; there may be nothing left to withdraw.',
      },
    ]);
  }
  if (!state.approvers.includes(person)) {
    if (state.withdrawn.includes(person)) return [];
    return refuse('conflict', 'not-approved', 'You have not approved this, so there is nothing to withdraw.');
  }
  if (state.outcome !== 'open') {
    const how = state.outcome === 'expired' ? 'has expired' : `was ${state.outcome}`;
    return refuse('conflict', 'approval-not-open', `The approval ${how}: it counts no more.`);
  }
  if (facts.deploymentId) {
    return refuse('conflict', 'deployment-started', `Deployment ${facts.deploymentId} was started on this approval already.`, [
      {
        code: 'deployment-started',
        detail: 'An approval can be withdrawn until the environment is reserved.',
        evidence: facts.ref ? [facts.ref] : [],
        unblockedBy: `Have deployment ${facts.deploymentId} rolled back.`,
      },
    ]);
  }
  const { releaseId = '', environment = '', round } = state;
  return [
    { type: 'ApprovalWithdrawn', data: { approvalId: command.target, releaseId, environment, round, person, reason: command.reason } },
  ];
}

export const withdrawApprovalCommand = defineCommand({
  type: WithdrawApproval,
  personal: ['reason'],
  aggregate: approval,
  decide: withdrawApproval,
  facts: async (read, _command, state): Promise<WithdrawFacts> => {
    if (!state.environment || !state.releaseId) return {};
    const environment = await read(takenBy, state.environment);
    const deploymentId = environment.state[state.releaseId];
    if (deploymentId === undefined) return {};
    const { tupleHash } = (await read(startedOn, deploymentId)).state;
    return tupleHash === state.tupleHash ? { deploymentId, ref: environment.ref } : {};
  },
  governed: aboutApproval,
});
