import { Body, Controller, HttpCode, Param, Post } from '@nestjs/common';
import { IsString } from 'class-validator';
import {
  defineCommand,
  denialStream,
  EventCodec,
  EventLogUnavailable,
  issue,
  refuse,
  transact,
  type Aggregate,
  type CommandMeta,
  type DomainEvent,
  type Transacted,
} from '#libs/event-sourcing';
import { MemoryEventLog } from '#libs/event-sourcing/memory';
import { freshDatabase, type FreshDatabase } from '../../test/support/database.ts';
import { IDEMPOTENCY_STORE } from './idempotency.ts';
import { PostgresIdempotencyStore } from './idempotency-store.ts';
import { Meta } from './meta.ts';
import type { Problem } from './problem.ts';
import { CLOCK } from './request.ts';
import { startEdgeApp, type EdgeApp } from './testing/edge-app.ts';

type Noted = DomainEvent<'Noted', { readonly text: string }>;
const notebook: Aggregate<readonly string[], Noted> = {
  category: 'notebook',
  initial: [],
  evolve: (state, event) => [...state, event.data.text],
};

class AddNote {
  @IsString()
  text: string;
}

const addNote = defineCommand<AddNote, readonly string[], Noted>({
  type: AddNote,
  aggregate: notebook,
  governed: () => ({ notebook: '1' }),
  decide: ({ text }, state) => {
    if (text === 'forbidden') return refuse('duty', 'not-yours', 'Somebody else must write this.');
    return state.includes(text) ? [] : [{ type: 'Noted', data: { text } }];
  },
});

const NOW = new Date('2026-03-02T10:00:00.123Z');
const log = new MemoryEventLog();
const codec = new EventCodec({});
/** What the next requests meet inside the handler. */
let inside: () => Promise<void> = async () => undefined;
let metas: CommandMeta[] = [];

@Controller('v1/notebooks')
class NotebookController {
  @Post(':id/notes')
  async add(@Param('id') id: string, @Body() command: AddNote, @Meta() meta: CommandMeta): Promise<Transacted> {
    metas.push(meta);
    await inside();
    return await transact({ log, codec }, addNote, issue(command, id, meta));
  }

  @Post(':id/later')
  @HttpCode(202)
  later(@Param('id') id: string, @Body() command: AddNote, @Meta() meta: CommandMeta): Promise<Transacted> {
    return transact({ log, codec }, addNote, issue(command, id, meta));
  }

  @Post(':id/plain')
  plain(@Body() command: AddNote): object {
    return { text: command.text };
  }
}

describe('A command over HTTP', () => {
  let database: FreshDatabase;
  let store: PostgresIdempotencyStore;
  let edge: EdgeApp;
  let dora: string;
  let next = 0;

  beforeAll(async () => {
    database = await freshDatabase();
    store = new PostgresIdempotencyStore({ url: database.url });
    edge = await startEdgeApp({
      controllers: [NotebookController],
      providers: [
        { provide: IDEMPOTENCY_STORE, useValue: store },
        { provide: CLOCK, useValue: () => NOW },
      ],
    });
    dora = await edge.bearer('dora');
  });
  afterAll(async () => {
    await edge.close();
    await store.close();
    await database.drop();
  });
  beforeEach(() => {
    next += 1;
    metas = [];
    inside = async () => undefined;
  });

  const post = (text: string, headers: Record<string, string> = {}, path = `/v1/notebooks/${next}/notes`) =>
    fetch(edge.url + path, {
      method: 'POST',
      body: JSON.stringify({ text }),
      headers: { authorization: dora, 'content-type': 'application/json', ...headers },
    });
  const typeOf = async (answer: Response): Promise<string> =>
    `${answer.status} ${((await answer.json()) as Problem).type.replace(/.*\//, '')}`;
  const key = (name = 'key'): Record<string, string> => ({ 'idempotency-key': `${name}-${next}` });
  const eventsOf = async (id = next): Promise<number> => (await log.readStream(`notebook-${id}`)).events.length;

  describe('gets its meta from the request', () => {
    it('the actor from the token alone, the time from the server, the cause from the request', async () => {
      await post('a', { 'x-person': 'emil' });
      expect(metas[0]).toMatchObject({
        actor: { principal: 'plimsoll-embedded|dora', roles: [] },
        now: '2026-03-02T10:00:00.123Z',
        causationId: expect.stringMatching(/^http:[0-9a-f-]{36}$/) as string,
      });
      expect(metas[0]?.correlationId).toBe(metas[0]?.commandId);
      expect(metas[0]).not.toHaveProperty('expectedRevision');
    });

    it('a command id of its own each time, unless an Idempotency-Key names it', async () => {
      await post('a');
      await post('b');
      expect(metas[0]?.commandId).not.toBe(metas[1]?.commandId);
    });

    it("ids under which two people's equal keys never meet", async () => {
      const emil = await edge.bearer('emil');
      expect((await post('a', key())).status).toBe(201);
      expect((await post('b', { ...key(), authorization: emil })).status).toBe(200);
      expect(metas[0]?.commandId).not.toBe(metas[1]?.commandId);
      expect(await eventsOf()).toBe(2);
    });

    it('the correlation from X-Correlation-Id, or from traceparent', async () => {
      const traceparent = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';
      await post('a', { traceparent });
      await post('b', { traceparent, 'x-correlation-id': 'train-7' });
      await post('c', { traceparent: '00-00000000000000000000000000000000-00f067aa0ba902b7-01' });
      expect(metas.map((m) => m.correlationId)).toEqual(['4bf92f3577b34da6a3ce929d0e0e4736', 'train-7', metas[2]?.commandId]);
    });

    it.each([
      ['idempotency-key', 'has space'],
      ['idempotency-key', 'x'.repeat(256)],
      ['idempotency-key', 'ü'],
      ['x-correlation-id', 'a b'],
      ['x-correlation-id', 'x'.repeat(129)],
      ['if-match', '*'],
      ['if-match', 'W/"3"'],
      ['if-match', '3'],
      ['if-match', '"-1"'],
      ['if-match', '"03"'],
      ['if-match', '"3", "4"'],
    ])('and refuses a malformed %s: %s', async (name, value) => {
      const answer = await post('a', { [name]: value });
      const problem = (await answer.json()) as Problem;
      expect([answer.status, problem.type, problem.errors?.[0]?.path]).toEqual([
        400,
        'https://plimsoll.dev/problems/malformed-header',
        name,
      ]);
      expect(await eventsOf()).toBe(0);
    });
  });

  describe('is answered', () => {
    it('201 where it began its stream, 200 where it went on, 202 where the route says so', async () => {
      const first = await post('a');
      expect([first.status, await first.json()]).toEqual([
        201,
        { id: `${next}`, stream: `notebook-${next}`, revision: 0, position: expect.stringMatching(/^\d+$/) as string, repeated: false },
      ]);
      const second = await post('b');
      expect([second.status, second.headers.get('etag'), second.headers.get('plimsoll-command-id')]).toEqual([
        200,
        '"1"',
        metas[1]?.commandId,
      ]);
      expect(second.headers.get('plimsoll-position')).toBe(((await second.json()) as { position: string }).position);
      expect((await post('c', {}, `/v1/notebooks/${next}/later`)).status).toBe(202);
    });

    it('as repeated where it was so already', async () => {
      await post('a');
      const again = await post('a');
      expect([again.status, ((await again.json()) as { repeated: boolean }).repeated, again.headers.get('etag')]).toEqual([
        200,
        true,
        '"0"',
      ]);
    });

    it('412 where the revision in If-Match is not the one it finds', async () => {
      await post('a');
      expect((await post('b', { 'if-match': '"0"' })).status).toBe(200);
      expect(await typeOf(await post('c', { 'if-match': '"0"' }))).toBe('412 stale-revision');
      expect(await eventsOf()).toBe(2);
    });

    it('403 with the position of the denial that is on record', async () => {
      const answer = await post('forbidden');
      const [denial] = (await log.readStream(denialStream(metas[0]?.commandId ?? ''))).events;
      expect(answer.headers.get('plimsoll-position')).toBe(String(denial?.position));
      expect(answer.headers.get('plimsoll-command-id')).toBe(metas[0]?.commandId);
      expect(await typeOf(answer)).toBe('403 not-yours');
    });
  });

  describe('with an Idempotency-Key', () => {
    const headersOf = (answer: Response) =>
      Object.fromEntries(
        ['content-type', 'etag', 'plimsoll-position', 'plimsoll-command-id'].map((name) => [name, answer.headers.get(name)]),
      );

    it('gets the same answer for the same request, and is carried out once', async () => {
      const first = await post('a', key());
      const second = await post('a', key());
      expect(first.headers.get('idempotency-replayed')).toBeNull();
      expect(second.headers.get('idempotency-replayed')).toBe('true');
      expect(second.status).toBe(201);
      expect(await second.text()).toBe(await first.text());
      expect(headersOf(second)).toEqual(headersOf(first));
      expect([metas.length, await eventsOf()]).toEqual([1, 1]);
    });

    it('takes another key order and other spaces for the same request', async () => {
      const send = (body: string) =>
        fetch(`${edge.url}/v1/notebooks/${next}/plain`, {
          method: 'POST',
          body,
          headers: { authorization: dora, 'content-type': 'application/json', ...key() },
        });
      expect((await send('{"text":"a"}')).status).toBe(201);
      expect((await send('{ "text" : "\\u0061" }')).headers.get('idempotency-replayed')).toBe('true');
    });

    it('gets the same refusal again, denied once', async () => {
      const first = await post('forbidden', key());
      const second = await post('forbidden', key());
      expect([second.status, second.headers.get('idempotency-replayed'), second.headers.get('content-type')]).toEqual([
        403,
        'true',
        'application/problem+json; charset=utf-8',
      ]);
      expect(await second.text()).toBe(await first.text());
      expect(headersOf(second)).toEqual(headersOf(first));
    });

    it('is refused for another body, another path or another If-Match', async () => {
      await post('a', key());
      expect(await typeOf(await post('b', key()))).toBe('422 idempotency-key-reused');
      expect(await typeOf(await post('a', { ...key(), 'if-match': '"0"' }))).toBe('422 idempotency-key-reused');
      expect(await typeOf(await post('a', key(), `/v1/notebooks/${next}/later`))).toBe('422 idempotency-key-reused');
      expect(await eventsOf()).toBe(1);
    });

    it('is told to wait while the first is in flight, and gets its answer afterwards', async () => {
      let go: () => void = () => undefined;
      const gate = new Promise<void>((resolve) => (go = resolve));
      const entered = new Promise<void>((resolve) => {
        inside = async () => {
          resolve();
          await gate;
        };
      });
      const first = post('a', key());
      await entered;
      const meanwhile = await post('a', key());
      expect(meanwhile.headers.get('retry-after')).toBe('1');
      expect(await typeOf(meanwhile)).toBe('409 request-in-flight');
      go();
      expect((await first).status).toBe(201);
      expect((await post('a', key())).headers.get('idempotency-replayed')).toBe('true');
    });

    it('is tried again after a failure of ours, which is no answer to keep', async () => {
      inside = async () => {
        throw new EventLogUnavailable('down');
      };
      expect((await post('a', key())).status).toBe(503);
      inside = async () => {
        throw new Error('broken');
      };
      expect((await post('a', key())).status).toBe(500);
      inside = async () => undefined;
      expect((await post('a', key())).status).toBe(201);
    });

    it('is carried out once among fifty at once', async () => {
      const statuses = (await Promise.all(Array.from({ length: 50 }, () => post('a', key())))).map((answer) => answer.status);
      expect(statuses.every((status) => status === 201 || status === 409)).toBe(true);
      expect(statuses.filter((status) => status === 201).length).toBeGreaterThan(0);
      expect([metas.length, await eventsOf()]).toEqual([1, 1]);
    });
  });

  it('is carried out without the table, too, once, because the event log knows its command id', async () => {
    const unreachable = new PostgresIdempotencyStore({ url: 'postgres://nobody@127.0.0.1:1/nothing' });
    const bare = await startEdgeApp({
      controllers: [NotebookController],
      providers: [{ provide: IDEMPOTENCY_STORE, useValue: unreachable }],
    });
    const authorization = await bare.bearer('dora');
    const send = () =>
      fetch(`${bare.url}/v1/notebooks/${next}/notes`, {
        method: 'POST',
        body: '{"text":"a"}',
        headers: { authorization, 'content-type': 'application/json', ...key() },
      });
    const answers = [await send(), await send()];
    expect(answers.map((answer) => answer.status)).toEqual([201, 201]);
    expect(((await answers[1]?.json()) as { repeated: boolean }).repeated).toBe(true);
    expect(await eventsOf()).toBe(1);
    await bare.close();
    await unreachable.close();
  });
});
