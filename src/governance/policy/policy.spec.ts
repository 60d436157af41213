import type { PolicyEvent } from '#libs/contracts';
import { issued, scenario } from '#libs/event-sourcing/testing';
import { policy } from './policy.ts';
import { publishPolicy, PublishPolicy } from './publish-policy.ts';

const policies = scenario(policy);
const rollbackGates = [{ gate: 'rollback-target-ran' }];
const publish = (gates: PublishPolicy['gates'], title = 'Bank') =>
  issued(PublishPolicy, { policyId: 'bank', title, gates, rollbackGates }, 'bank');
const published = (version: number): PolicyEvent => ({
  type: 'PolicyPublished',
  data: {
    policyId: 'bank',
    version,
    title: 'Bank',
    gates: [{ gate: 'approved', quorum: 2 }],
    rollbackGates: [{ gate: 'rollback-target-ran' }],
  },
});

describe('publishing a policy', () => {
  it('gives it the next version', () => {
    policies
      .given()
      .when(publishPolicy, publish([{ gate: 'approved', quorum: 2 }]))
      .then(published(1));
    expect(policies.given(published(1)).when(publishPolicy, publish([{ gate: 'approved', quorum: 3 }])).decision).toMatchObject([
      { data: { version: 2 } },
    ]);
  });

  it('is nothing new where nothing changes', () => {
    policies
      .given(published(1))
      .when(publishPolicy, publish([{ gate: 'approved', quorum: 2 }]))
      .thenNothing();
  });

  it('refuses a misspelt gate and says which there are', () => {
    expect(
      policies
        .given()
        .when(publishPolicy, publish([{ gate: 'aproved', quorum: 2 }]))
        .thenRefused('gate-unknown').detail,
    ).toContain('approved');
  });

  it.each([[[{ gate: 'approved' }]], [[{ gate: 'tests-passed', quorum: 2 }]]])(
    'refuses parameters that the gate does not take or lacks: %j',
    (gates) => {
      policies.given().when(publishPolicy, publish(gates)).thenRefused('gate-parameters');
    },
  );

  it('refuses a gate named twice, and one that nothing could satisfy', () => {
    policies
      .given()
      .when(publishPolicy, publish([{ gate: 'tests-passed' }, { gate: 'tests-passed' }]))
      .thenRefused('gate-twice');
    policies
      .given()
      .when(publishPolicy, publish([{ gate: 'duties-separated' }]))
      .thenRefused('gate-unsatisfiable');
  });
});
