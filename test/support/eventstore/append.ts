import { status, type sendUnaryData, type ServerDuplexStream, type ServerReadableStream } from '@grpc/grpc-js';
import * as shared from '@eventstore/db-client/generated/shared_pb.js';
import { Status } from '@eventstore/db-client/generated/status_pb.js';
import * as streams from '@eventstore/db-client/generated/streams_pb.js';
import { Any } from 'google-protobuf/google/protobuf/any_pb.js';
import { Empty } from 'google-protobuf/google/protobuf/empty_pb.js';
import type { Faults } from './faults.ts';
import { MAX_APPEND_SIZE, type AppendResult, type ExpectedRevision, type ProposedEvent, type TestLog } from './log.ts';
import { expectedRevision, grpcError, proposedEvent, streamDeleted, streamNameOf, unavailable, uuid, uuidOf } from './wire.ts';

type UnaryCall = ServerReadableStream<streams.AppendReq, streams.AppendResp>;
type BatchCall = ServerDuplexStream<streams.BatchAppendReq, streams.BatchAppendResp>;

/** `Append`: options first, then the events, one answer at the end. */
export function appendUnary(log: TestLog, faults: Faults, call: UnaryCall, answer: sendUnaryData<streams.AppendResp>): void {
  let options: streams.AppendReq.Options | undefined;
  const events: ProposedEvent[] = [];
  call.on('data', (message: streams.AppendReq) => {
    const proposed = message.getProposedMessage();
    if (proposed) events.push(proposedEvent(proposed));
    else options = message.getOptions();
  });
  call.on('end', () => {
    const refusal = faults.refusal(call.metadata);
    if (refusal) return answer(refusal);
    if (!options) return answer(grpcError(status.INVALID_ARGUMENT, '', 'The options are missing.'));
    const stream = streamNameOf(options.getStreamIdentifier());
    const expected = expectedRevision(options, options.hasRevision() ? options.getRevision() : undefined);
    faults.whenReleased(() => {
      const result = log.append(stream, expected, events);
      if (faults.losesReply()) return answer(unavailable('connection reset after commit'));
      answerUnary(stream, expected, result, answer);
    });
  });
}

function answerUnary(stream: string, expected: ExpectedRevision, result: AppendResult, answer: sendUnaryData<streams.AppendResp>): void {
  switch (result.kind) {
    case 'deleted':
      return answer(streamDeleted(stream));
    case 'too-large':
      return answer(
        grpcError(status.INVALID_ARGUMENT, 'maximum-append-size-exceeded', 'Maximum Append Size Exceeded', {
          'maximum-append-size': String(MAX_APPEND_SIZE),
        }),
      );
    case 'wrong-revision': {
      const wrong = new streams.AppendResp.WrongExpectedVersion();
      if (result.current === undefined) wrong.setCurrentNoStream(new shared.Empty());
      else wrong.setCurrentRevision(String(result.current));
      if (expected === 'any') wrong.setExpectedAny(new shared.Empty());
      else if (expected === 'no_stream') wrong.setExpectedNoStream(new shared.Empty());
      else if (expected === 'stream_exists') wrong.setExpectedStreamExists(new shared.Empty());
      else wrong.setExpectedRevision(String(expected));
      return answer(null, new streams.AppendResp().setWrongExpectedVersion(wrong));
    }
    case 'appended': {
      const position = new streams.AppendResp.Position();
      position.setCommitPosition(String(result.position)).setPreparePosition(String(result.position));
      const success = new streams.AppendResp.Success().setPosition(position);
      if (result.revision < 0n) success.setNoStream(new shared.Empty());
      else success.setCurrentRevision(String(result.revision));
      return answer(null, new streams.AppendResp().setSuccess(success));
    }
  }
}

/** `BatchAppend`: one long call, many appends told apart by a correlation id. An error of one answer ends the call for all. */
export function appendBatch(log: TestLog, faults: Faults, call: BatchCall): void {
  const pending = new Map<string, { options: streams.BatchAppendReq.Options; events: ProposedEvent[] }>();
  call.on('error', () => undefined);
  call.on('end', () => call.end());
  call.on('data', (message: streams.BatchAppendReq) => {
    const id = uuidOf(message.getCorrelationId());
    const options = message.getOptions();
    if (options) pending.set(id, { options, events: [] });
    const batch = pending.get(id);
    if (!batch) return;
    batch.events.push(...message.getProposedMessagesList().map(proposedEvent));
    if (!message.getIsFinal()) return;
    pending.delete(id);
    const refusal = faults.refusal(call.metadata);
    if (refusal) return void call.emit('error', refusal);
    const exact = batch.options.hasStreamPosition() ? batch.options.getStreamPosition() : undefined;
    const expected = expectedRevision(batch.options, exact);
    faults.whenReleased(() => {
      const result = log.append(streamNameOf(batch.options.getStreamIdentifier()), expected, batch.events);
      if (faults.losesReply()) return void call.emit('error', unavailable('connection reset after commit'));
      const response = batchResponse(batch.options, expected, result);
      call.write(response.setCorrelationId(uuid(id)).setStreamIdentifier(batch.options.getStreamIdentifier()));
    });
  });
}

function batchResponse(options: streams.BatchAppendReq.Options, expected: ExpectedRevision, result: AppendResult): streams.BatchAppendResp {
  const response = new streams.BatchAppendResp();
  switch (result.kind) {
    case 'appended': {
      const position = new shared.AllStreamPosition();
      position.setCommitPosition(String(result.position)).setPreparePosition(String(result.position));
      const success = new streams.BatchAppendResp.Success().setPosition(position);
      return response.setSuccess(success.setCurrentRevision(String(result.revision)));
    }
    case 'deleted': {
      const deleted = new shared.StreamDeleted().setStreamIdentifier(options.getStreamIdentifier());
      return response.setError(batchError('StreamDeleted', deleted.serializeBinary()));
    }
    case 'too-large': {
      const tooLarge = new shared.MaximumAppendSizeExceeded().setMaxappendsize(MAX_APPEND_SIZE);
      return response.setError(batchError('MaximumAppendSizeExceeded', tooLarge.serializeBinary()));
    }
    case 'wrong-revision': {
      const wrong = new shared.WrongExpectedVersion();
      if (result.current === undefined) wrong.setCurrentNoStream(new Empty());
      else wrong.setCurrentStreamRevision(String(result.current));
      if (expected === 'any') wrong.setExpectedAny(new Empty());
      else if (expected === 'no_stream') wrong.setExpectedNoStream(new Empty());
      else if (expected === 'stream_exists') wrong.setExpectedStreamExists(new Empty());
      else wrong.setExpectedStreamPosition(String(expected));
      return response.setError(batchError('WrongExpectedVersion', wrong.serializeBinary()));
    }
  }
}

function batchError(name: string, body: Uint8Array): Status {
  const details = new Any();
  details.pack(body, `event_store.client.${name}`);
  return new Status().setMessage(name).setDetails(details);
}
