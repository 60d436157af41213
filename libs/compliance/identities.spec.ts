import fc from 'fast-check';
import { accountId, type AccountEvent, type AddressEvent } from '#libs/contracts';
import { streamName, type ReadAggregate } from '#libs/event-sourcing';
import { addressAccount, addressKeys } from '#libs/identity';
import { personOfAccount } from '#libs/policy';
import { Identities } from './identities.ts';

type Known = Extract<AccountEvent, { type: 'AccountLinked' | 'AccountUnlinked' }> | AddressEvent;

const persons = ['person-1', 'person-2', 'person-3'];
/** Some are the same but for their spelling, and some only look the same. */
const names = ['ada@example.org', 'Ada+work@example.org', 'аda@example.org', 'bob@example.org', 'bob', 'b0b', '', '   '];
const issuers = ['https://idp.example.com', 'mailto'];
const accounts = [
  ...issuers.flatMap((issuer) => names.map((name) => `${issuer}|${name}`)),
  ...names.slice(0, 6).map(addressAccount),
  'no-bar',
];

const event = fc.oneof(
  fc
    .record({
      issuer: fc.constantFrom(...issuers),
      subject: fc.constantFrom(...names),
      person: fc.constantFrom(...persons),
      left: fc.boolean(),
    })
    .map(({ left, ...data }): Known =>
      left ? { type: 'AccountUnlinked', data: { ...data, reason: 'Left.' } } : { type: 'AccountLinked', data },
    ),
  fc
    .record({ name: fc.constantFrom(...names.slice(0, 6)), person: fc.constantFrom(...persons) })
    .map(({ name, person }): Known => ({ type: 'AddressClaimed', data: { ...addressKeys(name), person, looksLike: [] } })),
);

describe('the person of an account', () => {
  it('is the one that gates find in the streams, after any history', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(event, { maxLength: 12 }), async (events) => {
        const identities = new Identities();
        const streams = new Map<string, Known[]>();
        for (const told of events) {
          if (told.type === 'AddressClaimed') identities.claimed(told);
          else identities.linked(told);
          const stream = streamOf(told);
          streams.set(stream, [...(streams.get(stream) ?? []), told]);
          // Asked in between, so that an answer that was remembered would be found out.
          for (const account of accounts) identities.personOf(account);
        }
        const read: ReadAggregate = async (aggregate, id) => {
          const stream = streamName(aggregate.category, id);
          const found = streams.get(stream) ?? [];
          const state = found.reduce((s, e) => aggregate.evolve(s, e as never), aggregate.initial);
          return {
            id,
            stream,
            state,
            revision: found.length - 1,
            exists: found.length > 0,
            ref: `${stream}@${found.length - 1}`,
            events: [],
          };
        };
        for (const account of accounts) {
          const { person, by } = await personOfAccount(read, account);
          expect([account, identities.personOf(account)]).toEqual([account, person]);
          expect(identities.known(account)).toBe(by === 'itself' ? undefined : person);
        }
      }),
    );
  });
});

function streamOf(told: Known): string {
  return told.type === 'AddressClaimed'
    ? streamName('address', told.data.skeletonId)
    : streamName('account', accountId(told.data.issuer, told.data.subject));
}
