import { Body, Controller, Get, Param, Post, Query } from '@nestjs/common';
import { ApiProperty, type OpenAPIObject } from '@nestjs/swagger';
import { Type } from 'class-transformer';
import {
  ArrayMinSize,
  IsBoolean,
  IsEnum,
  IsIn,
  IsInt,
  IsISO8601,
  IsOptional,
  IsString,
  IsUUID,
  Matches,
  Max,
  MaxLength,
  Min,
  MinLength,
  ValidateNested,
} from 'class-validator';
import { Public } from './auth.ts';
import { defineList, timeFilter } from './list.ts';
import { ListParameters, setupOpenApi } from './openapi.ts';
import { startEdgeApp, type EdgeApp } from './testing/edge-app.ts';
import { View } from './views.ts';

enum Risk {
  Low = 'low',
  High = 'high',
}

class Part {
  @Matches(/^sha256:[0-9a-f]{64}$/)
  digest: string;
}

class Base {
  @IsUUID()
  id: string;
}

class Compose extends Base {
  @IsString({ context: { description: 'What people call it.', example: '1.2.3' } })
  @MinLength(1)
  @MaxLength(20)
  version: string;

  @IsInt()
  @Min(0)
  @Max(9)
  count: number;

  @IsOptional()
  @IsBoolean()
  urgent?: boolean;

  @IsEnum(Risk)
  risk: Risk;

  @IsIn(['a', 'b'], { each: true })
  letters: string[];

  @ValidateNested({ each: true })
  @ArrayMinSize(1)
  @Type(() => Part)
  parts: Part[];

  @ValidateNested()
  @Type(() => Part)
  main: Part;

  @IsOptional()
  @IsISO8601()
  at?: string;

  @ApiProperty({ type: 'string', description: 'Said by hand <script>.' })
  @IsString()
  custom: string;
}

class Asked {
  @IsOptional()
  @IsString()
  @MaxLength(5)
  text?: string;
}

const list = defineList({
  order: [{ column: 'id', type: 'text', direction: 'asc' }],
  filters: { updatedFrom: timeFilter('updated_at', '>=') },
});

@Controller('v1/releases')
class ReleaseController {
  @Post()
  compose(@Body() command: Compose): object {
    return command;
  }

  @Get(':id')
  @View('board')
  one(@Param('id') id: string, @Query() query: Asked): object {
    return { id, query };
  }

  @Get()
  @Public()
  @ListParameters(list)
  all(@Query() query: Record<string, unknown>): object {
    return list.parse(query);
  }
}

describe('The OpenAPI document', () => {
  let edge: EdgeApp;
  let document: OpenAPIObject;

  beforeAll(async () => {
    edge = await startEdgeApp({ controllers: [ReleaseController], before: (app) => setupOpenApi(app) });
    document = (await (await fetch(`${edge.url}/openapi.json`)).json()) as OpenAPIObject;
  });
  afterAll(() => edge.close());

  it('is OpenAPI 3.1, served without a token', () => {
    expect(document.openapi).toBe('3.1.0');
    expect(Object.keys(document.paths)).toEqual(['/v1/releases', '/v1/releases/{id}']);
  });

  it("says a body's rules, which are written once, as class-validator's decorators", () => {
    expect(document.components?.schemas?.['Compose']).toEqual({
      type: 'object',
      required: expect.arrayContaining(['id', 'version', 'count', 'risk', 'letters', 'parts', 'main', 'custom']) as string[],
      properties: {
        id: { type: 'string', format: 'uuid' },
        version: { type: 'string', minLength: 1, maxLength: 20, description: 'What people call it.', example: '1.2.3' },
        count: { type: 'integer', minimum: 0, maximum: 9 },
        urgent: { type: 'boolean' },
        risk: { type: 'string', enum: ['low', 'high'] },
        letters: { type: 'array', items: { type: 'string', enum: ['a', 'b'] } },
        parts: { type: 'array', minItems: 1, items: { $ref: '#/components/schemas/Part' } },
        main: { $ref: '#/components/schemas/Part' },
        at: { type: 'string', format: 'date-time' },
        custom: { type: 'string', description: 'Said by hand <script>.' },
      },
    });
    const required = (document.components?.schemas?.['Compose'] as { required: string[] }).required;
    expect(required).not.toContain('urgent');
    expect(document.components?.schemas?.['Part']).toEqual({
      type: 'object',
      properties: { digest: { type: 'string', pattern: '^sha256:[0-9a-f]{64}$' } },
      required: ['digest'],
    });
  });

  it("says a query's rules and the headers of commands and views", () => {
    const names = (path: string, method: 'get' | 'post') =>
      (document.paths[path]?.[method]?.parameters ?? []).map((p) => (p as { name: string }).name);
    expect(names('/v1/releases/{id}', 'get').sort()).toEqual(['Plimsoll-Min-Position', 'id', 'text']);
    expect(names('/v1/releases', 'post').sort()).toEqual(['Idempotency-Key', 'If-Match']);
  });

  it("says a list's parameters, and no others", () => {
    const parameters = document.paths['/v1/releases']?.get?.parameters as { name: string; schema: object }[];
    expect(Object.fromEntries(parameters.map(({ name, schema }) => [name, schema]))).toEqual({
      limit: { type: 'integer', minimum: 1, maximum: 200 },
      cursor: { type: 'string' },
      updatedFrom: { type: 'string', format: 'date-time' },
    });
  });

  it('takes a list as it is described', async () => {
    expect(await (await fetch(`${edge.url}/v1/releases?limit=7`)).json()).toEqual({ limit: 7, filters: {} });
    expect((await fetch(`${edge.url}/v1/releases?order=id`)).status).toBe(400);
  });

  it('says what a command is answered with', () => {
    expect(document.paths['/v1/releases']?.post?.responses).toHaveProperty(
      '201.content.application/json.schema.$ref',
      '#/components/schemas/CommandAnswer',
    );
    expect(document.paths['/v1/releases']?.get?.responses).not.toHaveProperty('200.content');
  });

  it('says that every operation may answer a problem, and which ones need no token', () => {
    expect(document.paths['/v1/releases']?.post?.responses).toHaveProperty('default.content.application/problem+json');
    expect(document.paths['/v1/releases']?.get?.security).toEqual([]);
    expect(document.security).toEqual([{ bearer: [] }]);
    expect(JSON.stringify(document)).not.toContain('x-plimsoll');
  });

  it('is a page for people, too, without scripts, other hosts or unescaped text', async () => {
    const answer = await fetch(`${edge.url}/docs`);
    const page = await answer.text();
    expect(answer.headers.get('content-type')).toBe('text/html; charset=utf-8');
    expect(answer.headers.get('content-security-policy')).toContain("default-src 'none'");
    expect(page).toContain('/v1/releases/{id}');
    expect(page).toContain('Said by hand &lt;script&gt;.');
    expect(page).not.toMatch(/<script|https?:\/\//);
  });
});
