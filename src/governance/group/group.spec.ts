import type { GroupEvent } from '#libs/contracts';
import { issued, scenario } from '#libs/event-sourcing/testing';
import { addGroupMember, AddGroupMember, removeGroupMember, RemoveGroupMember } from './change-members.ts';
import { defineGroup, DefineGroup } from './define-group.ts';
import { group } from './group.ts';

const groups = scenario(group);
const ANNA = '4b8f5d9e-0d0e-4a34-9a43-31a3f1d2c001';
const defined: GroupEvent = { type: 'GroupDefined', data: { group: 'risk', title: 'Risk' } };
const added: GroupEvent = { type: 'GroupMemberAdded', data: { group: 'risk', person: ANNA } };
const removed: GroupEvent = { type: 'GroupMemberRemoved', data: { group: 'risk', person: ANNA, reason: 'Moved.' } };
const define = (title: string) => issued(DefineGroup, { group: 'risk', title }, 'risk');
const add = (by = 'ida') => issued(AddGroupMember, { person: ANNA }, 'risk', { person: by });
const remove = issued(RemoveGroupMember, { person: ANNA, reason: 'Moved.' }, 'risk');

describe('a group', () => {
  it('is defined, and renamed; the same title again is nothing new', () => {
    groups.given().when(defineGroup, define('Risk')).then(defined);
    groups.given(defined).when(defineGroup, define('Risk')).thenNothing();
    expect(groups.given(defined).when(defineGroup, define('Risk office')).decision).toMatchObject([{ data: { title: 'Risk office' } }]);
  });

  it('takes a person in, and once', () => {
    groups.given(defined).when(addGroupMember, add()).then(added);
    groups.given(defined, added).when(addGroupMember, add()).thenNothing();
  });

  it('takes nobody in who would do so herself, and is taken in by another', () => {
    expect(groups.given(defined).when(addGroupMember, add(ANNA)).thenRefused('own-membership').kind).toBe('duty');
    groups.given(defined).when(addGroupMember, add('ida')).then(added);
  });

  it('lets a person go, and once', () => {
    groups.given(defined, added).when(removeGroupMember, remove).then(removed);
    groups.given(defined, added, removed).when(removeGroupMember, remove).thenNothing();
    groups.given(defined, added, removed).when(addGroupMember, add()).then(added);
  });

  it('has to be there before anybody is in it', () => {
    groups.given().when(addGroupMember, add()).thenRefused('group-unknown');
    groups.given().when(removeGroupMember, remove).thenRefused('group-unknown');
  });
});
