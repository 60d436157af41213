import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { DecisionReceipt } from '#libs/contracts';
import type { StoredEvent } from '#libs/event-sourcing';
import { recheckReceipts, type Rechecked } from './recheck.ts';
import { history } from '../../test/support/history.ts';
import { artifact, DEPLOYMENT, ENVIRONMENT, RELEASE, story } from '../../test/support/story.ts';

/** What comes of the receipts in a history. */
async function rechecked(events: readonly StoredEvent[]): Promise<Rechecked[]> {
  const found: Rechecked[] = [];
  for await (const one of recheckReceipts(
    (async function* () {
      yield events;
    })(),
  ))
    found.push(one);
  return found;
}

describe('executing decisions once more', () => {
  it('finds the receipts of starts, confirmations and halts, and calls what is from before receipts could be executed unknowable', async () => {
    const found = await rechecked(history(story));
    expect(found.map(({ event }) => event)).toEqual([
      'DeploymentStarted',
      'DeploymentConfirmed',
      'DeploymentStarted',
      'DeploymentConfirmed',
    ]);
    expect(new Set(found.map(({ outcome }) => outcome))).toEqual(new Set(['unknowable']));
    for (const { detail } of found) expect(detail).not.toBe('');
  });

  it('does not take an invented receipt for one that comes out', async () => {
    const receipt = {
      ...({
        policyId: 'none',
        policyVersion: 0,
        inputs: [],
        factsHash: 'f'.repeat(64),
        gates: [],
        verdict: 'pass',
      } as unknown as DecisionReceipt),
      evaluatedAt: '2026-03-02T10:00:00.000Z',
    };
    const invented = history([
      {
        stream: `deployment-${DEPLOYMENT}`,
        event: {
          type: 'DeploymentStarted' as const,
          data: {
            deploymentId: DEPLOYMENT,
            releaseId: RELEASE,
            environment: ENVIRONMENT,
            artifacts: [artifact('2.0.0')],
            steps: [],
            planHash: 'a'.repeat(64),
            round: 1,
            deployer: 'person-dan',
            receipt,
          },
        },
      },
    ]);
    expect((await rechecked(invented)).map(({ outcome }) => outcome)).not.toContain('same');
  });

  describe('that were refused', () => {
    const { receipt, events } = JSON.parse(readFileSync(join(__dirname, '../../libs/policy/testing/receipts/engine-6.json'), 'utf8')) as {
      readonly receipt: DecisionReceipt;
      readonly events: readonly StoredEvent[];
    };
    const { releaseId, environment, deployer } = receipt.subject!;
    const denied = (data: object = {}, actor = deployer): StoredEvent => ({
      ...events[0]!,
      id: '7b0f3a52-0000-5000-8000-00000000dead',
      stream: 'denial-1',
      revision: 0,
      type: 'CommandDenied',
      data: { command: 'StartDeployment', about: { releaseId, environment }, refusal: 'gates-not-passed', receipt, ...data },
      metadata: { ...events[0]!.metadata, actor },
    });
    const outcomeOf = async (denial: StoredEvent) =>
      (await rechecked([...events, denial])).map(({ outcome, detail }) => ({ outcome, detail }));

    it('come out the same where the gates did not pass, and are passed over where nothing was judged', async () => {
      expect(await outcomeOf(denied())).toEqual([{ outcome: 'same', detail: '' }]);
      expect(await outcomeOf(denied({ receipt: undefined }))).toEqual([]);
    });

    it('are found out where the receipt is of something or somebody else, or would have let it pass', async () => {
      const differs = (detail: string) => [{ outcome: 'differs', detail: expect.stringContaining(detail) }];
      expect(await outcomeOf(denied({ about: { releaseId: RELEASE.replace('1', '2'), environment } }))).toEqual(
        differs('The receipt is of release'),
      );
      expect(await outcomeOf(denied({ about: { releaseId, environment: 'staging' } }))).toEqual(differs('The receipt is for'));
      expect(await outcomeOf(denied({}, 'somebody-else'))).toEqual(differs('deploy.'));
      expect(await outcomeOf(denied({ receipt: { ...receipt, verdict: 'pass' } }))).toEqual(
        differs('It was refused although the gates passed.'),
      );
    });
  });
});
