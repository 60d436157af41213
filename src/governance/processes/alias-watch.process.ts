import { accountId, dutyReviewId, type AccountEvent, type ApprovalEvent, type DeploymentEvent } from '#libs/contracts';
import { streamName } from '#libs/event-sourcing';
import { defineProcess, send, type Effect } from '#libs/processes';

type Taken =
  Extract<ApprovalEvent, { type: 'ApprovalRequested' | 'ApprovalGranted' }> | Extract<DeploymentEvent, { type: 'DeploymentStarted' }>;
type Linked = Extract<AccountEvent, { type: 'AccountLinked' }>;

/** For what a person asked, approved or deployed; the deployments by release and environment. */
interface Deeds {
  readonly changes: Readonly<
    Record<string, { readonly releaseId: string; readonly environment: string; readonly deployments: readonly string[] }>
  >;
}

function noted(state: Deeds, { type, data }: Taken): Deeds {
  const { releaseId, environment } = data;
  const key = dutyReviewId(releaseId, environment);
  const known = state.changes[key] ?? { releaseId, environment, deployments: [] };
  const deployments = type === 'DeploymentStarted' ? [...new Set([...known.deployments, data.deploymentId])] : known.deployments;
  return { changes: { ...state.changes, [key]: { ...known, deployments } } };
}

function reviews(state: Deeds, { issuer, subject }: Linked['data']): readonly Effect[] {
  const learnedFrom = streamName('account', accountId(issuer, subject));
  return Object.entries(state.changes).map(([id, change]) => send('ReviewDuties', id, { ...change, learnedFrom }));
}

const doer = {
  ApprovalRequested: (e: { readonly data: { readonly requester: string } }) => e.data.requester,
  ApprovalGranted: (e: { readonly data: { readonly person: string } }) => e.data.person,
  DeploymentStarted: (e: { readonly data: { readonly deployer: string } }) => e.data.deployer,
};

/**
 * Has a person's changes looked at again when another account turns out to be the person's. Every rule keeps the approver apart from another
 * duty, and the approver is either who the account was taken for until now, which the process below looks at, or whose it turns out to be.
 */
export const aliasWatch = defineProcess<Deeds, Taken | Linked>({
  name: 'alias_watch',
  instance: { ...doer, AccountLinked: (e) => e.data.person },
  initial: { changes: {} },
  evolve: (state, event) =>
    event.type === 'ApprovalRequested' || event.type === 'ApprovalGranted' || event.type === 'DeploymentStarted'
      ? noted(state, event)
      : state,
  react: (state, input) => (input.type === 'AccountLinked' ? reviews(state, input.data) : []),
});

/** The same for whom the account was taken for until now. */
export const formerAliasWatch = defineProcess<Deeds, Taken | Linked>({
  name: 'former_alias_watch',
  instance: { ...doer, AccountLinked: (e) => (e.data.formerly === e.data.person ? undefined : e.data.formerly) },
  initial: { changes: {} },
  evolve: (state, event) =>
    event.type === 'ApprovalRequested' || event.type === 'ApprovalGranted' || event.type === 'DeploymentStarted'
      ? noted(state, event)
      : state,
  react: (state, input) => (input.type === 'AccountLinked' ? reviews(state, input.data) : []),
});
