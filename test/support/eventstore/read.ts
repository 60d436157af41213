import { randomUUID } from 'node:crypto';
import { type ServerWritableStream } from '@grpc/grpc-js';
import * as streams from '@eventstore/db-client/generated/streams_pb.js';
import type { Faults } from './faults.ts';
import type { RecordedEvent, TestLog } from './log.ts';
import { eventResponse, streamDeleted, streamIdentifier, streamNameOf } from './wire.ts';

export type ReadCall = ServerWritableStream<streams.ReadReq, streams.ReadResp>;
type Options = streams.ReadReq.Options;

/** `Read`: a read of a stream or of `$all`, or a catch-up subscription to either. */
export async function read(log: TestLog, faults: Faults, call: ReadCall): Promise<void> {
  faults.track(call);
  const refusal = faults.refusal(call.metadata);
  if (refusal) throw refusal;
  if (faults.silentReads) return;
  const options = call.request.getOptions()!;
  const stream = options.hasStream() ? streamNameOf(options.getStream()!.getStreamIdentifier()) : undefined;
  if (stream !== undefined && log.stream(stream).tombstoned) throw streamDeleted(stream);
  const out = new Outgoing(call, faults);
  if (options.hasSubscription()) await subscribe(log, options, stream, out);
  else await readOnce(log, options, stream, out);
  call.end();
}

/** Writes to a call as fast as its reader takes it. */
class Outgoing {
  open = true;
  private resume: (() => void) | undefined;

  constructor(
    private readonly call: ReadCall,
    private readonly faults: Faults,
  ) {
    const closed = (): void => {
      this.open = false;
      this.wake();
    };
    for (const end of ['cancelled', 'error', 'close', 'finish']) call.on(end, closed);
    call.on('drain', () => this.wake());
  }

  async send(response: streams.ReadResp): Promise<void> {
    if (!this.open) return;
    this.faults.responsesWritten++;
    if (!this.call.write(response)) await this.pause();
  }

  /** Until something is appended or the call ends. */
  async change(log: TestLog): Promise<void> {
    if (!this.open) return;
    const forget = log.onChange(() => this.wake());
    await this.pause();
    forget();
  }

  private pause(): Promise<void> {
    return new Promise((resolve) => {
      this.resume = resolve;
    });
  }

  private wake(): void {
    const resume = this.resume;
    this.resume = undefined;
    resume?.();
  }
}

async function readOnce(log: TestLog, options: Options, stream: string | undefined, out: Outgoing): Promise<void> {
  const backwards = options.getReadDirection() === streams.ReadReq.Options.ReadDirection.BACKWARDS;
  const source = stream === undefined ? log.all : log.stream(stream).visible();
  if (stream !== undefined && (log.stream(stream).last < 0 || log.stream(stream).softDeleted)) {
    const notFound = new streams.ReadResp.StreamNotFound().setStreamIdentifier(streamIdentifier(stream));
    return out.send(new streams.ReadResp().setStreamNotFound(notFound));
  }
  const matches = filterOf(options);
  const step = backwards ? -1 : 1;
  let left = Number(options.getCount());
  for (let i = firstIndex(log, options, source, backwards); out.open && left > 0 && i >= 0 && i < source.length; i += step) {
    const event = source[i]!;
    if (!matches(event)) continue;
    await out.send(eventResponse(event));
    left--;
  }
}

/** Where a read begins: forwards at the position or revision asked for (inclusive), backwards at it in a stream and before it in `$all`. */
function firstIndex(log: TestLog, options: Options, source: readonly RecordedEvent[], backwards: boolean): number {
  const last = source.length - 1;
  const stream = options.getStream();
  if (stream) {
    if (stream.hasEnd()) return backwards ? last : source.length;
    const revision = stream.hasStart() ? 0n : BigInt(stream.getRevision());
    if (!backwards) return source.findIndex((event) => event.revision >= revision);
    return source.findLastIndex((event) => event.revision <= revision);
  }
  const all = options.getAll()!;
  if (all.hasEnd()) return backwards ? last : source.length;
  const at = all.hasStart() ? 0 : log.indexOf(BigInt(all.getPosition()!.getCommitPosition()));
  return backwards ? at - 1 : at;
}

/** Confirmation, then what is there behind the position (exclusive), "caught up", then what comes. Checkpoints only with a filter. */
async function subscribe(log: TestLog, options: Options, stream: string | undefined, out: Outgoing): Promise<void> {
  const source = stream === undefined ? log.all : log.stream(stream).events;
  const matches = filterOf(options);
  const checkpoints = new Checkpoints(options, out);
  let next = firstSubscribed(log, options, stream, source);
  let caughtUp = false;
  await out.send(new streams.ReadResp().setConfirmation(new streams.ReadResp.SubscriptionConfirmation().setSubscriptionId(randomUUID())));
  while (out.open) {
    for (; out.open && next < source.length; next++) {
      const event = source[next]!;
      if (matches(event)) await out.send(eventResponse(event));
      await checkpoints.passed(event);
    }
    if (!caughtUp) {
      caughtUp = true;
      await out.send(new streams.ReadResp().setCaughtUp(new streams.ReadResp.CaughtUp()));
    }
    if (next < source.length) continue;
    if (stream !== undefined && log.stream(stream).tombstoned) throw streamDeleted(stream);
    await out.change(log);
  }
}

function firstSubscribed(log: TestLog, options: Options, stream: string | undefined, source: readonly RecordedEvent[]): number {
  const from = options.getStream() ?? options.getAll()!;
  if (from.hasEnd()) return source.length;
  if (stream !== undefined) return options.getStream()!.hasStart() ? 0 : Number(options.getStream()!.getRevision()) + 1;
  if (from.hasStart()) return 0;
  const position = BigInt(options.getAll()!.getPosition()!.getCommitPosition());
  const index = log.indexOf(position);
  return source[index]?.position === position ? index + 1 : index;
}

/** Tells a filtered subscription now and then how far the server has looked, matches or not. */
class Checkpoints {
  private readonly every: number;
  private seen = 0;

  constructor(
    options: Options,
    private readonly out: Outgoing,
  ) {
    const filter = options.getFilter();
    this.every = filter ? (filter.hasMax() ? filter.getMax() : 1) * filter.getCheckpointintervalmultiplier() : Infinity;
  }

  async passed(event: RecordedEvent): Promise<void> {
    if (++this.seen < this.every) return;
    this.seen = 0;
    const checkpoint = new streams.ReadResp.Checkpoint()
      .setCommitPosition(String(event.position))
      .setPreparePosition(String(event.position));
    await this.out.send(new streams.ReadResp().setCheckpoint(checkpoint));
  }
}

function filterOf(options: Options): (event: RecordedEvent) => boolean {
  const filter = options.getFilter();
  const byStream = filter?.getStreamIdentifier();
  const expression = byStream ?? filter?.getEventType();
  if (!expression) return () => true;
  const subject = (event: RecordedEvent): string => (byStream ? event.stream : event.type);
  // A test server's own caller wrote this expression.
  const pattern = expression.getRegex() ? new RegExp(expression.getRegex(), 'u') : undefined;
  const prefixes = expression.getPrefixList();
  return (event) => (pattern ? pattern.test(subject(event)) : prefixes.some((prefix) => subject(event).startsWith(prefix)));
}
