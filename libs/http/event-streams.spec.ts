import { get as httpGet, type IncomingMessage } from 'node:http';
import { Controller, Get, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { EventStreams, type EventSource } from './event-streams.ts';
import { ProblemError } from './problem.ts';
import { startEdgeApp, type EdgeApp } from './testing/edge-app.ts';

let source: EventSource;
let over: AbortSignal | undefined;

/** Events 1, 2, 3 … from behind the last one seen, and then silence until the signal. */
const counting = (upTo: number): EventSource =>
  async function* (lastEventId, signal) {
    over = signal;
    for (let n = Number(lastEventId ?? 0) + 1; n <= upTo; n++) yield { id: String(n), event: 'release', data: { n, text: 'two\nlines' } };
    if (!signal.aborted) await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()));
  };

@Controller('v1')
class LiveController {
  constructor(private readonly streams: EventStreams) {}

  @Get('live')
  live(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    return this.streams.serve(request, reply, (lastEventId, signal) => source(lastEventId, signal), { heartbeatMs: 20 });
  }
}

describe('Server-sent events', () => {
  let edge: EdgeApp;
  beforeEach(async () => {
    over = undefined;
    source = counting(2);
    edge = await startEdgeApp({ controllers: [LiveController] });
  });
  afterEach(() => edge.close());

  const open = async (headers: Record<string, string> = {}): Promise<IncomingMessage> => {
    const authorization = await edge.bearer();
    return await new Promise((resolve, reject) =>
      httpGet(`${edge.url}/v1/live`, { headers: { authorization, ...headers } }, resolve).on('error', reject),
    );
  };
  const readUntil = (answer: IncomingMessage, wanted: string): Promise<string> =>
    new Promise((resolve, reject) => {
      let text = '';
      answer.on('data', (chunk: Buffer) => {
        text += chunk.toString();
        if (text.includes(wanted)) resolve(text);
      });
      answer.on('end', () => reject(new Error(`ended after ${text}`)));
    });
  const until = async (condition: () => boolean): Promise<void> => {
    const deadline = Date.now() + 5000;
    while (!condition()) {
      if (Date.now() > deadline) throw new Error('The condition did not come true within 5 s.');
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  };

  it('come as they are, in frames, between heartbeats', async () => {
    const answer = await open();
    expect(answer.headers).toMatchObject({
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
    });
    const text = await readUntil(answer, 'still here');
    expect(text).toContain('id: 1\nevent: release\ndata: {"n":1,"text":"two\\nlines"}\n\nid: 2\n');
    answer.destroy();
  });

  it('go on behind the last one that the client has seen', async () => {
    const answer = await open({ 'last-event-id': '1' });
    const text = await readUntil(answer, 'id: 2');
    expect(text).not.toContain('id: 1\n');
    answer.destroy();
  });

  it('end their source when the client leaves', async () => {
    const answer = await open();
    await readUntil(answer, 'id: 2');
    answer.destroy();
    await until(() => over?.aborted === true);
  });

  it('end when the server stops, which does not wait for the client', async () => {
    const answer = await open();
    await readUntil(answer, 'id: 2');
    const ended = new Promise((resolve) => answer.on('close', resolve));
    await edge.app.close();
    await ended;
    expect(over?.aborted).toBe(true);
  });

  it('wait for a slow client', async () => {
    let made = 0;
    source = async function* (_last, signal) {
      over = signal;
      for (; made < 1000 && !signal.aborted; made++) yield { data: 'x'.repeat(100_000) };
    };
    const answer = await open();
    answer.pause();
    await until(() => made > 0);
    let before = -1;
    await until(() => {
      const stalled = made === before;
      before = made;
      return stalled;
    });
    expect(made).toBeLessThan(1000);
    answer.destroy();
    await until(() => over?.aborted === true);
  });

  it('are refused as a problem where the source can not begin', async () => {
    source = () => {
      throw new ProblemError(409, 'no-such-view', 'There is no such view.');
    };
    const answer = await open();
    answer.resume();
    expect([answer.statusCode, answer.headers['content-type']]).toEqual([409, 'application/problem+json; charset=utf-8']);
  });

  it('never carry a forged frame', async () => {
    source = async function* () {
      yield { id: '1\ndata: forged', data: {} };
    };
    const answer = await open();
    const text = await new Promise<string>((resolve) => {
      let all = '';
      answer.on('data', (chunk: Buffer) => (all += chunk.toString()));
      answer.on('error', () => resolve(all));
      answer.on('close', () => resolve(all));
    });
    expect(text).not.toContain('forged');
  });
});
