import { Injectable } from '@nestjs/common';
import { accountId } from '#libs/contracts';
import { Aggregates } from '#libs/cqrs';
import type { PersonResolver } from '#libs/identity';
import { account } from './account.ts';

/** The person behind an account, from the account's own stream: a link counts from the moment it is on record. */
@Injectable()
export class AccountResolver implements PersonResolver {
  constructor(private readonly aggregates: Aggregates) {}

  async resolve(issuer: string, subject: string): Promise<string | undefined> {
    return (await this.aggregates.load(account, accountId(issuer, subject))).state.person;
  }
}
