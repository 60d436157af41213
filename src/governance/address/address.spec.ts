import type { AddressEvent } from '#libs/contracts';
import { issued, scenario } from '#libs/event-sourcing/testing';
import { addresses } from './address.ts';
import { addressToClaim, claimAddress, ClaimAddressByKeys } from './claim-address.ts';

const all = scenario(addresses);
const there = { person: { registered: true, left: false } };
const claimed = (addressId: string, person: string, ...looksLike: string[]): AddressEvent => ({
  type: 'AddressClaimed',
  data: { skeletonId: 's1', addressId, kind: 'email', person, looksLike },
});
const claim = (addressId: string, person: string) =>
  issued(ClaimAddressByKeys, { addressId, kind: 'email', person }, 's1', { person: 'person-ida' });

describe('claiming an address for a person', () => {
  it('is done once', () => {
    all.given().when(claimAddress, claim('a1', 'dora'), there).then(claimed('a1', 'dora'));
    all.given(claimed('a1', 'dora')).when(claimAddress, claim('a1', 'dora'), there).thenNothing();
  });

  it('flags an address that looks like another person’s, and not one that looks like her own', () => {
    all
      .given(claimed('a1', 'dora'))
      .when(claimAddress, claim('a2', 'eve'), there)
      .then(claimed('a2', 'eve', 'dora'));
    all.given(claimed('a1', 'dora')).when(claimAddress, claim('a2', 'dora'), there).then(claimed('a2', 'dora'));
  });

  it('refuses one that is another person’s already, and one’s own', () => {
    all.given(claimed('a1', 'dora')).when(claimAddress, claim('a1', 'eve'), there).thenRefused('address-taken');
    all.given().when(claimAddress, claim('a1', 'person-ida'), there).thenRefused('claimed-by-another');
  });

  it('refuses what belongs to nobody, and what is no address', () => {
    all
      .given()
      .when(claimAddress, claim('a1', 'dora'), { person: { registered: false, left: false } })
      .thenRefused('person-unknown');
    expect(() => addressToClaim('dora', '\u200b')).toThrow('letters or digits');
    expect(addressToClaim('dora', 'Dora+x@example.org').command).toEqual(addressToClaim('dora', 'dora@example.org').command);
  });
});
