import type { AccountEvent, PersonEvent } from '#libs/contracts';
import { defineView } from '#libs/read-models';
import type { PersonRow } from './persons.row.ts';

/** Who is registered. A person is an opaque id here, too. */
export const personList = defineView<PersonRow, PersonEvent | AccountEvent>({
  name: 'persons',
  version: 1,
  table: 'person_list',
  key: 'person',
  columns: {
    person: 'text',
    status: 'text',
    accounts: 'jsonb',
    registered_by: 'text',
    registered_at: 'timestamptz',
    left_at: 'timestamptz',
    erased_at: 'timestamptz',
  },
  indexes: [['status', 'person']],
  on: {
    PersonRegistered: {
      key: ({ data }) => data.person,
      // Who comes back is registered again, with the accounts that are still linked.
      apply: (row, { data, metadata }) => ({
        person: data.person,
        status: 'registered',
        accounts: row?.accounts ?? [],
        registered_by: data.registeredBy,
        registered_at: metadata.recordedAt,
        left_at: null,
        erased_at: row?.erased_at ?? null,
      }),
    },
    PersonLeft: {
      key: ({ data }) => data.person,
      apply: (row, { metadata }) => row && { ...row, status: 'left', left_at: metadata.recordedAt },
    },
    PersonErasureRequested: 'ignored',
    PersonErased: {
      key: ({ data }) => data.person,
      apply: (row, { metadata }) => row && { ...row, erased_at: metadata.recordedAt },
    },
    AccountLinkRequested: 'ignored',
    AccountLinked: {
      key: ({ data }) => [data.person, ...(data.formerly ? [data.formerly] : [])],
      apply: (row, { data }, key) =>
        row && { ...row, accounts: key === data.person ? [...without(row, data), nameOf(data)].sort() : without(row, data) },
    },
    AccountUnlinked: {
      key: ({ data }) => data.person,
      apply: (row, { data }) => row && { ...row, accounts: without(row, data) },
    },
  },
});

interface Named {
  readonly issuer: string;
  readonly subject: string;
}

function nameOf({ issuer, subject }: Named): string {
  return `${issuer}|${subject}`;
}

function without(row: PersonRow, account: Named): readonly string[] {
  return row.accounts.filter((one) => one !== nameOf(account));
}
