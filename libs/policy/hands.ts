import { digestText, type ApprovalTuple, type ArtifactEvent, type ReleaseEvent } from '#libs/contracts';
import { own, type Aggregate, type DomainEvent, type ReadAggregate, type StoredEvent } from '#libs/event-sourcing';
import { personOfAccount } from './person-of-account.ts';

/** What a release was composed of at some time, and who put it together and planned it at any time. */
interface ReleaseHands {
  readonly compositions: readonly {
    readonly artifacts: readonly { readonly artifactId: string; readonly digest: string }[];
    readonly authors: readonly string[];
  }[];
  /** Accounts. */
  readonly composers: readonly string[];
  /** Accounts, by environment. */
  readonly planners: Readonly<Record<string, readonly string[]>>;
}

const releaseHands: Aggregate<ReleaseHands, ReleaseEvent> = {
  category: 'release',
  initial: { compositions: [], composers: [], planners: {} },
  evolve: (state, event) => {
    const { type, data } = event;
    const by = accountsOf(event);
    if (type === 'ReleasePlanned') {
      const { [data.environment]: before = [], ...others } = state.planners;
      return { ...state, planners: { ...others, [data.environment]: [...before, ...by] } };
    }
    if (type !== 'ReleaseComposed' && type !== 'ReleaseAmended') return state;
    const { artifacts, authors } = data;
    return { ...state, compositions: [...state.compositions, { artifacts, authors }], composers: [...state.composers, ...by] };
  },
};

/** Accounts of an artifact's authors and of who registered it, by digest. */
const artifactHands: Aggregate<{ readonly digest?: string; readonly accounts: readonly string[] }, ArtifactEvent> = {
  category: 'artifact',
  initial: { accounts: [] },
  evolve: ({ digest, accounts }, event) => {
    const { type, data } = event;
    const more = [...accounts, ...data.authors];
    return type === 'ArtifactRegistered'
      ? { digest: digestText(data.digest), accounts: [...more, ...accountsOf(event)] }
      : { ...(digest === undefined ? {} : { digest }), accounts: more };
  },
};

/** The account that caused an event, where it was somebody's and not a process of ours. */
function accountsOf(event: DomainEvent): readonly string[] {
  const account = (event as Partial<StoredEvent>).metadata?.principal;
  return account === undefined || account.startsWith('plimsoll|process:') ? [] : [account];
}

/**
 * Whoever wrote, registered, composed or planned what a tuple names, as the persons that they are known to be now. It is read off the tuple's
 * digests and the release as it was composed of them: an amendment since sheds no part in it.
 */
export async function handsOn(
  read: ReadAggregate,
  { releaseId, environment, artifactDigests }: ApprovalTuple,
): Promise<{ readonly persons: readonly string[]; readonly refs: readonly string[] }> {
  const release = await read(releaseHands, releaseId);
  const meant = [...artifactDigests].sort().join();
  const then = release.state.compositions.filter(
    ({ artifacts }) =>
      artifacts
        .map(({ digest }) => digest)
        .sort()
        .join() === meant,
  );
  const ids = [...new Set(then.flatMap(({ artifacts }) => artifacts.map(({ artifactId }) => artifactId)))].sort();
  const artifacts = await Promise.all(ids.map((id) => read(artifactHands, id)));
  const accounts = [
    ...then.flatMap(({ authors }) => authors),
    ...artifacts.flatMap(({ state }) => (state.digest !== undefined && artifactDigests.includes(state.digest) ? state.accounts : [])),
    ...release.state.composers,
    ...(own(release.state.planners, environment) ?? []),
  ];
  const known = await Promise.all([...new Set(accounts)].sort().map((account) => personOfAccount(read, account)));
  return {
    persons: [...new Set(known.map(({ person }) => person))].sort(),
    refs: [...new Set([release.ref, ...artifacts.map(({ ref }) => ref), ...known.flatMap(({ refs }) => refs)])].sort(),
  };
}
