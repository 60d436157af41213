import type { OwnershipEvent } from '#libs/contracts';
import { issued, scenario } from '#libs/event-sourcing/testing';
import { noAliases } from '#libs/policy/testing';
import { ConfirmOwnership, confirmOwnership, RequestOwnership, requestOwnership } from './assign-ownership.ts';
import { ownership } from './ownership.ts';

const owners = scenario(ownership);
const requested = (team: string, requestedBy = 'ida'): OwnershipEvent => ({
  type: 'OwnershipRequested',
  data: { product: 'shop', team, requestedBy },
});
const assigned = (team: string, more: object = {}): OwnershipEvent => ({
  type: 'OwnershipAssigned',
  data: { product: 'shop', team, requestedBy: 'ida', confirmedBy: 'ian', ...more },
});
const ask = (team: string, by = 'ida') => issued(RequestOwnership, { product: 'shop', team }, 'o1', { person: by });
const confirm = (team: string, by = 'ian') => issued(ConfirmOwnership, { product: 'shop', team }, 'o1', { person: by });

describe('who owns a product', () => {
  it('is asked for, and once', () => {
    owners.given().when(requestOwnership, ask('payments'), {}).then(requested('payments'));
    owners.given(requested('payments')).when(requestOwnership, ask('payments', 'ian'), {}).thenNothing();
    owners.given(requested('payments'), assigned('payments')).when(requestOwnership, ask('payments'), {}).thenNothing();
    expect(ownership.evolve(ownership.initial, requested('payments')).team).toBeUndefined();
  });

  it('is so when somebody else has confirmed it, and once', () => {
    owners.given(requested('payments')).when(confirmOwnership, confirm('payments'), noAliases).then(assigned('payments'));
    owners.given(requested('payments'), assigned('payments')).when(confirmOwnership, confirm('payments'), noAliases).thenNothing();
  });

  it('is not confirmed by who asked for it', () => {
    expect(
      owners.given(requested('payments')).when(confirmOwnership, confirm('payments', 'ida'), noAliases).thenRefused('confirmed-by-another')
        .kind,
    ).toBe('duty');
  });

  it('is not what nobody asked for, or what was asked for before', () => {
    owners.given().when(confirmOwnership, confirm('payments'), noAliases).thenRefused('ownership-not-requested');
    owners
      .given(requested('payments'), requested('core'))
      .when(confirmOwnership, confirm('payments'), noAliases)
      .thenRefused('ownership-not-requested');
    owners.given(requested('payments'), requested('core')).when(confirmOwnership, confirm('core'), noAliases).then(assigned('core'));
  });

  it('may change, and says whose it was; until then it stays theirs', () => {
    const changing = [requested('payments'), assigned('payments'), requested('core')];
    expect(changing.reduce((state, event) => ownership.evolve(state, event), ownership.initial)).toMatchObject({ team: 'payments' });
    owners
      .given(...changing)
      .when(confirmOwnership, confirm('core'), noAliases)
      .then(assigned('core', { formerly: 'payments' }));
  });
});
