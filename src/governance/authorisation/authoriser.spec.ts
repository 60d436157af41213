import { accountId, plimsollCodec, type PlimsollEvent } from '#libs/contracts';
import { Aggregates } from '#libs/cqrs';
import { RefusedError, transact } from '#libs/event-sourcing';
import { MemoryEventLog } from '#libs/event-sourcing/memory';
import { issued } from '#libs/event-sourcing/testing';
import type { GuardedRoutes, RouteRequest } from '#libs/http';
import { RevokeRole, revokeRoleCommand } from '../role/request-role.ts';
import { GrantAuthoriser } from './authoriser.ts';

const NOW = '2026-03-02T10:00:00.000Z';
const routes = { table: () => ({ RevokeRole: ['identity-admin'], Denials: ['auditor'], Anything: [] }) } as unknown as GuardedRoutes;

/** Ida has an account, and the role of an administrator of identities. */
async function ida(rolesFrom: 'token' | 'grants' = 'grants') {
  const log = new MemoryEventLog();
  let next = 0;
  const write = async (stream: string, event: PlimsollEvent): Promise<void> => {
    const number = String(next++).padStart(12, '0');
    const metadata = {
      actor: 'root',
      principal: 'idp|root',
      commandId: `00000000-0000-4000-8000-${number}`,
      commandHash: '0'.repeat(64),
      correlationId: 'c',
      causationId: 'c',
      recordedAt: '2026-03-01T10:00:00.000Z',
      schemaVersion: 1,
    };
    await log.append(stream, (await log.readStream(stream)).revision, [{ id: `00000000-0000-5000-8000-${number}`, ...event, metadata }]);
  };
  const grant = { grantId: 'g1', person: 'ida', role: 'identity-admin', scope: { kind: 'organisation', id: '*' } } as const;
  await write(`account-${accountId('idp', 'ida')}`, { type: 'AccountLinked', data: { issuer: 'idp', subject: 'ida', person: 'ida' } });
  await write('rolegrants-ida', {
    type: 'RoleGranted',
    data: { ...grant, from: '2026-01-01T00:00:00.000Z', until: '2027-01-01T00:00:00.000Z', requestedBy: 'root', confirmedBy: 'ian' },
  });
  await write('rolegrants-dora', {
    type: 'RoleGranted',
    data: {
      ...grant,
      person: 'dora',
      role: 'developer',
      from: '2026-01-01T00:00:00.000Z',
      until: '2027-01-01T00:00:00.000Z',
      requestedBy: 'root',
      confirmedBy: 'ian',
    },
  });
  const revoked = () =>
    write('rolegrants-ida', { type: 'RoleRevoked', data: { grantId: 'g1', person: 'ida', role: 'identity-admin', reason: 'x' } });
  const authoriser = new GrantAuthoriser(log, plimsollCodec(), new Aggregates(log, plimsollCodec()), routes, rolesFrom);
  const ask = (more: Partial<RouteRequest> = {}) =>
    authoriser.authorise({
      identity: { person: 'ida', principal: 'idp|ida', roles: ['identity-admin'] },
      issuer: 'idp',
      subject: 'ida',
      action: 'RevokeRole',
      roles: ['identity-admin'],
      vouches: false,
      method: 'POST',
      route: '/v1/governance/persons/:id/roles/revoke',
      parameters: { id: 'dora' },
      body: {},
      requestId: `request-${next++}`,
      now: NOW,
      ...more,
    });
  const denials = async () =>
    (await log.readAll({ after: -1n, maxCount: 100 }))
      .filter((e) => e.type === 'CommandDenied')
      .map((e) => e.data as Record<string, unknown>);
  return { log, write, revoked, ask, denials };
}

async function allowed(asked: ReturnType<Awaited<ReturnType<typeof ida>>['ask']>) {
  const decided = await asked;
  if ('refusal' in decided) throw new Error(decided.refusal.detail);
  return decided;
}

describe('who may do it', () => {
  it('is asked again when its effect is near: a role that was revoked meanwhile is missed', async () => {
    const { ask, revoked } = await ida();
    const { stillAllowed } = await allowed(ask());
    expect(await stillAllowed?.()).toBeUndefined();
    await revoked();
    expect(await stillAllowed?.()).toMatchObject({ type: 'role-missing' });
  });

  it('is asked again about leavers and accounts that were unlinked, too', async () => {
    const left = await ida();
    const one = await allowed(left.ask());
    await left.write('person-ida', { type: 'PersonLeft', data: { person: 'ida', reason: 'x' } });
    expect(await one.stillAllowed?.()).toMatchObject({ type: 'person-left' });
    const unlinked = await ida();
    const other = await allowed(unlinked.ask());
    await unlinked.write(`account-${accountId('idp', 'ida')}`, {
      type: 'AccountUnlinked',
      data: { issuer: 'idp', subject: 'ida', person: 'ida', reason: 'x' },
    });
    expect(await other.stillAllowed?.()).toMatchObject({ type: 'account-unlinked' });
  });

  it('is asked once where roles are the issuer’s word, and where nothing is written', async () => {
    expect((await allowed((await ida('token')).ask())).stillAllowed).toBeUndefined();
    const read = { method: 'GET', action: 'Anything', roles: [] };
    expect((await allowed((await ida()).ask(read))).stillAllowed).toBeUndefined();
  });

  it('keeps a command from its effect that was on its way when the role was revoked, and puts that on record', async () => {
    const { log, ask, revoked, denials } = await ida();
    const { stillAllowed } = await allowed(ask());
    const command = () => {
      const revoke = issued(RevokeRole, { grantId: 'g1', reason: 'x' }, 'dora', { person: 'ida' });
      return Object.assign(revoke, { meta: { ...revoke.meta, stillAllowed: stillAllowed! } });
    };
    await revoked();
    await expect(transact({ log, codec: plimsollCodec() }, revokeRoleCommand, command())).rejects.toThrow(RefusedError);
    expect((await log.readStream('rolegrants-dora')).events).toHaveLength(1);
    expect(await denials()).toMatchObject([{ command: 'RevokeRole', refusal: 'role-missing', about: { person: 'dora' } }]);
  });

  it('lets a command have its effect whose role is still there', async () => {
    const { log, ask, denials } = await ida();
    const { stillAllowed } = await allowed(ask());
    const revoke = issued(RevokeRole, { grantId: 'g1', reason: 'x' }, 'dora', { person: 'ida' });
    const command = Object.assign(revoke, { meta: { ...revoke.meta, stillAllowed: stillAllowed! } });
    expect(await transact({ log, codec: plimsollCodec() }, revokeRoleCommand, command)).toMatchObject({ repeated: false });
    expect(await denials()).toEqual([]);
  });
});

describe('a question that is refused for a role', () => {
  const question = {
    method: 'GET',
    action: 'Denials',
    roles: ['auditor'],
    route: '/v1/governance/denials',
    parameters: {},
    body: undefined,
  };

  it('is on record, once an hour however often it is asked', async () => {
    const { ask, denials } = await ida();
    expect(await ask(question)).toMatchObject({ refusal: { type: 'role-missing' }, position: expect.any(BigInt) });
    expect(await ask(question)).toMatchObject({ refusal: { type: 'role-missing' } });
    expect(await denials()).toMatchObject([
      { command: 'Denials', refusal: 'role-missing', asked: { route: 'GET /v1/governance/denials' } },
    ]);
    await ask({ ...question, now: '2026-03-02T11:00:00.000Z' });
    await ask({ ...question, parameters: { id: 'one' } });
    expect(await denials()).toHaveLength(3);
  });

  it('is not where the role is there', async () => {
    const { ask, denials } = await ida();
    await allowed(ask({ ...question, action: 'RevokeRole', roles: ['identity-admin'] }));
    await allowed(ask({ ...question, action: 'Anything', roles: undefined }));
    expect(await denials()).toEqual([]);
  });
});
