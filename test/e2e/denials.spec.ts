import { randomUUID } from 'node:crypto';
import { CommandRegistry } from '#libs/cqrs';
import { GuardedRoutes } from '#libs/http';
import { ok, Stage, type Planned } from '../adversarial/stage.ts';
import { startApp, type Answer, type Person, type RunningApp } from '../support/running-app.ts';

/** What was refused, as whoever looks for it finds it: under one name, by what it is about, in pages that stay, and as CSV. */
describe('the denials', () => {
  let app: RunningApp;
  let stage: Stage;
  let release: Planned;
  let nobody: Person;
  let bypassId: string;
  /** Of the last refusal. */
  let position: string;
  const refused = (answer: Answer, status: number): string => {
    expect([answer.status, answer.text]).toEqual([status, expect.any(String)]);
    position = answer.headers.get('plimsoll-position') ?? '';
    return answer.headers.get('plimsoll-command-id') ?? '';
  };
  const list = async (query: string): Promise<Record<string, string>[]> => {
    const answer = await app.get(`/v1/governance/denials?${query}`, { 'plimsoll-min-position': position });
    return (ok(answer) as { items: Record<string, string>[] }).items;
  };

  beforeAll(async () => {
    app = await startApp({ PLIMSOLL_ROLES: 'api,projector' });
    stage = await Stage.on(app);
    nobody = await app.person('nobody');
    release = await stage.planned('denied');
    ({ id: bypassId } = ok(
      await stage.dan.post('/v1/governance/bypasses', {
        releaseId: release.releaseId,
        environment: release.environment,
        gates: ['approved'],
        justification: 'Payments are down.',
      }),
    ));
  });
  afterAll(() => app.stop());

  it('go by the name of a command, whichever route it comes by', () => {
    const commands = app.plimsoll.app.get(CommandRegistry).actions();
    const posts = app.plimsoll.app
      .get(GuardedRoutes)
      .all()
      .filter(({ method }) => method === 'POST');
    expect(posts.length).toBeGreaterThan(40);
    expect(posts.filter(({ action }) => !commands.includes(action)).map(({ action, path }) => `${path}: ${action}`)).toEqual([]);
    // And no two routes share a name, or a denial would not say which of them it was.
    const names = app.plimsoll.app
      .get(GuardedRoutes)
      .all()
      .map(({ action }) => action);
    expect(names.filter((name, at) => names.indexOf(name) !== at)).toEqual([]);
  });

  it('for a missing role and by the rule have the same name, and say in the same words what they are about', async () => {
    const review = { outcome: 'approved', findings: 'It was needed.' };
    refused(await nobody.post(`/v1/governance/bypasses/${bypassId}/review`, review), 403);
    // Who asked for it does not review it.
    const asDan = await app.person('dan', 'auditor');
    refused(await asDan.post(`/v1/governance/bypasses/${bypassId}/review`, review), 403);
    const both = await list('command=ReviewBypass');
    expect(both.map(({ refusal }) => refusal)).toEqual([expect.not.stringMatching('role-missing'), 'role-missing']);
    for (const one of both) expect(one).toMatchObject({ about: { bypassId } });
    expect(both[0]).toMatchObject({ releaseId: release.releaseId, environment: release.environment });
  });

  it('are found by release, environment, person, account, action, kind, reason and time', async () => {
    const started = refused(await stage.start(stage.dan, release), 409);
    const other = await stage.planned('other');
    const second = refused(await stage.start(stage.dan, other), 409);
    const [one] = await list(`releaseId=${release.releaseId}&command=StartDeployment`);
    expect(one).toMatchObject({ commandId: started, environment: release.environment, kind: 'gate', refusal: 'gates-not-passed' });
    expect((await list(`environment=${other.environment}`)).map(({ commandId }) => commandId)).toEqual([second]);
    expect((await list('command=StartDeployment')).map(({ commandId }) => commandId)).toEqual([second, started]);
    expect((await list(`kind=gate&person=${one!.person}`)).map(({ commandId }) => commandId)).toEqual([second, started]);
    expect(await list(`principal=${encodeURIComponent(one!.principal!)}&kind=gate`)).toHaveLength(2);
    expect(await list('refusal=gates-not-passed&kind=duty')).toEqual([]);
    const [last] = await list(`environment=${other.environment}`);
    expect(await list(`from=${last!.at}&kind=gate`)).toMatchObject([{ commandId: second }]);
    expect(await list(`until=${last!.at}&kind=gate`)).toMatchObject([{ commandId: started }]);
    const wrong = await app.get('/v1/governance/denials?kind=angry');
    expect([wrong.status, wrong.body.errors[0].problems[0]]).toEqual([400, expect.stringContaining('duty, not-found')]);
  });

  it('of a role on an approval are found by its release, which the caller never named', async () => {
    const asked = await stage.request(release);
    refused(await nobody.post(`/v1/governance/approvals/${asked.id}/grant`, { tupleHash: 'a'.repeat(64) }), 403);
    expect(await list(`releaseId=${release.releaseId}&command=GrantApproval`)).toMatchObject([
      { environment: release.environment, about: { approvalId: asked.id }, refusal: 'role-missing' },
    ]);
  });

  it('come in pages that stay while others are refused', async () => {
    const page = async (cursor = ''): Promise<{ items: { commandId: string }[]; nextCursor?: string }> =>
      ok(await app.get(`/v1/governance/denials?kind=gate&limit=1${cursor && `&cursor=${cursor}`}`, { 'plimsoll-min-position': position }));
    const first = await page();
    refused(await stage.start(stage.dan, release), 409);
    const second = await page(first.nextCursor);
    expect(second.items).toHaveLength(1);
    expect(second.items[0]!.commandId).not.toBe(first.items[0]!.commandId);
    expect((await page()).items[0]!.commandId).not.toBe(first.items[0]!.commandId);
    const other = await app.get(`/v1/governance/denials?kind=duty&cursor=${first.nextCursor}`);
    expect([other.status, other.body.errors[0].path]).toEqual([400, 'cursor']);
  });

  it('are exported as CSV with the same filters, and no cell runs as a formula', async () => {
    refused(await nobody.post('/v1/deployments/deployments', { releaseId: 'none', environment: '@sum' }), 403);
    const answer = await app.get('/v1/governance/denials.csv?environment=@sum', { 'plimsoll-min-position': position });
    expect([answer.status, answer.headers.get('content-type')]).toEqual([200, expect.stringContaining('text/csv')]);
    const [header, ...lines] = answer.text.trimEnd().split('\r\n');
    expect(header).toMatch(/^commandId,at,command,kind,refusal,detail,person,principal,releaseId,environment,about/);
    expect(lines).toHaveLength(1);
    expect(lines[0]).toContain(",none,'@sum,");
    expect(answer.text).not.toMatch(/(^|,)"?[=+@]/m);
    expect((await app.get('/v1/governance/denials.csv?colour=red')).status).toBe(400);
  });

  it('are shown whole by id to auditors, with what was asked and how it was judged', async () => {
    const id = refused(await stage.start(stage.dan, release), 409);
    const auditor = await app.person('audrey', 'auditor');
    const whole = ok(await auditor.get(`/v1/governance/denials/${id}`));
    expect(whole).toMatchObject({
      commandId: id,
      command: 'StartDeployment',
      asked: { releaseId: release.releaseId },
      receipt: { verdict: expect.any(String) },
      ref: `denial-${id}@0`,
    });
    const none = randomUUID();
    expect((await auditor.get(`/v1/governance/denials/${none}`)).body).toMatchObject({
      status: 404,
      detail: `There is no denial ${none}.`,
    });
    expect((await nobody.get(`/v1/governance/denials/${id}`)).status).toBe(403);
  });
});
