import { domainToUnicode } from 'node:url';
import { derivedId } from '#libs/event-sourcing';
import { skeleton } from './confusables.ts';

/** The issuer of accounts that stand for an address: `address|<skeleton id>.<address id>`. No token has it. */
export const ADDRESS_ISSUER = 'address';

/** What is kept of an address or name: ids that say whether two are the same, or look the same, and not what they are. */
export interface AddressKeys {
  readonly kind: 'email' | 'name';
  /** The same for every spelling of one address. */
  readonly addressId: string;
  /** The same for all addresses that look alike. */
  readonly skeletonId: string;
}

/**
 * The one spelling of an e-mail address: NFKC, lower case, without a plus-tag and with its domain in Unicode. Providers that tell cases or
 * tags apart exist on paper (RFC 5321, section 2.4) and not in practice.
 *
 * @returns undefined where the text is no address
 */
export function normaliseEmail(text: string): string | undefined {
  const parts = /^([^\s@|]{1,64})@([^\s@|]{1,255})$/u.exec(text.normalize('NFKC').trim().toLowerCase());
  if (!parts) return undefined;
  const local = (parts[1] ?? '').replace(/(?!^)\+.*$/u, '');
  const domain = domainToUnicode((parts[2] ?? '').replace(/\.$/, ''));
  return local && domain ? `${local}@${domain}` : undefined;
}

/** The keys of an e-mail address or of another name (a nickname, an account's subject). @throws RangeError blank, or over 320 characters */
export function addressKeys(text: string): AddressKeys {
  const email = normaliseEmail(text);
  const spelling = email ?? text.normalize('NFKC').trim().replace(/\s+/gu, ' ').toLowerCase();
  if (spelling.length > 320 || !/[\p{L}\p{N}]/u.test(spelling))
    throw new RangeError('An address or name has 1 to 320 characters that can be seen.');
  return {
    kind: email ? 'email' : 'name',
    addressId: derivedId('address', spelling),
    skeletonId: derivedId('address-skeleton', skeleton(spelling)),
  };
}

/** An account (`issuer|subject`) that stands for a commit's author or co-author, of whom only an address is known. */
export function addressAccount(text: string): string {
  const { skeletonId, addressId } = addressKeys(text);
  return `${ADDRESS_ISSUER}|${skeletonId}.${addressId}`;
}

/**
 * What a commit says of an author or co-author as the account that stands for the address: `mailto|ada@example.org`, `Ada <ada@example.org>`
 * as git writes it, the trailer `Co-authored-by: Ada <ada@example.org>`, or the bare address. The name is not kept. Anything else is as it is.
 */
export function withoutAddress(text: string): string {
  const [, mailto, named, bare] =
    /^\s*(?:mailto\|(\S+)|(?:co-authored-by:)?[^<>|]{0,200}<([^<>|\s]+)>|([^<>|\s]+@[^<>|\s]+))\s*$/iu.exec(text) ?? [];
  const email = normaliseEmail(mailto ?? named ?? bare ?? '');
  return email === undefined ? text : addressAccount(email);
}

/** Whose an address is among the claims of all that look like it: its own claim, else that of one which looks the same. */
export function claimantOf(
  claims: Readonly<Record<string, string>>,
  addressId: string,
): { readonly person: string; readonly lookalike: boolean } | undefined {
  if (Object.hasOwn(claims, addressId)) return { person: claims[addressId] ?? '', lookalike: false };
  const person = Object.keys(claims)
    .sort()
    .map((id) => claims[id])[0];
  return person === undefined ? undefined : { person, lookalike: true };
}
