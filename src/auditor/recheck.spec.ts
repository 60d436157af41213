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
});
