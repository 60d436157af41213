import { ROUTE_ARGS_METADATA } from '@nestjs/common/constants.js';
import { ModulesContainer } from '@nestjs/core';
import { queryParametersOf } from '#libs/http';
import { GRANTABLE_ROLES } from '#libs/identity';
import { startApp, type Answer, type RunningApp } from '../support/running-app.ts';

interface Operation {
  readonly parameters?: readonly { readonly name: string; readonly in: string }[];
}

/** A misspelt parameter that is overlooked gets the answer to a wider question. So every route that there is says what it takes, and takes nothing else. */
describe('query parameters', () => {
  let app: RunningApp;
  let ask: (method: string, path: string) => Promise<Answer>;
  let routes: readonly { method: string; path: string; documented: readonly string[] }[];

  beforeAll(async () => {
    app = await startApp({ PLIMSOLL_ROLES: 'api' });
    // Every role: what is asked here is whether the query is looked at, not who may ask.
    const all = await app.person('all', ...GRANTABLE_ROLES.filter((role) => role !== 'service'));
    const program = await app.person('ci', 'service');
    ask = async (method, path) => {
      const answer = method === 'post' ? await all.post(path, {}) : await all.get(path);
      return answer.status === 403 ? await program.post(path, {}) : answer;
    };
    const { paths } = (await app.get('/openapi.json')).body as { paths: Record<string, Record<string, Operation>> };
    routes = Object.entries(paths).flatMap(([path, operations]) =>
      Object.entries(operations).map(([method, { parameters = [] }]) => ({
        method,
        path: path.replace(/\{\w+\}/g, '0'),
        documented: parameters.flatMap((parameter) => (parameter.in === 'query' ? [parameter.name] : [])).sort(),
      })),
    );
  });
  afterAll(() => app.stop());

  it('that a route does not know are refused, on every route, with those that it knows', async () => {
    expect(routes.length).toBeGreaterThan(110);
    const overlooked: string[] = [];
    for (const { method, path, documented } of [
      ...routes,
      ...['/docs', '/openapi.json'].map((p) => ({ method: 'get', path: p, documented: [] as string[] })),
    ]) {
      const answer = await ask(method, `${path}?colour=red`);
      const accepted = documented.length > 0 ? `Known: ${documented.join(', ')}.` : 'none is accepted here.';
      const [error] = (answer.body as { errors?: { path: string; problems: string[] }[] }).errors ?? [];
      if (answer.status !== 400 || error?.path !== 'colour' || !error.problems[0]?.endsWith(accepted))
        overlooked.push(`${method} ${path}: ${answer.status} ${answer.text.slice(0, 200)}`);
    }
    expect(overlooked).toEqual([]);
  });

  it('that are there twice are refused, wherever one is known', async () => {
    const overlooked: string[] = [];
    const known = routes.flatMap(({ documented, ...route }) => documented.map((name) => ({ ...route, name })));
    expect(known.length).toBeGreaterThan(100);
    for (const { method, path, name } of known) {
      const answer = await ask(method, `${path}?${name}=a&${name}=b`);
      const said = JSON.stringify((answer.body as { errors?: unknown }).errors ?? []);
      if (answer.status !== 400 || !said.includes(`"path":"${name}","problems":["This may be given once only."]`))
        overlooked.push(`${method} ${path} ${name}: ${answer.status} ${answer.text.slice(0, 200)}`);
    }
    expect(overlooked).toEqual([]);
  });

  it('are described wherever a query is taken whole', () => {
    const modules = [...app.plimsoll.app.get(ModulesContainer).values()];
    const controllers = new Set(
      modules.flatMap((m) => [...m.controllers.values()].flatMap(({ metatype }) => (metatype ? [metatype as new () => object] : []))),
    );
    expect(controllers.size).toBeGreaterThan(20);
    const undescribed = [...controllers].flatMap((controller) =>
      Object.getOwnPropertyNames(controller.prototype).flatMap((name) => {
        const taken = (Reflect.getMetadata(ROUTE_ARGS_METADATA, controller, name) ?? {}) as Record<string, { data?: unknown }>;
        const whole = Object.entries(taken).some(([key, { data }]) => key.startsWith('4:') && data === undefined);
        const handler = (controller.prototype as Record<string, { name: string }>)[name];
        return whole && handler && queryParametersOf(controller, handler).length === 0 ? [`${controller.name}.${name}`] : [];
      }),
    );
    expect(undescribed).toEqual([]);
  });

  it('are taken where they are known and there once', async () => {
    for (const path of ['/v1/governance/approvals?outcome=open', '/v1/ledger', '/health/live', '/v1/governance/denials?kind=gate&limit=2'])
      expect([path, (await ask('get', path)).status]).toEqual([path, 200]);
  });
});
