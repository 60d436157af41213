import { derivedId } from '#libs/event-sourcing';

/** Resolves an account to a person; governance implements it from its streams, where linked accounts are on record. */
export interface PersonResolver {
  /** The opaque person id, or undefined where the account is linked to nobody (it is then a person of its own). */
  resolve(issuer: string, subject: string): Promise<string | undefined>;
}

/** What an account looks like where somebody names one: `issuer|subject`. */
export const ACCOUNT = /^[^|\s]{1,200}\|[^|\s]{1,200}$/;

/** `issuer|subject`: an authenticated account, kept beside the person it resolves to (principle 12). An issuer has no `|`. */
export function principalOf(issuer: string, subject: string): string {
  return `${issuer}|${subject}`;
}

/** The person id of an account that nobody has linked: opaque, and the same everywhere. */
export function defaultPersonId(issuer: string, subject: string): string {
  return derivedId('person', issuer, subject);
}

/** The person behind an account (principle 4: a person is not an account, several accounts may be one person). */
export async function personOf(issuer: string, subject: string, links?: PersonResolver): Promise<string> {
  return (await links?.resolve(issuer, subject)) ?? defaultPersonId(issuer, subject);
}
