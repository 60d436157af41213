import { history } from '../../test/support/history.ts';
import { story } from '../../test/support/story.ts';
import { describeEvent } from './describe.ts';

describe('An event in words', () => {
  it('is a sentence that says who did what, also of many', () => {
    const sentences = history(story).map((event) => describeEvent(event));
    expect(sentences).toContain('person-abe approved round 1 for production: Looks right.');
    expect(sentences).toContain('StartDeployment was denied (gates-not-passed): 1 gate does not pass for production.');
    expect(sentences).toContain('The rollback to production succeeded with shop@1.0.0.');
    for (const sentence of sentences) expect(sentence).not.toMatch(/undefined|\[object/);
  });

  it('says of an environment what it is under, and by whom it was loosened', () => {
    const data = { environment: 'production', class: 'production', policyId: 'lax' } as const;
    const defined = (more: object): string => describeEvent({ type: 'EnvironmentDefined', data: { ...data, ...more } });
    expect(defined({})).toBe('Environment production (production) is governed by policy lax.');
    expect(defined({ regimes: ['PCI', 'SOX'] })).toBe('Environment production (production) is governed by policy lax under PCI, SOX.');
    expect(defined({ proposalId: 'p-1', proposedBy: 'rita', confirmedBy: 'ron' })).toBe(
      'Environment production (production) is governed by policy lax, as rita proposed and ron confirmed.',
    );
    const proposed = { environment: 'production', proposalId: 'p-1', policyId: 'lax', regimes: [], proposedBy: 'rita' } as const;
    const formerly = { policyId: 'bank', regimes: ['SOX'] } as const;
    const expiresAt = '2026-03-09T10:00:00.000Z';
    expect(describeEvent({ type: 'EnvironmentChangeProposed', data: { ...proposed, formerly, reason: 'Faster.', expiresAt } })).toBe(
      'rita proposed that production, which policy bank under SOX governs, be governed by policy lax under no regime: Faster.',
    );
  });
});
