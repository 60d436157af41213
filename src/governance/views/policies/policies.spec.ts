import { BEGINNING_OF_TIME, type PolicyEvent } from '#libs/contracts';
import { foldView } from '#libs/read-models';
import { history } from '../../../../test/support/history.ts';
import { policyList } from './policies.projection.ts';

const published = (version: number, more: Partial<PolicyEvent['data']> = {}): PolicyEvent => ({
  type: 'PolicyPublished',
  data: {
    policyId: 'bank',
    version,
    title: `Bank ${version}`,
    gates: [{ gate: 'approved', quorum: 2 }, { gate: 'duties-separated' }],
    rollbackGates: [{ gate: 'rollback-target-ran' }],
    clauses: [],
    effectiveFrom: '2026-04-01T00:00:00.000Z',
    ...more,
  },
});
const after = (...events: readonly PolicyEvent[]) =>
  foldView(policyList, history(events.map((event) => ({ stream: 'policy-bank', event, by: 'max' }))));

describe('The list of policies', () => {
  it('shows the newest version, with the gates that it asks for anywhere, and every version that there was', () => {
    const clauses = [{ when: { regimes: ['SOX' as const] }, gates: [{ gate: 'tests-passed' as const }] }];
    expect([...after(published(1, { effectiveFrom: BEGINNING_OF_TIME }), published(2, { clauses })).values()]).toEqual([
      {
        policy_id: 'bank',
        title: 'Bank 2',
        version: 2,
        gates: ['approved', 'duties-separated', 'rollback-target-ran', 'tests-passed'],
        clauses: 1,
        effective_from: '2026-04-01T00:00:00.000Z',
        published_by: 'max',
        published_at: '2026-03-02T10:00:01.000Z',
        versions: [
          {
            version: 1,
            title: 'Bank 1',
            // It counted as soon as it was on record.
            effectiveFrom: '2026-03-02T10:00:00.000Z',
            publishedBy: 'max',
            publishedAt: '2026-03-02T10:00:00.000Z',
          },
          {
            version: 2,
            title: 'Bank 2',
            effectiveFrom: '2026-04-01T00:00:00.000Z',
            publishedBy: 'max',
            publishedAt: '2026-03-02T10:00:01.000Z',
          },
        ],
      },
    ]);
  });
});
