import { contentsOf, dossierDifferences, dossierHashOf, dutiesOfChange, type GateFacts } from '#libs/policy';
import { dossierOf, gateFacts } from '#libs/policy/testing';
import { testsProblem } from './evidence.ts';

const facts = gateFacts();
const [api] = facts.artifacts;
const web = { artifactId: 'artifact-2', name: 'web', version: '2.0.0', purl: 'pkg:npm/web@2.0.0', digest: 'sha256:bb' };
const report = (suite: string, outcome: 'pass' | 'fail', tester = 'tess') => ({ suite, outcome, tester });

describe('the contents of a dossier', () => {
  it('are what the sources say, and no more', () => {
    expect(contentsOf(facts)).toEqual({
      releaseId: 'release-1',
      environment: 'production',
      environmentClass: 'production',
      product: 'shop',
      version: '1.0.0',
      artifacts: [{ name: 'api', version: '1.0.0', purl: 'pkg:npm/api@1.0.0', digest: 'sha256:aa' }],
      planHash: 'plan-hash',
      policyId: 'bank',
      policyVersion: 1,
      tests: [{ digest: 'sha256:aa', suite: 'unit', outcome: 'pass' }],
      authors: ['ada'],
    });
  });

  it('say what there is none of', () => {
    const { environmentClass: _class, product: _product, version: _version, plan: _plan, ...bare } = facts;
    expect(contentsOf(bare)).toMatchObject({ environmentClass: 'none', product: 'none', planHash: 'unplanned' });
    expect(contentsOf(bare)).not.toHaveProperty('version');
  });

  it('have every suite of every digest once, in order, and none of other digests', () => {
    const reports: GateFacts['reports'] = {
      'sha256:bb': { load: report('load', 'pass'), e2e: report('e2e', 'fail'), unit: report('unit', 'pass') },
      'sha256:cc': { unit: report('unit', 'fail') },
      'sha256:aa': { unit: report('unit', 'pass'), api: report('api', 'pass') },
      'sha256:ab': { zip: report('zip', 'pass') },
    };
    const middle = { ...api!, artifactId: 'artifact-4', digest: 'sha256:ab' };
    const twice = { ...facts, artifacts: [middle, web, api!, { ...api!, artifactId: 'artifact-3', name: 'copy' }], reports };
    expect(contentsOf(twice).tests).toEqual([
      { digest: 'sha256:aa', suite: 'api', outcome: 'pass' },
      { digest: 'sha256:aa', suite: 'unit', outcome: 'pass' },
      { digest: 'sha256:ab', suite: 'zip', outcome: 'pass' },
      { digest: 'sha256:bb', suite: 'e2e', outcome: 'fail' },
      { digest: 'sha256:bb', suite: 'load', outcome: 'pass' },
      { digest: 'sha256:bb', suite: 'unit', outcome: 'pass' },
    ]);
    expect(contentsOf({ ...facts, reports: {} }).tests).toEqual([]);
  });

  it('have a hash that anything changes and no order of members does', () => {
    const dossier = dossierOf(facts);
    expect(dossierHashOf(dossier)).toMatch(/^[0-9a-f]{64}$/);
    expect(dossierHashOf(Object.fromEntries(Object.entries(dossier).reverse()) as unknown as typeof dossier)).toBe(dossierHashOf(dossier));
    expect(dossierHashOf({ ...dossier, backout: 'Roll back!' })).not.toBe(dossierHashOf(dossier));
  });
});

describe('what differs from a frozen dossier', () => {
  const dossier = dossierOf(facts, { board: { boardId: 'cab', version: 1 } });

  it.each<[Partial<GateFacts>, string]>([
    [{ releaseId: 'release-2' }, 'The release of the dossier is not what is there now.'],
    [{ environment: 'staging' }, 'The environment of the dossier is not what is there now.'],
    [{ environmentClass: 'test' }, 'The class of the environment of the dossier is not what is there now.'],
    [{ product: 'till' }, 'The product of the dossier is not what is there now.'],
    [{ version: '1.0.1' }, 'The version of the dossier is not what is there now.'],
    [{ artifacts: [{ ...api!, version: '1.0.1' }] }, 'The artifacts of the dossier are not what is there now.'],
    [{ plan: { steps: [], planHash: 'another' } }, 'The deployment plan of the dossier is not what is there now.'],
    [{ policy: { ...facts.policy, id: 'other' } }, 'The policy of the dossier is not what is there now.'],
    [{ policy: { ...facts.policy, version: 2 } }, "The policy's version of the dossier is not what is there now."],
    [{ reports: {} }, 'The test evidence of the dossier is not what is there now.'],
    [{ authors: ['ada', 'bob'] }, 'The persons who wrote it of the dossier are not what is there now.'],
  ])('is said: %j', (overrides, said) => {
    expect(dossierDifferences(dossier, gateFacts(overrides), 1)).toEqual([said]);
  });

  it('is nothing where all is the same', () => {
    expect(dossierDifferences(dossier, facts, 1)).toEqual([]);
    const { version: _version, ...unversioned } = facts;
    expect(dossierDifferences(dossierOf(unversioned), unversioned, undefined)).toEqual([]);
  });

  it('is a version that there was none of, and the other way round', () => {
    const { version: _version, ...unversioned } = facts;
    expect(dossierDifferences(dossierOf(unversioned), facts, 1)).toEqual(['The version of the dossier is not what is there now.']);
    expect(dossierDifferences(dossier, unversioned, 1)).toEqual(['The version of the dossier is not what is there now.']);
  });

  it('is a board that was defined anew, where it is known and one decides', () => {
    expect(dossierDifferences(dossier, facts, 2)).toEqual(['Board cab is now as version 2 says, not as version 1.']);
    expect(dossierDifferences(dossier, facts, undefined)).toEqual([]);
    expect(dossierDifferences(dossierOf(facts), facts, 2)).toEqual([]);
  });
});

describe('who has a duty for a change', () => {
  it('is who wrote, tested, asks for and would deploy it, with what shows it', () => {
    const of = { ...facts, refs: { ...facts.refs, change: { change: 'change-1@0' } } };
    expect(dutiesOfChange(of, 'rita', 'dan')).toEqual([
      { person: 'ada', duty: 'author', evidence: 'release-1@3' },
      { person: 'tess', duty: 'tester', evidence: 'testreport-1@0' },
      { person: 'rita', duty: 'requester', evidence: 'change-1@0' },
      { person: 'dan', duty: 'deployer', evidence: 'this-request' },
    ]);
    expect(dutiesOfChange(facts, 'rita')).toContainEqual({ person: 'rita', duty: 'requester', evidence: 'release-1@3' });
    expect(dutiesOfChange({ ...facts, refs: { ...facts.refs, change: {} } }, 'rita')).toContainEqual({
      person: 'rita',
      duty: 'requester',
      evidence: 'release-1@3',
    });
    expect(dutiesOfChange(facts, undefined)).toEqual([
      { person: 'ada', duty: 'author', evidence: 'release-1@3' },
      { person: 'tess', duty: 'tester', evidence: 'testreport-1@0' },
    ]);
  });

  it('is every tester once, in order, of what is deployed alone', () => {
    const reports: GateFacts['reports'] = {
      'sha256:aa': { unit: report('unit', 'pass', 'zoe'), e2e: report('e2e', 'fail', 'tess'), load: report('load', 'pass', 'zoe') },
      'sha256:zz': { unit: report('unit', 'pass', 'stranger') },
    };
    const testers = dutiesOfChange({ ...facts, reports }, undefined).filter((d) => d.duty === 'tester');
    expect(testers.map((d) => d.person)).toEqual(['tess', 'zoe']);
  });
});

describe('tests that vouch for a release', () => {
  const both = [api!, web];
  it.each<[string, GateFacts['artifacts'], GateFacts['reports'], string | undefined]>([
    ['there is nothing', [], {}, 'There is nothing that could be tested.'],
    ['nothing was tested', both, {}, 'No passing report names the digest of api, web.'],
    ['one was not tested', both, { 'sha256:aa': { unit: report('unit', 'pass') } }, 'No passing report names the digest of web.'],
    [
      'a suite fails beside one that passes',
      [api!],
      { 'sha256:aa': { unit: report('unit', 'pass'), e2e: report('e2e', 'fail') } },
      'A suite of api fails.',
    ],
    [
      'several fail',
      both,
      { 'sha256:aa': { unit: report('unit', 'fail') }, 'sha256:bb': { unit: report('unit', 'fail') } },
      'A suite of api, web fails.',
    ],
    ['all pass', both, { 'sha256:aa': { unit: report('unit', 'pass') }, 'sha256:bb': { unit: report('unit', 'pass') } }, undefined],
    [
      'a digest of something else fails',
      [api!],
      { 'sha256:aa': { unit: report('unit', 'pass') }, 'sha256:zz': { unit: report('unit', 'fail') } },
      undefined,
    ],
    [
      'there is a report that says neither',
      [api!],
      { 'sha256:aa': { unit: { ...report('unit', 'pass'), outcome: 'inconclusive' } as never } },
      'No passing report names the digest of api.',
    ],
  ])('where %s', (_what, artifacts, reports, said) => {
    expect(testsProblem({ artifacts, reports })).toBe(said);
  });
});
