import { accountId, dutyReviewId } from '#libs/contracts';
import type { DomainEvent } from '#libs/event-sourcing';
import { send } from '#libs/processes';
import { processScenario } from '#libs/processes/testing';
import { aliasWatch, formerAliasWatch } from './alias-watch.process.ts';
import { leaver } from './leaver.process.ts';

const change = { releaseId: 'r1', environment: 'production' };
const granted: DomainEvent = { type: 'ApprovalGranted', data: { ...change, approvalId: 'ap1', person: 'dora' } };
const started: DomainEvent = { type: 'DeploymentStarted', data: { ...change, deploymentId: 'd1', deployer: 'dora' } };
const linked = (person: string, formerly: string): DomainEvent => ({
  type: 'AccountLinked',
  data: { issuer: 'test', subject: 'x', person, formerly },
});

describe('when a person leaves', () => {
  it('her roles end, and the approvals that rest on her are voided', () => {
    processScenario(leaver, 'dora')
      .given(granted, granted)
      .when({ type: 'PersonLeft', data: { person: 'dora', reason: 'x' } })
      .then(send('EndRoles', 'dora', { reason: 'The person left.' }), send('VoidApprovalOfLeaver', 'ap1', { person: 'dora' }));
  });
});

describe('when an account turns out to be a person’s', () => {
  const learnedFrom = `account-${accountId('test', 'x')}`;

  it('what the person took part in is looked at again', () => {
    processScenario(aliasWatch, 'dora')
      .given(granted, started)
      .when(linked('dora', 'eve'))
      .then(send('ReviewDuties', dutyReviewId('r1', 'production'), { ...change, deployments: ['d1'], learnedFrom }));
  });

  it('and what whom it was taken for took part in, but for the same person twice', () => {
    const former = processScenario(formerAliasWatch, 'dora');
    former
      .given(granted)
      .when(linked('eve', 'dora'))
      .then(send('ReviewDuties', dutyReviewId('r1', 'production'), { ...change, deployments: [], learnedFrom }));
    expect(former.instanceOf(linked('dora', 'dora'))).toBeUndefined();
    expect(former.instanceOf(linked('eve', 'dora'))).toBe('dora');
  });
});
