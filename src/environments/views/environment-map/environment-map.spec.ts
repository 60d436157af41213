import type { EnvironmentEvent, PlimsollEvent } from '#libs/contracts';
import { foldView } from '#libs/read-models';
import { history } from '../../../../test/support/history.ts';
import {
  artifact,
  DEPLOYMENT,
  ENVIRONMENT,
  OLD_RELEASE,
  RELEASE,
  ROLLBACK,
  story,
  storyUntil,
  type Told,
} from '../../../../test/support/story.ts';
import { environmentMap } from './environment-map.projection.ts';
import type { EnvironmentMapRow } from './environment-map.row.ts';

const until = (type: PlimsollEvent['type'], nth?: number): EnvironmentMapRow | undefined =>
  foldView(environmentMap, storyUntil(type, nth)).get(ENVIRONMENT);
const { name, version, digest } = artifact('2.0.0');

describe('The map of environments', () => {
  it('shows what is deployed where, what was there before, and what is under way', () => {
    expect(until('EnvironmentDefined')).toMatchObject({ class: 'production', policy_id: 'strict', deployed: null, held_by: null });
    expect(until('EnvironmentReserved')?.held_by).toBe(DEPLOYMENT);
    expect(until('EnvironmentFreed')).toMatchObject({
      held_by: null,
      deployed: { deploymentId: DEPLOYMENT, releaseId: RELEASE, artifacts: [{ name, version, digest }], at: '2026-03-02T10:00:18.000Z' },
      previous: { releaseId: OLD_RELEASE },
    });
  });

  it('shows a rollback as what is deployed, and what it withdrew as what was there before', () => {
    const row = foldView(environmentMap, history(story)).get(ENVIRONMENT);
    expect(row?.deployed).toMatchObject({ deploymentId: ROLLBACK, releaseId: OLD_RELEASE, rollbackOf: DEPLOYMENT });
    expect(row?.previous?.deploymentId).toBe(DEPLOYMENT);
  });

  it('shows what is proposed for it until it is withdrawn, confirmed, or overtaken by what one person may do', () => {
    const told = (event: EnvironmentEvent): Told => ({ stream: `environment-${ENVIRONMENT}`, event });
    const formerly = { policyId: 'strict', regimes: [] };
    const proposal = { proposalId: 'p-1', policyId: 'lax', regimes: [], formerly, reason: 'It is faster.', proposedBy: 'person-rita' };
    const expiresAt = '2026-03-09T10:00:00.000Z';
    const proposed = told({ type: 'EnvironmentChangeProposed', data: { environment: ENVIRONMENT, ...proposal, expiresAt } });
    const last = (...events: Told[]): EnvironmentMapRow | undefined =>
      foldView(environmentMap, history([...story, proposed, ...events])).get(ENVIRONMENT);
    expect(last()).toMatchObject({
      policy_id: 'strict',
      regimes: [],
      proposal: { ...proposal, expiresAt, proposedAt: expect.any(String) },
    });
    const by = { environment: ENVIRONMENT, proposalId: 'p-1' };
    const withdrawn = told({ type: 'EnvironmentChangeWithdrawn', data: { ...by, reason: 'It stays.', withdrawnBy: 'person-rita' } });
    expect(last(withdrawn)).toMatchObject({ policy_id: 'strict', proposal: null });
    const defined = { environment: ENVIRONMENT, class: 'production' } as const;
    const both = { proposalId: 'p-1', proposedBy: 'person-rita', confirmedBy: 'person-ron' };
    const confirmed = told({ type: 'EnvironmentDefined', data: { ...defined, policyId: 'lax', ...both } });
    expect(last(confirmed)).toMatchObject({ policy_id: 'lax', regimes: [], proposal: null });
    const stricter = told({ type: 'EnvironmentDefined', data: { ...defined, policyId: 'strict', regimes: ['SOX'] } });
    expect(last(stricter)).toMatchObject({ policy_id: 'strict', regimes: ['SOX'], proposal: null });
  });

  it('keeps what the outside reports apart from what was deployed, also of an environment that nobody has defined', () => {
    const report = (environment: string): Told => ({
      stream: `environment-${environment}`,
      event: {
        type: 'RunningVersionReported',
        data: {
          environment,
          service: 'shop',
          artifact: 'pkg:npm/shop@9.9.9',
          change: 'deployed',
          reportedBy: 'cluster-1',
          claimedOccurredAt: '2026-03-02T11:00:00.000Z',
          skewSeconds: 3590,
        },
      },
    });
    const rows = foldView(environmentMap, history([...story, report(ENVIRONMENT), report('attic')]));
    expect(rows.get(ENVIRONMENT)).toMatchObject({
      deployed: { deploymentId: ROLLBACK },
      observed: { shop: { artifact: 'pkg:npm/shop@9.9.9', reportedBy: 'cluster-1', skewSeconds: 3590 } },
    });
    expect(rows.get('attic')).toMatchObject({ class: null, deployed: null, observed: { shop: { change: 'deployed' } } });
  });
});
