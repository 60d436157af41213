import { IsBoolean, IsOptional, IsString, IsUUID, Matches, MaxLength } from 'class-validator';
import { type AccountEvent } from '#libs/contracts';
import { defineCommand, refuse, type Decision, type Issued, type ReadAggregate } from '#libs/event-sourcing';
import { defaultPersonId } from '#libs/identity';
import { isFirstHand, readFirstHands, whoDid, type FirstHands } from '#libs/policy';
import { asksAgain, readAsker, refuseUnknownAsker, type AskerFacts } from '../person/asker.ts';
import { person, type Person } from '../person/person.ts';
import { account, type Account } from './account.ts';

class AccountNamed {
  @Matches(/^[^|\s]{1,200}$/, { message: 'issuer must be the `iss` of its tokens, without | and spaces' }) issuer: string;
  @IsString()
  @Matches(/^[^|]{1,200}$/, { message: 'subject must be the `sub` of its tokens, 1 to 200 characters without |' })
  subject: string;
}

export class RequestAccountLink extends AccountNamed {
  /** Person that the account belongs to. */
  @IsUUID() person: string;
  /** A program acts with the account, for that person; it may not approve. */
  @IsOptional() @IsBoolean() bot?: boolean;
}

export class ConfirmAccountLink extends AccountNamed {
  /** The person that you confirm: named, not assumed. */
  @IsUUID() person: string;
}

export class UnlinkAccount extends AccountNamed {
  @IsString() @Matches(/[\p{L}\p{N}]/u, { message: 'reason must say something' }) @MaxLength(500) reason: string;
}

export interface LinkFacts extends AskerFacts {
  readonly person: Person;
}

export type ConfirmLinkFacts = LinkFacts & FirstHands;

/** Anybody may ask, also whose account it is; it counts when another person has confirmed it. */
export function requestAccountLink(command: Issued<RequestAccountLink>, state: Account, facts: LinkFacts): Decision<AccountEvent> {
  const { issuer, subject, meta } = command;
  const bot = command.bot ?? false;
  if (!facts.person.registered)
    return refuse('not-found', 'person-unknown', `There is no person ${command.person}: register the person first.`);
  if (facts.person.left) return refuse('conflict', 'person-left', `${command.person} has left.`);
  if (state.person === command.person && (state.bot ?? false) === bot && !state.closed) return [];
  const unknown = refuseUnknownAsker(facts);
  if (unknown) return unknown;
  if (state.pending?.person === command.person && state.pending.bot === bot && asksAgain(state.pending.requestedBy, meta)) return [];
  return [{ type: 'AccountLinkRequested', data: { issuer, subject, person: command.person, bot, requestedBy: meta.actor.person } }];
}

/**
 * Neither who asked, nor whose account it would be, confirms it. From here on duties of this account count for the person; it rewrites
 * nothing, and has what was done before looked at again.
 */
export function confirmAccountLink(command: Issued<ConfirmAccountLink>, state: Account, facts: ConfirmLinkFacts): Decision<AccountEvent> {
  const { issuer, subject, meta } = command;
  const confirmer = meta.actor.person;
  const { pending } = state;
  if (!pending) {
    if (state.person === command.person && !state.closed) return [];
    return refuse('not-found', 'link-not-requested', 'Nobody asked for this account to be linked.');
  }
  if (pending.person !== command.person) {
    return refuse('conflict', 'link-for-another', `The link that was asked for is to ${pending.person}, not to ${command.person}.`);
  }
  if (facts.person.left) return refuse('conflict', 'person-left', `${command.person} has left.`);
  const formerly = state.person ?? defaultPersonId(issuer, subject);
  if (isFirstHand(meta.actor, facts, pending.requestedBy, pending.person, formerly)) {
    return refuse('duty', 'confirmed-by-another', 'A link is confirmed by somebody who neither asked for it nor is whom it is about.', [
      {
        code: 'two-persons',
        detail: `${pending.requestedBy} asked for the account to be linked to ${pending.person}.`,
        evidence: facts.persons.refs,
        unblockedBy: 'Another administrator of identities confirms it.',
      },
    ]);
  }
  const unknown = refuseUnknownAsker(facts);
  if (unknown) return unknown;
  return [
    {
      type: 'AccountLinked',
      data: {
        issuer,
        subject,
        person: pending.person,
        ...(pending.bot ? { bot: true } : {}),
        formerly,
        requestedBy: pending.requestedBy,
        confirmedBy: confirmer,
      },
    },
  ];
}

/** The account acts no more. What was done with it stays with its person: no duty is shed by unlinking. */
export function unlinkAccount(command: Issued<UnlinkAccount>, state: Account): Decision<AccountEvent> {
  const { issuer, subject, reason } = command;
  if (state.closed) return [];
  return [{ type: 'AccountUnlinked', data: { issuer, subject, person: state.person ?? defaultPersonId(issuer, subject), reason } }];
}

async function linkFacts(read: ReadAggregate, command: { readonly person: string }): Promise<LinkFacts> {
  return { person: (await read(person, command.person)).state };
}

const about = (command: Issued<AccountNamed>): Record<string, string> => ({ account: command.target });

export const requestAccountLinkCommand = defineCommand({
  type: RequestAccountLink,
  aggregate: account,
  decide: requestAccountLink,
  facts: async (read, command): Promise<LinkFacts> => ({
    ...(await linkFacts(read, command)),
    ...(await readAsker(read, command.meta, command.meta.actor)),
  }),
  governed: about,
});
export const confirmAccountLinkCommand = defineCommand({
  type: ConfirmAccountLink,
  vouches: true,
  aggregate: account,
  decide: confirmAccountLink,
  facts: async (read, command): Promise<ConfirmLinkFacts> => {
    const { target, meta } = command;
    const asked = await whoDid(read, account.category, target, ({ type }) => type === 'AccountLinkRequested');
    const hands = await readFirstHands(read, meta.actor, asked.slice(-1));
    return { ...(await linkFacts(read, command)), ...hands, ...(await readAsker(read, meta, hands.first[0])) };
  },
  governed: about,
});
export const unlinkAccountCommand = defineCommand({
  type: UnlinkAccount,
  personal: ['reason'],
  aggregate: account,
  decide: unlinkAccount,
  governed: about,
});
