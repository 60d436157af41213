import type { GroupEvent } from '#libs/contracts';
import { foldView } from '#libs/read-models';
import { history } from '../../../../test/support/history.ts';
import { groupList } from './groups.projection.ts';

const defined: GroupEvent = { type: 'GroupDefined', data: { group: 'risk', title: 'Risk' } };
const requested = (person: string): GroupEvent => ({
  type: 'GroupMemberRequested',
  data: { group: 'risk', person, requestedBy: 'ida' },
});
const added = (person: string): GroupEvent => ({ type: 'GroupMemberAdded', data: { group: 'risk', person } });
const removed = (person: string): GroupEvent => ({ type: 'GroupMemberRemoved', data: { group: 'risk', person, reason: 'Moved on.' } });
const after = (...events: readonly GroupEvent[]) =>
  foldView(groupList, history(events.map((event) => ({ stream: 'group-risk', event })))).get('risk');

describe('The list of groups', () => {
  it('shows who is in it, and who is asked for and not confirmed yet', () => {
    expect(after(defined, added('rosa'), requested('anna'))).toEqual({
      group_id: 'risk',
      title: 'Risk',
      members: ['rosa'],
      requested: ['anna'],
      defined_at: '2026-03-02T10:00:00.000Z',
      updated_at: '2026-03-02T10:00:02.000Z',
    });
    expect(after(defined, added('rosa'), requested('anna'), added('anna'))).toMatchObject({ members: ['anna', 'rosa'], requested: [] });
  });

  it('shows nobody who was removed, and each person once', () => {
    expect(after(defined, added('rosa'), added('rosa'), requested('anna'), removed('anna'), added('otto'), removed('rosa'))).toMatchObject({
      members: ['otto'],
      requested: [],
    });
  });

  it('keeps its members when it gets another title, and has no row for what was never defined', () => {
    const renamed: GroupEvent = { type: 'GroupDefined', data: { group: 'risk', title: 'Risk and control' } };
    expect(after(defined, added('rosa'), renamed)).toMatchObject({ title: 'Risk and control', members: ['rosa'] });
    expect(after(added('rosa'))).toBeUndefined();
  });
});
