import { tupleDifferences, tupleHashOf, tupleOf } from '#libs/policy';
import { gateFacts } from '#libs/policy/testing';

const [artifact] = gateFacts().artifacts;
const two = gateFacts({ artifacts: [{ ...artifact!, digest: 'sha256:bb' }, artifact!] });
const tuple = tupleOf(two, '2026-03-05T10:00:00.000Z');

describe('what an approval binds', () => {
  it('is the release, its digests in whatever order, the environment, the plan, the policy, an expiry and what the environment is', () => {
    expect(tuple).toEqual({
      releaseId: 'release-1',
      artifactDigests: ['sha256:aa', 'sha256:bb'],
      environment: 'production',
      planHash: 'plan-hash',
      policyId: 'bank',
      policyVersion: 1,
      expiresAt: '2026-03-05T10:00:00.000Z',
      environmentClass: 'production',
      regimes: [],
    });
    expect(tupleOf(gateFacts({ regimes: ['SOX', 'PCI'] }), 'x').regimes).toEqual(['PCI', 'SOX']);
    const { plan: _plan, ...unplanned } = gateFacts();
    expect(tupleOf(unplanned, 'x').planHash).toBe('unplanned');
    expect(tupleHashOf(tuple)).toMatch(/^[0-9a-f]{64}$/);
    expect(tupleHashOf({ ...tuple, expiresAt: 'later' })).not.toBe(tupleHashOf(tuple));
  });

  it('differs from nothing where nothing has changed, also where artifacts are told in another order', () => {
    expect(tupleDifferences(tuple, two)).toEqual([]);
    expect(tupleDifferences(tuple, { ...two, artifacts: [...two.artifacts].reverse() })).toEqual([]);
  });

  it.each<[Parameters<typeof gateFacts>[0], string[]]>([
    [{ releaseId: 'other' }, ['It was given for release release-1, this is other.']],
    [{ environment: 'staging' }, ['It was given for production, this is staging.']],
    [{ artifacts: [artifact!] }, ['The artifacts of the release have changed since.']],
    [{ plan: { steps: [], planHash: 'other' } }, ['The deployment plan has changed since.']],
    [{ policy: { ...two.policy, version: 2 } }, ['The policy is now bank version 2, not bank version 1.']],
    [{ policy: { ...two.policy, id: 'lax' } }, ['The policy is now lax version 1, not bank version 1.']],
    [{ environmentClass: 'test' }, ['production is now of class test, not production.']],
    [{ regimes: ['SOX'] }, ['production is now under SOX, not under no regime.']],
    [
      { environment: 'staging', artifacts: [] },
      ['It was given for production, this is staging.', 'The artifacts of the release have changed since.'],
    ],
  ])('differs where something did: %j', (more, differences) => {
    expect(tupleDifferences(tuple, { ...two, ...more })).toEqual(differences);
  });

  it('differs where a regime was taken away, and not where it is told in another order', () => {
    const bound = tupleOf({ ...two, regimes: ['PCI', 'SOX'] }, 'x');
    expect(tupleDifferences(bound, { ...two, regimes: ['SOX', 'PCI'] })).toEqual([]);
    expect(tupleDifferences(bound, { ...two, regimes: ['PCI'] })).toEqual(['production is now under PCI, not under PCI, SOX.']);
    expect(tupleDifferences(bound, two)).toEqual(['production is now under no regime, not under PCI, SOX.']);
  });

  it('differs where an environment has no class or regimes any more', () => {
    const { environmentClass: _class, regimes: _regimes, ...undefinedNow } = { ...two, regimes: [] };
    expect(tupleDifferences(tupleOf({ ...two, regimes: ['PCI'] }, 'x'), undefinedNow)).toEqual([
      'production is now of class none, not production.',
      'production is now under no regime, not under PCI.',
    ]);
  });

  it('says nothing of class and regimes where an older tuple did not bind them', () => {
    const { environmentClass: _class, regimes: _regimes, ...older } = tuple;
    expect(tupleDifferences(older, { ...two, environmentClass: 'test', regimes: ['SOX'] })).toEqual([]);
  });
});
