import type { LegalHoldEvent, PersonEvent } from '#libs/contracts';
import { issued, scenario } from '#libs/event-sourcing/testing';
import { heldBy, legalHolds } from '#libs/retention';
import { noAliases } from '#libs/policy/testing';
import { person } from '../person/person.ts';
import { confirmErasure, ConfirmErasure, requestErasure, RequestErasure, type ErasureFacts } from './erase-person.ts';

const persons = scenario(person);
const registered: PersonEvent = { type: 'PersonRegistered', data: { person: 'otto', registeredBy: 'ida' } };
const left: PersonEvent = { type: 'PersonLeft', data: { person: 'otto', reason: 'Contract ended.' } };
const requested: PersonEvent = { type: 'PersonErasureRequested', data: { person: 'otto', requestedBy: 'ida' } };
const erased: PersonEvent = { type: 'PersonErased', data: { person: 'otto', requestedBy: 'ida', confirmedBy: 'iris' } };
const free: ErasureFacts = { holds: [], holdsRef: 'legalhold-register@-1' };
const request = (by = 'ida') => issued(RequestErasure, {}, 'otto', { person: by });
const confirm = (by = 'iris') => issued(ConfirmErasure, {}, 'otto', { person: by });
const under = (...scopes: readonly (LegalHoldEvent & { type: 'LegalHoldPlaced' })['data']['scope'][]): ErasureFacts => {
  const events = scopes.map((scope, n): LegalHoldEvent => ({
    type: 'LegalHoldPlaced',
    data: { holdId: `h${n}`, scope, reason: 'Smith.', placedBy: 'lena' },
  }));
  return { holds: heldBy(events.reduce(legalHolds.evolve, legalHolds.initial), { persons: ['otto'] }), holdsRef: 'legalhold-register@0' };
};

describe('erasing what a person wrote', () => {
  it('is asked for by one and confirmed by another, and each a second time is nothing', () => {
    persons.given(registered, left).when(requestErasure, request(), free).then(requested);
    persons.given(registered, left, requested).when(requestErasure, request('iris'), free).thenNothing();
    persons
      .given(registered, left, requested)
      .when(confirmErasure, confirm(), { ...free, ...noAliases })
      .then(erased);
    persons
      .given(registered, left, requested, erased)
      .when(confirmErasure, confirm('ida'), { ...free, ...noAliases })
      .thenNothing();
    persons.given(registered, left, requested, erased).when(requestErasure, request(), free).thenNothing();
  });

  it('is confirmed neither by who asked nor by the person, and not without being asked for', () => {
    expect(
      persons
        .given(registered, left, requested)
        .when(confirmErasure, confirm('ida'), { ...free, ...noAliases })
        .thenRefused('confirmed-by-another').kind,
    ).toBe('duty');
    persons
      .given(registered, left, requested)
      .when(confirmErasure, confirm('otto'), { ...free, ...noAliases })
      .thenRefused('confirmed-by-another');
    persons
      .given(registered, left)
      .when(confirmErasure, confirm(), { ...free, ...noAliases })
      .thenRefused('erasure-not-requested');
  });

  it('is for persons who have left', () => {
    persons.given(registered).when(requestErasure, request(), free).thenRefused('person-not-left');
    persons.given().when(requestErasure, request(), free).thenRefused('person-unknown');
  });

  it('is refused while a legal hold is on the person, on everything, or on anything that the person may have written about', () => {
    for (const scope of [
      { kind: 'person', id: 'otto' },
      { kind: 'everything', id: '*' },
      { kind: 'product', id: 'shop' },
    ] as const) {
      const refusal = persons.given(registered, left).when(requestErasure, request(), under(scope)).thenRefused('legal-hold');
      expect(refusal).toMatchObject({ kind: 'conflict', reasons: [{ evidence: ['legalhold-register@0'] }] });
      persons
        .given(registered, left, requested)
        .when(confirmErasure, confirm(), { ...under(scope), ...noAliases })
        .thenRefused('legal-hold');
    }
    persons
      .given(registered, left)
      .when(requestErasure, request(), under({ kind: 'person', id: 'dora' }))
      .then(requested);
  });

  it('is over when the person comes back, and can be asked for again when she has left again', () => {
    const again = persons.given(registered, left, requested, erased, registered);
    again.when(requestErasure, request(), free).thenRefused('person-not-left');
    persons.given(registered, left, requested, erased, registered, left).when(requestErasure, request(), free).then(requested);
    // Who comes back before it is confirmed is not erased by an old request.
    persons
      .given(registered, left, requested, registered, left)
      .when(confirmErasure, confirm(), { ...free, ...noAliases })
      .thenRefused('erasure-not-requested');
  });
});
