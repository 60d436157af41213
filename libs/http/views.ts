import {
  Inject,
  Injectable,
  Optional,
  SetMetadata,
  applyDecorators,
  type CallHandler,
  type ExecutionContext,
  type NestInterceptor,
} from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import { ApiHeader } from '@nestjs/swagger';
import type { Observable } from 'rxjs';
import { ProblemError } from './problem.ts';
import { headerOf, replyOf, requestOf } from './request.ts';

/** How far a view has come. */
export interface ViewStatus {
  /** Position of the last event in its rows. */
  readonly position: bigint;
  /** Age of the oldest event that is not in its rows yet, in seconds; 0 where there is none. */
  readonly lagSeconds: number;
  /** Events that are not in its rows yet; undefined where counting would cost too much. */
  readonly lagEvents?: number;
  /** Why it has stopped for good, at one event, where it has. */
  readonly failure?: { readonly message: string } | undefined;
}

/** Where views stand; implemented over the subscriptions that project them. */
export interface ViewPositions {
  /** Resolves true as soon as the view has reached the position, false where it has not after `timeoutMs`. */
  waitFor(view: string, position: bigint, timeoutMs: number): Promise<boolean>;
  status(view: string): ViewStatus | Promise<ViewStatus>;
}

/** Injection token of `ViewPositions`. */
export const VIEW_POSITIONS = Symbol('VIEW_POSITIONS');
/** Injection token of `ViewOptions`; optional. */
export const VIEW_OPTIONS = Symbol('VIEW_OPTIONS');

export interface ViewOptions {
  /** Longest wait for a view, in milliseconds; 5,000 unless told. */
  readonly waitMs?: number;
}

const VIEWS = 'plimsoll:views';

/** The route answers from these views: it honours `Plimsoll-Min-Position` and says how far they have come. */
export const View = (...names: readonly string[]): MethodDecorator & ClassDecorator =>
  applyDecorators(
    SetMetadata(VIEWS, names),
    ApiHeader({
      name: 'Plimsoll-Min-Position',
      required: false,
      description: 'Waits until the view has reached the position that a command answered.',
    }),
  );

const WHOLE = 'plimsoll:whole-view';

/** The route answers nothing where a view of its own has stopped for good: what is missing would look as if there were nothing. */
export const WholeView = (): MethodDecorator & ClassDecorator => SetMetadata(WHOLE, true);

/** Read your writes: a query waits, within bounds, until its views hold what the caller has written. */
@Injectable()
export class ViewInterceptor implements NestInterceptor {
  constructor(
    private readonly reflector: Reflector,
    @Optional() @Inject(VIEW_POSITIONS) private readonly positions?: ViewPositions,
    @Optional() @Inject(VIEW_OPTIONS) private readonly options: ViewOptions = {},
  ) {}

  async intercept(context: ExecutionContext, next: CallHandler): Promise<Observable<unknown>> {
    const names = this.reflector.getAllAndOverride<readonly string[] | undefined>(VIEWS, [context.getHandler(), context.getClass()]);
    if (!names || names.length === 0 || !this.positions) return next.handle();
    const wanted = minPositionOf(headerOf(requestOf(context), 'plimsoll-min-position'));
    if (wanted !== undefined) await this.wait(this.positions, names, wanted);
    // Asked before the rows are read: they are at least as new as the header says.
    const statuses = await this.statusOf(this.positions, names);
    replyOf(context)
      .header(
        'plimsoll-view-position',
        String(statuses.reduce((least, s) => (s.position < least ? s.position : least), statuses[0]?.position ?? -1n)),
      )
      .header('plimsoll-view-lag', String(Math.max(...statuses.map((s) => s.lagSeconds))));
    const failed = names.filter((_, n) => statuses[n]?.failure);
    if (failed.length > 0) {
      if (this.reflector.getAllAndOverride<boolean | undefined>(WHOLE, [context.getHandler(), context.getClass()]))
        throw viewFailed(failed);
      replyOf(context).header('plimsoll-view-failed', failed.join(', '));
    }
    return next.handle();
  }

  private async wait(positions: ViewPositions, names: readonly string[], wanted: bigint): Promise<void> {
    const waitMs = this.options.waitMs ?? 5000;
    const reached = await Promise.all(names.map((name) => positions.waitFor(name, wanted, waitMs)));
    const behind = names[reached.indexOf(false)];
    if (behind === undefined) return;
    const { position, lagSeconds } = await positions.status(behind);
    const detail =
      `The view ${behind} is at position ${position}, ${lagSeconds} s behind, and did not reach ${wanted} within ${waitMs} ms. ` +
      'Ask again later, or without Plimsoll-Min-Position for what it has.';
    const headers = { 'retry-after': '1', 'plimsoll-view-position': String(position), 'plimsoll-view-lag': String(lagSeconds) };
    throw new ProblemError(504, 'view-behind', detail, { headers });
  }

  private async statusOf(positions: ViewPositions, names: readonly string[]): Promise<readonly ViewStatus[]> {
    return await Promise.all(names.map(async (name) => await positions.status(name)));
  }
}

function viewFailed(names: readonly string[]): ProblemError {
  const detail =
    `The view ${names.join(' and ')} has stopped at an event that it can't handle, so the answer would lack what came after it. ` +
    'GET /health/ready says at which event; whoever runs Plimsoll mends it.';
  return new ProblemError(503, 'view-failed', detail, { headers: { 'retry-after': '60' } });
}

function minPositionOf(header: string | undefined): bigint | undefined {
  if (header === undefined) return undefined;
  if (/^(0|[1-9]\d{0,18})$/.test(header)) return BigInt(header);
  const detail = 'Plimsoll-Min-Position must be a position as a command answered it: a whole number in decimal.';
  throw new ProblemError(400, 'malformed-header', detail, { errors: [{ path: 'plimsoll-min-position', problems: [detail] }] });
}
