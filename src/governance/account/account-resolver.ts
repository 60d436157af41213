import { Injectable } from '@nestjs/common';
import { Aggregates } from '#libs/cqrs';
import { aheadFor } from '#libs/event-sourcing';
import { principalOf, type PersonResolver } from '#libs/identity';
import { personOfAccount } from '#libs/policy';

/** The person behind an account, from the streams themselves: a link counts from the moment it is on record. */
@Injectable()
export class AccountResolver implements PersonResolver {
  constructor(private readonly aggregates: Aggregates) {}

  async resolve(issuer: string, subject: string): Promise<string | undefined> {
    const principal = principalOf(issuer, subject);
    return (await personOfAccount(aheadFor(this.aggregates.read, `account ${principal}`), principal)).person;
  }
}
