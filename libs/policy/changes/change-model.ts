import type { ChangeModelEvent, ModelConditions, ModelContents, Recusal } from '#libs/contracts';
import { unknownEvent, type Aggregate } from '#libs/event-sourcing';
import type { GateFacts } from '../sources.ts';
import type { CastVote } from './change.ts';
import { testsProblem } from './evidence.ts';

export interface ModelVersion extends ModelContents {
  readonly version: number;
  readonly contentsHash: string;
  readonly proposer: string;
  readonly status: 'proposed' | 'approved' | 'rejected' | 'suspended' | 'superseded';
  readonly votes: readonly CastVote[];
  readonly recused: readonly Recusal[];
  /** Why it pre-approves nothing any more. */
  readonly reason?: string;
  /** Changes that were deployed under it. */
  readonly used: readonly string[];
  /** `deploymentId:outcome` of what was noted. */
  readonly noted: readonly string[];
}

/** A model for standard changes, with every version of it. At most one is in force. */
export interface ChangeModel {
  readonly versions: readonly ModelVersion[];
}

export const changeModel: Aggregate<ChangeModel, ChangeModelEvent> = {
  category: 'changemodel',
  initial: { versions: [] },
  evolve: (state, event) => {
    switch (event.type) {
      case 'ChangeModelProposed': {
        const { modelId: _modelId, ...said } = event.data;
        const next: ModelVersion = { ...said, status: 'proposed', votes: [], recused: [], used: [], noted: [] };
        // A proposal that nobody has decided on makes way for the next one.
        return {
          versions: [...state.versions.map((v) => (v.status === 'proposed' ? { ...v, status: 'superseded' as const } : v)), next],
        };
      }
      case 'ChangeModelVoteCast': {
        const { person, vote } = event.data;
        return of(state, event.data.version, (v) => ({
          ...v,
          votes: [...v.votes.filter((c) => c.person !== person), { person, vote, conditions: [] }],
        }));
      }
      case 'ChangeModelDecided': {
        const { version, outcome, recused } = event.data;
        const versions = state.versions.map((v) =>
          outcome === 'approved' && v.status === 'approved' ? { ...v, status: 'superseded' as const } : v,
        );
        return of({ versions }, version, (v) => ({ ...v, status: outcome, recused }));
      }
      case 'ChangeModelUsed': {
        const { version, changeId, deploymentId, outcome } = event.data;
        return of(state, version, (v) => ({
          ...v,
          used: [...v.used.filter((id) => id !== changeId), changeId],
          noted: [...v.noted, `${deploymentId}:${outcome}`],
        }));
      }
      case 'ChangeModelSuspended': {
        const { version, reason } = event.data;
        return of(state, version, (v) => ({ ...v, status: 'suspended', reason }));
      }
      default:
        return unknownEvent(event);
    }
  },
};

function of(state: ChangeModel, version: number, to: (v: ModelVersion) => ModelVersion): ChangeModel {
  return { versions: state.versions.map((v) => (v.version === version ? to(v) : v)) };
}

/** Why a version of a model pre-approves nothing at an instant; undefined where it does. @param now ISO 8601 */
export function notInForce(modelId: string, version: ModelVersion | undefined, now: string, changeId?: string): string | undefined {
  if (!version) return `There is no approved version of change model ${modelId}.`;
  const name = `Version ${version.version} of change model ${modelId}`;
  if (version.status !== 'approved')
    return `${name} is ${version.status}${version.reason ? `: ${version.reason}` : version.status === 'proposed' ? ', not approved.' : '.'}`;
  if (now < version.validFrom) return `${name} is valid from ${version.validFrom} on.`;
  if (now >= version.validUntil) return `${name} was valid until ${version.validUntil}.`;
  const others = version.used.filter((id) => id !== changeId);
  return version.maxChanges !== undefined && others.length >= version.maxChanges
    ? `${name} is for ${version.maxChanges} changes, and ${others.length} were made under it.`
    : undefined;
}

/** The newest version that pre-approves, or else the newest of all, which says why it does not. */
export function versionFor(model: ChangeModel): ModelVersion | undefined {
  return model.versions.findLast((v) => v.status === 'approved') ?? model.versions.at(-1);
}

/** What of a model's conditions does not hold for a release and its plan, each as a sentence; empty where it matches. */
export function conditionProblems(
  conditions: ModelConditions,
  facts: Pick<GateFacts, 'product' | 'artifacts' | 'environmentClass'> & {
    readonly plan?: Pick<NonNullable<GateFacts['plan']>, 'steps'>;
    readonly reports: Parameters<typeof testsProblem>[0]['reports'];
  },
  successes: number,
): readonly string[] {
  const steps = facts.plan?.steps ?? [];
  const types = facts.artifacts.map((a) => /^pkg:([^/]+)\//.exec(a.purl)?.[1] ?? 'unknown');
  const actions = steps.flatMap((s) => [s, ...(s.compensation ? [s.compensation] : [])]).map((s) => `${s.driver}:${s.action}`);
  const tests = conditions.testsPassed ? testsProblem(facts) : undefined;
  return [
    ...outside('product', [facts.product ?? 'none'], conditions.products),
    ...outside(
      'service',
      facts.artifacts.map((a) => a.name),
      conditions.services,
    ),
    ...outside('class of environment', [facts.environmentClass ?? 'none'], conditions.environmentClasses),
    ...outside('package type', types, conditions.packageTypes),
    ...outside('step', actions, conditions.actions),
    ...(tests ? [tests] : []),
    ...(conditions.minimumSuccesses !== undefined && successes < conditions.minimumSuccesses
      ? [`It asks for ${conditions.minimumSuccesses} successful deployments without a failure since; there are ${successes}.`]
      : []),
  ];
}

function outside(what: string, given: readonly string[], allowed: readonly string[] | undefined): readonly string[] {
  const strange = [...new Set(given)].filter((value) => allowed && !allowed.includes(value));
  return strange.length > 0 ? [`It is not for ${what} ${strange.join(', ')}; it is for ${allowed?.join(', ') ?? ''}.`] : [];
}
