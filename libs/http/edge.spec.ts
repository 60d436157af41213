import { request as rawRequest, type IncomingMessage } from 'node:http';
import { connect } from 'node:net';
import { Body, Controller, Get, Param, Post, Query, Req } from '@nestjs/common';
import { Type } from 'class-transformer';
import { ArrayMaxSize, IsArray, IsIn, IsInt, IsOptional, IsString, Matches, MaxLength, Min, ValidateNested } from 'class-validator';
import type { FastifyRequest } from 'fastify';
import { AppendOutcomeUnknown, refuse, RefusedError } from '#libs/event-sourcing';
import { Public, Roles } from './auth.ts';
import { KeepRawBody, StreamedBody } from './body-parser.ts';
import { DevTokenController } from './dev-token.controller.ts';
import { IdPipe } from './id-pipe.ts';
import { startEdgeApp, type EdgeApp } from './testing/edge-app.ts';
import type { Problem } from './problem.ts';

class Artifact {
  @Matches(/^sha256:[0-9a-f]{64}$/, { message: 'digest must be sha256: and 64 hex digits' })
  digest: string;
}

class ComposeRelease {
  @IsString()
  @MaxLength(20)
  version: string;

  @IsOptional()
  @IsInt()
  @Min(1)
  count?: number;

  @IsOptional()
  @IsIn(['low', 'high'])
  risk?: string;

  @IsOptional()
  @IsArray()
  @ArrayMaxSize(3)
  @ValidateNested({ each: true })
  @Type(() => Artifact)
  artifacts?: Artifact[];
}

class AllOptional {
  @IsOptional()
  @IsString()
  note?: string;
}

class Nested {
  @ValidateNested()
  @Type(() => AllOptional)
  scope: AllOptional;

  @IsOptional()
  @ValidateNested()
  @Type(() => Artifact)
  artifact?: Artifact;

  @IsArray()
  @ValidateNested({ each: true })
  @Type(() => AllOptional)
  notes: AllOptional[];
}

@Controller('v1')
class EdgeController {
  @Post('releases')
  compose(@Body() command: ComposeRelease): object {
    return { command, isItsClass: command instanceof ComposeRelease };
  }

  @Post('notes')
  note(@Body() command: AllOptional): object {
    return command;
  }

  @Post('nested')
  nested(@Body() command: Nested): object {
    return command;
  }

  @Post('anything')
  anything(@Body() body: unknown): object {
    return { body };
  }

  @Post('signed')
  @KeepRawBody()
  signed(@Req() request: FastifyRequest): object {
    return { raw: request.rawBody?.toString('utf8') };
  }

  @Post('unsigned')
  unsigned(@Req() request: FastifyRequest): object {
    return { hasRaw: request.rawBody !== undefined };
  }

  @Post('reports')
  @StreamedBody(1000)
  async report(@Req() request: FastifyRequest): Promise<object> {
    let length = 0;
    for await (const chunk of request.body as AsyncIterable<Buffer>) length += chunk.length;
    return { length };
  }

  @Get('releases/:id')
  one(@Param('id', IdPipe) id: string): object {
    return { id };
  }

  @Get('who')
  who(@Req() request: FastifyRequest): object {
    return { ...request.identity };
  }

  @Get('approvals')
  @Roles('approver', 'admin')
  approvals(): object {
    return {};
  }

  @Get('hello')
  @Public()
  hello(): object {
    return { hello: 'world' };
  }

  @Get('refused')
  refused(@Query('secret') _secret?: string): object {
    throw new RefusedError(
      refuse('frozen', 'window-closed', 'The window is closed.', [{ code: 'window', detail: 'Monday.', unblockedBy: 'Wait.' }]),
      7n,
    );
  }

  @Get('frozen')
  frozen(): object {
    throw new RefusedError({ ...refuse('frozen', 'frozen', 'It is closed.'), retryAfterSeconds: 90 });
  }

  @Get('unknown')
  unknown(): object {
    throw new AppendOutcomeUnknown('release-1');
  }

  @Get('broken')
  broken(): object {
    throw new Error('connect to postgres://app:hunter2@db failed');
  }
}

describe('The HTTP edge', () => {
  let edge: EdgeApp;
  let authorization: string;

  beforeAll(async () => {
    edge = await startEdgeApp({ controllers: [EdgeController, DevTokenController], limitBytes: 2000 });
    authorization = await edge.bearer();
  });
  afterAll(() => edge.close());

  const get = (path: string, headers: Record<string, string> = { authorization }) => fetch(edge.url + path, { headers });
  const post = (path: string, body: string | Buffer, headers: Record<string, string> = {}) =>
    fetch(edge.url + path, {
      method: 'POST',
      body: body as string,
      headers: { authorization, 'content-type': 'application/json', ...headers },
    });
  const problem = async (answer: Response): Promise<Problem> => {
    expect(answer.headers.get('content-type')).toBe('application/problem+json; charset=utf-8');
    const body = (await answer.json()) as Problem;
    expect(body.status).toBe(answer.status);
    return body;
  };
  const typeOf = async (answer: Response): Promise<string> => `${answer.status} ${(await problem(answer)).type.replace(/.*\//, '')}`;

  describe('reads bodies', () => {
    it('that are strict JSON, and hands over an instance of the class', async () => {
      const answer = await post('/v1/releases', '{"version":"1.2.3","count":2}');
      expect([answer.status, await answer.json()]).toEqual([201, { command: { version: '1.2.3', count: 2 }, isItsClass: true }]);
    });

    it('and refuses JSON that two readers could read differently', async () => {
      expect(await typeOf(await post('/v1/releases', '{"version":"1","version":"2"}'))).toBe('400 malformed-json');
      expect(await typeOf(await post('/v1/releases', '{"version":'))).toBe('400 malformed-json');
      expect(await typeOf(await post('/v1/releases', ''))).toBe('400 malformed-json');
      expect(await typeOf(await post('/v1/releases', Buffer.from([0x22, 0xff, 0x22])))).toBe('400 malformed-json');
      expect(await typeOf(await post('/v1/releases', '{"__proto__":{"version":"1"}}'))).toBe('400 malformed-json');
    });

    it('of CloudEvents, single and in batches', async () => {
      expect(
        await (await post('/v1/anything', '{"id":"1"}', { 'content-type': 'application/cloudevents+json; charset=UTF-8' })).json(),
      ).toEqual({ body: { id: '1' } });
      expect(await (await post('/v1/anything', '[{"id":"1"}]', { 'content-type': 'application/cloudevents-batch+json' })).json()).toEqual({
        body: [{ id: '1' }],
      });
    });

    it.each([
      'text/plain',
      'application/x-www-form-urlencoded',
      'application/json; charset=latin1',
      'application/jsonp',
      'multipart/form-data; boundary=x',
    ])('but none of type %s', async (type) => {
      const answer = await post('/v1/anything', '{}', { 'content-type': type });
      expect((await problem(answer)).detail).toContain('Content-Type application/json');
      expect(answer.status).toBe(415);
    });

    it('up to the limit, before parsing, whether or not the length is declared', async () => {
      expect((await post('/v1/anything', JSON.stringify('x'.repeat(1998)))).status).toBe(201);
      expect(await typeOf(await post('/v1/anything', JSON.stringify('x'.repeat(1999))))).toBe('413 body-too-large');
      const chunked = await new Promise<IncomingMessage>((resolve, reject) => {
        const sent = rawRequest(
          `${edge.url}/v1/anything`,
          { method: 'POST', headers: { authorization, 'content-type': 'application/json' } },
          resolve,
        );
        sent.on('error', reject);
        sent.write('"');
        for (let i = 0; i < 10; i++) sent.write('x'.repeat(1000));
        sent.end('"');
      });
      chunked.resume();
      expect(chunked.statusCode).toBe(413);
    });

    it('and answers before a body that is announced too large has come', async () => {
      const { port } = new URL(edge.url);
      const answer = await new Promise<string>((resolve, reject) => {
        const socket = connect(Number(port), '127.0.0.1', () => {
          socket.write(`POST /v1/anything HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 99999999\r\n\r\n`);
        });
        let text = '';
        socket.on('data', (chunk) => (text += chunk.toString()));
        socket.on('error', reject);
        socket.on('close', () => resolve(text));
      });
      expect(answer).toMatch(/^HTTP\/1.1 413 /);
      expect(answer.toLowerCase()).toContain('connection: close');
    });

    it('and keeps their bytes where a route asks for them', async () => {
      expect(await (await post('/v1/signed', '{ "a" : 1 }')).json()).toEqual({ raw: '{ "a" : 1 }' });
      expect(await (await post('/v1/unsigned', '{}')).json()).toEqual({ hasRaw: false });
    });

    it('or streams them, of any type, up to a limit of the route', async () => {
      const xml = { 'content-type': 'application/xml' };
      expect(await (await post('/v1/reports', 'x'.repeat(1000), xml)).json()).toEqual({ length: 1000 });
      expect(await typeOf(await post('/v1/reports', 'x'.repeat(1001), xml))).toBe('413 body-too-large');
      const chunked = await fetch(`${edge.url}/v1/reports`, {
        method: 'POST',
        body: new Blob(['x'.repeat(1001)]).stream(),
        headers: { authorization, ...xml },
        duplex: 'half',
      } as RequestInit);
      expect(await typeOf(chunked)).toBe('413 body-too-large');
    });

    it('and outlives streams that nobody reads, or that never end', async () => {
      const { port } = new URL(edge.url);
      const send = (text: string): Promise<void> =>
        new Promise((resolve) => {
          const socket = connect(Number(port), '127.0.0.1', () => socket.end(text));
          socket.resume();
          socket.on('error', () => undefined);
          socket.on('close', () => resolve());
        });
      const head = 'POST /v1/reports HTTP/1.1\r\nhost: x\r\ncontent-type: text/xml\r\n';
      await send(`${head}transfer-encoding: chunked\r\n\r\n${'3e8\r\n'.concat('x'.repeat(1000), '\r\n').repeat(3)}0\r\n\r\n`);
      await send(`${head}authorization: ${authorization}\r\ncontent-length: 900\r\n\r\nhalf`);
      expect((await get('/v1/hello', {})).status).toBe(200);
    });
  });

  describe('validates', () => {
    it('and names every field that is not as it must be, saying what would be accepted', async () => {
      const answer = await post('/v1/releases', '{"version":7,"risk":"medium","extra":1,"artifacts":[{"digest":"sha256:12","size":3}]}');
      const { type, status, errors, detail, instance } = await problem(answer);
      expect({ type, status, instance }).toEqual({
        type: 'https://plimsoll.dev/problems/validation',
        status: 400,
        instance: '/v1/releases',
      });
      expect(errors).toEqual(
        expect.arrayContaining([
          { path: 'version', problems: expect.arrayContaining(['version must be a string.']) as string[] },
          { path: 'risk', problems: ['risk must be one of the following values: low, high.'] },
          { path: 'extra', problems: ['This field is not known. Known: artifacts, count, risk, version.'] },
          { path: 'artifacts[0].digest', problems: ['digest must be sha256: and 64 hex digits.'] },
          { path: 'artifacts[0].size', problems: ['This field is not known. Known: digest.'] },
        ]),
      );
      expect(detail).toContain('(and 4 more, see errors)');
    });

    it('without converting anything silently', async () => {
      expect((await problem(await post('/v1/releases', '{"version":"1","count":"2"}'))).errors?.[0]?.path).toBe('count');
    });

    it.each(['[]', '"x"', '1', 'true', 'null', '[{"note":"x"}]'])('and takes no %s for an object', async (body) => {
      const answer = await post('/v1/notes', body);
      expect([answer.status, (await problem(answer)).errors]).toEqual([400, [{ path: '', problems: ['The body must be a JSON object.'] }]]);
    });

    it.each<[string, object, string, string]>([
      ['a list for an object', { scope: [], notes: [] }, 'scope', 'scope must be a JSON object, not a list. Its fields: note.'],
      ['an object that is missing', { notes: [] }, 'scope', 'scope must be a JSON object, not missing. Its fields: note.'],
      ['null for an object', { scope: null, notes: [] }, 'scope', 'scope must be a JSON object, not null. Its fields: note.'],
      ['text for an object', { scope: 'x', notes: [] }, 'scope', 'scope must be a JSON object, not text. Its fields: note.'],
      ['a list for one that may be missing', { scope: {}, artifact: [], notes: [] }, 'artifact', 'artifact must be a JSON object, not a list. Its fields: digest.'],
      ['an object for a list', { scope: {}, notes: {} }, 'notes', 'notes must be a list of JSON objects, not an object. The fields of each: note.'],
      ['a list that is missing', { scope: {} }, 'notes', 'notes must be a list of JSON objects, not missing. The fields of each: note.'],
      ['a list in a list', { scope: {}, notes: [{}, []] }, 'notes[1]', 'Each element of notes must be a JSON object, not a list. Its fields: note.'],
    ])('and refuses %s, saying what would be accepted', async (_what, body, path, sentence) => {
      const answer = await post('/v1/nested', JSON.stringify(body));
      expect([answer.status, (await problem(answer)).errors]).toEqual([400, [{ path, problems: [sentence] }]]);
    }); // prettier-ignore

    it('and takes objects, and lists of objects, that are there', async () => {
      const digest = `sha256:${'a'.repeat(64)}`;
      const whole = { scope: {}, artifact: { digest }, notes: [{ note: 'x' }, {}] };
      const answer = await post('/v1/nested', JSON.stringify(whole));
      expect([answer.status, await answer.json()]).toEqual([201, whole]);
      expect((await post('/v1/nested', '{"scope":{"note":"x"},"notes":[]}')).status).toBe(201);
    });

    it('and says what else is wrong beside a shape that is', async () => {
      const { errors } = await problem(await post('/v1/nested', '{"scope":[],"notes":[{"note":1}],"more":1}'));
      expect(errors?.map(({ path }) => path)).toEqual(['scope', 'more', 'notes[0].note']);
    });

    it('ids in paths', async () => {
      expect((await get('/v1/releases/rel-1.2~3')).status).toBe(200);
      for (const id of ['%24all', 'a%2F..%2Fb', 'a%20b', '-a', 'x'.repeat(129)]) expect((await get(`/v1/releases/${id}`)).status).toBe(400);
    });
  });

  describe('knows who asks', () => {
    it('from the token alone', async () => {
      const who = (await (await get('/v1/who', { authorization: await edge.bearer('dora', ['approver']) })).json()) as Record<
        string,
        unknown
      >;
      expect(who).toEqual({
        person: expect.stringMatching(/^[0-9a-f-]{36}$/) as string,
        principal: 'plimsoll-embedded|dora',
        roles: ['approver'],
      });
    });

    it('and answers 401 without a good token, saying what is wrong', async () => {
      const without = await get('/v1/who', {});
      expect(without.headers.get('www-authenticate')).toBe('Bearer');
      expect(await typeOf(without)).toBe('401 unauthenticated');
      const basic = await get('/v1/who', { authorization: 'Basic eDp5' });
      expect(basic.headers.get('www-authenticate')).toBe('Bearer error="invalid_request"');
      const forged = await get('/v1/who', { authorization: `${authorization.slice(0, -4)}AAAA` });
      expect(forged.headers.get('www-authenticate')).toBe('Bearer error="invalid_token"');
      expect((await problem(forged)).detail).not.toContain(authorization.slice(7, 30));
      expect((await get('/v1/who', { authorization: authorization.replace('Bearer ', 'Bearer  ') })).status).toBe(401);
    });

    it('before it reads what they send to the handler', async () => {
      expect(
        (await fetch(`${edge.url}/v1/releases`, { method: 'POST', body: '{"bad":1}', headers: { 'content-type': 'application/json' } }))
          .status,
      ).toBe(401);
    });

    it('and lets in whoever has one of the roles', async () => {
      expect((await get('/v1/approvals', { authorization: await edge.bearer('dora', ['admin']) })).status).toBe(200);
      const answer = await get('/v1/approvals', { authorization: await edge.bearer('dora', ['Approver', 'deployer']) });
      expect(await problem(answer)).toMatchObject({
        status: 403,
        type: 'https://plimsoll.dev/problems/role-missing',
        detail: 'This needs the role approver or admin; the token has Approver, deployer.',
        reasons: [{ code: 'role-missing' }],
      });
    });

    it('except on public routes', async () => {
      expect((await get('/v1/hello', {})).status).toBe(200);
    });
  });

  describe('refuses and fails', () => {
    it('with the reasons of the rule and the position of the denial', async () => {
      const answer = await get('/v1/refused?secret=1');
      expect(answer.headers.get('plimsoll-position')).toBe('7');
      expect(await problem(answer)).toEqual({
        type: 'https://plimsoll.dev/problems/window-closed',
        title: 'Window closed',
        status: 423,
        detail: 'The window is closed.',
        instance: '/v1/refused',
        reasons: [{ code: 'window', detail: 'Monday.', unblockedBy: 'Wait.' }],
      });
    });

    it('with the seconds until it is decided otherwise, where they are known', async () => {
      expect((await get('/v1/frozen')).headers.get('retry-after')).toBe('90');
      expect((await get('/v1/refused')).headers.get('retry-after')).toBeNull();
    });

    it('with 503 and Retry-After where the outcome is unknown', async () => {
      const answer = await get('/v1/unknown');
      expect(answer.headers.get('retry-after')).toBe('1');
      expect(await typeOf(answer)).toBe('503 outcome-unknown');
    });

    it('without showing its inside', async () => {
      const answer = await get('/v1/broken');
      const body = await problem(answer);
      expect(body).toMatchObject({
        status: 500,
        type: 'https://plimsoll.dev/problems/internal',
        errorId: expect.stringMatching(/^[0-9a-f-]{36}$/) as string,
      });
      expect(JSON.stringify(body)).not.toContain('hunter2');
    });

    it('on paths that do not exist, or are no paths', async () => {
      expect(await typeOf(await get('/v1/nothing'))).toBe('404 not-found');
      expect(await typeOf(await get('/v1/%zz'))).toBe('400 bad-request');
      expect(await typeOf(await get(`/v1/releases/${'x'.repeat(300)}`))).toBe('400 bad-request');
    });
  });

  it('sends security headers with answers and problems', async () => {
    for (const path of ['/v1/hello', '/v1/nothing']) {
      const { headers } = await get(path);
      expect(headers.get('content-security-policy')).toContain("default-src 'none'");
      expect(headers.get('content-security-policy')).toContain("frame-ancestors 'none'");
      expect(headers.get('x-content-type-options')).toBe('nosniff');
      expect(headers.get('strict-transport-security')).toBeNull();
    }
  });

  describe('hands out tokens of the embedded issuer', () => {
    const ask = (body: object) =>
      fetch(`${edge.url}/v1/dev/token`, { method: 'POST', body: JSON.stringify(body), headers: { 'content-type': 'application/json' } });

    it('that it takes', async () => {
      const answer = await ask({ subject: 'emil', roles: ['deployer'] });
      expect([answer.status, answer.headers.get('cache-control')]).toEqual([200, 'no-store']);
      const { token, tokenType } = (await answer.json()) as { token: string; tokenType: string };
      expect(await (await get('/v1/who', { authorization: `${tokenType} ${token}` })).json()).toMatchObject({ roles: ['deployer'] });
    });

    it.each([
      { subject: '', roles: [] },
      { subject: 'emil' },
      { subject: 'emil', roles: 'admin' },
      { subject: 'emil', roles: [], ttlSeconds: 86_401 },
      { subject: 'a\nb', roles: [] },
      { subject: 'emil', roles: [], issuer: 'x' },
    ])('but not for %j', async (body) => {
      expect(await typeOf(await ask(body))).toBe('400 validation');
    });
  });
});
