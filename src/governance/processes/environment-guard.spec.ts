import type { DomainEvent } from '#libs/event-sourcing';
import { send } from '#libs/processes';
import { processScenario } from '#libs/processes/testing';
import { changeEnvironmentGuard, environmentGuard } from './environment-guard.process.ts';

const process = processScenario(environmentGuard, 'production');
const environment = 'production';
const of = (type: string, n: number): DomainEvent => ({ type, data: { approvalId: `a${n}`, releaseId: `r${n}`, environment } });
const defined: DomainEvent = { type: 'EnvironmentDefined', data: { environment, class: 'production', policyId: 'lax' } };
const look = (n: number) => send('VoidApprovalIfChanged', `a${n}`, { releaseId: `r${n}`, environment });

describe('the environment guard', () => {
  it('has every open approval for the environment looked at when it is defined anew', () => {
    process.given(of('ApprovalRequested', 1), of('ApprovalRequested', 2), of('ApprovalRequested', 1)).when(defined).then(look(1), look(2));
  });

  it('has one looked at again after a definition that changed nothing', () => {
    process
      .given(of('ApprovalRequested', 1), defined, { type: 'ProcessCommandIssued', data: { target: 'a1' } })
      .when(defined)
      .then(look(1));
  });

  it.each(['ApprovalVoided', 'ApprovalRejected'])('has none looked at after %s, until it is requested again', (closed) => {
    process.given(of('ApprovalRequested', 1), of(closed, 1)).when(defined).then();
    process.given(of('ApprovalRequested', 1), of(closed, 1), of('ApprovalRequested', 1)).when(defined).then(look(1));
  });

  it('is of one environment', () => {
    expect(process.instanceOf(defined)).toBe('production');
    expect(process.instanceOf(of('ApprovalRequested', 1))).toBe('production');
  });

  it('has changes for the environment looked at, too', () => {
    const submitted: DomainEvent = { type: 'ChangeSubmitted', data: { changeId: 'c1', environment } };
    const changes = processScenario(changeEnvironmentGuard, 'production');
    changes
      .given(submitted, submitted)
      .when(defined)
      .then(send('VoidChangeIfChanged', 'c1', {}));
    changes.given().when(defined).then();
    expect(changes.instanceOf(submitted)).toBe('production');
  });
});
