import type { CalendarInForce } from '#libs/calendar';
import { evaluateGates, recheckReceipt } from '#libs/policy';
import { gateFacts } from '#libs/policy/testing';

const freeze: CalendarInForce = {
  calendarId: 'books',
  version: 2,
  title: 'Books',
  kind: 'freeze',
  scope: {},
  zone: 'UTC',
  passes: ['emergency', 'rollback'],
  from: '2026-01-01T00:00:00.000Z',
  window: { kind: 'one-off', start: '2026-03-02T00:00', end: '2026-03-03T00:00' },
};
const policy = { id: 'open', version: 1, gates: [], rollbackGates: [] };
const refs = { ...gateFacts().refs, calendars: 'calendar-organisation@4' };
const facts = gateFacts({ policy, refs, calendars: [freeze], tzdata: '2024a' });
const request = { deployer: 'dan', now: '2026-03-02T10:00:00.000Z' };

describe('the gate not-frozen', () => {
  it('is judged wherever a calendar is about the change, also where the policy does not name it', () => {
    expect(evaluateGates(facts, request)).toMatchObject({
      verdict: 'fail',
      inputs: expect.arrayContaining(['calendar-organisation@4']),
      gates: [{ gate: 'not-frozen', verdict: 'fail', evidence: ['calendar-organisation@4', 'tzdata:2024a'] }],
    });
    expect(evaluateGates(gateFacts({ policy }), request)).toMatchObject({ verdict: 'pass', gates: [] });
  });

  it('passes where a policy names it and no calendar is about the change', () => {
    const named = gateFacts({ policy: { ...policy, gates: [{ gate: 'not-frozen' }] } });
    expect(evaluateGates(named, request)).toMatchObject({ verdict: 'pass', gates: [{ gate: 'not-frozen', verdict: 'pass' }] });
  });

  it('says at which instant time itself unblocks it', () => {
    expect(evaluateGates(facts, request).unblocking).toEqual([
      { gate: 'not-frozen', action: 'Next open: 2026-03-03T00:00:00.000Z.', takes: 'time', minutes: 840, at: '2026-03-03T00:00:00.000Z' },
    ]);
  });

  it('is not executed again with another edition of the time zone database as if nothing had changed', async () => {
    const again = await recheckReceipt(evaluateGates(facts, request), () => []);
    expect(again).toMatchObject({ outcome: 'unknowable', why: expect.stringContaining('2024a') });
  });
});
