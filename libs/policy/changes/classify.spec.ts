import type { ChangeConflict } from '#libs/contracts';
import { isRefusal } from '#libs/event-sourcing';
import { classify, emergencyGrounds, standardProblems, tupleOf, type ChangeEvidence, type ChangeFacts, type GateFacts } from '#libs/policy';
import { CHANGE, gateFacts, modelVersion, withChange } from '#libs/policy/testing';

const now = '2026-03-02T10:00:00.000Z';
const refs = {
  change: 'change-1@0',
  model: 'changemodel-patch@3',
  history: 'changehistory-1@7',
  week: 'changecalendar-1@2',
  incident: 'incident-1@0',
  bypass: 'bypass-register@4',
  board: 'board-cab@0',
};
const planned = (changeClass?: 'standard' | 'normal' | 'emergency'): GateFacts =>
  gateFacts({ plan: { steps: [], planHash: 'plan-hash', ...(changeClass ? { changeClass } : {}) } });
const model = { versions: [modelVersion({ version: 2, conditions: {} })] };
const conflict: ChangeConflict = { kind: 'service', with: 'b', detail: 'Change b deploys api.', from: now, until: now };

const decide = (
  facts: GateFacts,
  named: Partial<ChangeEvidence>,
  evidence: Partial<ChangeFacts> = {},
  conflicts: readonly ChangeConflict[] = [],
) => {
  const found = withChange(facts, [], evidence).change!;
  return classify(facts, found, { dependsOn: [], ...named }, conflicts, now, refs);
};

describe('the class of a change', () => {
  it('is normal where nothing else is claimed, and by itself', () => {
    for (const facts of [planned('normal'), planned(), { ...planned(), plan: undefined } as unknown as GateFacts]) {
      expect(decide(facts, {}, {}, [conflict])).toEqual({
        class: 'normal',
        reasons: [{ code: 'nothing-else-claimed', detail: 'Neither a model nor an emergency is claimed.', evidence: ['release-1@3'] }],
      });
    }
  });

  it.each<[Partial<ChangeEvidence>, string]>([
    [{ modelId: 'patch' }, 'standard'],
    [{ incidentId: 'incident-1' }, 'emergency'],
    [{ bypassId: 'bypass-1' }, 'emergency'],
    [{ modelId: 'patch', incidentId: 'incident-1' }, 'standard'],
  ])('is what the plan says, and not what is named beside it: %j', (named, claimed) => {
    expect(decide(planned('normal'), named)).toMatchObject({
      kind: 'meaning',
      type: 'class-not-planned',
      detail: `What you name is evidence of a change of class ${claimed}; it is planned as a normal one.`,
      reasons: [
        {
          code: 'class-not-planned',
          detail: 'Calendars and gates go by the class of the plan.',
          evidence: ['release-1@3'],
          unblockedBy: `Plan the release with changeClass ${claimed}, or name neither model nor incident nor bypass.`,
        },
      ],
    });
  });

  it('is standard by a model that bears it, with what shows that', () => {
    expect(decide(planned('standard'), { modelId: 'patch' }, { model })).toEqual({
      class: 'standard',
      reasons: [
        {
          code: 'model-matches',
          detail: 'Version 2 of change model patch is in force, its conditions hold, and nothing is in its way.',
          evidence: ['changecalendar-1@2', 'changehistory-1@7', 'changemodel-patch@3'],
        },
      ],
    });
  });

  it('is not standard where a model does not bear it, with all that speaks against', () => {
    const narrow = { versions: [modelVersion({ status: 'suspended', conditions: { products: ['till'], minimumSuccesses: 1 } })] };
    const refused = decide(planned('standard'), { modelId: 'patch' }, { model: narrow }, [conflict]);
    if (!isRefusal(refused)) throw new Error('taken');
    expect(refused).toMatchObject({
      kind: 'conflict',
      type: 'class-not-borne',
      detail: 'The plan claims a standard change, and the evidence does not bear it.',
    });
    expect(refused.reasons).toEqual(
      [
        'Version 1 of change model patch is suspended.',
        'It is not for product shop; it is for till.',
        'It asks for 1 successful deployments without a failure since; there are 0.',
        'In its way: Change b deploys api.',
      ].map((detail) => ({
        code: 'not-standard',
        detail,
        evidence: ['changecalendar-1@2', 'changehistory-1@7', 'changemodel-patch@3'],
        unblockedBy: 'Name a change model that is approved and in force and whose conditions hold, or plan the release as a normal change.',
      })),
    );
  });

  it('is an emergency by the first ground that holds', () => {
    const incident = { open: true, environment: 'production' };
    const facts = planned('emergency');
    const grant = { requester: 'rita', gates: ['change-approved' as const], tuple: tupleOf(facts, '2026-03-02T11:00:00.000Z') };
    const evidence = ['bypass-register@4', 'incident-1@0'];
    expect(decide(facts, { incidentId: 'i1' }, { incident })).toEqual({
      class: 'emergency',
      reasons: [{ code: 'incident-open', detail: 'Incident i1 is open in production.', evidence }],
    });
    expect(decide(facts, { bypassId: 'b1' }, { bypass: grant })).toEqual({
      class: 'emergency',
      reasons: [{ code: 'bypass-holds', detail: 'Bypass b1 holds for exactly this.', evidence }],
    });
    expect(decide(facts, { incidentId: 'i1', bypassId: 'b1' }, { incident: { ...incident, open: false }, bypass: grant })).toMatchObject({
      reasons: [{ code: 'bypass-holds' }],
    });
    expect(decide(facts, { incidentId: 'i1', bypassId: 'b1' }, { incident, bypass: grant })).toMatchObject({
      reasons: [{ code: 'incident-open' }],
    });
  });

  it('is no emergency without one, and says why each ground bears nothing', () => {
    const facts = planned('emergency');
    const reason = (detail: string) => ({
      code: 'not-emergency',
      detail,
      evidence: ['bypass-register@4', 'incident-1@0'],
      unblockedBy:
        'Name an incident that is open in this environment, or a bypass for exactly this; or plan the release as a normal change.',
    });
    expect(decide(facts, {})).toMatchObject({
      kind: 'conflict',
      type: 'class-not-borne',
      detail: 'The plan claims an emergency change, and the evidence does not bear it.',
      reasons: [reason('No incident and no bypass is named.')],
    });
    expect(decide(facts, { incidentId: 'i1', bypassId: 'b1' })).toMatchObject({
      reasons: [reason('There is no incident i1.'), reason('There is no bypass b1.')],
    });
  });
});

describe('a model that should pre-approve a change', () => {
  const facts = planned('standard');
  const found = (more: Partial<ChangeFacts>) => withChange(facts, [], more).change!;
  it('is named, and is there', () => {
    expect(standardProblems(facts, found({ model }), undefined, [], now)).toEqual(['No change model is named.']);
    expect(standardProblems(facts, found({}), 'patch', [], now)).toEqual(['No change model is named.']);
    expect(standardProblems(facts, found({ model: { versions: [] } }), 'patch', [conflict], now)).toEqual([
      'There is no approved version of change model patch.',
      'In its way: Change b deploys api.',
    ]);
    expect(standardProblems(facts, found({ model }), 'patch', [], now)).toEqual([]);
  });

  it('counts the successes that there were, and not this change', () => {
    const asked = { versions: [modelVersion({ conditions: { minimumSuccesses: 2 }, maxChanges: 1, used: [CHANGE] })] };
    expect(standardProblems(facts, found({ model: asked, successes: 2 }), 'patch', [], now)).toEqual([]);
    expect(standardProblems(facts, found({ model: asked, successes: 1 }), 'patch', [], now)).toHaveLength(1);
    expect(standardProblems(facts, found({ model: asked }), 'patch', [], now)).toHaveLength(1);
  });
});

describe('grounds of an emergency', () => {
  const facts = planned('emergency');
  const grounds = (evidence: Partial<ChangeFacts>, named: Partial<ChangeEvidence>) =>
    emergencyGrounds(facts, withChange(facts, [], evidence).change!, named, now);

  it('are an incident that is open here', () => {
    const of = (incident: ChangeFacts['incident']) => grounds(incident ? { incident } : {}, { incidentId: 'i1' });
    const said = { code: 'incident-open', detail: 'Incident i1 is open in production.' };
    expect(of({ open: true, environment: 'production' })).toEqual([said]);
    expect(of({ open: false, environment: 'production' })).toEqual([{ ...said, problem: 'Incident i1 is resolved.' }]);
    expect(of({ open: true, environment: 'staging' })).toEqual([{ ...said, problem: 'Incident i1 is about staging, not production.' }]);
    expect(of({ open: true })).toEqual([{ ...said, problem: 'There is no incident i1.' }]);
    expect(of(undefined)).toEqual([{ ...said, problem: 'There is no incident i1.' }]);
  });

  it('are a bypass of exactly this, until it expires', () => {
    const said = { code: 'bypass-holds', detail: 'Bypass b1 holds for exactly this.' };
    const of = (expiresAt: string, planHash = 'plan-hash') =>
      grounds({ bypass: { requester: 'rita', gates: [], tuple: { ...tupleOf(facts, expiresAt), planHash } } }, { bypassId: 'b1' });
    expect(of('2026-03-02T10:00:00.001Z')).toEqual([said]);
    expect(of(now)).toEqual([{ ...said, problem: `Bypass b1 expired at ${now}.` }]);
    expect(of('2026-03-02T11:00:00.000Z', 'another')).toEqual([{ ...said, problem: expect.any(String) as never }]);
    expect(grounds({}, { bypassId: 'b1' })).toEqual([{ ...said, problem: 'There is no bypass b1.' }]);
  });

  it('are none where none is named', () => {
    expect(grounds({ incident: { open: true, environment: 'production' } }, {})).toEqual([]);
  });
});
