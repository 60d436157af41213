import type { PersonEvent } from '#libs/contracts';
import { issued, scenario } from '#libs/event-sourcing/testing';
import { person } from './person.ts';
import { personLeaves, PersonLeaves, registerPerson, RegisterPerson } from './register-person.ts';

const persons = scenario(person);
const registered: PersonEvent = { type: 'PersonRegistered', data: { person: 'p1', registeredBy: 'person-ida' } };
const left: PersonEvent = { type: 'PersonLeft', data: { person: 'p1', reason: 'Contract ended.' } };
const register = issued(RegisterPerson, { person: 'p1' }, 'p1', { person: 'person-ida' });
const leave = issued(PersonLeaves, { reason: 'Contract ended.' }, 'p1');

describe('joiners and leavers', () => {
  it('are registered once', () => {
    persons.given().when(registerPerson, register).then(registered);
    persons.given(registered).when(registerPerson, register).thenNothing();
  });

  it('leave once, and only who was there', () => {
    persons.given(registered).when(personLeaves, leave).then(left);
    persons.given(registered, left).when(personLeaves, leave).thenNothing();
    persons.given().when(personLeaves, leave).thenRefused('person-unknown');
  });

  it('may come back', () => {
    persons.given(registered, left).when(registerPerson, register).then(registered);
    expect([registered, left, registered].reduce(person.evolve, person.initial)).toEqual({ registered: true, left: false });
  });
});
