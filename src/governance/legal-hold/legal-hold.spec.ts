import * as fc from 'fast-check';
import type { HoldScope, LegalHoldEvent } from '#libs/contracts';
import { issued, scenario } from '#libs/event-sourcing/testing';
import { heldBy, legalHolds, type HoldSubject } from '#libs/retention';
import { noAliases } from '#libs/policy/testing';
import { MOST_HOLDS, placeLegalHold, PlaceLegalHold } from './place-legal-hold.ts';
import { releaseLegalHold, ReleaseLegalHold } from './release-legal-hold.ts';

const register = scenario(legalHolds);
const fields: PlaceLegalHold = { holdId: 'lawsuit-17', scope: { kind: 'product', id: 'shop' }, reason: 'Smith against the bank.' };
const place = (changes: Partial<PlaceLegalHold> = {}, person = 'lena') =>
  issued(PlaceLegalHold, { ...fields, ...changes }, 'register', { person });
const release = (person: string, changes: Partial<ReleaseLegalHold> = {}) =>
  issued(ReleaseLegalHold, { holdId: 'lawsuit-17', reason: 'It was settled.', ...changes }, 'register', { person });
const placed: LegalHoldEvent = { type: 'LegalHoldPlaced', data: { ...fields, placedBy: 'lena' } };
const released: LegalHoldEvent = {
  type: 'LegalHoldReleased',
  data: { holdId: 'lawsuit-17', reason: 'It was settled.', placedBy: 'lena', releasedBy: 'rita' },
};

describe('placing a legal hold', () => {
  it('takes one person, and the second time is nothing', () => {
    register.given().when(placeLegalHold, place()).then(placed);
    register.given(placed).when(placeLegalHold, place()).thenNothing();
    register.given(placed).when(placeLegalHold, place({}, 'rita')).thenNothing();
  });

  it('is refused under an id that says something else, or said it once', () => {
    register
      .given(placed)
      .when(placeLegalHold, place({ reason: 'Another one.' }))
      .thenRefused('hold-exists');
    register
      .given(placed)
      .when(placeLegalHold, place({ scope: { kind: 'everything', id: '*' } }))
      .thenRefused('hold-exists');
    register.given(placed, released).when(placeLegalHold, place()).thenRefused('hold-exists');
    expect(register.given(placed, released).when(placeLegalHold, place({ holdId: 'lawsuit-18' })).decision).toMatchObject([
      { data: { holdId: 'lawsuit-18' } },
    ]);
  });

  it('is refused where everything has a name, or something has none', () => {
    register
      .given()
      .when(placeLegalHold, place({ scope: { kind: 'everything', id: 'shop' } }))
      .thenRefused('scope-invalid');
    register
      .given()
      .when(placeLegalHold, place({ scope: { kind: 'product', id: '*' } }))
      .thenRefused('scope-invalid');
  });

  it('is refused over the limit, and allowed at it; released ones do not count', () => {
    const many = Array.from({ length: MOST_HOLDS }, (_, n): LegalHoldEvent => {
      return { type: 'LegalHoldPlaced', data: { ...fields, holdId: `hold-${n}`, placedBy: 'lena' } };
    });
    register
      .given(...many)
      .when(placeLegalHold, place())
      .thenRefused('too-many-holds');
    register
      .given(...many.slice(1))
      .when(placeLegalHold, place())
      .then(placed);
    const one: LegalHoldEvent = {
      type: 'LegalHoldReleased',
      data: { holdId: 'hold-3', reason: 'Over.', placedBy: 'lena', releasedBy: 'rita' },
    };
    register
      .given(...many, one)
      .when(placeLegalHold, place())
      .then(placed);
  });
});

describe('releasing a legal hold', () => {
  it('takes another person than the one who placed it, and the second time is nothing', () => {
    expect(register.given(placed).when(releaseLegalHold, release('lena'), noAliases).thenRefused('released-by-another').kind).toBe('duty');
    register.given(placed).when(releaseLegalHold, release('rita'), noAliases).then(released);
    register.given(placed, released).when(releaseLegalHold, release('rita'), noAliases).thenNothing();
  });

  it('is not done by the person whom it is about', () => {
    const about: LegalHoldEvent = { type: 'LegalHoldPlaced', data: { ...fields, scope: { kind: 'person', id: 'otto' }, placedBy: 'lena' } };
    register.given(about).when(releaseLegalHold, release('otto'), noAliases).thenRefused('released-by-another');
    register.given(about).when(releaseLegalHold, release('rita'), noAliases).then(released);
  });

  it.each(['lawsuit-99', 'constructor', '__proto__'])('is refused for %s, which there is not', (holdId) => {
    register.given(placed).when(releaseLegalHold, release('rita', { holdId }), noAliases).thenRefused('hold-unknown');
  });
});

describe('what is held', () => {
  const nothing: HoldSubject = { products: [], releases: [], environments: [], persons: [] };
  const after = (...events: readonly LegalHoldEvent[]) => events.reduce(legalHolds.evolve, legalHolds.initial);
  const hold = (holdId: string, scope: HoldScope): LegalHoldEvent => ({
    type: 'LegalHoldPlaced',
    data: { holdId, scope, reason: 'Smith.', placedBy: 'lena' },
  });

  it('is what a hold in force names, and no more when it is released', () => {
    expect(heldBy(after(placed), { ...nothing, products: ['bank', 'shop'] }).map((h) => h.holdId)).toEqual(['lawsuit-17']);
    expect(heldBy(after(placed), { ...nothing, products: ['bank'], environments: ['shop'] })).toEqual([]);
    expect(heldBy(after(placed, released), { ...nothing, products: ['shop'] })).toEqual([]);
  });

  it('is everything where the hold is over everything', () => {
    expect(heldBy(after(hold('all', { kind: 'everything', id: '*' })), nothing)).toHaveLength(1);
  });

  it('is also what is not known to be about something else', () => {
    const { products: _unknown, ...rest } = nothing;
    expect(heldBy(after(placed), rest)).toHaveLength(1);
    expect(heldBy(after(placed), nothing)).toHaveLength(0);
  });

  it('agrees with a plain reading of any register', () => {
    const name = fc.constantFrom('a', 'b', 'c');
    const scope = fc.oneof(
      fc.constant<HoldScope>({ kind: 'everything', id: '*' }),
      fc.record({ kind: fc.constantFrom('product' as const, 'release' as const, 'environment' as const, 'person' as const), id: name }),
    );
    const subject = fc.record(
      { products: fc.array(name), releases: fc.array(name), environments: fc.array(name), persons: fc.array(name) },
      { requiredKeys: [] },
    );
    fc.assert(
      fc.property(fc.array(fc.tuple(scope, fc.boolean()), { maxLength: 8 }), subject, (holds, about) => {
        const events = holds.flatMap(([of, over], n): LegalHoldEvent[] => [
          hold(`h${n}`, of),
          ...(over
            ? [{ type: 'LegalHoldReleased' as const, data: { holdId: `h${n}`, reason: 'Over.', placedBy: 'lena', releasedBy: 'rita' } }]
            : []),
        ]);
        const plain = holds.flatMap(([{ kind, id }, over], n) => {
          const list = kind === 'everything' ? undefined : about[`${kind}s`];
          return !over && (list === undefined || list.some((name) => name === id)) ? [`h${n}`] : [];
        });
        expect(heldBy(after(...events), about).map((h) => h.holdId)).toEqual(plain);
      }),
    );
  });
});
