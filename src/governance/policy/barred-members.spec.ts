import type { GroupEvent, PersonEvent, RoleGrantEvent, RolePolicyEvent } from '#libs/contracts';
import type { DomainEvent, Loaded, ReadAggregate } from '#libs/event-sourcing';
import { metaOf } from '#libs/event-sourcing/testing';
import { barredMembers } from './barred-members.ts';

type Told = PersonEvent | RoleGrantEvent | RolePolicyEvent | GroupEvent;
const left = (person: string): PersonEvent => ({ type: 'PersonLeft', data: { person, reason: 'x' } });
const granted = (person: string, role: string, until: string): RoleGrantEvent => ({
  type: 'RoleGranted',
  data: {
    grantId: `g-${person}`,
    person,
    role,
    scope: { kind: 'environment', id: 'production' },
    from: '2026-01-01T00:00:00.000Z',
    until,
    requestedBy: 'ida',
    confirmedBy: 'ian',
  },
});
const NOW = '2026-03-02T10:00:00.000Z';
const LATER = '2026-06-02T10:00:00.000Z';
const reading = (streams: Readonly<Record<string, readonly Told[]>>): ReadAggregate => {
  const read = async <S, E extends DomainEvent>(aggregate: Parameters<ReadAggregate>[0], id: string): Promise<Loaded<S>> => {
    const stream = `${aggregate.category}-${id}`;
    const state = (streams[stream] ?? []).reduce((s, event) => aggregate.evolve(s, event as never as E), aggregate.initial);
    return { id, stream, state: state as S, revision: 0, exists: true, ref: `${stream}@0`, events: [] };
  };
  return read as ReadAggregate;
};
const barred = (streams: Readonly<Record<string, readonly Told[]>>, persons: readonly string[], onRecord: boolean) =>
  barredMembers(
    reading(streams),
    { risk: persons },
    { ...metaOf({ person: 'max', now: NOW }), ...(onRecord ? { personsOnRecord: true as const } : {}) },
  );

describe('members who can’t approve under a policy', () => {
  it('are who publishes it, and who has left; nobody else where tokens say who has which role', async () => {
    expect(await barred({ 'person-lea': [left('lea')] }, ['max', 'lea', 'otto'], false)).toEqual({
      max: 'max publishes the policy, and so does not approve under it.',
      lea: 'lea has left.',
    });
  });

  it('are, where roles are granted, those too who have no role for it now and are to get none', async () => {
    const streams = {
      'rolegrants-anna': [granted('anna', 'approver', LATER)],
      'rolegrants-gone': [granted('gone', 'approver', NOW)],
      'rolegrants-dan': [granted('dan', 'deployer', LATER)],
      'rolegrants-rue': [
        granted('rue', 'approver', LATER),
        { type: 'RoleRevoked', data: { grantId: 'g-rue', person: 'rue', role: 'approver', reason: 'x' } } as const,
      ],
    };
    const persons = ['anna', 'gone', 'dan', 'rue', 'nobody'];
    expect(Object.keys(await barred(streams, persons, true))).toEqual(['dan', 'gone', 'nobody', 'rue']);
    expect(await barred(streams, persons, false)).toEqual({});
  });

  it('are not told by their roles where policies on roles were published: who may then depends on what it is about', async () => {
    const set = { version: 1, title: 'Bank', policies: 'permit (principal, action, resource);', hash: 'a'.repeat(64), proposedBy: 'max' };
    const published: RolePolicyEvent = { type: 'RolePolicyPublished', data: { ...set, confirmedBy: 'mia' } };
    expect(await barred({ 'rolepolicy-organisation': [published] }, ['nobody'], true)).toEqual({});
  });
});
