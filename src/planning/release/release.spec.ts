import fc from 'fast-check';
import type { PlannedStep, ReleaseArtifact, ReleaseEvent } from '#libs/contracts';
import { isRefusal } from '#libs/event-sourcing';
import { issued, scenario } from '#libs/event-sourcing/testing';
import { amendRelease, AmendRelease, composeRelease, ComposeRelease } from './compose-release.ts';
import { planRelease, PlanRelease } from './plan-release.ts';
import { release } from './release.ts';
import { stagesOf } from './stages.ts';

const artifact = (name: string): ReleaseArtifact => ({
  artifactId: `id-${name}`,
  name,
  version: '1.0.0',
  purl: `pkg:npm/${name}@1.0.0`,
  digest: `sha256:${name}`,
});
const found = (...names: string[]) => ({
  found: names.map((n) => ({ artifactId: `id-${n}`, artifact: artifact(n), authors: [`idp|${n}`] })),
});
const composed: ReleaseEvent = {
  type: 'ReleaseComposed',
  data: { releaseId: 'target-1', product: 'shop', artifacts: [artifact('api')], authors: ['idp|api'] },
};
const releases = scenario(release);

const step = (id: string, ...dependsOn: string[]): PlannedStep => ({
  id,
  driver: 'exec',
  action: 'noop',
  input: {},
  dependsOn: dependsOn.map((s) => ({ step: s, onFailure: 'halt' })),
});

describe('composing a release', () => {
  const command = issued(ComposeRelease, { product: 'shop', artifactIds: ['id-api'] });

  it('takes the digests and authors of registered artifacts', () => {
    releases.given().when(composeRelease, command, found('api')).then(composed);
  });

  it('is nothing new the second time', () => {
    releases.given(composed).when(composeRelease, command, found('api')).thenNothing();
  });

  it('refuses an artifact that is not registered, and names it', () => {
    const refusal = releases
      .given()
      .when(composeRelease, command, { found: [{ artifactId: 'id-api', authors: [] }] })
      .thenRefused('artifact-unknown');
    expect(refusal.detail).toContain('id-api');
  });

  it('does not compose other contents under the same id', () => {
    releases.given(composed).when(composeRelease, command, found('web')).thenRefused('release-exists');
  });
});

describe('amending a release', () => {
  it('replaces its artifacts', () => {
    releases
      .given(composed)
      .when(amendRelease, issued(AmendRelease, { artifactIds: ['id-web'] }), found('web'))
      .then({ type: 'ReleaseAmended', data: { releaseId: 'target-1', artifacts: [artifact('web')], authors: ['idp|web'] } });
  });

  it('is nothing where the contents stay the same', () => {
    releases
      .given(composed)
      .when(amendRelease, issued(AmendRelease, { artifactIds: ['id-api'] }), found('api'))
      .thenNothing();
  });

  it('refuses a release that does not exist', () => {
    releases
      .given()
      .when(amendRelease, issued(AmendRelease, { artifactIds: ['id-api'] }), found('api'))
      .thenRefused('release-unknown');
  });
});

describe('planning a release', () => {
  const plan = issued(PlanRelease, { environment: 'production', steps: [step('a'), step('b', 'a'), step('c', 'a'), step('d', 'b', 'c')] });

  it('orders the steps into stages that may run side by side', () => {
    const { decision } = releases.given(composed).when(planRelease, plan);
    expect(decision).toMatchObject([{ type: 'ReleasePlanned', data: { stages: [['a'], ['b', 'c'], ['d']] } }]);
  });

  it('is nothing new when the same plan is made again', () => {
    const { decision } = releases.given(composed).when(planRelease, plan);
    if (isRefusal(decision)) throw new Error(decision.detail);
    releases
      .given(composed, ...decision)
      .when(planRelease, plan)
      .thenNothing();
  });

  it('binds the risk that it declares: another one, or none, is another plan, and what is undeclared stays so', () => {
    const { environment, steps } = plan;
    const at = (riskClass?: 'low' | 'high') => issued(PlanRelease, { environment, steps, ...(riskClass ? { riskClass } : {}) });
    const planned = (riskClass?: 'low' | 'high') => {
      const { decision } = releases.given(composed).when(planRelease, at(riskClass));
      const [event] = isRefusal(decision) ? [] : decision;
      if (event?.type !== 'ReleasePlanned') throw new Error('not planned');
      return event;
    };
    expect(planned('low').data.riskClass).toBe('low');
    expect(planned().data).not.toHaveProperty('riskClass');
    expect(new Set([planned(), planned('low'), planned('high')].map(({ data }) => data.planHash)).size).toBe(3);
    releases.given(composed, planned('low')).when(planRelease, at('low')).thenNothing();
    expect(releases.given(composed, planned('high')).when(planRelease, at('low')).decision).toEqual([planned('low')]);
  });

  it('refuses a cycle and names it', () => {
    const circular = issued(PlanRelease, {
      environment: 'production',
      steps: [step('start'), step('a', 'c', 'start'), step('b', 'a'), step('c', 'b')],
    });
    expect(releases.given(composed).when(planRelease, circular).thenRefused('plan-cycle').detail).toBe(
      'The plan goes in a circle: a → c → b → a.',
    );
  });

  it('refuses a dependency on a step that is not there, and an id used twice', () => {
    releases
      .given(composed)
      .when(planRelease, issued(PlanRelease, { environment: 'production', steps: [step('a', 'ghost')] }))
      .thenRefused('step-unknown');
    releases
      .given(composed)
      .when(planRelease, issued(PlanRelease, { environment: 'production', steps: [step('a'), step('a')] }))
      .thenRefused('step-twice');
  });

  it('refuses a release that does not exist', () => {
    releases.given().when(planRelease, plan).thenRefused('release-unknown');
  });
});

describe('stages', () => {
  const graphs = fc.array(fc.array(fc.nat(14), { maxLength: 4 }), { minLength: 1, maxLength: 15 });

  it('put every step after all that it depends on, in any graph without a cycle', () => {
    fc.assert(
      fc.property(graphs, (edges) => {
        // Depending only on smaller numbers leaves no room for a cycle.
        const steps = edges.map((deps, i) => step(`s${i}`, ...new Set(deps.filter((d) => d < i).map((d) => `s${d}`))));
        const stages = stagesOf(steps);
        if ('refused' in stages) throw new Error(stages.detail);
        const stageOf = new Map(stages.flatMap((ids, n) => ids.map((id) => [id, n])));
        expect(stageOf.size).toBe(steps.length);
        for (const s of steps) for (const d of s.dependsOn) expect(stageOf.get(d.step)).toBeLessThan(stageOf.get(s.id) ?? -1);
      }),
    );
  });

  it('name a real cycle whenever there is one', () => {
    fc.assert(
      fc.property(graphs, (edges) => {
        const steps = edges.map((deps, i) => step(`s${i}`, ...new Set(deps.map((d) => `s${d % edges.length}`))));
        const stages = stagesOf(steps);
        if (!('refused' in stages)) return;
        const cycle = (stages.reasons[0]?.detail ?? '').split(' → ');
        expect(cycle.length).toBeGreaterThan(1);
        expect(cycle[0]).toBe(cycle.at(-1));
        for (let i = 0; i + 1 < cycle.length; i++) {
          expect(steps.find((s) => s.id === cycle[i])?.dependsOn.map((d) => d.step)).toContain(cycle[i + 1]);
        }
      }),
    );
  });
});
