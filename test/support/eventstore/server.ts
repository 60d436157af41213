import { Server, ServerCredentials, type sendUnaryData, type ServiceError, type UntypedServiceImplementation } from '@grpc/grpc-js';
import { GossipService } from '@eventstore/db-client/generated/gossip_grpc_pb.js';
import type { ClusterInfo } from '@eventstore/db-client/generated/gossip_pb.js';
import { ServerFeaturesService } from '@eventstore/db-client/generated/serverfeatures_grpc_pb.js';
import type { SupportedMethods } from '@eventstore/db-client/generated/serverfeatures_pb.js';
import { StreamsService } from '@eventstore/db-client/generated/streams_grpc_pb.js';
import { appendBatch, appendUnary } from './append.ts';
import { clusterInfo, supportedMethods, type Member } from './cluster.ts';
import { Faults } from './faults.ts';
import { TestLog } from './log.ts';
import { read, type ReadCall } from './read.ts';
import { deleteStream, tombstoneStream } from './remove.ts';

type Method = 'read' | 'append' | 'batchAppend' | 'delete' | 'tombstone' | 'features' | 'gossip';

/**
 * Enough of EventStoreDB, over real gRPC and in memory, to test the adapter with the unmodified client: appends, reads,
 * catch-up subscriptions, deletions, stream metadata, gossip. It is made from the service stubs that the client ships.
 * Not in it: persistent subscriptions, access control, projections, scavenging, `$maxAge`, TLS.
 */
export class EventStoreTestServer {
  readonly faults = new Faults();
  readonly calls: Record<Method, number> = { read: 0, append: 0, batchAppend: 0, delete: 0, tombstone: 0, features: 0, gossip: 0 };
  /** Overrides what gossip says; by default this node alone, leading. */
  members: readonly Member[] | undefined;
  port = 0;
  private server = new Server();

  private constructor(readonly log: TestLog) {}

  /** A server on a free port of 127.0.0.1, with an empty log or, to play a cluster or a restart, with another server's. */
  static async start(options: { log?: TestLog; port?: number } = {}): Promise<EventStoreTestServer> {
    const server = new EventStoreTestServer(options.log ?? new TestLog());
    await server.listen(options.port ?? 0);
    return server;
  }

  get connectionString(): string {
    return `esdb://127.0.0.1:${this.port}?tls=false`;
  }

  /** Stops at once, as by a kill: open calls break off. The log stays, see `start`. */
  stop(): void {
    this.server.forceShutdown();
  }

  private async listen(port: number): Promise<void> {
    this.server = new Server({ 'grpc.max_receive_message_length': 17 * 1024 * 1024 });
    this.server.addService(StreamsService, this.streams());
    this.server.addService(ServerFeaturesService, {
      getSupportedMethods: this.counted('features', (_call: unknown, answer: sendUnaryData<SupportedMethods>) =>
        answer(null, supportedMethods()),
      ),
    });
    this.server.addService(GossipService, {
      read: this.counted('gossip', (_call: unknown, answer: sendUnaryData<ClusterInfo>) => {
        answer(null, clusterInfo(this.members ?? [{ address: '127.0.0.1', port: this.port, state: 'leader' }]));
      }),
    });
    this.port = await new Promise<number>((resolve, reject) => {
      this.server.bindAsync(`127.0.0.1:${port}`, ServerCredentials.createInsecure(), (error, bound) =>
        error ? reject(error) : resolve(bound),
      );
    });
  }

  private streams(): UntypedServiceImplementation {
    const { log, faults } = this;
    return {
      read: this.counted('read', (call: ReadCall) => {
        read(log, faults, call).catch((error: ServiceError) => call.emit('error', error));
      }),
      append: this.counted('append', bind(log, faults, appendUnary)),
      batchAppend: this.counted('batchAppend', bind(log, faults, appendBatch)),
      delete: this.counted('delete', bind(log, faults, deleteStream)),
      tombstone: this.counted('tombstone', bind(log, faults, tombstoneStream)),
    };
  }

  private counted<A extends unknown[]>(method: Method, handler: (...args: A) => void): (...args: A) => void {
    return (...args) => {
      this.calls[method]++;
      handler(...args);
    };
  }
}

function bind<A extends unknown[]>(
  log: TestLog,
  faults: Faults,
  handler: (log: TestLog, faults: Faults, ...args: A) => void,
): (...args: A) => void {
  return (...args) => handler(log, faults, ...args);
}
