import { accountId, type AccountEvent, type AddressEvent } from '#libs/contracts';
import { ADDRESS_ISSUER, addressKeys, claimantOf, defaultPersonId } from '#libs/identity';

/**
 * Which person an account was known to be so far: the same answer that `personOfAccount` of `#libs/policy` gives from the streams, kept in
 * memory for a whole log. Grows with accounts and addresses.
 */
export class Identities {
  private readonly links = new Map<string, string>();
  private readonly claims = new Map<string, Record<string, string>>();

  linked({ data: { issuer, subject, person } }: Extract<AccountEvent, { type: 'AccountLinked' | 'AccountUnlinked' }>): void {
    this.links.set(accountId(issuer, subject), person);
    this.resolved.clear();
  }

  claimed({ data: { skeletonId, addressId, person } }: AddressEvent): void {
    this.claims.set(skeletonId, { ...this.claims.get(skeletonId), [addressId]: person });
    this.resolved.clear();
  }

  /** The person of an account (`issuer|subject`), as is known by now. */
  personOf(account: string): string {
    const known = this.known(account);
    if (known !== undefined) return known;
    const own = this.themselves.get(account) ?? itself(account);
    this.themselves.set(account, own);
    return own;
  }

  /** The same; undefined where nothing was ever said of the account, so that it is a person of its own. */
  known(account: string): string | undefined {
    // A few accounts do nearly everything, and each look costs several hashes.
    if (!this.resolved.has(account)) this.resolved.set(account, this.resolve(account));
    return this.resolved.get(account);
  }

  private readonly resolved = new Map<string, string | undefined>();
  /** What a link or a claim changes nothing about. */
  private readonly themselves = new Map<string, string>();

  private resolve(account: string): string | undefined {
    const [issuer, subject] = partsOf(account);
    const [skeletonId, addressId] = issuer === ADDRESS_ISSUER ? subject.split('.') : [];
    if (skeletonId && addressId) return this.claimant(skeletonId, addressId);
    const linked = this.links.get(accountId(issuer, subject));
    if (linked !== undefined || subject.length > 320 || !/[\p{L}\p{N}]/u.test(subject)) return linked;
    const keys = addressKeys(subject);
    return this.claimant(keys.skeletonId, keys.addressId);
  }

  private claimant(skeletonId: string, addressId: string): string | undefined {
    const claims = this.claims.get(skeletonId);
    return claims && claimantOf(claims, addressId)?.person;
  }
}

function itself(account: string): string {
  const [issuer, subject] = partsOf(account);
  const [skeletonId, addressId] = issuer === ADDRESS_ISSUER ? subject.split('.') : [];
  // All addresses that look like one that nobody claimed are one person, whoever it is.
  return skeletonId && addressId ? defaultPersonId(ADDRESS_ISSUER, skeletonId) : defaultPersonId(issuer, subject);
}

function partsOf(account: string): readonly [string, string] {
  const bar = account.indexOf('|');
  return [account.slice(0, Math.max(bar, 0)), account.slice(bar + 1)];
}
