import type { PlannedWindow } from '#libs/contracts';
import type { Loaded } from '#libs/event-sourcing';
import type { Change } from './change.ts';

/** How far a change is that another one depends on. */
export type DependencyStatus = Exclude<Change['status'], 'implemented'> | 'done' | 'failed' | 'rolled-back';

/** A change that another one depends on. */
export interface Dependency {
  readonly changeId: string;
  readonly done: boolean;
  /** Absent where nobody has planned it, or it is not to come any more. */
  readonly window?: PlannedWindow;
  /** Absent where the engine did not ask. */
  readonly status?: DependencyStatus;
  /** What it is a change of, and where: `shop in production`. */
  readonly of?: string;
  /** Changes from this one to the one that depends on it, where each waits for the next and none can be the first. */
  readonly circle?: readonly string[];
}

/** What holds a change up: a change that it depends on and that is not done. */
export interface HeldUp {
  readonly changeId: string;
  /** A sentence. */
  readonly detail: string;
  readonly unblockedBy: string;
  /** Waiting does not help: it is not to come any more. */
  readonly hopeless: boolean;
}

/** Most changes that are looked at in search of a circle. */
const MOST_LOOKED_AT = 100;

export function statusOf({ status, deployments }: Change): DependencyStatus {
  const last = deployments.at(-1)?.outcome;
  if (status === 'implemented') return last === 'succeeded' ? 'done' : 'rolled-back';
  return status === 'approved' && last === 'failed' ? 'failed' : status;
}

/** Whether a change is still to come, so that what it waits for is waited for. */
const pending = ({ status }: Change): boolean => status === 'open' || status === 'approved';

/**
 * Looks for circles: from each change that one depends on, along what each still waits for, back to the one.
 *
 * @returns the way round by the change that it begins with, and every change that was looked at
 */
export async function findCircles(
  changeId: string,
  dependsOn: readonly string[],
  load: (id: string) => Promise<Loaded<Change>>,
): Promise<{ readonly circles: ReadonlyMap<string, readonly string[]>; readonly seen: readonly Loaded<Change>[] }> {
  const seen = new Map<string, Loaded<Change>>();
  const circles = new Map<string, readonly string[]>();
  for (const first of dependsOn) {
    const ways: (readonly string[])[] = [[first]];
    const visited = new Set<string>([first]);
    for (let way = ways.shift(); way && !circles.has(first); way = ways.shift()) {
      const at = way.at(-1) ?? first;
      const known = seen.get(at) ?? (seen.size < MOST_LOOKED_AT ? await load(at) : undefined);
      if (!known) break;
      seen.set(at, known);
      const next = pending(known.state) ? (known.state.dossier?.dependsOn ?? []) : [];
      if (next.includes(changeId)) circles.set(first, way);
      for (const id of next.filter((one) => !visited.has(one))) {
        visited.add(id);
        ways.push([...way, id]);
      }
    }
  }
  return { circles, seen: [...seen.values()] };
}

/** What holds a change up at the moment of effect, in the order in which it names them; nothing where the engine did not ask. */
export function heldUpBy(changeId: string, dependsOn: readonly Dependency[]): readonly HeldUp[] {
  return dependsOn.flatMap((dependency): HeldUp[] => {
    const { changeId: other, done, status, of, circle } = dependency;
    if (done || status === undefined) return [];
    const name = `Change ${other}${of ? ` (${of})` : ''}, on which it depends,`;
    if (circle)
      return [
        {
          changeId: other,
          detail: `${name} waits for it in turn: ${[changeId, ...circle, changeId].join(' → ')}.`,
          unblockedBy: 'Submit one of them again without depending on the next.',
          hopeless: true,
        },
      ];
    return [{ changeId: other, detail: `${name} ${SAID[status]}`, unblockedBy: unblockedBy(other, status), hopeless: isHopeless(status) }];
  });
}

const SAID: Readonly<Record<DependencyStatus, string>> = {
  none: 'was never submitted.',
  open: 'is not decided on.',
  approved: 'is approved and not deployed.',
  failed: 'was deployed and failed.',
  rejected: 'was rejected.',
  voided: 'was voided.',
  withdrawn: 'was withdrawn.',
  'rolled-back': 'was deployed and rolled back.',
  done: 'is done.',
};

/** Whether a change of this status is not to come any more, as it is. */
export function isHopeless(status: DependencyStatus): boolean {
  return status === 'rejected' || status === 'voided' || status === 'withdrawn' || status === 'rolled-back';
}

function unblockedBy(changeId: string, status: DependencyStatus): string {
  if (isHopeless(status)) return `Submit change ${changeId} anew and deploy it, or submit this one again without depending on it.`;
  if (status === 'none') return `Submit change ${changeId} and deploy it, or submit this one again without depending on it.`;
  return `Deploy change ${changeId}${status === 'open' ? ', once it is decided on' : status === 'failed' ? ' again' : ''}: it has to succeed first.`;
}
