import { Controller, Get, Param, Post, Query } from '@nestjs/common';
import { ApiQuery } from '@nestjs/swagger';
import { IsOptional, IsString } from 'class-validator';
import { Public } from './auth.ts';
import { defineList, textFilter } from './list.ts';
import { ListParameters, setupOpenApi } from './openapi.ts';
import { queryParametersOf } from './query.ts';
import { startEdgeApp, type EdgeApp } from './testing/edge-app.ts';

class About {
  @IsString() suite: string;
  @IsOptional() @IsString() note?: string;
}

const list = defineList({
  order: [{ column: 'id', type: 'text', direction: 'asc' }],
  filters: { product: textFilter('product') },
});

@Controller('things')
class ThingsController {
  @Get()
  @ListParameters(list)
  all(@Query() query: Record<string, unknown>): object {
    return list.parse(query).filters;
  }

  @Get('described')
  @ApiQuery({ name: 'days', required: false })
  described(@Query() query: Record<string, unknown>): object {
    return query;
  }

  @Public()
  @Get('open')
  open(): object {
    return {};
  }

  @Get(':id')
  one(@Param('id') id: string, @Query('asOf') asOf?: string): object {
    return { id, asOf };
  }

  @Post()
  make(@Query() about: About): object {
    return about;
  }
}

describe('The query of a request', () => {
  let edge: EdgeApp;
  beforeAll(async () => {
    edge = await startEdgeApp({ controllers: [ThingsController], before: (app) => setupOpenApi(app) });
  });
  afterAll(() => edge.close());

  const ask = async (path: string, method = 'GET') => {
    const answer = await fetch(edge.url + path, { method, headers: { authorization: await edge.bearer() } });
    const text = await answer.text();
    const body = (answer.headers.get('content-type')?.includes('json') ? JSON.parse(text) : {}) as {
      readonly errors?: readonly { readonly path: string; readonly problems: readonly string[] }[];
    };
    return { status: answer.status, body, errors: body.errors };
  };

  it('is taken where the route knows every parameter of it', async () => {
    expect(await ask('/things?product=shop&limit=3')).toMatchObject({ status: 200, body: { product: 'shop' } });
    expect(await ask('/things/described?days=3')).toMatchObject({ status: 200, body: { days: '3' } });
    expect(await ask('/things/a?asOf=then')).toMatchObject({ status: 200, body: { asOf: 'then' } });
    expect(await ask('/things?suite=unit', 'POST')).toMatchObject({ status: 201, body: { suite: 'unit' } });
    expect(await ask('/things/open')).toMatchObject({ status: 200 });
    expect(await ask('/openapi.json')).toMatchObject({ status: 200 });
  });

  it('is refused where it has another, with those that are known', async () => {
    const said = async (path: string, method?: string) => {
      const { status, errors } = await ask(path, method);
      return [status, errors?.[0]?.path, errors?.[0]?.problems[0]];
    };
    const unknown = (known: string) => `This parameter is not known. Known: ${known}.`;
    const none = 'This parameter is not known; none is accepted here.';
    expect(await said('/things?colour=red')).toEqual([400, 'colour', unknown('cursor, limit, product')]);
    expect(await said('/things/described?day=3')).toEqual([400, 'day', unknown('days')]);
    expect(await said('/things/a?asof=then')).toEqual([400, 'asof', unknown('asOf')]);
    expect(await said('/things?suite=unit&actor=me', 'POST')).toEqual([400, 'actor', unknown('note, suite')]);
    expect(await said('/things/open?x')).toEqual([400, 'x', none]);
    expect(await said('/openapi.json?x=1')).toEqual([400, 'x', none]);
    expect(await said('/docs?x=1')).toEqual([400, 'x', none]);
    expect(await said('/things/a?constructor=1')).toEqual([400, 'constructor', unknown('asOf')]);
    expect(await said('/things/a?__proto__=1')).toEqual([400, '__proto__', unknown('asOf')]);
  });

  it('is refused where it has one twice, and says no more than is of use', async () => {
    for (const path of ['/things?product=a&product=b', '/things/described?days=1&days=1', '/things/a?asOf=1&asOf=2']) {
      expect(await ask(path)).toMatchObject({ status: 400, errors: [{ problems: ['This may be given once only.'] }] });
    }
    const many = Array.from({ length: 500 }, (_, n) => `${'p'.repeat(20)}${n}=1`).join('&');
    expect((await ask(`/things?${many}`)).errors).toHaveLength(20);
  });

  it('is looked at once it is known who asks', async () => {
    expect((await fetch(`${edge.url}/things?colour=red`)).status).toBe(401);
  });

  it('is described by what is taken', () => {
    const prototype = ThingsController.prototype;
    expect(queryParametersOf(ThingsController, prototype.make)).toEqual(['note', 'suite']);
    expect(queryParametersOf(ThingsController, prototype.all)).toEqual(['cursor', 'limit', 'product']);
    expect(queryParametersOf(ThingsController, prototype.open)).toEqual([]);
  });
});
