import type { PlannedStep } from '#libs/contracts';
import { refuse, type Refusal } from '#libs/event-sourcing';

type Node = Pick<PlannedStep, 'id' | 'dependsOn'>;

/**
 * Orders a graph of steps into stages: each stage needs only earlier ones (Kahn's algorithm).
 * Refuses a step id used twice, a dependency on a step that is not there, and a cycle, which it names.
 */
export function stagesOf(steps: readonly Node[]): readonly (readonly string[])[] | Refusal {
  const byId = new Map(steps.map((s) => [s.id, s]));
  if (byId.size < steps.length) {
    const twice = steps.map((s) => s.id).filter((id, i, ids) => ids.indexOf(id) < i);
    return refuse('meaning', 'step-twice', `Each step has an id of its own; used twice: ${[...new Set(twice)].join(', ')}.`);
  }
  for (const step of steps) {
    const absent = step.dependsOn.find((d) => !byId.has(d.step));
    if (absent) return refuse('meaning', 'step-unknown', `Step ${step.id} depends on ${absent.step}, which is not in the plan.`);
  }
  const placed = new Set<string>();
  const stages: string[][] = [];
  while (placed.size < steps.length) {
    const stage = steps.filter((s) => !placed.has(s.id) && s.dependsOn.every((d) => placed.has(d.step))).map((s) => s.id);
    if (stage.length === 0) {
      const cycle = cycleAmong(steps.filter((s) => !placed.has(s.id)));
      return refuse('meaning', 'plan-cycle', `The plan goes in a circle: ${cycle.join(' → ')}.`, [
        { code: 'plan-cycle', detail: cycle.join(' → '), unblockedBy: 'Take one of these dependencies out.' },
      ]);
    }
    stage.forEach((id) => placed.add(id));
    stages.push(stage);
  }
  return stages;
}

/** Every node left over depends on another one left over: following dependencies must come back to where it was. */
function cycleAmong(left: readonly Node[]): readonly string[] {
  const byId = new Map(left.map((s) => [s.id, s]));
  const path: string[] = [];
  for (let at = left[0]?.id; at !== undefined; at = byId.get(at)?.dependsOn.find((d) => byId.has(d.step))?.step) {
    const seen = path.indexOf(at);
    if (seen >= 0) return [...path.slice(seen), at];
    path.push(at);
  }
  return path;
}
