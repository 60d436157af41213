import { changeCalendarIds, changeHistoryId, type ChangeEvent, type DeploymentEvent } from '#libs/contracts';
import { scheduledOf } from '#libs/policy';
import { CHANGE, dossierOf, releaseFacts, submittedWith } from '#libs/policy/testing';
import { cancelTimer, send, setTimer } from '#libs/processes';
import { processScenario } from '#libs/processes/testing';
import { changeCourse } from './change-course.process.ts';
import { changeBoardGuard, changeGuard } from './change-guard.process.ts';

const course = processScenario(changeCourse, CHANGE);
const dossier = dossierOf(releaseFacts(), { board: { boardId: 'cab', version: 1 } });
const submitted = submittedWith(dossier);
const of = { changeId: CHANGE, releaseId: 'release-1', environment: 'production', round: 1 };
const [week] = changeCalendarIds('production', dossier.window);
const schedule = (round: number, from = dossier) =>
  send('ScheduleChange', changeCalendarIds('production', from.window)[0]!, { ...scheduledOf(from), round, environment: 'production' });
const unschedule = (reason: string) => send('UnscheduleChange', week!, { changeId: CHANGE, environment: 'production', reason });
const implemented = (outcome: 'succeeded' | 'failed'): ChangeEvent => ({
  type: 'ChangeImplemented',
  data: { ...of, deploymentId: 'd1', outcome },
});

describe('the course of a change', () => {
  it('puts it into the calendar of its week, and takes it out of the week that it was planned for before', () => {
    course.given().when(submitted).then(schedule(1), cancelTimer('review'), cancelTimer('itsm'));
    const later = dossierOf(releaseFacts(), { round: 2, window: { from: '2026-03-12T09:00:00.000Z', until: '2026-03-12T10:00:00.000Z' } });
    course
      .given(submitted)
      .when(submittedWith(later))
      .then(schedule(2, later), unschedule('Round 2 is planned for another time.'), cancelTimer('review'), cancelTimer('itsm'));
  });

  it('takes it out where it is withdrawn or done', () => {
    course
      .given(submitted)
      .when({ type: 'ChangeWithdrawn', data: { ...of, person: 'rita', reason: 'Later.' } })
      .then(cancelTimer('itsm'), unschedule('The change was withdrawn.'));
    const note = send('NoteChangeOutcome', changeHistoryId('shop', 'production'), {
      changeId: CHANGE,
      deploymentId: 'd1',
      outcome: 'succeeded',
      product: 'shop',
      environment: 'production',
    });
    course.given(submitted).when(implemented('succeeded')).then(note, unschedule('The change is done.'));
  });

  it('tells the model what became of a change under it', () => {
    const model = { modelId: 'patch', version: 2 };
    const [, told] = [1, send('RecordModelUse', 'patch', { changeId: CHANGE, deploymentId: 'd1', outcome: 'failed', version: 2 })] as const;
    const note = send('NoteChangeOutcome', changeHistoryId('shop', 'production'), {
      changeId: CHANGE,
      deploymentId: 'd1',
      outcome: 'failed',
      product: 'shop',
      environment: 'production',
    });
    course
      .given(submittedWith({ ...dossier, model }, { route: 'model' }))
      .when(implemented('failed'))
      .then(note, told);
  });

  it('holds an emergency to its review, and a waiting ITSM to its time', () => {
    const due = '2026-03-05T08:00:00.000Z';
    const emergency = submittedWith(dossier, { route: 'emergency', reviewDueAt: due });
    course
      .given()
      .when(emergency)
      .then(schedule(1), setTimer('review', due, { dueAt: due }), cancelTimer('itsm'));
    const elapsed = (timerId: string) => ({
      type: 'ProcessTimerElapsed' as const,
      data: { timerId, dueAt: due, elapsedAt: due, data: { dueAt: due } },
    });
    course
      .given(emergency)
      .when(elapsed('review'))
      .then(send('MarkChangeReviewOverdue', CHANGE, { dueAt: due }));
    course
      .given(submitted)
      .when(elapsed('itsm'))
      .then(send('HandChangeToBoard', CHANGE, { dueAt: due }));
    course
      .given(emergency)
      .when({ type: 'ChangeReviewed', data: { ...of, reviewer: 'otto', outcome: 'approved', findings: 'Real.', late: false } })
      .then(cancelTimer('review'));
  });

  it('hears how its deployments end, and when one is rolled back; and nothing of releases without a change', () => {
    const ended: DeploymentEvent = {
      type: 'DeploymentSucceeded',
      data: { deploymentId: 'd1', releaseId: 'release-1', environment: 'production', round: 1, artifacts: [] },
    };
    expect(course.instanceOf(ended)).toBe(CHANGE);
    course
      .given(submitted)
      .when(ended)
      .then(send('RecordChangeOutcome', CHANGE, { deploymentId: 'd1', outcome: 'succeeded' }));
    course.given().when(ended).then();
    const rollback = {
      type: 'DeploymentSucceeded' as const,
      data: { ...ended.data, rollbackOf: { deploymentId: 'd0', releaseId: 'r0', reason: 'Broken.' } },
    };
    expect(course.instanceOf(rollback)).toBeUndefined();
  });
});

describe('the guards of changes', () => {
  const look = send('VoidChangeIfChanged', CHANGE, {});
  it('have a change looked at whenever its release changes, again and again', () => {
    const planned = { type: 'ReleaseAmended' as const, data: { releaseId: 'release-1', artifacts: [], authors: [] } };
    const guard = processScenario(changeGuard, 'release-1');
    guard.given().when(planned).then();
    guard.given(submitted, planned).when(planned).then(look);
  });

  it('have it looked at when its board is defined anew', () => {
    const guard = processScenario(changeBoardGuard, 'cab');
    expect(guard.instanceOf(submitted)).toBe('cab');
    const [defined] = [{ type: 'BoardDefined' as const, data: {} }];
    guard.given(submitted).when(defined).then(look);
    const issued = { type: 'ProcessCommandIssued' as const, data: { target: CHANGE } };
    guard.given(submitted, issued).when(defined).then();
  });
});
