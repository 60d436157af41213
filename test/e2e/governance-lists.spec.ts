import { compareWithRebuild } from '#libs/read-models';
import { views } from '../../src/read-models.ts';
import { ok, personId, Stage, type Asked, type Planned } from '../adversarial/stage.ts';
import { inHours } from '../support/changes.ts';
import { eventually, startApp, type Answer, type Person, type RunningApp } from '../support/running-app.ts';

const STAYS = '00000000-0000-4000-8000-00000000000a';
const LEFT = '00000000-0000-4000-8000-00000000000b';

/** What there is to decide by, and what waits for whom: in pages, with filters, each view the same as one made anew from the log. */
describe('the lists of governance', () => {
  let app: RunningApp;
  let stage: Stage;
  let ida: Person;
  let one: Planned;
  let two: Planned;
  let soon: Asked;
  /** Server time, which goes on by hand. */
  let now = Date.now();
  let position = '';
  const said = (answer: Answer): Record<string, string> => {
    const body = ok(answer) as Record<string, string>;
    position = answer.headers.get('plimsoll-position') ?? position;
    return body;
  };
  const list = async (path: string, who?: Person): Promise<Record<string, unknown>[]> => {
    const headers = { 'plimsoll-min-position': position };
    return (ok(await (who ? who.get(`/v1/governance/${path}`, headers) : app.get(`/v1/governance/${path}`, headers))) as { items: never[] })
      .items;
  };
  const names = async (path: string, field: string, who?: Person) => (await list(path, who)).map((row) => row[field]);

  beforeAll(async () => {
    app = await startApp({ PLIMSOLL_ROLES: 'api,projector' }, () => new Date(now));
    stage = await Stage.on(app);
    ida = await app.person('ida', 'identity-admin');
    for (const group of ['risk', 'cab-members']) said(await ida.post('/v1/governance/groups', { group, title: group }));
    for (const [group, who] of [
      ['risk', 'otto'],
      ['cab-members', 'anna'],
      ['cab-members', 'otto'],
    ] as const)
      said(await ida.post(`/v1/governance/groups/${group}/members`, { person: personId(who) }));
    one = await stage.planned('one');
    two = await stage.planned('two', {
      gates: [{ gate: 'approved', quorum: 1, groups: [{ group: 'risk', quorum: 1 }] }, { gate: 'duties-separated' }],
    });
    const meetings = { zone: 'UTC', start: '2026-01-05T10:00', durationMinutes: 60, rule: 'FREQ=WEEKLY' };
    const board = { boardId: 'cab', title: 'CAB', group: 'cab-members', quorum: 2, chair: personId('anna'), cutoffHours: 24, meetings };
    const defined = await stage.max.post('/v1/governance/boards', board);
    said(defined);
    said(
      await stage.rita.post('/v1/governance/change-models', {
        modelId: 'patch', title: 'Patch', boardId: 'cab', conditions: { products: ['one'], actions: ['exec:noop'] }, validUntil: inHours(24 * 30),
      }),
    ); // prettier-ignore
    for (const person of [STAYS, LEFT]) said(await ida.post('/v1/governance/persons', { person }));
    said(await ida.post(`/v1/governance/persons/${LEFT}/leave`, { reason: 'She moved on.' }));
  });
  afterAll(() => app.stop());

  it('have policies by gate and publisher, in a stable order', async () => {
    expect(await names('policies', 'policyId')).toEqual(['p-one', 'p-two']);
    const page = ok(await app.get('/v1/governance/policies?limit=1')) as { items: { policyId: string }[]; nextCursor: string };
    expect(await names(`policies?limit=1&cursor=${page.nextCursor}`, 'policyId')).toEqual(['p-two']);
    expect(await names('policies?gate=rollback-target-ran', 'policyId')).toEqual(['p-one', 'p-two']);
    expect(await names('policies?gate=tests-passed', 'policyId')).toEqual([]);
    expect(await list(`policies?publishedBy=${personId('max')}`)).toMatchObject([{ version: 1, clauses: 0 }, {}]);
    expect(await names(`policies?effectiveFrom=2999-01-01T00:00:00Z`, 'policyId')).toEqual([]);
  });

  it('have groups by member, persons by status, boards by group and chair, and change models by status and board', async () => {
    expect(await names('groups', 'groupId')).toEqual(['cab-members', 'risk']);
    expect(await names(`groups?member=${personId('anna')}`, 'groupId')).toEqual(['cab-members']);
    // Whoever is half of a name is nobody.
    expect(await names(`groups?member=${personId('anna').slice(0, 8)}`, 'groupId')).toEqual([]);
    expect(await names('persons?status=registered', 'person')).toEqual([STAYS]);
    expect(await names('persons?status=left', 'person')).toEqual([LEFT]);
    expect(await list('boards?group=cab-members&itsm=false')).toMatchObject([{ boardId: 'cab', quorum: 2, version: 1 }]);
    expect(await names(`boards?chair=${personId('otto')}`, 'boardId')).toEqual([]);
    expect(await list('change-models?status=proposed&boardId=cab')).toMatchObject([{ modelId: 'patch', used: 0 }]);
    expect(await names('change-models?status=approved', 'modelId')).toEqual([]);
    for (const path of [
      'policies?gates=approved',
      'groups?limit=0',
      'persons?status=gone',
      'boards?itsm=perhaps',
      'change-models?cursor=x',
    ])
      expect([path, (await app.get(`/v1/governance/${path}`)).status]).toEqual([path, 400]);
    expect((await app.bearer('none').get('/v1/governance/persons')).status).toBe(401);
  });

  it('have what waits for approval, soonest over first, and for each what is missing', async () => {
    const late = await stage.request(one);
    const { id } = said(
      await stage.rita.post('/v1/governance/approvals', { releaseId: two.releaseId, environment: two.environment, validHours: 2 }),
    );
    soon = { id: id!, tupleHash: ok(await stage.anna.get(`/v1/governance/approvals/${id}`)).tupleHash };
    const waiting = await list('pending-approvals');
    expect(waiting).toMatchObject([
      { approvalId: soon.id, state: 'pending', missing: 1, environment: two.environment, unblockedBy: expect.stringContaining('risk') },
      { approvalId: late.id, state: 'pending', missing: 1, releaseId: one.releaseId, tupleHash: late.tupleHash },
    ]);
    expect(String(waiting[0]!['expiresAt']) < String(waiting[1]!['expiresAt'])).toBe(true);
    expect(await names(`pending-approvals?releaseId=${one.releaseId}`, 'approvalId')).toEqual([late.id]);
    const page = ok(await app.get('/v1/governance/pending-approvals?limit=1')) as { nextCursor: string };
    expect(await names(`pending-approvals?limit=1&cursor=${page.nextCursor}`, 'approvalId')).toEqual([late.id]);
  });

  it('tell each what waits for her: by group, by duty and by role', async () => {
    const mine = (who: Person) => names('pending-approvals?mine=true', 'environment', who);
    expect(await mine(stage.otto)).toEqual([two.environment, one.environment]);
    // Not in the group.
    expect(await mine(stage.anna)).toEqual([one.environment]);
    // She wrote it; she asked for it; he has no such role.
    for (const who of [stage.ada, stage.rita, stage.dan]) expect(await mine(who)).toEqual([]);
    expect(await names('pending-approvals?mine=false', 'environment', stage.anna)).toEqual([two.environment]);
  });

  it('miss a vote of who has left the group since, as the gate does', async () => {
    said(await stage.grant(stage.otto, soon));
    expect(await names('pending-approvals?state=approved', 'approvalId')).toEqual([soon.id]);
    expect(await names('approvals?outcome=approved', 'approvalId')).toEqual([soon.id]);
    said(await ida.post('/v1/governance/groups/risk/members/remove', { person: personId('otto'), reason: 'He moved on.' }));
    expect(await list(`pending-approvals?releaseId=${two.releaseId}`)).toMatchObject([{ state: 'pending', missing: 1 }]);
    expect((await stage.start(stage.dan, two)).status).toBe(409);
    // Taken in again, he approves again: what he said before was said by nobody who is a member.
    said(await ida.post('/v1/governance/groups/risk/members', { person: personId('otto') }));
    expect(await names('pending-approvals?state=approved', 'approvalId')).toEqual([]);
    now += 1_000;
    said(await stage.otto.post(`/v1/governance/approvals/${soon.id}/withdraw`, { tupleHash: soon.tupleHash, reason: 'I approve anew.' }));
    said(await stage.grant(stage.otto, soon));
    expect(await names('pending-approvals?state=approved', 'approvalId')).toEqual([soon.id]);
  });

  it('have nothing waiting that has changed, was refused, or whose time is over', async () => {
    said(await stage.plan(one, [{ id: 'b', driver: 'exec', action: 'noop', input: {}, dependsOn: [] }]));
    expect(await list('pending-approvals?state=changed')).toMatchObject([{ environment: one.environment, mine: false }]);
    now += 3 * 3_600_000;
    expect(await names('pending-approvals', 'environment')).toEqual([one.environment]);
    const anew = await stage.request(one);
    said(await stage.anna.post(`/v1/governance/approvals/${anew.id}/reject`, { tupleHash: anew.tupleHash, reason: 'Not this week.' }));
    expect(await list('pending-approvals')).toEqual([]);
  });

  it('are the same rows as from the log anew', async () => {
    const { log, codec, pool, registry } = app.plimsoll.infrastructure;
    for (const view of views.filter(({ name }) =>
      ['policies', 'groups', 'persons', 'boards', 'change-models', 'approvals', 'denials'].includes(name),
    )) {
      const head = await log.head();
      await eventually(`${view.name} has caught up`, async () =>
        (registry.get(`projection:${view.name}:v${view.version}`)?.position ?? -1n) >= head ? true : undefined,
      );
      const compared = await compareWithRebuild({ view, log, codec, pool });
      expect({ view: view.name, ...compared }).toMatchObject({ view: view.name, differing: [] });
      expect([view.name, (await pool.query(`select 1 from ${view.table}`)).rowCount]).not.toEqual([view.name, 0]);
    }
  });
});
