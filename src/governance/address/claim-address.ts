import { IsIn, IsString, IsUUID, MaxLength, MinLength } from 'class-validator';
import type { AddressEvent } from '#libs/contracts';
import { defineCommand, refuse, RefusedError, type Decision, type Issued, type ReadAggregate } from '#libs/event-sourcing';
import { addressKeys } from '#libs/identity';
import { person, type Person } from '../person/person.ts';
import { addresses, type Addresses } from './address.ts';

/** What comes in; the address itself is not stored. */
export class ClaimAddress {
  /** An e-mail address, or another name by which the person is known. */
  @IsString() @MinLength(1) @MaxLength(320) address: string;
}

export class ClaimAddressByKeys {
  @IsUUID() addressId: string;
  @IsIn(['email', 'name']) kind: 'email' | 'name';
  @IsUUID() person: string;
}

/** @throws RefusedError `address-invalid` where nothing can be seen of it */
export function addressToClaim(personId: string, address: string): { readonly command: ClaimAddressByKeys; readonly skeletonId: string } {
  if (!/[\p{L}\p{N}]/u.test(address))
    throw new RefusedError(refuse('meaning', 'address-invalid', 'An address or name has letters or digits.'));
  const { skeletonId, addressId, kind } = addressKeys(address);
  return { command: Object.assign(new ClaimAddressByKeys(), { addressId, kind, person: personId }), skeletonId };
}

export interface ClaimFacts {
  readonly person: Person;
}

/** An address is somebody's. One that looks like another person's is taken, and flagged. */
export function claimAddress(command: Issued<ClaimAddressByKeys>, state: Addresses, facts: ClaimFacts): Decision<AddressEvent> {
  const { addressId, kind, target, meta } = command;
  if (state.claims[addressId] === command.person) return [];
  if (!facts.person.registered) return refuse('not-found', 'person-unknown', `There is no person ${command.person}.`);
  if (meta.actor.person === command.person) {
    return refuse('duty', 'claimed-by-another', 'Nobody says of an address that it is her own.', [
      { code: 'two-persons', detail: 'You are the person of this claim.', unblockedBy: 'Another administrator of identities claims it.' },
    ]);
  }
  if (state.claims[addressId] !== undefined) {
    return refuse(
      'conflict',
      'address-taken',
      `The address is known to be ${state.claims[addressId]}'s: link their accounts where they are one person.`,
    );
  }
  const looksLike = [...new Set(Object.values(state.claims))].filter((other) => other !== command.person).sort();
  return [{ type: 'AddressClaimed', data: { skeletonId: target, addressId, kind, person: command.person, looksLike } }];
}

export const claimAddressCommand = defineCommand({
  type: ClaimAddressByKeys,
  action: 'ClaimAddress',
  vouches: true,
  aggregate: addresses,
  decide: claimAddress,
  facts: async (read: ReadAggregate, command: ClaimAddressByKeys): Promise<ClaimFacts> => ({
    person: (await read(person, command.person)).state,
  }),
  governed: (command) => ({ person: command.person }),
});
