import { createSecretKey, randomUUID } from 'node:crypto';
import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import { ISSUER, ok, personId, problemOf, STEPS, type Stage } from '../stage.ts';
import { report, serviceDeployed } from '../outside-reports.ts';
import type { Scenario } from './scenario.ts';

/** Ada names anna as who acts: in the body, in the query and in headers. */
export const actorFromOutside: Scenario = {
  legitimate: async (product) => {
    const stage = await product.stage();
    ok(await stage.artifact(product.name('actor'), '1.0.0', 'a'));
  },
  attack: async (product) => {
    const stage = await product.stage();
    const name = product.name('actor');
    const body = {
      name,
      version: '1.0.0',
      purl: `pkg:npm/${name}@1.0.0`,
      digest: { algorithm: 'sha256', value: 'a'.repeat(64) },
      authors: [],
    };
    const anna = personId('anna');
    const inBody = await stage.ada.post('/v1/artifacts/artifacts', { ...body, actor: { person: anna }, meta: { actor: { person: anna } } });
    const headers = { 'x-actor': anna, 'x-person': anna, 'x-forwarded-user': anna, 'x-tenant': 'other', 'x-roles': 'release-manager' };
    const inQuery = await stage.ada.post(`/v1/artifacts/artifacts?actor=${anna}&tenant=other`, body);
    const besides = ok(await stage.ada.post('/v1/artifacts/artifacts', body, headers));
    const actors = (await stage.stream(besides.stream)).map(({ metadata }) => metadata.actor);
    return {
      succeeded: inBody.status < 300 || inQuery.status < 300 || actors.includes(anna),
      what: `body: ${problemOf(inBody) ?? 'taken'}; query: ${problemOf(inQuery) ?? 'taken'}; on record: ${actors.join()}`,
    };
  },
};

/** Tokens that nobody issued, in the ways that libraries have fallen for. */
async function forgeries(stage: Stage): Promise<Readonly<Record<string, string>>> {
  const { jwks } = stage.app.plimsoll.infrastructure.issuer!.configuration();
  const [published] = jwks!.keys;
  const { kid = '' } = published!;
  const claims = { iss: ISSUER, aud: 'plimsoll', sub: 'eve', roles: ['developer'], exp: Math.floor(Date.now() / 1000) + 3600 };
  const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
  const own = await generateKeyPair('ES256', { extractable: true });
  const signed = (header: object): Promise<string> =>
    new SignJWT(claims).setProtectedHeader({ alg: 'ES256', typ: 'at+jwt', kid, ...header }).sign(own.privateKey);
  return {
    none: `${part({ alg: 'none', typ: 'at+jwt', kid })}.${part(claims)}.`,
    'none with a signature of anything': `${part({ alg: 'none', typ: 'at+jwt', kid })}.${part(claims)}.AAAA`,
    'HS256 with the public key for a secret': await new SignJWT(claims)
      .setProtectedHeader({ alg: 'HS256', typ: 'at+jwt', kid })
      .sign(createSecretKey(Buffer.from(JSON.stringify(published)))),
    'another key under the same name': await signed({}),
    'a key that the token brings along': await signed({ jwk: await exportJWK(own.publicKey) }),
    'a key that the token says where to fetch': await signed({ jku: 'http://127.0.0.1:1/jwks.json' }),
    'a key by a path for a name': await signed({ kid: '../../../../dev/null' }),
  };
}

export const forgedToken: Scenario = {
  legitimate: async (product) => {
    const stage = await product.stage();
    ok(await stage.artifact(product.name('token'), '1.0.0', 'a'));
  },
  attack: async (product) => {
    const stage = await product.stage();
    const taken: string[] = [];
    for (const [how, token] of Object.entries(await forgeries(stage))) {
      const name = product.name('forged');
      const body = { name, version: '1', purl: `pkg:npm/${name}@1`, digest: { algorithm: 'sha256', value: 'a'.repeat(64) }, authors: [] };
      const answer = await stage.app.bearer(token).post('/v1/artifacts/artifacts', body);
      if (answer.status !== 401) taken.push(how);
    }
    return { succeeded: taken.length > 0, what: taken.join('; ') || 'all refused' };
  },
};

/** The key of a request that was carried out, for another one: whoever sends it believes that it was carried out, too. */
export const keyReused: Scenario = {
  legitimate: async (product) => {
    const stage = await product.stage();
    const name = product.name('key');
    const key = { 'idempotency-key': randomUUID() };
    const body = { name, version: '1', purl: `pkg:npm/${name}@1`, digest: { algorithm: 'sha256', value: 'a'.repeat(64) }, authors: [] };
    const first = await stage.ada.post('/v1/artifacts/artifacts', body, key);
    ok(first);
    if ((await stage.ada.post('/v1/artifacts/artifacts', body, key)).text !== first.text) throw new Error('A repeat got another answer.');
  },
  attack: async (product) => {
    const stage = await product.stage();
    const name = product.name('key');
    const key = { 'idempotency-key': randomUUID() };
    const body = { name, version: '1', purl: `pkg:npm/${name}@1`, digest: { algorithm: 'sha256', value: 'a'.repeat(64) }, authors: [] };
    ok(await stage.ada.post('/v1/artifacts/artifacts', body, key));
    const other = await stage.ada.post('/v1/artifacts/artifacts', { ...body, version: '2', purl: `pkg:npm/${name}@2` }, key);
    return { succeeded: other.status < 300, what: problemOf(other) ?? 'answered as if it had been carried out' };
  },
};

/** Approved before a freeze, started inside. */
export const deployedInsideFreeze: Scenario = {
  legitimate: async (product) => {
    const stage = await product.stage();
    const release = await stage.planned(product.name('open'));
    ok(await stage.grant(stage.anna, await stage.request(release)));
    ok(await stage.start(stage.dan, release));
  },
  attack: async (product) => {
    const stage = await product.stage();
    const name = product.name('frozen');
    const release = await stage.planned(name);
    ok(await stage.grant(stage.anna, await stage.request(release)));
    const at = (hours: number): string => new Date(Date.now() + hours * 3_600_000).toISOString().slice(0, 16);
    const freeze = {
      calendarId: name,
      title: 'Year end',
      kind: 'freeze',
      scope: { environment: release.environment },
      zone: 'UTC',
      window: { kind: 'one-off', start: at(-1), end: at(48) },
      justification: 'The books are closed.',
    };
    ok(await stage.rita.post('/v1/governance/calendars', freeze));
    const started = await stage.start(stage.dan, release);
    if (started.status >= 300) return { succeeded: false, what: problemOf(started) ?? '' };
    const ends = await stage.ended(ok(started).id);
    return { succeeded: ends.includes('StepLeased'), what: ends.join() };
  },
};

/** The same artifact's name, another digest: put there by somebody, and told of as an event. */
export const launderedDeployment: Scenario = {
  legitimate: async (product) => {
    const stage = await product.stage(STEPS);
    const release = await stage.planned(product.name('told'));
    await stage.deployed(release);
    await report(stage, serviceDeployed(release.environment, `pkg:oci/shop@${release.digest}`));
    if ((await violations(stage, release.environment)) > 0) throw new Error('What was approved and deployed was called a violation.');
  },
  attack: async (product) => {
    const stage = await product.stage(STEPS);
    const release = await stage.planned(product.name('laundered'));
    await report(stage, serviceDeployed(release.environment, `pkg:oci/shop@sha256:${'e'.repeat(64)}`));
    const found = await violations(stage, release.environment);
    return { succeeded: found === 0, what: `${found} violations on record` };
  },
};

async function violations(stage: Stage, environment: string): Promise<number> {
  return ok(await stage.view(`/v1/environments/unauthorised-deployments?environment=${environment}`)).items.length as number;
}
