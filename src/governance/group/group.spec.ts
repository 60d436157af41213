import type { GroupEvent } from '#libs/contracts';
import { issued, scenario } from '#libs/event-sourcing/testing';
import { noAliases } from '#libs/policy/testing';
import {
  addGroupMember,
  AddGroupMember,
  confirmGroupMember,
  ConfirmGroupMember,
  removeGroupMember,
  RemoveGroupMember,
} from './change-members.ts';
import { defineGroup, DefineGroup } from './define-group.ts';
import { group } from './group.ts';

const groups = scenario(group);
const ANNA = '4b8f5d9e-0d0e-4a34-9a43-31a3f1d2c001';
const defined: GroupEvent = { type: 'GroupDefined', data: { group: 'risk', title: 'Risk' } };
const added: GroupEvent = { type: 'GroupMemberAdded', data: { group: 'risk', person: ANNA } };
const removed: GroupEvent = { type: 'GroupMemberRemoved', data: { group: 'risk', person: ANNA, reason: 'Moved.' } };
const known = { person: { registered: true, left: false } };
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
    groups.given(defined).when(addGroupMember, add(), known).then(added);
    groups.given(defined, added).when(addGroupMember, add(), known).thenNothing();
  });

  it('takes nobody in who would do so herself, and is taken in by another', () => {
    expect(groups.given(defined).when(addGroupMember, add(ANNA), known).thenRefused('own-membership').kind).toBe('duty');
    groups.given(defined).when(addGroupMember, add('ida'), known).then(added);
  });

  it('lets a person go, and once', () => {
    groups.given(defined, added).when(removeGroupMember, remove).then(removed);
    groups.given(defined, added, removed).when(removeGroupMember, remove).thenNothing();
    groups.given(defined, added, removed).when(addGroupMember, add(), known).then(added);
  });

  it('has to be there before anybody is in it', () => {
    groups.given().when(addGroupMember, add(), known).thenRefused('group-unknown');
    groups.given().when(removeGroupMember, remove).thenRefused('group-unknown');
  });
});

describe('a group whose members two persons give, where roles are granted', () => {
  const requested: GroupEvent = { type: 'GroupMemberRequested', data: { group: 'risk', person: ANNA, requestedBy: 'ida' } };
  const confirmed: GroupEvent = {
    type: 'GroupMemberAdded',
    data: { group: 'risk', person: ANNA, requestedBy: 'ida', confirmedBy: 'ian' },
  };
  const facts = { ...known, ...noAliases };
  const ask = (by = 'ida') => issued(AddGroupMember, { person: ANNA }, 'risk', { person: by, personsOnRecord: true });
  const confirm = (by: string) => issued(ConfirmGroupMember, { person: ANNA }, 'risk', { person: by, personsOnRecord: true });
  const nobody = { askerUnknown: { why: 'The account that asked is linked to nobody.', refs: ['account-x@-1'] } };

  it('takes nobody in who was asked for and not confirmed', () => {
    groups.given(defined).when(addGroupMember, ask(), known).then(requested);
    groups.given(defined, requested).when(addGroupMember, ask(), known).thenNothing();
    expect([defined, requested].reduce(group.evolve, group.initial).members).toEqual([]);
    groups.given(defined, requested).when(confirmGroupMember, confirm('ian'), facts).then(confirmed);
    groups.given(defined, requested, confirmed).when(confirmGroupMember, confirm('ian'), facts).thenNothing();
    expect([defined, requested, confirmed].reduce(group.evolve, group.initial)).toMatchObject({ members: [ANNA], pending: {} });
    groups.given(defined).when(confirmGroupMember, confirm('ian'), facts).thenRefused('membership-not-requested');
    groups.given().when(confirmGroupMember, confirm('ian'), facts).thenRefused('group-unknown');
  });

  it.each(['ida', ANNA])('is confirmed by somebody else than who asked and who would be in it, not by %s', (by) => {
    expect(groups.given(defined, requested).when(confirmGroupMember, confirm(by), facts).thenRefused('confirmed-by-another').kind).toBe(
      'duty',
    );
  });

  it('is of registered persons, asked for by one who is known', () => {
    const stranger = { person: { registered: false, left: false } };
    const leaver = { person: { registered: true, left: true } };
    groups.given(defined).when(addGroupMember, ask(), stranger).thenRefused('person-unknown');
    groups.given(defined).when(addGroupMember, ask(), leaver).thenRefused('person-left');
    groups
      .given(defined)
      .when(addGroupMember, ask(), { ...known, ...nobody })
      .thenRefused('asked-by-nobody-known');
    const late = { ...facts, ...leaver };
    groups.given(defined, requested).when(confirmGroupMember, confirm('ian'), late).thenRefused('person-left');
    groups
      .given(defined, requested)
      .when(confirmGroupMember, confirm('ian'), { ...facts, ...nobody })
      .thenRefused('asked-by-nobody-known');
    groups
      .given(defined, requested)
      .when(addGroupMember, ask('ivy'), known)
      .then({
        type: 'GroupMemberRequested',
        data: { group: 'risk', person: ANNA, requestedBy: 'ivy' },
      });
  });

  it('lets a request go as it lets a member go', () => {
    groups.given(defined, requested).when(removeGroupMember, remove).then(removed);
    groups.given(defined, requested, removed).when(confirmGroupMember, confirm('ian'), facts).thenRefused('membership-not-requested');
  });
});
