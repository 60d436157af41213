import type { RecordEvent } from '#libs/contracts';
import { issued, scenario } from '#libs/event-sourcing/testing';
import { combined, DEFAULT_RULES, type RecordFacts } from '#libs/retention';
import { expireRecord, ExpireRecord } from './expire-record.ts';
import { record } from './record.ts';
import { stayExpiry, StayExpiry } from './stay-expiry.ts';

const kept = scenario(record);
const RECORD = '9d1f7a52-6a0e-5c11-9d8e-3c9c2c7a0b77';
const digest = 'ab'.repeat(32);
const facts: RecordFacts = {
  record: {
    recordId: RECORD,
    kind: 'step-log',
    sha256: digest,
    bytes: 12,
    event: 'deployment-d1@5',
    keptAt: '2026-03-02T10:00:00.000Z',
    releaseId: 'r1',
    environment: 'production',
  },
  rule: combined(DEFAULT_RULES, ['PCI']),
  policyVersion: 0,
  subject: { products: ['shop'], releases: ['r1'], environments: ['production'] },
  holds: { byId: {} },
  holdsRef: 'legalhold-register@-1',
};
/** 92 days later. */
const DUE = '2026-06-02T10:00:00.000Z';
const held = (scope: { kind: 'product' | 'person' | 'environment'; id: string }): RecordFacts => ({
  ...facts,
  holds: { byId: { 'case-1': { holdId: 'case-1', scope, reason: 'Smith.', placedBy: 'lena' } } },
  holdsRef: 'legalhold-register@0',
});
const command = (now = DUE, changes: Partial<ExpireRecord> = {}) =>
  issued(
    ExpireRecord,
    {
      stream: 'deployment-d1',
      revision: 5,
      manifest: 'records/manifests/m.json',
      manifestSha256: 'cd'.repeat(32),
      verifiedSha256: digest,
      verifiedAt: now,
      ...changes,
    },
    RECORD,
    { now },
  );
const stay = issued(StayExpiry, { stream: 'deployment-d1', revision: 5 }, RECORD, { now: DUE });
const expired: RecordEvent = {
  type: 'RecordExpired',
  data: {
    recordId: RECORD,
    kind: 'step-log',
    sha256: digest,
    bytes: 12,
    event: 'deployment-d1@5',
    keptAt: '2026-03-02T10:00:00.000Z',
    manifest: 'records/manifests/m.json',
    manifestSha256: 'cd'.repeat(32),
    verifiedAt: DUE,
    policyVersion: 0,
    regimes: ['PCI'],
    atHandDays: 92,
    holds: 'legalhold-register@-1',
  },
};
const stayed: RecordEvent = { type: 'RecordExpiryStayed', data: { recordId: RECORD, holds: ['case-1'], register: 'legalhold-register@0' } };

describe('the expiry of a record', () => {
  it('says what goes, what holds it in the archive, and by which rules and holds it may; and the second time is nothing', () => {
    kept.given().when(expireRecord, command(), facts).then(expired);
    kept.given(expired).when(expireRecord, command(), facts).thenNothing();
  });

  it('waits for the floor, to the millisecond', () => {
    const refusal = kept.given().when(expireRecord, command('2026-06-02T09:59:59.999Z'), facts).thenRefused('retention-floor');
    expect(refusal.reasons[0]?.unblockedBy).toContain(DUE);
    kept
      .given()
      .when(expireRecord, command(), { ...facts, rule: combined(DEFAULT_RULES, ['PCI', 'SOX']) })
      .thenRefused('retention-floor');
    // Not known under which regime: then all of them count.
    kept
      .given()
      .when(expireRecord, command(), { ...facts, rule: combined(DEFAULT_RULES) })
      .thenRefused('retention-floor');
  });

  it('is refused where the archive gives back something else, or was asked too long ago, or will be asked', () => {
    kept
      .given()
      .when(expireRecord, command(DUE, { verifiedSha256: '00'.repeat(32) }), facts)
      .thenRefused('not-archived');
    kept
      .given()
      .when(expireRecord, command(DUE, { verifiedAt: '2026-06-02T08:59:59.999Z' }), facts)
      .thenRefused('not-archived');
    kept
      .given()
      .when(expireRecord, command(DUE, { verifiedAt: '2026-06-02T10:00:00.001Z' }), facts)
      .thenRefused('not-archived');
    expect(kept.given().when(expireRecord, command(DUE, { verifiedAt: '2026-06-02T09:00:00.000Z' }), facts).decision).toHaveLength(1);
  });

  it('is refused under a legal hold, also over whom nobody knows to be in it; not under one over something else', () => {
    const refusal = kept
      .given()
      .when(expireRecord, command(), held({ kind: 'product', id: 'shop' }))
      .thenRefused('legal-hold');
    expect(refusal.reasons).toMatchObject([{ code: 'legal-hold', evidence: ['legalhold-register@0'] }]);
    kept
      .given()
      .when(expireRecord, command(), held({ kind: 'person', id: 'otto' }))
      .thenRefused('legal-hold');
    expect(kept.given().when(expireRecord, command(), held({ kind: 'environment', id: 'test' })).decision).toHaveLength(1);
  });

  it('is refused where no event tells of the record', () => {
    kept.given().when(expireRecord, command(), undefined).thenRefused('record-unknown');
  });

  it('is stayed by a hold that came before the removal, once, and may come again', () => {
    kept
      .given(expired)
      .when(stayExpiry, stay, held({ kind: 'product', id: 'shop' }))
      .then(stayed);
    kept.given(expired).when(stayExpiry, stay, facts).thenNothing();
    kept
      .given(expired, stayed)
      .when(stayExpiry, stay, held({ kind: 'product', id: 'shop' }))
      .thenNothing();
    kept
      .given()
      .when(stayExpiry, stay, held({ kind: 'product', id: 'shop' }))
      .thenNothing();
    kept.given(expired, stayed).when(expireRecord, command(), facts).then(expired);
  });
});
