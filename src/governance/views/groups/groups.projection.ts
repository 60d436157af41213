import type { GroupEvent } from '#libs/contracts';
import type { StoredEvent } from '#libs/event-sourcing';
import { defineView, type RowChange } from '#libs/read-models';
import type { GroupRow } from './groups.row.ts';

/** Which groups there are, with their members. */
export const groupList = defineView<GroupRow, GroupEvent>({
  name: 'groups',
  version: 1,
  table: 'group_list',
  key: 'group_id',
  columns: {
    group_id: 'text',
    title: 'text',
    members: 'jsonb',
    requested: 'jsonb',
    defined_at: 'timestamptz',
    updated_at: 'timestamptz',
  },
  on: {
    GroupDefined: {
      key: ({ data }) => data.group,
      apply: (row, { data, metadata: { recordedAt } }) => ({
        ...(row ?? { members: [], requested: [], defined_at: recordedAt }),
        group_id: data.group,
        title: data.title,
        updated_at: recordedAt,
      }),
    },
    GroupMemberRequested: member((row, person) => ({ requested: together(row.requested, person) })),
    GroupMemberAdded: member((row, person) => ({
      members: together(row.members, person),
      requested: row.requested.filter((one) => one !== person),
    })),
    GroupMemberRemoved: member((row, person) => ({
      members: row.members.filter((one) => one !== person),
      requested: row.requested.filter((one) => one !== person),
    })),
  },
});

function member<E extends Exclude<GroupEvent, { type: 'GroupDefined' }>>(
  change: (row: GroupRow, person: string) => Partial<GroupRow>,
): RowChange<GroupRow, E> {
  return {
    key: ({ data }) => data.group,
    apply: (row, { data, metadata }: StoredEvent<E>) => row && { ...row, ...change(row, data.person), updated_at: metadata.recordedAt },
  };
}

function together(persons: readonly string[], person: string): readonly string[] {
  return [...new Set([...persons, person])].sort();
}
