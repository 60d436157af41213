import type { ChangeModelEvent } from '#libs/contracts';
import { changeModel, conditionProblems, notInForce, versionFor, type ChangeModel, type ModelVersion } from '#libs/policy';
import { gateFacts, modelContents, modelVersion } from '#libs/policy/testing';

const given = (...events: readonly ChangeModelEvent[]): ChangeModel => events.reduce(changeModel.evolve, changeModel.initial);
const proposed = (version: number): ChangeModelEvent => ({
  type: 'ChangeModelProposed',
  data: { modelId: 'patch', version, ...modelContents, contentsHash: 'c'.repeat(64), proposer: 'rita' },
});
const decided = (version: number, outcome: 'approved' | 'rejected'): ChangeModelEvent => ({
  type: 'ChangeModelDecided',
  data: {
    modelId: 'patch',
    version,
    outcome,
    contentsHash: 'c'.repeat(64),
    tally: { for: [], against: [], abstain: [], quorum: 2 },
    recused: [{ person: 'rita', reason: 'She proposed it.' }],
  },
});
const voted = (version: number, person: string, vote: 'for' | 'against'): ChangeModelEvent => ({
  type: 'ChangeModelVoteCast',
  data: { modelId: 'patch', version, person, vote, contentsHash: 'c'.repeat(64) },
});
const used = (version: number, changeId: string, deploymentId: string, outcome: 'succeeded' | 'failed'): ChangeModelEvent => ({
  type: 'ChangeModelUsed',
  data: { modelId: 'patch', version, changeId, deploymentId, outcome },
});
const statuses = ({ versions }: ChangeModel): readonly string[] => versions.map((v) => `${v.version} ${v.status}`);

describe('a change model', () => {
  it('is proposed with what it says, and nothing is decided or used of it yet', () => {
    expect(changeModel.category).toBe('changemodel');
    expect(given()).toEqual({ versions: [] });
    expect(given(proposed(1))).toEqual({
      versions: [
        {
          version: 1,
          ...modelContents,
          contentsHash: 'c'.repeat(64),
          proposer: 'rita',
          status: 'proposed',
          votes: [],
          recused: [],
          used: [],
          noted: [],
        },
      ],
    });
  });

  it('has at most one proposal, and one version in force', () => {
    expect(statuses(given(proposed(1), proposed(2)))).toEqual(['1 superseded', '2 proposed']);
    expect(statuses(given(proposed(1), decided(1, 'approved'), proposed(2)))).toEqual(['1 approved', '2 proposed']);
    expect(statuses(given(proposed(1), decided(1, 'approved'), proposed(2), decided(2, 'rejected')))).toEqual(['1 approved', '2 rejected']);
    const second = given(proposed(1), decided(1, 'approved'), proposed(2), decided(2, 'approved'));
    expect(statuses(second)).toEqual(['1 superseded', '2 approved']);
    expect(second.versions[1]?.recused).toEqual([{ person: 'rita', reason: 'She proposed it.' }]);
    expect(second.versions[0]?.recused).toEqual(second.versions[1]?.recused);
    expect(statuses(given(proposed(1), decided(1, 'rejected'), proposed(2), decided(2, 'approved')))).toEqual(['1 rejected', '2 approved']);
  });

  it('counts the last vote of everybody, on the version that it is about', () => {
    const { versions } = given(proposed(1), proposed(2), voted(2, 'anna', 'for'), voted(2, 'otto', 'for'), voted(2, 'anna', 'against'));
    expect(versions[0]?.votes).toEqual([]);
    expect(versions[1]?.votes).toEqual([
      { person: 'otto', vote: 'for', conditions: [] },
      { person: 'anna', vote: 'against', conditions: [] },
    ]);
  });

  it('notes what was made under it: every change once, every outcome', () => {
    const [version] = given(
      proposed(1),
      decided(1, 'approved'),
      used(1, 'change-1', 'd1', 'failed'),
      used(1, 'change-2', 'd2', 'succeeded'),
      used(1, 'change-1', 'd3', 'succeeded'),
    ).versions;
    expect(version?.used).toEqual(['change-2', 'change-1']);
    expect(version?.noted).toEqual(['d1:failed', 'd2:succeeded', 'd3:succeeded']);
  });

  it('is suspended with the reason', () => {
    const suspended: ChangeModelEvent = { type: 'ChangeModelSuspended', data: { modelId: 'patch', version: 1, reason: 'One failed.' } };
    const model = given(proposed(1), decided(1, 'approved'), proposed(2), suspended);
    expect(statuses(model)).toEqual(['1 suspended', '2 proposed']);
    expect(model.versions[0]?.reason).toBe('One failed.');
  });

  it('knows its events', () => {
    expect(() => given({ type: 'ChangeModelBurnt', data: {} } as unknown as ChangeModelEvent)).toThrow('ChangeModelBurnt');
  });

  it('stands for its newest version that was approved, or for its newest, which says why not', () => {
    const model = (...states: readonly ModelVersion['status'][]): ChangeModel => ({
      versions: states.map((status, i) => modelVersion({ version: i + 1, status })),
    });
    expect(versionFor(model('approved', 'proposed'))?.version).toBe(1);
    expect(versionFor(model('superseded', 'approved', 'rejected'))?.version).toBe(2);
    expect(versionFor(model('superseded', 'rejected'))?.version).toBe(2);
    expect(versionFor(model())).toBeUndefined();
  });
});

describe('a version of a model pre-approves nothing', () => {
  const now = '2026-03-02T10:00:00.000Z';
  it.each<[string, ModelVersion | undefined, string | undefined]>([
    ['where there is none', undefined, 'There is no approved version of change model patch.'],
    ['before it is approved', modelVersion({ status: 'proposed' }), 'Version 1 of change model patch is proposed, not approved.'],
    ['when it was rejected', modelVersion({ status: 'rejected' }), 'Version 1 of change model patch is rejected.'],
    ['when it was replaced', modelVersion({ version: 3, status: 'superseded' }), 'Version 3 of change model patch is superseded.'],
    [
      'when it was suspended',
      modelVersion({ status: 'suspended', reason: 'One failed.' }),
      'Version 1 of change model patch is suspended: One failed.',
    ],
    [
      'a millisecond before it is valid',
      modelVersion({ validFrom: '2026-03-02T10:00:00.001Z' }),
      'Version 1 of change model patch is valid from 2026-03-02T10:00:00.001Z on.',
    ],
    ['but does from its first instant on', modelVersion({ validFrom: now }), undefined],
    [
      'from its last instant on',
      modelVersion({ validUntil: now }),
      'Version 1 of change model patch was valid until 2026-03-02T10:00:00.000Z.',
    ],
    ['but does a millisecond before', modelVersion({ validUntil: '2026-03-02T10:00:00.001Z' }), undefined],
    [
      'once it is used up',
      modelVersion({ maxChanges: 2, used: ['a', 'b'] }),
      'Version 1 of change model patch is for 2 changes, and 2 were made under it.',
    ],
    ['but does once more before', modelVersion({ maxChanges: 2, used: ['a'] }), undefined],
    ['and does for ever without a limit', modelVersion({ used: ['a', 'b', 'c'] }), undefined],
  ])('%s', (_when, version, said) => {
    expect(notInForce('patch', version, now)).toBe(said);
  });

  it('is not used up by the change itself', () => {
    const version = modelVersion({ maxChanges: 1, used: ['own'] });
    expect(notInForce('patch', version, now, 'own')).toBeUndefined();
    expect(notInForce('patch', version, now, 'another')).toMatch(/is for 1 changes, and 1 were made/);
  });
});

describe('the conditions of a model', () => {
  const step = { id: 'a', driver: 'exec', action: 'switch', input: {}, dependsOn: [] };
  const back = { driver: 'exec', action: 'switch-back', input: {} };
  const facts = gateFacts({ plan: { steps: [{ ...step, compensation: back }], planHash: 'p' } } as never);

  it('hold where there are none, and where what there is is what they name', () => {
    expect(conditionProblems({}, facts, 0)).toEqual([]);
    expect(
      conditionProblems(
        {
          products: ['till', 'shop'],
          services: ['api', 'web'],
          environmentClasses: ['production'],
          packageTypes: ['npm'],
          actions: ['exec:switch', 'exec:switch-back'],
          testsPassed: true,
          minimumSuccesses: 3,
        },
        facts,
        3,
      ),
    ).toEqual([]);
  });

  it.each([
    [{ products: ['till', 'bank'] }, 'It is not for product shop; it is for till, bank.'],
    [{ services: ['web'] }, 'It is not for service api; it is for web.'],
    [{ services: [] }, 'It is not for service api; it is for .'],
    [{ environmentClasses: ['test'] }, 'It is not for class of environment production; it is for test.'],
    [{ packageTypes: ['oci'] }, 'It is not for package type npm; it is for oci.'],
    [{ actions: ['exec:switch'] }, 'It is not for step exec:switch-back; it is for exec:switch.'],
    [{ actions: [] }, 'It is not for step exec:switch, exec:switch-back; it is for .'],
    [{ minimumSuccesses: 4 }, 'It asks for 4 successful deployments without a failure since; there are 3.'],
  ])('do not hold: %j', (conditions, said) => {
    expect(conditionProblems(conditions as Parameters<typeof conditionProblems>[0], facts, 3)).toEqual([said]);
  });

  it('are all said, in order, and what is strange once', () => {
    const [artifact] = facts.artifacts;
    const two = {
      ...facts,
      artifacts: [artifact!, { ...artifact!, artifactId: 'artifact-2', purl: 'generic' }, { ...artifact!, purl: 'xpkg:npm/api' }],
    };
    expect(conditionProblems({ services: ['web'], packageTypes: ['npm'], products: ['till'] }, two, 0)).toEqual([
      'It is not for product shop; it is for till.',
      'It is not for service api; it is for web.',
      'It is not for package type unknown; it is for npm.',
    ]);
  });

  it('do not hold for what is not known', () => {
    const { product: _product, environmentClass: _class, plan: _plan, ...bare } = facts;
    expect(conditionProblems({ products: ['shop'], environmentClasses: ['production'], actions: [] }, bare, 0)).toEqual([
      'It is not for product none; it is for shop.',
      'It is not for class of environment none; it is for production.',
    ]);
  });

  it('ask for tests that pass where they say so', () => {
    const untested = { ...facts, reports: {} };
    expect(conditionProblems({ testsPassed: true }, untested, 0)).toEqual(['No passing report names the digest of api.']);
    expect(conditionProblems({}, untested, 0)).toEqual([]);
  });
});
