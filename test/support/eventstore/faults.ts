import { status, type Metadata, type ServerWritableStream, type ServiceError } from '@grpc/grpc-js';
import { grpcError, unavailable } from './wire.ts';

export interface Endpoint {
  readonly address: string;
  readonly port: number;
}

type OpenRead = ServerWritableStream<unknown, unknown>;

/** What a test may do to the server, and see of it. Every switch acts on calls that come after it, but `dropReads`, which acts on those that are open. */
export class Faults {
  /** So many appends are committed but not answered: the connection is gone instead. */
  loseReplies = 0;
  /** Appends are taken and neither committed nor answered, until `release`. */
  holdAppends = false;
  /** Every call is refused as by a node that is starting. */
  unavailable = false;
  /** So many calls are refused in that way, then no more. */
  unavailableCalls = 0;
  /** Reads and subscriptions are accepted and stay silent. */
  silentReads = false;
  /** Set: this node follows that leader, and says so to every call that requires one. */
  leader: Endpoint | undefined;

  /** Events and other answers that were given to reads and subscriptions: shows whether a slow reader is waited for. */
  responsesWritten = 0;

  private held: (() => void)[] = [];
  private readonly openReads = new Set<OpenRead>();

  /** Commits and answers what was held. */
  release(): void {
    this.holdAppends = false;
    for (const resume of this.held.splice(0)) resume();
  }

  /** Ends every open read and subscription, as a node does that restarts. */
  dropReads(error: ServiceError = unavailable()): void {
    for (const call of this.openReads) call.emit('error', error);
  }

  /** Ends every open read and subscription without an error, as a node does that shuts down in an orderly way. */
  endReads(): void {
    for (const call of this.openReads) call.end();
  }

  get openReadCount(): number {
    return this.openReads.size;
  }

  /** The error that this call is to get, if any. */
  refusal(metadata: Metadata): ServiceError | undefined {
    if (this.unavailable) return unavailable();
    if (this.unavailableCalls > 0) {
      this.unavailableCalls--;
      return unavailable();
    }
    if (!this.leader || metadata.get('requires-leader')[0] !== 'true') return undefined;
    return grpcError(status.NOT_FOUND, 'not-leader', 'Leader info available', {
      'leader-endpoint-host': this.leader.address,
      'leader-endpoint-port': String(this.leader.port),
    });
  }

  /** Runs a commit now, or when held appends are released. */
  whenReleased(commit: () => void): void {
    if (this.holdAppends) this.held.push(commit);
    else commit();
  }

  /** True once for every reply that is to be lost. */
  losesReply(): boolean {
    if (this.loseReplies === 0) return false;
    this.loseReplies--;
    return true;
  }

  track(call: OpenRead): void {
    this.openReads.add(call);
    for (const end of ['close', 'cancelled', 'error', 'finish']) call.once(end, () => this.openReads.delete(call));
  }
}
