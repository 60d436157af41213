import type { ChangeConflict, ClassReason, PlannedChangeClass } from '#libs/contracts';
import { refuse, type Reason, type Refusal } from '#libs/event-sourcing';
import { bypassReasons } from '../bypass.ts';
import type { GateFacts } from '../sources.ts';
import { conditionProblems, notInForce, versionFor } from './change-model.ts';
import type { ChangeEvidence, ChangeFacts } from './read.ts';

/** The class of a change, and what makes it so. */
export interface Classed {
  readonly class: PlannedChangeClass;
  readonly reasons: readonly ClassReason[];
}

/**
 * The class that a plan claims, if what is named as evidence bears it: `standard` by a model in force whose conditions hold and with
 * nothing in its way, `emergency` by an open incident in the environment or a bypass of this very tuple, `normal` by itself. What is
 * claimed and not borne is refused, with what would bear it.
 *
 * @param now ISO 8601
 */
export function classify(
  facts: GateFacts,
  evidence: ChangeFacts,
  named: ChangeEvidence,
  conflicts: readonly ChangeConflict[],
  now: string,
  refs: Readonly<Record<string, string>>,
): Classed | Refusal {
  const claimed = facts.plan?.changeClass ?? 'normal';
  const cited = (...categories: readonly string[]): readonly string[] =>
    Object.values(refs)
      .filter((ref) => categories.some((category) => ref.startsWith(`${category}-`)))
      .sort();
  if (claimed === 'normal') return normal(named, facts.refs.release);
  if (claimed === 'standard') {
    const problems = standardProblems(facts, evidence, named.modelId, conflicts, now);
    const { modelId = '' } = named;
    const version = evidence.model ? versionFor(evidence.model)?.version : undefined;
    return problems.length === 0
      ? {
          class: 'standard',
          reasons: [
            {
              code: 'model-matches',
              detail: `Version ${version ?? 0} of change model ${modelId} is in force, its conditions hold, and nothing is in its way.`,
              evidence: cited('changemodel', 'changehistory', 'changecalendar'),
            },
          ],
        }
      : notBorne('standard', problems, cited('changemodel', 'changehistory', 'changecalendar'), STANDARD);
  }
  const grounds = emergencyGrounds(facts, evidence, named, now);
  const borne = grounds.find((g) => g.problem === undefined);
  if (borne) return { class: 'emergency', reasons: [{ code: borne.code, detail: borne.detail, evidence: cited('incident', 'bypass') }] };
  const problems = grounds.length > 0 ? grounds.map((g) => g.problem ?? '') : ['No incident and no bypass is named.'];
  return notBorne('emergency', problems, cited('incident', 'bypass'), EMERGENCY);
}

const STANDARD = 'Name a change model that is approved and in force and whose conditions hold, or plan the release as a normal change.';
const EMERGENCY =
  'Name an incident that is open in this environment, or a bypass for exactly this; or plan the release as a normal change.';

function normal({ modelId, incidentId, bypassId }: ChangeEvidence, release: string): Classed | Refusal {
  const named = modelId !== undefined ? 'standard' : (incidentId ?? bypassId) !== undefined ? 'emergency' : undefined;
  if (named === undefined)
    return {
      class: 'normal',
      reasons: [{ code: 'nothing-else-claimed', detail: 'Neither a model nor an emergency is claimed.', evidence: [release] }],
    };
  return refuse('meaning', 'class-not-planned', `What you name is evidence of a change of class ${named}; it is planned as a normal one.`, [
    {
      code: 'class-not-planned',
      detail: 'Calendars and gates go by the class of the plan.',
      evidence: [release],
      unblockedBy: `Plan the release with changeClass ${named}, or name neither model nor incident nor bypass.`,
    },
  ]);
}

/** Why a model does not pre-approve a change, each as a sentence. */
export function standardProblems(
  facts: GateFacts,
  { model, successes, id }: ChangeFacts,
  modelId: string | undefined,
  conflicts: readonly ChangeConflict[],
  now: string,
): readonly string[] {
  if (modelId === undefined || !model) return ['No change model is named.'];
  const version = versionFor(model);
  const out = notInForce(modelId, version, now, id);
  return [
    ...(out ? [out] : []),
    ...(version ? conditionProblems(version.conditions, facts, successes ?? 0) : []),
    ...conflicts.map((c) => `In its way: ${c.detail}`),
  ];
}

interface Ground {
  readonly code: string;
  readonly detail: string;
  /** Why it bears nothing. */
  readonly problem?: string;
}

/** What is named as grounds of an emergency, and whether each holds now. */
export function emergencyGrounds(
  facts: GateFacts,
  { incident, bypass }: ChangeFacts,
  { incidentId, bypassId }: Pick<ChangeEvidence, 'incidentId' | 'bypassId'>,
  now: string,
): readonly Ground[] {
  const grounds: Ground[] = [];
  if (incidentId !== undefined) {
    const problem = !incident?.environment
      ? `There is no incident ${incidentId}.`
      : incident.environment !== facts.environment
        ? `Incident ${incidentId} is about ${incident.environment}, not ${facts.environment}.`
        : incident.open
          ? undefined
          : `Incident ${incidentId} is resolved.`;
    const detail = `Incident ${incidentId} is open in ${facts.environment}.`;
    grounds.push({ code: 'incident-open', detail, ...(problem ? { problem } : {}) });
  }
  if (bypassId !== undefined) {
    const [problem] = bypassReasons({ ...facts, bypass: { id: bypassId, ...(bypass ? { grant: bypass } : {}) } }, now);
    const detail = `Bypass ${bypassId} holds for exactly this.`;
    grounds.push({ code: 'bypass-holds', detail, ...(problem ? { problem: problem.detail } : {}) });
  }
  return grounds;
}

function notBorne(claimed: PlannedChangeClass, problems: readonly string[], evidence: readonly string[], unblockedBy: string): Refusal {
  return refuse(
    'conflict',
    'class-not-borne',
    `The plan claims ${claimed === 'emergency' ? 'an' : 'a'} ${claimed} change, and the evidence does not bear it.`,
    problems.map((detail): Reason => ({ code: `not-${claimed}`, detail, evidence, unblockedBy })),
  );
}
