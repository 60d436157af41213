import { approvalId } from '#libs/contracts';
import type { DomainEvent } from '#libs/event-sourcing';
import { send } from '#libs/processes';
import { processScenario } from '#libs/processes/testing';
import { approvalGuard } from './approval-guard.process.ts';

const process = processScenario(approvalGuard, 'r1');
const planned = (environment: string): DomainEvent => ({ type: 'ReleasePlanned', data: { releaseId: 'r1', environment } });
const check = (environment: string) => send('VoidApprovalIfChanged', approvalId('r1', environment), { releaseId: 'r1', environment });

describe('the approval guard', () => {
  it('has the approval looked at when the plan for its environment changes', () => {
    process.given(planned('staging')).when(planned('production')).then(check('production'));
  });

  it('has the approvals for every planned environment looked at when the release is amended', () => {
    process
      .given(planned('staging'), planned('production'), planned('staging'))
      .when({ type: 'ReleaseAmended', data: { releaseId: 'r1' } })
      .then(check('staging'), check('production'));
  });
});
