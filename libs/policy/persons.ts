import { isProgram, type Aggregate, type DomainEvent, type ReadAggregate, type StoredEvent } from '#libs/event-sourcing';
import { personOfAccount } from './person-of-account.ts';

/** Somebody as a stream has her: the person that her account was known to be then, and the account itself (`issuer|subject`). */
export interface OnRecord {
  readonly person: string;
  readonly principal?: string;
}

/** Who accounts are known to be at the time of a decision. Facts for a rule: plain data. */
export interface PersonsNow {
  /** Persons by account. */
  readonly now: Readonly<Record<string, string>>;
  /** `stream@revision` of all that was read, sorted. */
  readonly refs: readonly string[];
}

/** What rules that ask for another person rest on: who had a part before, and who they and the one who acts are known to be now. */
export interface FirstHands {
  readonly first: readonly OnRecord[];
  readonly persons: PersonsNow;
}

/** Who is known to be whom now, of those who have accounts on record; programs of ours are nobody. */
export async function readPersons(read: ReadAggregate, some: readonly OnRecord[]): Promise<PersonsNow> {
  const accounts = some.flatMap((one) => (one.principal === undefined || isProgram(one) ? [] : [one.principal]));
  const known = await Promise.all(
    [...new Set(accounts)].sort().map(async (account) => [account, await personOfAccount(read, account)] as const),
  );
  return {
    now: Object.fromEntries(known.map(([account, { person }]) => [account, person])),
    refs: [...new Set(known.flatMap(([, { refs }]) => refs))].sort(),
  };
}

/** Facts for a rule that asks for somebody else than those who had a part before. */
export async function readFirstHands(read: ReadAggregate, actor: OnRecord, first: readonly OnRecord[]): Promise<FirstHands> {
  return { first, persons: await readPersons(read, [actor, ...first]) };
}

/**
 * Whether two on record are one person: by who they were known to be when they acted, or by who their accounts are known to be now. Either
 * is enough, so that nobody becomes a second person by having an account linked, or linked to another. Pure.
 */
export function isSamePerson(one: OnRecord, other: OnRecord, persons: PersonsNow): boolean {
  const theirs = personsOf(other, persons);
  return personsOf(one, persons).some((person) => theirs.includes(person));
}

/** Whether who acts is one of those who had a part before, with whatever account; or one of the persons named besides. Pure. */
export function isFirstHand(actor: OnRecord, { first, persons }: FirstHands, ...besides: readonly string[]): boolean {
  return [...first, ...besides.map((person) => ({ person }))].some((hand) => isSamePerson(actor, hand, persons));
}

/** Everybody that somebody on record was or is known to be. */
export function personsOf({ person, principal }: OnRecord, { now }: PersonsNow): readonly string[] {
  const known = principal !== undefined && Object.hasOwn(now, principal) ? now[principal] : undefined;
  return known === undefined || known === person ? [person] : [person, known];
}

/** What happened in a stream, and who caused it. */
export interface Act {
  readonly type: string;
  readonly data: Readonly<Record<string, unknown>>;
  readonly by: OnRecord;
}

/** The fold of any stream that keeps who caused what: what has no metadata, as an example in a test, was caused by nobody. */
export function actsOf(category: string): Aggregate<readonly Act[], DomainEvent> {
  return {
    category,
    initial: [],
    evolve: (acts, event) => {
      const { metadata } = event as Partial<StoredEvent>;
      if (!metadata) return acts;
      const by = { person: metadata.actor, principal: metadata.principal };
      return [...acts, { type: event.type, data: event.data as Act['data'], by }];
    },
  };
}

/** Who caused the events of a stream that a rule asks about, with their accounts. */
export async function whoDid(read: ReadAggregate, category: string, id: string, is: (act: Act) => boolean): Promise<readonly OnRecord[]> {
  const { state } = await read(actsOf(category), id);
  return state.filter(is).map(({ by }) => by);
}

/** Who had a deployment run: who started it, and who had it tried again. */
export async function deployersOf(read: ReadAggregate, deploymentId: string): Promise<readonly OnRecord[]> {
  const acted = await whoDid(read, 'deployment', deploymentId, ({ type }) => type === 'DeploymentStarted' || type === 'DeploymentResumed');
  return acted.filter((one) => !isProgram(one));
}
