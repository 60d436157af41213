import {
  BYPASS_REGISTER,
  changeCalendarIds,
  changeHistoryId,
  changeId,
  type ChangeConflict,
  type ChangeDossier,
  type IncidentEvent,
  type PlannedChangeClass,
  type PlannedWindow,
  type ScheduledChange,
} from '#libs/contracts';
import { own, type Aggregate, type ReadAggregate } from '#libs/event-sourcing';
import { bypassSource, type BypassGrant } from '../bypass.ts';
import { readGroups } from '../groups.ts';
import type { GateFacts } from '../sources.ts';
import { board, type Board } from './board.ts';
import { change, changeCalendar, changeHistory, type Change } from './change.ts';
import { changeModel, type ChangeModel } from './change-model.ts';
import { findConflicts } from './conflicts.ts';
import { findCircles, statusOf, type Dependency } from './dependencies.ts';
import type { ChangeHands } from './voters.ts';

export interface IncidentSource {
  readonly open: boolean;
  readonly environment?: string;
}

/** Whether an incident is open, and where. */
export const incidentSource: Aggregate<IncidentSource, IncidentEvent> = {
  category: 'incident',
  initial: { open: false },
  evolve: (state, { type, data }) => {
    if (type === 'IncidentOpened') return { open: true, environment: data.environment };
    return type === 'IncidentResolved' ? { ...state, open: false } : state;
  },
};

/** What a change is judged on besides its release, with `stream@revision` of all that was read. */
export interface ChangeFacts {
  readonly id: string;
  readonly change: Change;
  /** Who took part, as known now; absent where the engine took them as they are recorded. */
  readonly hands?: ChangeHands;
  readonly board?: Board;
  /** Members of the board, sorted. */
  readonly members?: readonly string[];
  readonly model?: ChangeModel;
  /** Deployments of the product to the environment that succeeded since the last failure. */
  readonly successes?: number;
  readonly incident?: IncidentSource;
  /** Absent where there is none of the id that was named. */
  readonly bypass?: BypassGrant;
  /** Changes planned for the environment in the weeks of the window, its own included; absent where nobody asks any more. */
  readonly planned?: readonly (ScheduledChange & { readonly round: number })[];
  readonly dependsOn?: readonly Dependency[];
}

/** What a submission names. */
export interface ChangeEvidence {
  readonly boardId?: string;
  readonly modelId?: string;
  readonly incidentId?: string;
  readonly bypassId?: string;
  readonly window?: PlannedWindow;
  readonly dependsOn: readonly string[];
}

function namedIn(
  { board: of, model, incidentId, bypassId, window, dependsOn }: ChangeDossier,
  watched: boolean,
  waits: boolean,
): ChangeEvidence {
  return {
    ...(of ? { boardId: of.boardId } : {}),
    ...(model ? { modelId: model.modelId } : {}),
    ...(incidentId ? { incidentId } : {}),
    ...(bypassId ? { bypassId } : {}),
    ...(watched ? { window } : {}),
    dependsOn: watched || waits ? dependsOn : [],
  };
}

/**
 * Reads the change of a release for an environment, and what it rests on.
 *
 * @param asked what a submission names; what the dossier names unless told
 * @param inOrder whether the engine has a change wait for those that it depends on
 */
export async function readChangeFacts(
  read: ReadAggregate,
  { releaseId, environment, product }: { readonly releaseId: string; readonly environment: string; readonly product?: string },
  asked?: ChangeEvidence,
  inOrder = true,
): Promise<{ readonly change: ChangeFacts; readonly refs: Readonly<Record<string, string>> }> {
  const id = changeId(releaseId, environment);
  const loaded = await read(change, id);
  const { accounts: _accounts, ...recorded } = loaded.state;
  const { dossier, status, route } = recorded;
  // What the board has decided stays decided; what a model pre-approves is decided when it starts.
  const watched = status === 'open' || (status === 'approved' && route === 'model');
  const waits = inOrder && (status === 'open' || status === 'approved');
  const named = asked ?? (dossier ? namedIn(dossier, watched, waits) : { dependsOn: [] });
  const weeks = named.window ? changeCalendarIds(environment, named.window) : [];
  const [of, model, incident, bypass, history, planned, before] = await Promise.all([
    named.boardId === undefined ? undefined : read(board, named.boardId),
    named.modelId === undefined ? undefined : read(changeModel, named.modelId),
    named.incidentId === undefined ? undefined : read(incidentSource, named.incidentId),
    named.bypassId === undefined ? undefined : read(bypassSource, BYPASS_REGISTER),
    named.modelId === undefined ? undefined : read(changeHistory, changeHistoryId(product ?? '', environment)),
    Promise.all(weeks.map((week) => read(changeCalendar, week))),
    Promise.all(named.dependsOn.map((other) => read(change, other))),
  ]);
  const { circles, seen } = inOrder
    ? await findCircles(id, named.dependsOn, (other) => read(change, other))
    : { circles: undefined, seen: [] };
  const groups = of?.state.contents ? await readGroups(read, [of.state.contents.group]) : undefined;
  const grant = bypass && named.bypassId !== undefined ? own(bypass.state, named.bypassId) : undefined;
  const everybody = Object.fromEntries(planned.flatMap((week) => Object.entries(week.state.planned)));
  return {
    change: {
      id,
      change: recorded,
      ...(of ? { board: of.state } : {}),
      ...(groups ? { members: Object.values(groups.members).flat() } : {}),
      ...(model ? { model: model.state } : {}),
      ...(history ? { successes: history.state.successes } : {}),
      ...(incident ? { incident: incident.state } : {}),
      ...(grant ? { bypass: grant } : {}),
      ...(named.window ? { planned: Object.values(everybody).sort((a, b) => (a.changeId < b.changeId ? -1 : 1)) } : {}),
      ...(named.dependsOn.length > 0
        ? {
            dependsOn: before.map(({ id: other, state }) => ({
              changeId: other,
              done: state.status === 'implemented' && state.deployments.at(-1)?.outcome === 'succeeded',
              ...(state.dossier && (state.status === 'open' || state.status === 'approved') ? { window: state.dossier.window } : {}),
              ...(circles ? standing(state, circles.get(other)) : {}),
            })),
          }
        : {}),
    },
    refs: Object.fromEntries([
      ['change', loaded.ref],
      ...[of, model, incident, bypass, history, ...planned, ...before, ...seen].flatMap((l) => (l ? [[l.stream, l.ref] as const] : [])),
      ...Object.entries(groups?.refs ?? {}).map(([group, ref]) => [`group-${group}`, ref] as const),
    ]),
  };
}

function standing(state: Change, circle: readonly string[] | undefined): Pick<Dependency, 'status' | 'of' | 'circle'> {
  const { product, environment } = state;
  return {
    status: statusOf(state),
    ...(product && environment ? { of: `${product} in ${environment}` } : {}),
    ...(circle ? { circle } : {}),
  };
}

/** A dossier as other changes see it. */
export function scheduledOf({ changeId: id, contents, window }: Pick<ChangeDossier, 'changeId' | 'contents' | 'window'>): ScheduledChange {
  const { releaseId, product, artifacts } = contents;
  return { changeId: id, releaseId, product, window, artifacts: artifacts.map(({ name, digest }) => ({ name, digest })) };
}

/** What gets in the way of a change in its window, as the sources say now. */
export function conflictsNow(
  facts: GateFacts,
  evidence: ChangeFacts,
  own: ScheduledChange,
  changeClass: PlannedChangeClass,
  boardId: string | undefined,
): readonly ChangeConflict[] {
  const most = evidence.board?.contents?.maxConcurrent;
  return findConflicts({
    own,
    others: evidence.planned ?? [],
    dependsOn: evidence.dependsOn ?? [],
    calendars: facts.calendars ?? [],
    target: {
      environment: facts.environment,
      ...(facts.environmentClass ? { environmentClass: facts.environmentClass } : {}),
      ...(facts.product ? { product: facts.product } : {}),
      services: facts.artifacts.map((a) => a.name),
      changeClass,
    },
    ...(most !== undefined && boardId !== undefined ? { capacity: { boardId, maxConcurrent: most } } : {}),
  });
}
