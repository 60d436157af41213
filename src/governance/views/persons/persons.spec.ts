import type { AccountEvent, PersonEvent } from '#libs/contracts';
import { foldView } from '#libs/read-models';
import { history } from '../../../../test/support/history.ts';
import { personList } from './persons.projection.ts';

const registered = (person = 'p'): PersonEvent => ({ type: 'PersonRegistered', data: { person, registeredBy: 'ida' } });
const left: PersonEvent = { type: 'PersonLeft', data: { person: 'p', reason: 'x' } };
const erased: PersonEvent = { type: 'PersonErased', data: { person: 'p', requestedBy: 'ida', confirmedBy: 'ian' } };
const linked = (person: string, formerly?: string): AccountEvent => ({
  type: 'AccountLinked',
  data: { issuer: 'idp', subject: 'dora', person, ...(formerly ? { formerly } : {}) },
});
const unlinked: AccountEvent = { type: 'AccountUnlinked', data: { issuer: 'idp', subject: 'dora', person: 'p', reason: 'x' } };
const after = (...events: readonly (PersonEvent | AccountEvent)[]) =>
  foldView(personList, history(events.map((event) => ({ stream: 'person-p', event }))));

describe('The list of persons', () => {
  it('shows who registered whom, and which accounts act for her', () => {
    expect([...after(registered(), linked('p')).values()]).toEqual([
      {
        person: 'p',
        status: 'registered',
        accounts: ['idp|dora'],
        registered_by: 'ida',
        registered_at: '2026-03-02T10:00:00.000Z',
        left_at: null,
        erased_at: null,
      },
    ]);
    expect(after(registered(), linked('p'), linked('p')).get('p')?.accounts).toEqual(['idp|dora']);
  });

  it('shows an account with the person whom it was linked to last, and with nobody once it is unlinked', () => {
    const moved = after(registered(), registered('q'), linked('p'), linked('q', 'p'));
    expect([moved.get('p')?.accounts, moved.get('q')?.accounts]).toEqual([[], ['idp|dora']]);
    expect(after(registered(), linked('p'), unlinked).get('p')?.accounts).toEqual([]);
    // Somebody of whom only the account is known was never registered.
    expect(after(linked('p')).size).toBe(0);
  });

  it('shows who has left, until she is registered again, and that her text was erased', () => {
    expect(after(registered(), left, erased).get('p')).toMatchObject({
      status: 'left',
      left_at: '2026-03-02T10:00:01.000Z',
      erased_at: '2026-03-02T10:00:02.000Z',
    });
    expect(after(registered(), left, erased, registered()).get('p')).toMatchObject({
      status: 'registered',
      left_at: null,
      erased_at: '2026-03-02T10:00:02.000Z',
    });
  });
});
