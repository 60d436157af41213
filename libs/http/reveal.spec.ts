import { get as httpGet, type IncomingMessage } from 'node:http';
import { Readable } from 'node:stream';
import { Body, Controller, Get, Header, HttpCode, Post, Query, Req, Res } from '@nestjs/common';
import { ApiQuery } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { csvOf } from '#libs/csv';
import { refuse, RefusedError } from '#libs/event-sourcing';
import { TextKeeper } from '#libs/privacy';
import { MemorySubjectKeys } from '#libs/privacy/testing';
import { EventStreams } from './event-streams.ts';
import { IDEMPOTENCY_STORE } from './idempotency.ts';
import type { IdempotencyStore, StoredAnswer } from './idempotency-store.ts';
import { AsStored, TEXT_REVEALER } from './reveal.ts';
import { startEdgeApp, type EdgeApp } from './testing/edge-app.ts';

const SAID = '=Dora said: "no", <b>\nthen; +left';
let keys: MemorySubjectKeys;
let keeper: TextKeeper;
let sealed: string;
/** Ends the live stream. */
let more: () => void;

@Controller('v1')
class WrittenController {
  constructor(private readonly streams: EventStreams) {}

  @Get('json')
  json(): unknown {
    return { items: [{ comment: sealed, sentence: `She wrote ${sealed}.`, n: 1, none: null, at: new Date(0) }] };
  }

  @Get('csv')
  @Header('content-type', 'text/csv; charset=utf-8')
  csv(): string {
    return csvOf(
      ['id', 'comment', 'sentence'],
      [
        { id: '"1",', comment: sealed, sentence: `wrote ${sealed}` },
        { id: '=2', comment: null },
      ],
    );
  }

  @Get('html')
  @Header('content-type', 'text/html; charset=utf-8')
  html(): string {
    return `<p title="${sealed}">${sealed}</p>`;
  }

  @Get('bytes')
  @Header('content-type', 'application/json')
  bytes(): Buffer {
    return Buffer.from(JSON.stringify({ comment: sealed }));
  }

  @Get('stream')
  stream(@Res({ passthrough: true }) reply: FastifyReply): Readable {
    const text = JSON.stringify({ comment: sealed });
    reply.header('content-type', 'application/json').header('content-length', text.length);
    return Readable.from([text.slice(0, 20), text.slice(20)], { objectMode: false });
  }

  @Get('leaf')
  @AsStored()
  leaf(): unknown {
    return { leaf: sealed };
  }

  @Post('echo')
  @HttpCode(200)
  @ApiQuery({ name: 'q', required: false })
  echo(@Body() body: unknown, @Query() query: unknown): unknown {
    return { body, query, comment: sealed };
  }

  @Post('refuse')
  refuse(): never {
    throw new RefusedError(
      refuse('gate', 'gates-not-passed', `The change was withdrawn: ${sealed}`, [
        { code: 'gate-change-approved-fail', detail: `withdrawn: ${sealed}`, evidence: ['change-1@3'], unblockedBy: 'Submit it again.' },
      ]),
      7n,
    );
  }

  @Post('refuse-plainly')
  refusePlainly(): never {
    throw new RefusedError(refuse('conflict', 'jar-sealed', 'The jar is sealed.'), 8n);
  }

  @Get('live')
  live(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    return this.streams.serve(request, reply, async function* () {
      yield { id: '1', data: { comment: sealed } };
      await new Promise<void>((resolve) => (more = resolve));
      yield { id: '2', data: { comment: sealed } };
    });
  }
}

/** Answers as they are kept. */
class KeptAnswers implements IdempotencyStore {
  readonly answers = new Map<string, StoredAnswer>();
  async begin(key: string) {
    const answer = this.answers.get(key);
    return answer ? { state: 'done' as const, answer } : { state: 'begun' as const, attempt: 1 };
  }
  async finish(key: string, _attempt: number, answer: StoredAnswer): Promise<void> {
    this.answers.set(key, answer);
  }
  async release(): Promise<void> {}
}

describe('sealed text on its way out', () => {
  let edge: EdgeApp;
  let kept: KeptAnswers;
  beforeEach(async () => {
    keys = new MemorySubjectKeys();
    keeper = new TextKeeper(keys);
    sealed = await keeper.seal(SAID, ['dora']);
    kept = new KeptAnswers();
    edge = await startEdgeApp({
      controllers: [WrittenController],
      providers: [
        { provide: TEXT_REVEALER, useValue: keeper },
        { provide: IDEMPOTENCY_STORE, useValue: kept },
      ],
    });
  });
  afterEach(() => edge.close());
  const get = async (path: string, headers: Record<string, string> = {}): Promise<string> =>
    await (await fetch(`${edge.url}/v1/${path}`, { headers: { authorization: await edge.bearer(), ...headers } })).text();
  const echo = async (body: unknown, query = '', key?: string): Promise<Response> =>
    await fetch(`${edge.url}/v1/echo${query}`, {
      method: 'POST',
      body: JSON.stringify(body),
      headers: {
        authorization: await edge.bearer(),
        'content-type': 'application/json',
        ...(key ? { 'idempotency-key': key } : {}),
      },
    });

  it('is opened in JSON, also within a sentence, and erased there when its key is gone', async () => {
    const shown = (text: string) => ({
      items: [{ comment: text, sentence: `She wrote ${text}.`, n: 1, none: null, at: '1970-01-01T00:00:00.000Z' }],
    });
    expect(JSON.parse(await get('json'))).toEqual(shown(SAID));
    keys.forget('dora');
    expect(JSON.parse(await get('json'))).toEqual(shown('(erased)'));
  });

  it('is opened in CSV as a cell is written: it neither ends a cell nor begins a formula', async () => {
    expect(await get('csv')).toBe(
      csvOf(
        ['id', 'comment', 'sentence'],
        [
          { id: '"1",', comment: SAID, sentence: `wrote ${SAID}` },
          { id: '=2', comment: null },
        ],
      ),
    );
    keys.forget('dora');
    expect(await get('csv')).toContain(',(erased),wrote (erased)\r\n');
  });

  it('is opened in HTML as text, and as nothing else', async () => {
    const escaped = '=Dora said: &quot;no&quot;, &lt;b&gt;\nthen; +left';
    expect(await get('html')).toBe(`<p title="${escaped}">${escaped}</p>`);
  });

  it('stays sealed in bytes and streams, which a digest may be of, unless they are asked for to be read', async () => {
    for (const path of ['bytes', 'stream']) {
      expect(await get(path)).toBe(JSON.stringify({ comment: sealed }));
      expect(JSON.parse(await get(path, { 'plimsoll-text': 'revealed' }))).toEqual({ comment: SAID });
    }
  });

  it('stays sealed in what is proved as it is stored, whatever is asked', async () => {
    expect(JSON.parse(await get('leaf', { 'plimsoll-text': 'revealed' }))).toEqual({ leaf: sealed });
  });

  it('is not opened for whoever sends it in, in a body or a query; other text is answered', async () => {
    for (const answer of [
      await echo({ a: [{ b: `x ${sealed}` }] }),
      await echo({ [sealed]: 1 }),
      await echo({}, `?q=${encodeURIComponent(sealed)}`),
    ]) {
      expect(answer.status).toBe(422);
      expect(await answer.text()).not.toContain('Dora');
    }
    expect(await (await echo({ a: 'sealed' }, '?q=1')).json()).toEqual({ body: { a: 'sealed' }, query: { q: '1' }, comment: SAID });
  });

  it('is kept sealed with the answer that a repeat gets, and erased in that, too', async () => {
    const first = await (await echo({}, '', 'k1')).text();
    expect(JSON.parse(first)).toMatchObject({ comment: SAID });
    expect([...kept.answers.values()].map(({ body }) => JSON.parse(body) as unknown)).toMatchObject([{ comment: sealed }]);
    expect(await (await echo({}, '', 'k1')).text()).toBe(first);
    keys.forget('dora');
    expect(await (await echo({}, '', 'k1')).json()).toMatchObject({ comment: '(erased)' });
  });

  it('is opened in a refusal that quotes it, at once and repeated, kept sealed with it, and erased there when its key is gone', async () => {
    const ask = async (path: string, key: string): Promise<{ status: number; position: string | null; type: string; body: unknown }> => {
      const headers = { authorization: await edge.bearer(), 'content-type': 'application/json', 'idempotency-key': key };
      const answer = await fetch(`${edge.url}/v1/${path}`, { method: 'POST', body: '{}', headers });
      return {
        status: answer.status,
        position: answer.headers.get('plimsoll-position'),
        type: answer.headers.get('content-type') ?? '',
        body: await answer.json(),
      };
    };
    const shown = (text: string) => ({
      status: 409,
      position: '7',
      type: 'application/problem+json; charset=utf-8',
      body: {
        type: 'https://plimsoll.dev/problems/gates-not-passed',
        title: 'Gates not passed',
        status: 409,
        detail: `The change was withdrawn: ${text}`,
        instance: '/v1/refuse',
        reasons: [
          { code: 'gate-change-approved-fail', detail: `withdrawn: ${text}`, evidence: ['change-1@3'], unblockedBy: 'Submit it again.' },
        ],
      },
    });
    expect(await ask('refuse', 'r1')).toEqual(shown(SAID));
    expect([...kept.answers.values()].map(({ body }) => body)).toEqual([expect.stringContaining(sealed)]);
    expect(await ask('refuse', 'r1')).toEqual(shown(SAID));
    expect(await ask('refuse-plainly', 'r2')).toMatchObject({ status: 409, position: '8', body: { detail: 'The jar is sealed.' } });
    keys.forget('dora');
    expect(await ask('refuse', 'r1')).toEqual(shown('(erased)'));
    expect(await ask('refuse', 'r3')).toEqual(shown('(erased)'));
  });

  it('is erased in a stream that was open before', async () => {
    const authorization = await edge.bearer();
    const answer = await new Promise<IncomingMessage>((resolve, reject) =>
      httpGet(`${edge.url}/v1/live`, { headers: { authorization } }, resolve).on('error', reject),
    );
    let text = '';
    const until = (wanted: string): Promise<void> =>
      new Promise((resolve) => {
        const look = (): void => void (text.includes(wanted) && resolve());
        answer.on('data', (chunk: Buffer) => ((text += chunk.toString()), look()));
        look();
      });
    await until('id: 1\n');
    await until('\\nthen');
    keys.forget('dora');
    more();
    await until('id: 2\n');
    await until('(erased)');
    expect(text.slice(text.indexOf('id: 2'))).not.toContain('Dora');
  });
});
