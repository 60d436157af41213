import { status, type sendUnaryData, type ServerUnaryCall, type ServiceError } from '@grpc/grpc-js';
import * as streams from '@eventstore/db-client/generated/streams_pb.js';
import type { Faults } from './faults.ts';
import type { ExpectedRevision, TestLog } from './log.ts';
import { expectedRevision, grpcError, streamDeleted, streamNameOf } from './wire.ts';

/** `Delete`: hides the events of a stream. */
export function deleteStream(
  log: TestLog,
  faults: Faults,
  call: ServerUnaryCall<streams.DeleteReq, streams.DeleteResp>,
  answer: sendUnaryData<streams.DeleteResp>,
): void {
  const options = call.request.getOptions()!;
  const stream = streamNameOf(options.getStreamIdentifier());
  const refusal = faults.refusal(call.metadata) ?? unexpected(log, stream, options);
  if (refusal) return answer(refusal);
  const end = String(log.softDelete(stream));
  const position = new streams.DeleteResp.Position().setCommitPosition(end).setPreparePosition(end);
  answer(null, new streams.DeleteResp().setPosition(position));
}

/** `Tombstone`: closes a stream for ever. */
export function tombstoneStream(
  log: TestLog,
  faults: Faults,
  call: ServerUnaryCall<streams.TombstoneReq, streams.TombstoneResp>,
  answer: sendUnaryData<streams.TombstoneResp>,
): void {
  const options = call.request.getOptions()!;
  const stream = streamNameOf(options.getStreamIdentifier());
  const refusal = faults.refusal(call.metadata) ?? unexpected(log, stream, options);
  if (refusal) return answer(refusal);
  const end = String(log.tombstone(stream));
  const position = new streams.TombstoneResp.Position().setCommitPosition(end).setPreparePosition(end);
  answer(null, new streams.TombstoneResp().setPosition(position));
}

function unexpected(
  log: TestLog,
  stream: string,
  options: streams.DeleteReq.Options | streams.TombstoneReq.Options,
): ServiceError | undefined {
  const state = log.stream(stream);
  if (state.tombstoned) return streamDeleted(stream);
  const expected = expectedRevision(options, options.hasRevision() ? options.getRevision() : undefined);
  if (isAt(state.last, expected)) return undefined;
  return grpcError(status.FAILED_PRECONDITION, 'wrong-expected-version', 'WrongExpectedVersion', {
    'stream-name': stream,
    'expected-version': typeof expected === 'bigint' ? String(expected) : expected === 'no_stream' ? '-1' : '-4',
    ...(state.last < 0 ? {} : { 'actual-version': String(state.last) }),
  });
}

function isAt(last: number, expected: ExpectedRevision): boolean {
  if (typeof expected === 'bigint') return BigInt(last) === expected;
  if (expected === 'no_stream') return last < 0;
  return expected === 'any' || last >= 0;
}
