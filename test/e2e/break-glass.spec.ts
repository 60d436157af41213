import type { DecisionReceipt } from '#libs/contracts';
import { recheckReceipt } from '#libs/policy';
import { ok, Stage, type Planned } from '../adversarial/stage.ts';
import { utc } from '../support/changes.ts';
import { startApp, type Answer, type RunningApp } from '../support/running-app.ts';

/** A freeze binds everywhere, whether or not a policy names the gate. So breaking the glass opens it everywhere, by its name, on record. */
describe('breaking the glass of a freeze', () => {
  let app: RunningApp;
  let stage: Stage;
  let of: Planned;
  const until = utc(5);
  const bypass = (gates: readonly string[], planned = of): Promise<Answer> =>
    stage.dan.post('/v1/governance/bypasses', {
      releaseId: planned.releaseId,
      environment: planned.environment,
      gates,
      justification: 'Payments are down.',
    });
  const receiptOf = async (id: string): Promise<DecisionReceipt> => {
    const [started] = await stage.stream(`deployment-${id}`);
    return (started?.data as { receipt: DecisionReceipt }).receipt;
  };

  beforeAll(async () => {
    app = await startApp({ PLIMSOLL_ROLES: 'api' });
    stage = await Stage.on(app);
    // Its policy asks for an approval, and says nothing of freezes.
    of = await stage.planned('frozen');
    ok(await stage.grant(stage.anna, await stage.request(of)));
    ok(
      await stage.rita.post('/v1/governance/calendars', {
        calendarId: 'books',
        title: 'The books are closed',
        kind: 'freeze',
        scope: { environment: of.environment },
        zone: 'UTC',
        window: { kind: 'one-off', start: utc(-1), end: until },
        justification: 'Year end.',
      }),
    );
  });
  afterAll(() => app.stop());

  it('is told when it opens by itself, in seconds', async () => {
    const refused = await stage.start(stage.dan, of);
    expect([refused.status, refused.body.type]).toEqual([423, 'https://plimsoll.dev/problems/frozen']);
    const seconds = Number(refused.headers.get('retry-after'));
    const left = (Date.parse(`${until}:00.000Z`) - Date.now()) / 1000;
    expect(Math.abs(seconds - left)).toBeLessThan(60);
    expect(seconds).toBeGreaterThanOrEqual(Math.floor(left));
  });

  it('is not told so where somebody has to see to another gate first', async () => {
    const other = await stage.planned('unapproved');
    const refused = await stage.start(stage.dan, other);
    expect([refused.status, refused.headers.get('retry-after')]).toEqual([409, null]);
  });

  it('takes naming it: a bypass of another gate does not open it, and where no calendar is about it there is nothing to open', async () => {
    const approved = ok(await bypass(['approved'])) as { id: string };
    expect((await stage.start(stage.dan, of, approved.id)).status).toBe(423);
    const elsewhere = await stage.planned('open');
    const refused = await bypass(['not-frozen'], elsewhere);
    expect([refused.status, refused.body.detail]).toEqual([422, expect.stringContaining('no calendar is about this')]);
  });

  it('lets it start, with the freeze and who waived it on a receipt that can be executed again', async () => {
    const { id } = ok(await bypass(['not-frozen'])) as { id: string };
    const started = ok(await stage.start(stage.dan, of, id)) as { id: string };
    const receipt = await receiptOf(started.id);
    expect(receipt.gates.at(-1)).toMatchObject({ gate: 'not-frozen', verdict: 'fail', waivedBy: id });
    expect(await recheckReceipt(receipt, (stream) => stage.stream(stream))).toMatchObject({ outcome: 'same' });
    // It is an obligation like any other: somebody else reviews it.
    const { reviewDueAt } = ok(await app.get(`/v1/governance/bypasses/${id}`)) as { reviewDueAt: string };
    expect(Date.parse(reviewDueAt)).toBeGreaterThan(Date.now());
  });
});
