import { STATUS_CODES } from 'node:http';
import { HttpException } from '@nestjs/common';
import {
  AppendOutcomeUnknown,
  AppendTooLarge,
  EventLogUnavailable,
  RefusedError,
  WrongExpectedRevision,
  type Reason,
  type RefusalKind,
} from '#libs/event-sourcing';

/** Where problem types live; the last part is the stable, kebab-case name of the error. */
export const PROBLEM_BASE = 'https://plimsoll.dev/problems/';

/** One field that is not as it must be. */
export interface FieldProblem {
  /** JSON path from the body's (or the query's) root: `artifacts[2].digest`. */
  readonly path: string;
  /** Sentences that say what would be accepted. */
  readonly problems: readonly string[];
}

/** The body of every error answer: problem details (RFC 9457) with our own members. */
export interface Problem {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly detail: string;
  /** The path that was asked. */
  readonly instance: string;
  /** Why a refusal refuses, with evidence and what would unblock it. */
  readonly reasons?: readonly Reason[];
  /** What is wrong with which field. */
  readonly errors?: readonly FieldProblem[];
  /** Names the log entry of an internal error. */
  readonly errorId?: string;
}

export interface ProblemOptions extends ErrorOptions {
  readonly errors?: readonly FieldProblem[];
  readonly reasons?: readonly Reason[];
  readonly headers?: Readonly<Record<string, string>>;
}

/** An error of the HTTP edge: thrown anywhere, answered as a problem. */
export class ProblemError extends Error {
  override readonly name = 'ProblemError';
  constructor(
    readonly status: number,
    /** Stable, kebab-case: the last part of the problem's `type`. */
    readonly type: string,
    detail: string,
    readonly options: ProblemOptions = {},
  ) {
    super(detail, options);
  }
}

/** What an error is answered with. */
export interface ProblemAnswer {
  readonly problem: Omit<Problem, 'instance'>;
  readonly headers: Readonly<Record<string, string>>;
}

/** HTTP's word for each kind of refusal; the only place where they meet. */
const STATUS_OF_KIND: Readonly<Record<RefusalKind, number>> = {
  duty: 403,
  'not-found': 404,
  conflict: 409,
  gate: 409,
  precondition: 412,
  meaning: 422,
  frozen: 423,
  limit: 429,
};

/** Names for the errors of the framework, by status; others are named after the status' own phrase. */
const TYPE_OF_STATUS: Readonly<Record<number, string>> = {
  401: 'unauthenticated',
  413: 'body-too-large',
};

/** The answer to an error, or undefined where it is an internal one that nobody outside may see. */
export function problemOf(error: unknown): ProblemAnswer | undefined {
  if (error instanceof ProblemError) return answerOf(error);
  if (error instanceof RefusedError) {
    const { kind, type, detail, reasons, retryAfterSeconds } = error.refusal;
    const position = error.denialPosition;
    const headers = {
      ...(position === undefined ? {} : { 'plimsoll-position': String(position) }),
      ...(retryAfterSeconds === undefined ? {} : { 'retry-after': String(retryAfterSeconds) }),
    };
    return answer(STATUS_OF_KIND[kind], type, detail, { reasons }, headers);
  }
  if (error instanceof AppendOutcomeUnknown) {
    const detail =
      'The event store did not answer in time: the command may or may not have been carried out. ' +
      'Repeat it with the same Idempotency-Key to find out; it is carried out once at most.';
    return answer(503, 'outcome-unknown', detail, {}, { 'retry-after': '1' });
  }
  if (error instanceof EventLogUnavailable) {
    const detail = 'The event store is not available; nothing was carried out. Try again later.';
    return answer(503, 'event-log-unavailable', detail, {}, { 'retry-after': '2' });
  }
  if (error instanceof WrongExpectedRevision) {
    return answer(409, 'concurrent-change', `${error.stream} was changed by somebody else meanwhile. Read it again and decide anew.`);
  }
  if (error instanceof AppendTooLarge) return answer(413, 'too-large-to-store', error.message);
  if (error instanceof HttpException) {
    const status = error.getStatus();
    return status < 500 ? answer(status, TYPE_OF_STATUS[status] ?? slugOf(status), error.message) : undefined;
  }
  return undefined;
}

/** The answer to an error of the edge. */
export function answerOf(error: ProblemError): ProblemAnswer {
  const { headers, errors, reasons } = error.options;
  return answer(error.status, error.type, error.message, { ...(reasons && { reasons }), ...(errors && { errors }) }, headers);
}

/** The answer to an internal error: nothing of its inside, but the id under which the log has it. */
export function internalProblem(errorId: string): ProblemAnswer {
  const detail = `Something went wrong inside the server; it is in the server's log under ${errorId}. Whether the request was carried out is not known.`;
  return answer(500, 'internal', detail, { errorId });
}

function answer(
  status: number,
  type: string,
  detail: string,
  more: Pick<Problem, 'reasons' | 'errors' | 'errorId'> = {},
  headers: Readonly<Record<string, string>> = {},
): ProblemAnswer {
  return { problem: { type: `${PROBLEM_BASE}${type}`, title: titleOf(type), status, detail, ...more }, headers };
}

/** `stale-revision` → `Stale revision`. */
function titleOf(type: string): string {
  const words = type.replaceAll('-', ' ');
  return words.charAt(0).toUpperCase() + words.slice(1);
}

function slugOf(status: number): string {
  return (STATUS_CODES[status] ?? 'error')
    .toLowerCase()
    .replace(/[^a-z]+/g, '-')
    .replace(/^-|-$/g, '');
}
