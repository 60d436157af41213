import { ConflictException, HttpException, InternalServerErrorException } from '@nestjs/common';
import {
  AppendOutcomeUnknown,
  AppendTooLarge,
  EventLogUnavailable,
  refuse,
  RefusedError,
  WrongExpectedRevision,
  type RefusalKind,
} from '#libs/event-sourcing';
import { problemOf } from './problem.ts';

describe('A problem', () => {
  it.each<[RefusalKind, number]>([
    ['duty', 403],
    ['not-found', 404],
    ['conflict', 409],
    ['gate', 409],
    ['precondition', 412],
    ['meaning', 422],
    ['frozen', 423],
    ['limit', 429],
  ])('answers a refusal of kind %s with %i, its type, its sentence and its reasons', (kind, status) => {
    const reasons = [
      { code: 'approvals-missing', detail: 'One of two.', evidence: ['approval-1@3'], unblockedBy: 'One more person approves.' },
    ];
    expect(problemOf(new RefusedError(refuse(kind, 'gates-not-passed', 'Not yet.', reasons), 42n))).toEqual({
      problem: { type: 'https://plimsoll.dev/problems/gates-not-passed', title: 'Gates not passed', status, detail: 'Not yet.', reasons },
      headers: { 'plimsoll-position': '42' },
    });
  });

  it('says that an outcome is unknown, and how to find out', () => {
    const answer = problemOf(new AppendOutcomeUnknown('release-1'));
    expect(answer).toMatchObject({
      problem: { status: 503, type: expect.stringMatching(/outcome-unknown$/) as string },
      headers: { 'retry-after': '1' },
    });
    expect(answer?.problem.detail).toContain('Repeat it with the same Idempotency-Key');
  });

  it('maps what the event log throws', () => {
    expect(problemOf(new EventLogUnavailable('down'))).toMatchObject({ problem: { status: 503 }, headers: { 'retry-after': '2' } });
    expect(problemOf(new WrongExpectedRevision('release-1', 1, 2))?.problem.status).toBe(409);
    expect(problemOf(new AppendTooLarge('release-1', 2_000_000))?.problem.status).toBe(413);
  });

  it('maps what the framework throws, and shows nothing of what is internal', () => {
    expect(problemOf(new ConflictException('taken'))?.problem).toMatchObject({
      type: 'https://plimsoll.dev/problems/conflict',
      status: 409,
      detail: 'taken',
    });
    expect(problemOf(new HttpException('short', 418))?.problem.type).toBe('https://plimsoll.dev/problems/i-m-a-teapot');
    expect(problemOf(new InternalServerErrorException('password=hunter2'))).toBeUndefined();
    expect(problemOf(new TypeError('x is not a function'))).toBeUndefined();
  });
});
