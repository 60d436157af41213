import type { PlannedStep, StepAction } from '#libs/contracts';
import { own } from '#libs/event-sourcing';
import type { Deployment, StepState } from './deployment.ts';

/** Most steps of one deployment under way at once. */
export const PARALLEL_STEPS = 4;

export interface ReadyStep {
  readonly step: string;
  readonly compensating: boolean;
  readonly attempt: number;
  readonly action: StepAction;
}

export interface Schedule {
  /** What may be leased at this moment, within the limit of parallel steps. */
  readonly ready: readonly ReadyStep[];
  /** Set as soon as nothing more will run. */
  readonly end?:
    | { readonly outcome: 'succeeded' }
    | { readonly outcome: 'failed'; readonly failedSteps: readonly string[]; readonly compensated: boolean };
}

/**
 * What a deployment does next. Pure: a function of the state and the time, which only decides whether a lease has run out.
 * A failed step is tolerated where every step that depends on it says `continue` (and at least one does);
 * an edge that says `compensate` has the steps that succeeded undone in reverse order, one at a time.
 */
export function schedule(state: Deployment, now: string): Schedule {
  if (state.status !== 'running') return { ready: [] };
  const byId = new Map(state.plan.map((s) => [s.id, s]));
  const blocked = blockedSteps(state);
  const free = (s: StepState | undefined): boolean => s?.status === 'waiting' || (s?.status === 'leased' && now >= (s.leasedUntil ?? ''));
  const underWay = Object.values(state.steps).filter((s) => s.status === 'leased' && !free(s)).length;

  const runnable = state.plan.filter(
    (s) => free(own(state.steps, s.id)) && !blocked.has(s.id) && s.dependsOn.every((d) => isSettled(state, d.step)),
  );
  if (runnable.length > 0 || underWay > 0) {
    return {
      ready: runnable
        .slice(0, Math.max(0, PARALLEL_STEPS - underWay))
        .map((s) => ({ step: s.id, compensating: false, attempt: (own(state.steps, s.id)?.attempt ?? 0) + 1, action: actionOf(s) })),
    };
  }

  const failedSteps = state.plan.filter((s) => own(state.steps, s.id)?.status === 'failed' && !isTolerated(state, s.id)).map((s) => s.id);
  if (failedSteps.length === 0) return { ready: [], end: { outcome: 'succeeded' } };
  const compensate = state.plan.some((s) => s.dependsOn.some((d) => d.onFailure === 'compensate' && failedSteps.includes(d.step)));
  if (!compensate) return { ready: [], end: { outcome: 'failed', failedSteps, compensated: false } };

  for (const id of [...state.succeeded].reverse()) {
    const compensation = byId.get(id)?.compensation;
    if (!compensation) continue;
    const done = own(state.compensations, id);
    if (done?.status === 'succeeded') continue;
    // A compensation that fails ends the deployment as it is: a person must look.
    if (done?.status === 'failed') return { ready: [], end: { outcome: 'failed', failedSteps, compensated: false } };
    if (done && !free(done)) return { ready: [] };
    return { ready: [{ step: id, compensating: true, attempt: (done?.attempt ?? 0) + 1, action: compensation }] };
  }
  return { ready: [], end: { outcome: 'failed', failedSteps, compensated: true } };
}

/** Succeeded, or failed and every edge to it tolerates that. */
function isSettled(state: Deployment, id: string): boolean {
  const status = own(state.steps, id)?.status;
  return status === 'succeeded' || (status === 'failed' && isTolerated(state, id));
}

function isTolerated(state: Deployment, id: string): boolean {
  const edges = state.plan.flatMap((s) => s.dependsOn.filter((d) => d.step === id));
  return edges.length > 0 && edges.every((d) => d.onFailure === 'continue');
}

/** Steps that can never run, because something they need (directly or not) failed and is not tolerated. */
function blockedSteps(state: Deployment): ReadonlySet<string> {
  const blocked = new Set<string>();
  for (let grew = true; grew;) {
    grew = false;
    for (const step of state.plan) {
      if (blocked.has(step.id)) continue;
      const stuck = step.dependsOn.some(
        (d) => blocked.has(d.step) || (own(state.steps, d.step)?.status === 'failed' && !isTolerated(state, d.step)),
      );
      if (stuck) {
        blocked.add(step.id);
        grew = true;
      }
    }
  }
  return blocked;
}

function actionOf(step: PlannedStep): StepAction {
  return { driver: step.driver, action: step.action, input: step.input };
}
