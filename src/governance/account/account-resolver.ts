import { Injectable } from '@nestjs/common';
import { Aggregates } from '#libs/cqrs';
import { principalOf, type PersonResolver } from '#libs/identity';
import { personOfAccount } from '#libs/policy';

/** The person behind an account, from the streams themselves: a link counts from the moment it is on record. */
@Injectable()
export class AccountResolver implements PersonResolver {
  constructor(private readonly aggregates: Aggregates) {}

  async resolve(issuer: string, subject: string): Promise<string | undefined> {
    return (await personOfAccount((aggregate, id) => this.aggregates.load(aggregate, id), principalOf(issuer, subject))).person;
  }
}
