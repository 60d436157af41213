import type { LegalHoldEvent } from '#libs/contracts';
import { foldView } from '#libs/read-models';
import { history } from '../../../../test/support/history.ts';
import { legalHoldReport } from './legal-holds.projection.ts';

const placed: LegalHoldEvent = {
  type: 'LegalHoldPlaced',
  data: { holdId: 'lawsuit-17', scope: { kind: 'product', id: 'shop' }, reason: 'Smith.', placedBy: 'person-lena' },
};
const released: LegalHoldEvent = {
  type: 'LegalHoldReleased',
  data: { holdId: 'lawsuit-17', reason: 'Settled.', placedBy: 'person-lena', releasedBy: 'person-rita' },
};
const after = (...events: readonly LegalHoldEvent[]) =>
  foldView(legalHoldReport, history(events.map((event) => ({ stream: 'legalhold-register', event })))).get('lawsuit-17');

describe('The report of legal holds', () => {
  it('shows what is held, why and by whom', () => {
    expect(after(placed)).toEqual({
      hold_id: 'lawsuit-17',
      status: 'in-force',
      kind: 'product',
      about: 'shop',
      reason: 'Smith.',
      placed_by: 'person-lena',
      placed_at: '2026-03-02T10:00:00.000Z',
      released_by: null,
      released_at: null,
      release_reason: null,
    });
  });

  it('shows who let it go, and keeps what it was', () => {
    expect(after(placed, released)).toMatchObject({
      status: 'released',
      reason: 'Smith.',
      released_by: 'person-rita',
      released_at: '2026-03-02T10:00:01.000Z',
      release_reason: 'Settled.',
    });
    expect(after(released)).toBeUndefined();
  });
});
