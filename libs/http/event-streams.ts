import { once } from 'node:events';
import { Inject, Injectable, Optional, type BeforeApplicationShutdown } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { TextRevealer } from '#libs/privacy';
import { headerOf } from './request.ts';
import { revealIn, TEXT_REVEALER } from './reveal.ts';

/** One server-sent event. */
export interface ServerSentEvent {
  /** Comes back as `Last-Event-ID` when the client reconnects; no line breaks. */
  readonly id?: string;
  /** The event's name; `message` unless told. No line breaks. */
  readonly event?: string;
  /** Sent as JSON. */
  readonly data: unknown;
}

/** Makes the events of one client, from behind the last one that it has seen, until `signal` ends it. */
export type EventSource = (lastEventId: string | undefined, signal: AbortSignal) => AsyncIterable<ServerSentEvent>;

export interface EventStreamOptions {
  /** A comment this often keeps proxies from closing a quiet stream, in milliseconds; 15,000 unless told. */
  readonly heartbeatMs?: number;
}

/**
 * Serves live views as server-sent events (WHATWG HTML, section 9.2). A handler takes `@Req()` and `@Res()` and returns `serve(…)`.
 * A slow client slows its own source only; when the client leaves or the server stops, the source's signal fires.
 */
@Injectable()
export class EventStreams implements BeforeApplicationShutdown {
  private readonly open = new Set<AbortController>();

  constructor(@Optional() @Inject(TEXT_REVEALER) private readonly revealer?: TextRevealer) {}

  /** Resolves when the stream is over. What `source` throws when it is called is answered as a problem. */
  async serve(request: FastifyRequest, reply: FastifyReply, source: EventSource, options: EventStreamOptions = {}): Promise<void> {
    const over = new AbortController();
    const { raw } = reply;
    const leave = (): void => over.abort();
    raw.on('close', leave);
    this.open.add(over);
    let heartbeat: NodeJS.Timeout | undefined;
    try {
      const events = source(headerOf(request, 'last-event-id'), over.signal);
      reply.hijack();
      raw.writeHead(200, {
        ...(reply.getHeaders() as Record<string, string>),
        'content-type': 'text/event-stream; charset=utf-8',
        'cache-control': 'no-store',
        'x-accel-buffering': 'no',
      });
      raw.write(': open\n\n');
      heartbeat = setInterval(() => {
        if (!raw.writableNeedDrain) raw.write(': still here\n\n');
      }, options.heartbeatMs ?? 15_000);
      for await (const event of events) {
        if (over.signal.aborted) break;
        const shown = this.revealer ? { ...event, data: await revealIn(event.data, this.revealer) } : event;
        if (!raw.write(frame(shown))) await once(raw, 'drain', { signal: over.signal });
      }
    } catch (error) {
      if (!over.signal.aborted) throw error;
    } finally {
      clearInterval(heartbeat);
      this.open.delete(over);
      raw.off('close', leave);
      if (raw.headersSent) raw.end();
    }
  }

  /** Without this a stopping server would wait for its clients to leave. */
  beforeApplicationShutdown(): void {
    for (const stream of this.open) stream.abort();
  }
}

function frame({ id, event, data }: ServerSentEvent): string {
  if (/[\r\n\0]/.test(`${id ?? ''}${event ?? ''}`))
    throw new Error('The id and the name of a server-sent event must not have line breaks.');
  const lines = [
    ...(id === undefined ? [] : [`id: ${id}`]),
    ...(event === undefined ? [] : [`event: ${event}`]),
    `data: ${JSON.stringify(data) ?? 'null'}`,
  ];
  return `${lines.join('\n')}\n\n`;
}
