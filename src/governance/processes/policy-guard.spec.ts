import type { DomainEvent } from '#libs/event-sourcing';
import { send, setTimer } from '#libs/processes';
import { processScenario } from '#libs/processes/testing';
import { policyGuard } from './policy-guard.process.ts';

const process = processScenario(policyGuard, 'bank');
const asked = (n: number): DomainEvent => ({
  type: 'ApprovalRequested',
  data: { approvalId: `a${n}`, releaseId: `r${n}`, environment: 'production', tuple: { policyId: 'bank' } },
});
const published = (effectiveFrom: string): DomainEvent => ({
  type: 'PolicyPublished',
  data: { policyId: 'bank', version: 2, effectiveFrom },
});
const look = (n: number) => send('VoidApprovalIfChanged', `a${n}`, { releaseId: `r${n}`, environment: 'production' });

describe('the policy guard', () => {
  it('has every approval under the policy looked at when another version counts at once', () => {
    process.given(asked(1), asked(2), asked(1)).when(published('2026-03-02T10:00:00.000Z')).then(look(2), look(1));
  });

  it('waits for the day on which it comes into force', () => {
    process.given(asked(1)).when(published('2026-04-01T00:00:00.000Z')).then(setTimer('version-2', '2026-04-01T00:00:00.000Z'));
    process
      .given(asked(1), published('2026-04-01T00:00:00.000Z'))
      .when({ type: 'ProcessTimerElapsed', data: { timerId: 'version-2' } })
      .then(look(1));
  });

  it('has none looked at twice for one request', () => {
    process
      .given(asked(1), { type: 'ProcessCommandIssued', data: { command: 'VoidApprovalIfChanged', target: 'a1' } })
      .when(published('2026-03-02T10:00:00.000Z'))
      .then();
  });
});
