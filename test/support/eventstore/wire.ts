import { Metadata, status, type ServiceError } from '@grpc/grpc-js';
import * as shared from '@eventstore/db-client/generated/shared_pb.js';
import * as streams from '@eventstore/db-client/generated/streams_pb.js';
import type { ExpectedRevision, ProposedEvent, RecordedEvent } from './log.ts';

// Between the records of the log and the messages of the wire.

export function streamNameOf(identifier: shared.StreamIdentifier | undefined): string {
  return Buffer.from(identifier?.getStreamName_asU8() ?? []).toString('utf8');
}

export function streamIdentifier(name: string): shared.StreamIdentifier {
  return new shared.StreamIdentifier().setStreamName(Buffer.from(name, 'utf8'));
}

export function uuid(text: string): shared.UUID {
  return new shared.UUID().setString(text);
}

/** Both forms of a UUID: Node's client sends text, those of .NET and Java two int64. */
export function uuidOf(message: shared.UUID | undefined): string {
  const structured = message?.getStructured();
  if (!structured) return message?.getString() ?? '';
  const hex = [structured.getMostSignificantBits(), structured.getLeastSignificantBits()]
    .map((half) => BigInt.asUintN(64, BigInt(half)).toString(16).padStart(16, '0'))
    .join('');
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
}

export function proposedEvent(message: streams.AppendReq.ProposedMessage | streams.BatchAppendReq.ProposedMessage): ProposedEvent {
  const metadata = message.getMetadataMap();
  return {
    id: uuidOf(message.getId()),
    type: metadata.get('type') ?? '',
    contentType: metadata.get('content-type') ?? 'application/octet-stream',
    data: message.getData_asU8(),
    metadata: message.getCustomMetadata_asU8(),
  };
}

/** What append (unary and batch), delete and tombstone say about the revision they expect; each names the exact one differently. */
export function expectedRevision(
  options: { hasNoStream(): boolean; hasStreamExists(): boolean },
  exact: string | undefined,
): ExpectedRevision {
  if (exact !== undefined) return BigInt(exact);
  if (options.hasNoStream()) return 'no_stream';
  return options.hasStreamExists() ? 'stream_exists' : 'any';
}

export function eventResponse(event: RecordedEvent): streams.ReadResp {
  const recorded = new streams.ReadResp.ReadEvent.RecordedEvent();
  recorded.setId(uuid(event.id));
  recorded.setStreamIdentifier(streamIdentifier(event.stream));
  recorded.setStreamRevision(String(event.revision));
  recorded.setCommitPosition(String(event.position));
  recorded.setPreparePosition(String(event.position));
  recorded.getMetadataMap().set('type', event.type).set('content-type', event.contentType).set('created', String(event.ticks));
  recorded.setCustomMetadata(event.metadata);
  recorded.setData(event.data);
  const read = new streams.ReadResp.ReadEvent().setEvent(recorded).setCommitPosition(String(event.position));
  return new streams.ReadResp().setEvent(read);
}

/** A gRPC error with the trailers by which clients tell EventStoreDB's errors apart. */
export function grpcError(code: status, exception: string, details: string, trailers: Readonly<Record<string, string>> = {}): ServiceError {
  const metadata = new Metadata();
  if (exception) metadata.set('exception', exception);
  for (const [key, value] of Object.entries(trailers)) metadata.set(key, value);
  return Object.assign(new Error(details), { code, details, metadata });
}

export function unavailable(details = 'Server Is Not Ready'): ServiceError {
  return grpcError(status.UNAVAILABLE, '', details);
}

export function streamDeleted(stream: string): ServiceError {
  return grpcError(status.FAILED_PRECONDITION, 'stream-deleted', `Event stream '${stream}' is deleted.`, { 'stream-name': stream });
}
