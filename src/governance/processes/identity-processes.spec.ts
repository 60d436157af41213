import { accountId, dutyReviewId } from '#libs/contracts';
import type { DomainEvent } from '#libs/event-sourcing';
import { send } from '#libs/processes';
import { processScenario } from '#libs/processes/testing';
import { bypassDutyWatch, dutyWatch, identityWatch } from './duty-watch.process.ts';
import { leaver } from './leaver.process.ts';

const change = { releaseId: 'r1', environment: 'production' };
const granted: DomainEvent = { type: 'ApprovalGranted', data: { ...change, approvalId: 'ap1', person: 'dora' } };
const started: DomainEvent = { type: 'DeploymentStarted', data: { ...change, deploymentId: 'd1', deployer: 'dora' } };
const voted: DomainEvent = { type: 'ChangeVoteCast', data: { ...change, person: 'dora' } };
const linked: DomainEvent = { type: 'AccountLinked', data: { issuer: 'test', subject: 'x', person: 'dora', formerly: 'eve' } };
const claimed: DomainEvent = { type: 'AddressClaimed', data: { skeletonId: 's1', addressId: 'a1', person: 'dora' } };
const named: DomainEvent = { type: 'ArtifactAuthorsAdded', data: { artifactId: 'f1', authors: ['test|x'] } };
const ID = dutyReviewId('r1', 'production');
const reviewed = (learnedFrom: string, deployments: readonly string[] = []) =>
  send('ReviewDuties', ID, { ...change, deployments, learnedFrom });

describe('when a person leaves', () => {
  it('her roles end, and the approvals that rest on her are voided', () => {
    processScenario(leaver, 'dora')
      .given(granted, granted)
      .when({ type: 'PersonLeft', data: { person: 'dora', reason: 'x' } })
      .then(send('EndRoles', 'dora', { reason: 'The person left.' }), send('VoidApprovalOfLeaver', 'ap1', { person: 'dora' }));
  });
});

describe('when a member of groups leaves', () => {
  it('the groups let her go, also where she was only asked for: who comes back is taken in anew', () => {
    const of = { group: 'risk', person: 'dora' };
    processScenario(leaver, 'dora')
      .given(
        { type: 'GroupMemberRequested', data: of },
        { type: 'GroupMemberAdded', data: of },
        { type: 'GroupMemberRequested', data: { ...of, group: 'cab' } },
      )
      .when({ type: 'PersonLeft', data: { person: 'dora', reason: 'x' } })
      .then(
        send('EndRoles', 'dora', { reason: 'The person left.' }),
        send('RemoveGroupMember', 'risk', { person: 'dora', reason: 'The person left.' }),
        send('RemoveGroupMember', 'cab', { person: 'dora', reason: 'The person left.' }),
      );
  });
});

describe('when somebody takes part in a change', () => {
  const watch = processScenario(dutyWatch, 'r1');

  it.each([
    ['approves', granted, []],
    ['votes', voted, []],
    ['deploys', started, ['d1']],
  ])('who %s has its duties looked at', (_what, event, deployments) => {
    expect(watch.instancesOf(event)).toEqual(['r1']);
    watch.given().when(event).then(reviewed('duty_watch-r1', deployments));
  });

  it('and so has who amends it, where anybody took part already', () => {
    const amended: DomainEvent = { type: 'ReleaseAmended', data: { releaseId: 'r1', artifacts: [], authors: [] } };
    watch.given().when(amended).then();
    watch.given(granted, started).when(amended).then(reviewed('duty_watch-r1'));
  });

  it('and who reviews a bypass of it', () => {
    const bypass = processScenario(bypassDutyWatch, 'b1');
    const asked: DomainEvent = { type: 'BypassRequested', data: { ...change, bypassId: 'b1' } };
    const done: DomainEvent = { type: 'BypassReviewed', data: { bypassId: 'b1', reviewer: 'dora' } };
    expect(bypass.instancesOf(done)).toEqual(['b1']);
    bypass.given(asked).when(done).then(reviewed('bypass_duty_watch-b1'));
    bypass.given().when(asked).then();
    bypass.given().when(done).then();
  });
});

describe('when more is known of who somebody is', () => {
  const account = `account-${accountId('test', 'x')}`;
  const attributed: DomainEvent = {
    type: 'DutyPartiesNoted',
    data: { ...change, parties: [account, 'address-s1', 'artifact-f1'], deployments: [] },
  };

  it.each([
    ['the account is linked', linked, account],
    ['its address is claimed', claimed, 'address-s1'],
    ['further authors are named', named, 'artifact-f1'],
  ])('a change is looked at again when %s, before or after it is known to be about it, and not before both', (_what, fact, party) => {
    const watch = processScenario(identityWatch, party);
    expect(watch.instancesOf(fact)).toEqual([party]);
    expect(watch.instancesOf(attributed)).toContain(party);
    watch.given(attributed).when(fact).then(reviewed(party));
    watch.given(fact).when(attributed).then(reviewed(party));
    watch.given().when(fact).then();
    watch.given().when(attributed).then();
    watch.given(attributed, fact).when(fact).then(reviewed(party));
  });
});
