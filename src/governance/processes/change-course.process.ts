import {
  changeCalendarIds,
  changeHistoryId,
  changeId,
  type ChangeEvent,
  type DeploymentEvent,
  type ScheduledChange,
} from '#libs/contracts';
import { scheduledOf } from '#libs/policy';
import { cancelTimer, defineProcess, send, setTimer, type Effect } from '#libs/processes';

type Input =
  | Extract<
      ChangeEvent,
      { type: 'ChangeSubmitted' | 'ChangeDecided' | 'ChangeVoided' | 'ChangeWithdrawn' | 'ChangeImplemented' | 'ChangeReviewed' }
    >
  | Extract<DeploymentEvent, { type: 'DeploymentStarted' | 'DeploymentSucceeded' | 'DeploymentFailed' }>;

interface Course {
  readonly scheduled?: ScheduledChange & { readonly round: number; readonly environment: string };
  /** Streams of the weeks that it is planned for, and was before. */
  readonly weeks: readonly string[];
  readonly formerWeeks: readonly string[];
  readonly model?: { readonly modelId: string; readonly version: number };
}

const REVIEW = 'review';
const ITSM = 'itsm';

/**
 * What follows from a change: that others see it in the calendar of its weeks, that an emergency is reviewed in time, that a board takes over
 * from an ITSM that is away, and that what became of it is noted where models and their conditions look. An instance is a change.
 */
export const changeCourse = defineProcess<Course, Input>({
  name: 'change_course',
  instance: {
    ChangeSubmitted: (e) => e.data.changeId,
    ChangeDecided: (e) => e.data.changeId,
    ChangeVoided: (e) => e.data.changeId,
    ChangeWithdrawn: (e) => e.data.changeId,
    ChangeImplemented: (e) => e.data.changeId,
    ChangeReviewed: (e) => e.data.changeId,
    // A rollback says of the release that it withdraws how its change has ended.
    DeploymentStarted: ({ data: { rollbackOf, environment } }) => (rollbackOf ? changeId(rollbackOf.releaseId, environment) : undefined),
    DeploymentSucceeded: ({ data }) => (data.rollbackOf ? undefined : changeId(data.releaseId, data.environment)),
    DeploymentFailed: ({ data }) => (data.rollbackOf ? undefined : changeId(data.releaseId, data.environment)),
  },
  initial: { weeks: [], formerWeeks: [] },
  evolve: (state, event) => {
    if (event.type !== 'ChangeSubmitted') return state;
    const { dossier, round, environment } = event.data;
    return {
      scheduled: { ...scheduledOf(dossier), round, environment },
      weeks: changeCalendarIds(environment, dossier.window),
      formerWeeks: state.weeks,
      ...(dossier.model ? { model: dossier.model } : {}),
    };
  },
  react: (state, input, { instance }): readonly Effect[] => {
    const { scheduled, weeks, formerWeeks, model } = state;
    if (!scheduled) return [];
    const { environment, product } = scheduled;
    const unschedule = (from: readonly string[], reason: string): readonly Effect[] =>
      from.map((week) => send('UnscheduleChange', week, { changeId: instance, environment, reason }));
    const outcome = (deploymentId: string, how: 'succeeded' | 'failed' | 'rolled-back'): Effect =>
      send('RecordChangeOutcome', instance, { deploymentId, outcome: how });
    switch (input.type) {
      case 'ChangeSubmitted': {
        const { reviewDueAt, boardTakesOverAt, round } = input.data;
        return [
          ...weeks.map((week) => send('ScheduleChange', week, scheduled)),
          ...unschedule(
            formerWeeks.filter((week) => !weeks.includes(week)),
            `Round ${round} is planned for another time.`,
          ),
          reviewDueAt ? setTimer(REVIEW, reviewDueAt, { dueAt: reviewDueAt }) : cancelTimer(REVIEW),
          boardTakesOverAt ? setTimer(ITSM, boardTakesOverAt, { dueAt: boardTakesOverAt }) : cancelTimer(ITSM),
        ];
      }
      case 'ChangeDecided':
        if (input.data.outcome === 'deferred') return [];
        return [cancelTimer(ITSM), ...(input.data.outcome === 'rejected' ? unschedule(weeks, 'The change was rejected.') : [])];
      case 'ChangeVoided':
      case 'ChangeWithdrawn':
        return [cancelTimer(ITSM), ...unschedule(weeks, `The change was ${input.type === 'ChangeVoided' ? 'voided' : 'withdrawn'}.`)];
      case 'ChangeReviewed':
        return [cancelTimer(REVIEW)];
      case 'ProcessTimerElapsed': {
        const { timerId, data } = input.data;
        return [send(timerId === REVIEW ? 'MarkChangeReviewOverdue' : 'HandChangeToBoard', instance, data as object)];
      }
      case 'DeploymentStarted':
        return input.data.rollbackOf ? [outcome(input.data.rollbackOf.deploymentId, 'rolled-back')] : [];
      case 'DeploymentSucceeded':
        return [outcome(input.data.deploymentId, 'succeeded')];
      case 'DeploymentFailed':
        return [outcome(input.data.deploymentId, 'failed')];
      case 'ChangeImplemented': {
        const { deploymentId, outcome: how } = input.data;
        const noted = { changeId: instance, deploymentId, outcome: how };
        return [
          send('NoteChangeOutcome', changeHistoryId(product, environment), { ...noted, product, environment }),
          ...(model ? [send('RecordModelUse', model.modelId, { ...noted, version: model.version })] : []),
          ...(how === 'succeeded' ? unschedule(weeks, 'The change is done.') : []),
        ];
      }
      default:
        return [];
    }
  },
});
