import { randomUUID } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { EventStoreDBClient } from '@eventstore/db-client';
import { Client } from 'pg';
import { FILES } from '#libs/audit-export';
import { approvalId, ORGANISATION, plimsollCodec } from '#libs/contracts';
import { eventId, type NewEvent, type StoredEvent } from '#libs/event-sourcing';
import { STRAYS } from '#libs/event-sourcing/testing';
import { eventLeafHash } from '#libs/ledger';
import { compareWithRebuild } from '#libs/read-models';
import { EXIT_CODES } from '../../src/auditor/findings.ts';
import { denials } from '../../src/governance/views/denials/denials.projection.ts';
import { audit as run } from '../support/audit.ts';
import { EventStoreTestServer } from '../support/eventstore/index.ts';
import { signedCheckpoint } from '../support/exports.ts';
import { eventually, startApp, type RunningApp } from '../support/running-app.ts';
import { ISSUER, ok, personId, problemOf, Stage, STEPS, type Asked, type Planned } from './stage.ts';

const at = (hours: number): string => new Date(Date.now() + hours * 3_600_000).toISOString().slice(0, 16);
const freeze = (calendarId: string, environment: string, from = -1, to = 48) => ({
  calendarId,
  title: `Freeze ${calendarId}`,
  kind: 'freeze',
  scope: { environment },
  zone: 'UTC',
  window: { kind: 'one-off', start: at(from), end: at(to) },
  justification: 'The books are closed.',
});

interface Audited {
  readonly exit: number;
  readonly out: string;
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- answers of many shapes, read where they are used
  readonly json: any;
}

async function audit(...args: string[]): Promise<Audited> {
  const { exit, out: said, err } = await run(...args, '--quiet');
  const out = said + err;
  return { exit, out, json: out.startsWith('{') ? JSON.parse(out) : undefined };
}

/** What somebody does who has the database, or the folder of an export. */
describe('around Plimsoll, in what it keeps', () => {
  let app: RunningApp;
  let stage: Stage;
  let folder: string;
  let key: string;
  const names = (audited: Audited): string[] => [...new Set((audited.json.findings as { name: string }[]).map(({ name }) => name))];
  const exported = async (name: string, ...more: string[]): Promise<string> => {
    const to = join(folder, name);
    const made = await audit('export', to, '--database', app.plimsoll.infrastructure.databaseUrl, '--json', ...more);
    if (made.exit !== 0) throw new Error(made.out);
    return to;
  };
  /** Everything that is in the log now is under a signature, and in the views. */
  const settled = async (): Promise<void> => {
    const { pool, log } = app.plimsoll.infrastructure;
    let before = -1n;
    await eventually('a signature over everything', async () => {
      const head = await log.head();
      const quiet = head === before;
      before = head;
      const { rows } = await pool.query<{ position: string; signed: boolean }>(
        'select position, size = (select max(size) from ledger_checkpoint) as signed from ledger_tree',
      );
      const behind = await pool.query(
        `select 1 from subscription where name like 'projection:%' and state <> 'retired' and position < $1`,
        [String(head)],
      );
      return quiet && rows[0]?.signed && rows[0].position === String(head) && behind.rowCount === 0 ? true : undefined;
    });
  };
  /** Appended with the product's own adapter, as anything could that has the database's password: no command, no rule. */
  const forged = async (asked: Asked, release: Planned, subject: string, complete = true): Promise<void> => {
    const { log } = app.plimsoll.infrastructure;
    const stream = `approval-${asked.id}`;
    const { revision } = await log.readStream(stream);
    const commandId = randomUUID();
    const { releaseId, environment } = release;
    const person = personId(subject);
    const data = { approvalId: asked.id, releaseId, environment, round: 1, person, tupleHash: asked.tupleHash };
    const whole = { actor: person, principal: `${ISSUER}|${subject}`, commandId, commandHash: '0'.repeat(64), correlationId: commandId, causationId: 'http:1', recordedAt: new Date().toISOString(), schemaVersion: 1 }; // prettier-ignore
    const metadata = complete ? whole : { recordedAt: whole.recordedAt, schemaVersion: 1 };
    await log.append(stream, revision, [{ id: eventId(commandId, stream, 0), type: 'ApprovalGranted', data, metadata } as NewEvent]);
  };
  /** As whoever owns the tables: what keeps the log append-only is switched off for the time of the work. */
  const asOwner = async (work: (client: Client) => Promise<void>): Promise<void> => {
    const client = new Client({ connectionString: app.plimsoll.infrastructure.databaseUrl });
    await client.connect();
    try {
      await client.query('alter table event_log.events disable trigger append_only');
      await work(client);
    } finally {
      await client.query('alter table event_log.events enable always trigger append_only');
      await client.end();
    }
  };

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'plimsoll-adversarial-'));
    app = await startApp({ ...STEPS, PLIMSOLL_LEDGER_EVERY_EVENTS: '5', PLIMSOLL_LEDGER_EVERY_SECONDS: '1' });
    stage = await Stage.on(app);
    key = app.plimsoll.infrastructure.ledger!.signer.verifier.text;
  });
  afterAll(async () => {
    await app.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  it('decisions that looked at a calendar come out the same when the auditor executes them again', async () => {
    const release = await stage.planned('calendars');
    // To come: they are read, and none holds.
    for (const [n, calendar] of [freeze('soon', release.environment, 12, 24), freeze('later', release.environment, 24, 48)].entries())
      ok(await stage.rita.post('/v1/governance/calendars', { ...calendar, calendarId: `c-${n}` }));
    const id = await stage.deployed(release);
    const [started] = await stage.stream(`deployment-${id}`);
    const { gates } = (started?.data as { receipt: { gates: { gate: string; evidence: string[] }[] } }).receipt;
    expect(gates.find(({ gate }) => gate === 'not-frozen')?.evidence).toEqual([
      expect.stringMatching(/^calendar-organisation@\d+$/),
      expect.stringMatching(/^tzdata:\d{4}[a-z]$/),
    ]);
    // And one that was halted by a freeze.
    ok(await stage.rita.post('/v1/governance/calendars', freeze('c-now', release.environment)));
    expect(problemOf(await stage.start(stage.dan, release))).toBe('frozen');
    await settled();
    const rechecked = await audit('recheck', await exported('calendars'), '--key', key, '--json');
    expect(rechecked).toMatchObject({ exit: 0, json: { receipts: { same: 3, differs: 0, unknowable: 0 } } });
  });

  it('a direct append around the API: a forged vote lifts no duty, and what no command led to is named, though it was signed', async () => {
    const release = await stage.planned('forged');
    const asked = await stage.request(release);
    // In the author's name: the votes are judged, and not only counted.
    await forged(asked, release, 'ada');
    const start = await stage.start(stage.dan, release);
    expect(start.body.reasons.map((reason: { code: string }) => reason.code)).toEqual(['gate-duties-separated-fail']);
    const fair = await stage.planned('fair');
    ok(await stage.grant(stage.anna, await stage.request(fair)));
    ok(await stage.start(stage.dan, fair));
    await settled();
    expect(names(await audit('verify', await exported('before-direct'), '--key', key, '--json'))).toEqual([]);
    const clumsy = await stage.planned('clumsy');
    await forged(await stage.request(clumsy), clumsy, 'otto', false);
    await settled();
    const verified = await audit('verify', await exported('direct'), '--key', key, '--json');
    expect(verified.exit).toBe(EXIT_CODES.insertion);
    expect(verified.json.findings).toMatchObject([
      {
        name: 'insertion',
        where: `approval-${approvalId(clumsy.releaseId, clumsy.environment)}@1`,
        detail: expect.stringContaining('around Plimsoll'),
      },
    ]);
  });

  it('a direct append of what Plimsoll never writes: nothing stops, it is signed and shown, and nothing is decided on its stream', async () => {
    const { databaseUrl, pool, log } = app.plimsoll.infrastructure;
    const release = await stage.planned('stray');
    const asked = await stage.request(release);
    const metadata = { actor: 'a', principal: 'a|a', commandId: 'c', commandHash: '', correlationId: 'c', causationId: 'c', recordedAt: new Date().toISOString(), schemaVersion: 1 }; // prettier-ignore
    const data = {
      approvalId: asked.id,
      releaseId: release.releaseId,
      environment: release.environment,
      round: 1,
      person: personId('ada'),
    };
    const before = ((await app.get('/v1/ledger')).body as { strays: number }).strays;
    const put = [
      ...STRAYS.map(([, stray], n) => ({ stream: `evil-${n}`, type: 'ApprovalGranted', data, metadata, ...stray })),
      { stream: `approval-${asked.id}`, type: 'ApprovalGranted', data, metadata: null },
      { stream: 'evil-text', type: 'Evil', data: { half: '\ud800' }, metadata },
    ];
    const attacker = new Client({ connectionString: databaseUrl });
    await attacker.connect();
    try {
      for (const { stream, type, data: said, metadata: about } of put)
        await attacker.query(
          `insert into event_log.events (position, stream, revision, id, type, data, metadata)
           select max(position) + 1, $1, coalesce(max(revision) filter (where stream = $1), -1) + 1, gen_random_uuid(), $2, $3, $4 from event_log.events`,
          [stream, type, JSON.stringify(said ?? null), JSON.stringify(about ?? null)],
        );
    } finally {
      await attacker.end();
    }
    // Everything goes on: votes, starts, signatures, views, and what watches over them.
    const fair = await stage.planned('beside-strays');
    ok(await stage.grant(stage.anna, await stage.request(fair)));
    ok(await stage.start(stage.dan, fair));
    await settled();
    expect((await pool.query("select name from subscription where state = 'failed'")).rows).toEqual([]);
    for (const path of ['/health/ready', '/v1/ledger', '/v1/governance/denials'])
      expect([path, (await stage.rita.get(path)).status]).toEqual([path, 200]);
    const { body: ledger } = await app.get('/v1/ledger');
    expect(ledger).toMatchObject({
      strays: before + STRAYS.length + 1,
      lastStray: { event: `approval-${asked.id}@1`, type: 'ApprovalGranted' },
    });
    expect(ledger).not.toHaveProperty('alarm');
    expect(ledger.largestUnanchoredSeconds).toBeLessThan(3_600);
    const { text } = await app.get('/metrics');
    expect(text).toContain(`plimsoll_event_log_stray_events ${before + STRAYS.length + 1}`);
    expect(text).toContain('plimsoll_ledger_refuses_to_sign 0');
    // The forged vote is none, and an honest one can't be cast beside it.
    expect(await stage.grant(stage.anna, asked)).toMatchObject({ status: 409, body: { reasons: [{ code: 'stray-event' }] } });
    expect(problemOf(await stage.start(stage.dan, release))).toBe('stray-event');
    expect(await log.head()).toBeGreaterThan(0n);
    const verified = await audit('verify', await exported('strays'), '--key', key, '--json');
    expect(names(verified)).toContain('insertion');
    expect(names(verified).filter((name) => !['insertion', 'back-dating'].includes(name))).toEqual([]);
  });

  it('an edited view row, one that was put in and one that was taken out: each is named, and no decision was made on any', async () => {
    const { pool, log } = app.plimsoll.infrastructure;
    const refused = await stage.planned('rows');
    for (let n = 0; n < 3; n++) expect(problemOf(await stage.start(stage.dan, refused))).toBe('gates-not-passed');
    await settled();
    const compared = () => compareWithRebuild({ view: denials, log, codec: plimsollCodec(), pool });
    expect(await compared()).toMatchObject({ differingCount: 0 });
    await pool.query('create table kept_denial as table denial');
    const { rows } = await pool.query<{ command_id: string }>('select command_id from denial order by position desc limit 2');
    const [edited, gone] = rows.map(({ command_id }) => command_id);
    const put = randomUUID();
    await pool.query(`update denial set detail = 'Nothing to see here.' where command_id = $1`, [edited]);
    await pool.query(
      'insert into denial select (jsonb_populate_record(d, jsonb_build_object($1::text, $2::text))).* from denial d where command_id = $3',
      ['command_id', put, edited],
    );
    await pool.query('delete from denial where command_id = $1', [gone]);
    const { differing } = await compared();
    const shape = (id: string | undefined) =>
      differing.filter(({ key: k }) => k === id).map(({ live, rebuilt }) => [live !== undefined, rebuilt !== undefined]);
    expect([edited, put, gone].map(shape)).toEqual([[[true, true]], [[true, false]], [[false, true]]]);
    expect(differing).toHaveLength(3);
    // A row that says it is approved approves nothing: gates read streams.
    await pool.query(`update approval_board set outcome = 'open', approvers = '["${personId('otto')}"]'`).catch(() => undefined);
    expect(problemOf(await stage.start(stage.dan, refused))).toBe('gates-not-passed');
    await pool.query('delete from denial');
    await pool.query('insert into denial table kept_denial');
    await pool.query('drop table kept_denial');
  });

  it('truncated checkpoints: whoever kept the last one sees that it is gone, and nobody else is told a lie', async () => {
    await settled();
    const to = await exported('truncated');
    const path = join(to, FILES.checkpoints);
    const lines = readFileSync(path, 'utf8').trim().split('\n');
    expect(lines.length).toBeGreaterThan(2);
    const kept = join(folder, 'kept.note');
    writeFileSync(kept, (JSON.parse(lines.at(-1)!) as { note: string }).note);
    const before = await audit('verify', to, '--key', key, '--known', kept, '--json');
    expect(names(before)).not.toContain('rollback');
    writeFileSync(path, `${lines.slice(0, -2).join('\n')}\n`);
    const manifest = join(to, FILES.manifest);
    const text = readFileSync(manifest, 'utf8');
    // Careless, with the number of before; careful, with another; and held against the one that was kept.
    expect(names(await audit('verify', to, '--key', key, '--json'))).toContain('rollback');
    writeFileSync(manifest, text.replace(`"checkpoints": ${lines.length}`, `"checkpoints": ${lines.length - 2}`));
    const careful = await audit('verify', to, '--key', key, '--json');
    expect(names(careful)).not.toContain('rollback');
    expect(careful.json.notes.join(' ')).toMatch(/events at the end are under no signed checkpoint/);
    expect(names(await audit('verify', to, '--key', key, '--known', kept, '--json'))).toContain('rollback');
  });

  it('a forked checkpoint: two histories under the log\u2019s own signature are named a fork', async () => {
    await settled();
    const to = await exported('forked');
    const path = join(to, FILES.checkpoints);
    const text = readFileSync(path, 'utf8');
    const { signer } = app.plimsoll.infrastructure.ledger!;
    const events = await app.plimsoll.infrastructure.log.readAll({ after: -1n, maxCount: 10_000 });
    const size = Number((JSON.parse(text.trim().split('\n').at(-1)!) as { note: string }).note.split('\n')[1]);
    const note = (all: readonly StoredEvent[]): string =>
      `${JSON.stringify({ note: signedCheckpoint(all.map(eventLeafHash), size, signer) })}\n`;
    // The same history signed once more is none.
    writeFileSync(path, text + note(events));
    expect(names(await audit('verify', to, '--key', key, '--json'))).not.toContain('fork');
    writeFileSync(path, text + note(events.map((event, n) => (n === size - 1 ? { ...event, type: 'AnotherHistory' } : event))));
    expect(names(await audit('verify', to, '--key', key, '--json'))).toContain('fork');
  });

  it('names in an export that would write on the auditor\u2019s terminal are shown, and not obeyed', async () => {
    await settled();
    const to = await exported('terminal');
    const path = join(to, FILES.events);
    const lines = readFileSync(path, 'utf8').trim().split('\n');
    expect(names(await audit('verify', to, '--key', key, '--json'))).not.toContain('edit');
    const last = JSON.parse(lines.at(-1)!) as Record<string, unknown>;
    const hostile = `approval-x\n\u001b[1A\u001b[2KNothing wrong was found.\u009b2J\u202e`;
    writeFileSync(path, `${[...lines, JSON.stringify({ ...last, stream: hostile, id: randomUUID() })].join('\n')}\n`);
    for (const more of [[], ['--json']]) {
      const { exit, out } = await audit('verify', to, '--key', key, ...more);
      expect(exit).not.toBe(0);
      expect(out).toContain('Nothing wrong was found.');
      expect(out.split('\n').filter((line) => line.trim().startsWith('Nothing wrong'))).toEqual([]);
      expect(out.replaceAll('\n', '')).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u202a-\u202e]/); // eslint-disable-line no-control-regex
    }
  });

  it('a stream that lost an event: nothing is decided on what is left, and all is as before when it is back', async () => {
    const release = await stage.planned('lost');
    ok(await stage.grant(stage.anna, await stage.request(release)));
    ok(await stage.rita.post('/v1/governance/calendars', freeze('c-lost', release.environment)));
    expect(problemOf(await stage.start(stage.dan, release))).toBe('frozen');
    const stream = `calendar-${ORGANISATION}`;
    const { revision } = await app.plimsoll.infrastructure.log.readStream(stream);
    // Something comes after the freeze: a stream whose end is gone looks like an earlier one, and only the ledger can tell.
    ok(await stage.rita.post('/v1/governance/calendars', freeze('c-after', 'elsewhere')));
    await asOwner(async (client) => {
      await client.query('create table kept_event as select * from event_log.events where stream = $1 and revision = $2', [
        stream,
        revision,
      ]);
      await client.query('delete from event_log.events where stream = $1 and revision = $2', [stream, revision]);
    });
    expect(await stage.start(stage.dan, release)).toMatchObject({ status: 500, body: { type: expect.stringContaining('internal') } });
    await asOwner(async (client) => {
      await client.query('insert into event_log.events table kept_event');
    });
    expect(problemOf(await stage.start(stage.dan, release))).toBe('frozen');
    ok(await stage.rita.post('/v1/governance/calendars/c-lost/withdraw', { justification: 'The books are open.' }));
    ok(await stage.start(stage.dan, release));
  });
});

/** EventStoreDB hides and removes events where the stream's own metadata says so, and whoever may write there may write that. */
describe('around Plimsoll, in EventStoreDB', () => {
  let server: EventStoreTestServer;
  let app: RunningApp;
  let stage: Stage;
  beforeAll(async () => {
    server = await EventStoreTestServer.start();
    app = await startApp({ EVENTSTORE_URL: server.connectionString, PLIMSOLL_ROLES: 'api' });
    stage = await Stage.on(app);
  });
  afterAll(async () => {
    await app.stop();
    server.stop();
  });

  it('metadata that truncates a stream: a freeze that is hidden by it opens nothing, and the record of it shows', async () => {
    const [release, other] = [await stage.planned('hidden'), await stage.planned('whole')];
    ok(await stage.grant(stage.anna, await stage.request(release)));
    ok(await stage.grant(stage.anna, await stage.request(other)));
    ok(await stage.start(stage.dan, other));
    ok(await stage.rita.post('/v1/governance/calendars', freeze('hidden', release.environment)));
    ok(await stage.rita.post('/v1/governance/calendars', freeze('elsewhere', 'elsewhere')));
    expect(problemOf(await stage.start(stage.dan, release))).toBe('frozen');
    const attacker = EventStoreDBClient.connectionString(server.connectionString);
    try {
      await attacker.setStreamMetadata(`calendar-${ORGANISATION}`, { truncateBefore: 1 });
      expect(await stage.start(stage.dan, release)).toMatchObject({ status: 500, body: { type: expect.stringContaining('internal') } });
      await attacker.setStreamMetadata(`calendar-${ORGANISATION}`, {});
    } finally {
      await attacker.dispose();
    }
    expect(problemOf(await stage.start(stage.dan, release))).toBe('frozen');
    const types = (await stage.stream(`approval-${approvalId(release.releaseId, release.environment)}`)).map(({ type }) => type);
    expect(types).toEqual(['ApprovalRequested', 'ApprovalGranted']);
  });
});
