import type { AccountEvent } from '#libs/contracts';
import { issued, scenario } from '#libs/event-sourcing/testing';
import { account } from './account.ts';
import { linkAccount, LinkAccount } from './link-account.ts';

const accounts = scenario(account);
const linked = (person: string): AccountEvent => ({
  type: 'AccountLinked',
  data: { issuer: 'https://idp.example', subject: 'dora-2', person },
});
const link = (person: string) => issued(LinkAccount, { issuer: 'https://idp.example', subject: 'dora-2', person });

describe('linking an account to a person', () => {
  it('puts on record whose account it is', () => {
    accounts.given().when(linkAccount, link('person-dora')).then(linked('person-dora'));
  });

  it('is nothing new the second time', () => {
    accounts.given(linked('person-dora')).when(linkAccount, link('person-dora')).thenNothing();
  });

  it('takes a correction, which counts from then on and erases nothing', () => {
    accounts.given(linked('person-dora')).when(linkAccount, link('person-eve')).then(linked('person-eve'));
    expect([linked('person-dora'), linked('person-eve')].reduce(account.evolve, account.initial)).toEqual({ person: 'person-eve' });
  });
});
