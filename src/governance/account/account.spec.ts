import type { AccountEvent } from '#libs/contracts';
import { issued, scenario } from '#libs/event-sourcing/testing';
import { defaultPersonId } from '#libs/identity';
import { noAliases } from '#libs/policy/testing';
import { account } from './account.ts';
import {
  confirmAccountLink,
  ConfirmAccountLink,
  requestAccountLink,
  RequestAccountLink,
  unlinkAccount,
  UnlinkAccount,
  type LinkFacts,
} from './link-account.ts';

const accounts = scenario(account);
const named = { issuer: 'https://idp.example', subject: 'dora-2' };
const facts: LinkFacts = { person: { registered: true, left: false } };
const requested = (person: string, requestedBy = 'person-ida'): AccountEvent => ({
  type: 'AccountLinkRequested',
  data: { ...named, person, bot: false, requestedBy },
});
const linked = (person: string, formerly = defaultPersonId(named.issuer, named.subject)): AccountEvent => ({
  type: 'AccountLinked',
  data: { ...named, person, formerly, requestedBy: 'person-ida', confirmedBy: 'person-ian' },
});
const request = (person: string) => issued(RequestAccountLink, { ...named, person }, 'a1', { person: 'person-ida' });
const confirm = (person: string, by: string) => issued(ConfirmAccountLink, { ...named, person }, 'a1', { person: by });

describe('linking an account to a person', () => {
  it('is asked for by one person and counts when another has confirmed it', () => {
    accounts.given().when(requestAccountLink, request('dora'), facts).then(requested('dora'));
    expect(account.evolve({}, requested('dora')).person).toBeUndefined();
    accounts
      .given(requested('dora'))
      .when(confirmAccountLink, confirm('dora', 'person-ian'), { ...facts, ...noAliases })
      .then(linked('dora'));
  });

  it('is nothing new the second time, asked for or confirmed', () => {
    accounts.given(requested('dora')).when(requestAccountLink, request('dora'), facts).thenNothing();
    accounts.given(requested('dora'), linked('dora')).when(requestAccountLink, request('dora'), facts).thenNothing();
    accounts
      .given(requested('dora'), linked('dora'))
      .when(confirmAccountLink, confirm('dora', 'person-ian'), { ...facts, ...noAliases })
      .thenNothing();
  });

  it.each([
    ['who asked for it', 'person-ida'],
    ['whose it would be', 'dora'],
    ['the account itself', defaultPersonId(named.issuer, named.subject)],
  ])('is not confirmed by %s', (_who, by) => {
    accounts
      .given(requested('dora'))
      .when(confirmAccountLink, confirm('dora', by), { ...facts, ...noAliases })
      .thenRefused('confirmed-by-another');
  });

  it('is not confirmed where nobody asked, or for another person than was asked for', () => {
    accounts
      .given()
      .when(confirmAccountLink, confirm('dora', 'person-ian'), { ...facts, ...noAliases })
      .thenRefused('link-not-requested');
    accounts
      .given(requested('dora'))
      .when(confirmAccountLink, confirm('eve', 'person-ian'), { ...facts, ...noAliases })
      .thenRefused('link-for-another');
  });

  it('is for persons who are there', () => {
    accounts
      .given()
      .when(requestAccountLink, request('dora'), { person: { registered: false, left: false } })
      .thenRefused('person-unknown');
    const left = { person: { registered: true, left: true } };
    accounts
      .given(requested('dora'))
      .when(confirmAccountLink, confirm('dora', 'person-ian'), { ...left, ...noAliases })
      .thenRefused('person-left');
  });

  it('takes a correction, which counts from then on, erases nothing and says who it was taken for', () => {
    accounts
      .given(requested('dora'), linked('dora'), requested('eve'))
      .when(confirmAccountLink, confirm('eve', 'person-ian'), { ...facts, ...noAliases })
      .then(linked('eve', 'dora'));
  });

  it('reads links of before two persons were needed', () => {
    const old: AccountEvent = { type: 'AccountLinked', data: { ...named, person: 'dora' } };
    expect(account.evolve(account.initial, old)).toEqual({ person: 'dora' });
  });
});

describe('unlinking an account', () => {
  const unlink = issued(UnlinkAccount, { ...named, reason: 'It was lost.' }, 'a1');

  it('ends what it may do and keeps whose deeds were whose, once', () => {
    const unlinked: AccountEvent = { type: 'AccountUnlinked', data: { ...named, person: 'dora', reason: 'It was lost.' } };
    accounts.given(requested('dora'), linked('dora')).when(unlinkAccount, unlink).then(unlinked);
    accounts.given(requested('dora'), linked('dora'), unlinked).when(unlinkAccount, unlink).thenNothing();
    expect([linked('dora'), unlinked].reduce(account.evolve, account.initial)).toEqual({ person: 'dora', closed: true });
  });
});
