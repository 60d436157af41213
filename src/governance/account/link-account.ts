import { IsString, IsUUID, MaxLength, MinLength } from 'class-validator';
import type { AccountEvent } from '#libs/contracts';
import { defineCommand, type Decision, type Issued } from '#libs/event-sourcing';
import { account, type Account } from './account.ts';

export class LinkAccount {
  @IsString() @MinLength(1) @MaxLength(200) issuer: string;
  @IsString() @MinLength(1) @MaxLength(200) subject: string;
  /** Person id that the account belongs to. */
  @IsUUID() person: string;
}

/** A person is not an account: from here on, duties of this account count for that person. It rewrites nothing. */
export function linkAccount(command: Issued<LinkAccount>, state: Account): Decision<AccountEvent> {
  const { issuer, subject, person } = command;
  return state.person === person ? [] : [{ type: 'AccountLinked', data: { issuer, subject, person } }];
}

export const linkAccountCommand = defineCommand({ type: LinkAccount, aggregate: account, decide: linkAccount });
