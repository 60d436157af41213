import {
  accountId,
  dutyReviewId,
  type AccountEvent,
  type AddressEvent,
  type ApprovalEvent,
  type ArtifactEvent,
  type BypassEvent,
  type ChangeEvent,
  type DeploymentEvent,
  type DutyReviewEvent,
  type ReleaseEvent,
} from '#libs/contracts';
import { streamName } from '#libs/event-sourcing';
import { defineProcess, send, type Effect } from '#libs/processes';

/** A release for an environment. */
interface Place {
  readonly releaseId: string;
  readonly environment: string;
}

function review({ releaseId, environment }: Place, learnedFrom: string, deployments: readonly string[] = []): Effect {
  return send('ReviewDuties', dutyReviewId(releaseId, environment), { releaseId, environment, deployments, learnedFrom });
}

type PartTaken =
  | Extract<ApprovalEvent, { type: 'ApprovalGranted' }>
  | Extract<DeploymentEvent, { type: 'DeploymentStarted' | 'DeploymentResumed' }>
  | Extract<ChangeEvent, { type: 'ChangeVoteCast' | 'ChangeConditionMet' | 'ChangeReviewed' }>;
type Amended = Extract<ReleaseEvent, { type: 'ReleaseAmended' }>;

/**
 * Has duties looked at when somebody approves, votes, reviews or deploys, and when a release is said to be by others: what was known by then of
 * who is who was refused, and what has become known meanwhile was not. An instance is a release.
 */
export const dutyWatch = defineProcess<{ readonly environments: readonly string[] }, PartTaken | Amended>({
  name: 'duty_watch',
  instance: {
    ApprovalGranted: (e) => e.data.releaseId,
    DeploymentStarted: (e) => e.data.releaseId,
    DeploymentResumed: (e) => e.data.releaseId,
    ChangeVoteCast: (e) => e.data.releaseId,
    ChangeConditionMet: (e) => e.data.releaseId,
    ChangeReviewed: (e) => e.data.releaseId,
    ReleaseAmended: (e) => e.data.releaseId,
  },
  initial: { environments: [] },
  evolve: (state, event) =>
    'environment' in (event.data as object) && !state.environments.includes((event as PartTaken).data.environment)
      ? { environments: [...state.environments, (event as PartTaken).data.environment] }
      : state,
  react: ({ environments }, input, { instance: releaseId }) => {
    switch (input.type) {
      case 'ReleaseAmended':
        return environments.map((environment) => review({ releaseId, environment }, input.stream));
      case 'DeploymentStarted':
      case 'DeploymentResumed':
        return [review(input.data, input.stream, [input.data.deploymentId])];
      case 'ProcessTimerElapsed':
      case 'ProcessCommandRefused':
        return [];
      default:
        return [review(input.data, input.stream)];
    }
  },
});

type BypassTaken = Extract<BypassEvent, { type: 'BypassRequested' | 'BypassReviewed' }>;

/** The same for reviews of bypasses, whose events do not say of what the bypass was. An instance is a bypass. */
export const bypassDutyWatch = defineProcess<{ readonly place?: Place }, BypassTaken>({
  name: 'bypass_duty_watch',
  instance: { BypassRequested: (e) => e.data.bypassId, BypassReviewed: (e) => e.data.bypassId },
  initial: {},
  evolve: (state, event) =>
    event.type === 'BypassRequested' ? { place: { releaseId: event.data.releaseId, environment: event.data.environment } } : state,
  react: ({ place }, input) => (input.type === 'BypassReviewed' && place ? [review(place, input.stream)] : []),
});

type Learned =
  | Extract<AccountEvent, { type: 'AccountLinked' | 'AccountUnlinked' }>
  | Extract<AddressEvent, { type: 'AddressClaimed' }>
  | Extract<ArtifactEvent, { type: 'ArtifactAuthorsAdded' }>;
type Attributed = Extract<DutyReviewEvent, { type: 'DutyPartiesNoted' }>;

/** What an account, an address or an artifact had a part in, and the stream in which something was learned of it last. */
interface Party {
  readonly changes: Readonly<Record<string, Place>>;
  readonly learnedFrom?: string;
}

/**
 * Has everything looked at again in which an account, an address or an artifact had a part when more is known of whose it is. An instance is the
 * stream that says so. Whichever of the two comes second, the part taken or the knowledge, is answered: so the order shows nowhere.
 */
export const identityWatch = defineProcess<Party, Learned | Attributed>({
  name: 'identity_watch',
  instance: {
    AccountLinked: (e) => accountOf(e.data),
    AccountUnlinked: (e) => accountOf(e.data),
    AddressClaimed: (e) => streamName('address', e.data.skeletonId),
    ArtifactAuthorsAdded: (e) => streamName('artifact', e.data.artifactId),
    DutyPartiesNoted: (e) => e.data.parties,
  },
  initial: { changes: {} },
  evolve: (state, event) => {
    switch (event.type) {
      case 'DutyPartiesNoted': {
        const { releaseId, environment } = event.data;
        return { ...state, changes: { ...state.changes, [dutyReviewId(releaseId, environment)]: { releaseId, environment } } };
      }
      case 'AccountLinked':
      case 'AccountUnlinked':
        return { ...state, learnedFrom: accountOf(event.data) };
      case 'AddressClaimed':
        return { ...state, learnedFrom: streamName('address', event.data.skeletonId) };
      case 'ArtifactAuthorsAdded':
        return { ...state, learnedFrom: streamName('artifact', event.data.artifactId) };
      default:
        return state;
    }
  },
  react: ({ changes, learnedFrom }, input) => {
    if (input.type === 'ProcessTimerElapsed' || input.type === 'ProcessCommandRefused' || learnedFrom === undefined) return [];
    // It may have been learned between the look at the change and what was written down of it.
    if (input.type === 'DutyPartiesNoted') return [review(input.data, learnedFrom)];
    return Object.values(changes).map((place) => review(place, learnedFrom));
  },
});

function accountOf({ issuer, subject }: { readonly issuer: string; readonly subject: string }): string {
  return streamName('account', accountId(issuer, subject));
}
