import { accountId, type AccountEvent, type AddressEvent } from '#libs/contracts';
import type { Aggregate, Loaded, ReadAggregate } from '#libs/event-sourcing';
import { ADDRESS_ISSUER, addressKeys, claimantOf, defaultPersonId, type AddressKeys } from '#libs/identity';

export const accountSource: Aggregate<{ readonly person?: string }, AccountEvent> = {
  category: 'account',
  initial: {},
  // A link counts when it is confirmed; an account that was unlinked keeps its person, so that nobody sheds a duty.
  evolve: (state, { type, data }) => (type === 'AccountLinked' || type === 'AccountUnlinked' ? { person: data.person } : state),
};

export const addressSource: Aggregate<Readonly<Record<string, string>>, AddressEvent> = {
  category: 'address',
  initial: {},
  evolve: (state, { data }) => ({ ...state, [data.addressId]: data.person }),
};

/** The person behind an account, and where that is written. */
export interface ResolvedPerson {
  readonly person: string;
  /** How it is known: by a confirmed link, by an address or one that looks like it, or not at all, so that it is a person of its own. */
  readonly by: 'link' | 'address' | 'lookalike' | 'itself';
  /** `stream@revision` of all that was read, sorted. */
  readonly refs: readonly string[];
}

/**
 * The person an account (`issuer|subject`) belongs to: as linked; else the one whose address or alias its subject is, or looks like, so that a
 * second spelling is no second person; else a person of its own. Authors of whom only an address is known have accounts of `addressAccount`.
 */
export async function personOfAccount(read: ReadAggregate, account: string): Promise<ResolvedPerson> {
  const { linkId, itself, address } = idsOf(account);
  if (linkId === undefined) {
    const loaded = await read(addressSource, address.skeletonId);
    // Nobody claimed it: all that look like it are one person, whoever it is.
    return claimed(loaded, address.addressId) ?? { person: itself, by: 'itself', refs: [loaded.ref] };
  }
  const linked = await read(accountSource, linkId);
  if (linked.state.person !== undefined) return { person: linked.state.person, by: 'link', refs: [linked.ref] };
  if (!address) return { person: itself, by: 'itself', refs: [linked.ref] };
  const addresses = await read(addressSource, address.skeletonId);
  const refs = [linked.ref, addresses.ref].sort();
  const known = claimed(addresses, address.addressId);
  return known ? { ...known, refs } : { person: itself, by: 'itself', refs };
}

type AddressIds = Pick<AddressKeys, 'skeletonId' | 'addressId'>;

/** Where to look for an account's person, and who it is where nothing is found. */
type AccountIds =
  | { readonly linkId: string; readonly itself: string; readonly address?: AddressIds }
  /** Of an author of whom only an address is known. */
  | { readonly linkId?: undefined; readonly itself: string; readonly address: AddressIds };

/** Ids of accounts that were seen lately: the same few people are in every decision, and each takes four hashes. */
const seen = new Map<string, AccountIds>();
const MOST_SEEN = 10_000;
/** No longer one is kept: an issuer may be of any length. */
const LONGEST_KEPT = 1000;

function idsOf(account: string): AccountIds {
  const known = seen.get(account);
  if (known) return known;
  const ids = derivedIdsOf(account);
  if (account.length > LONGEST_KEPT) return ids;
  if (seen.size >= MOST_SEEN) seen.clear();
  seen.set(account, ids);
  return ids;
}

function derivedIdsOf(account: string): AccountIds {
  const bar = account.indexOf('|');
  const issuer = account.slice(0, Math.max(bar, 0));
  const subject = account.slice(bar + 1);
  const [skeletonId, addressId] = issuer === ADDRESS_ISSUER ? subject.split('.') : [];
  if (skeletonId && addressId) return { itself: defaultPersonId(ADDRESS_ISSUER, skeletonId), address: { skeletonId, addressId } };
  const ids = { linkId: accountId(issuer, subject), itself: defaultPersonId(issuer, subject) };
  // Nothing that a person can have for a name.
  if (subject.length > 320 || !/[\p{L}\p{N}]/u.test(subject)) return ids;
  try {
    return { ...ids, address: addressKeys(subject) };
  } catch (error) {
    // Short as it is written, and too long as it is compared: a letter may stand for many.
    if (error instanceof RangeError) return ids;
    throw error;
  }
}

function claimed(loaded: Loaded<Readonly<Record<string, string>>>, addressId: string): ResolvedPerson | undefined {
  const claimant = claimantOf(loaded.state, addressId);
  return claimant && { person: claimant.person, by: claimant.lookalike ? 'lookalike' : 'address', refs: [loaded.ref] };
}
