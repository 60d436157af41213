import { NO_STREAM } from '#libs/event-sourcing';
import { testEvent } from '#libs/event-sourcing/testing';
import { eventually, startApp, type RunningApp } from '../support/running-app.ts';

interface Readiness {
  readonly status: string;
  readonly failedSubscriptions: readonly { readonly name: string; readonly reason: string }[];
}

describe('a projection that can not handle an event', () => {
  let app: RunningApp;

  beforeAll(async () => {
    app = await startApp();
  });
  afterAll(() => app.stop());

  it('stops at it and says so in health and metrics, while the others go on and nothing is skipped', async () => {
    const before = (await app.get('/health/ready')).body as Readiness;
    expect(before).toMatchObject({ status: 'ready', failedSubscriptions: [] });

    // What no command would ever store: a release board can make no row of it.
    const broken = testEvent(0, { type: 'ReleaseComposed', data: { releaseId: 'broken', artifacts: 'none', authors: null } });
    const { position } = await app.plimsoll.infrastructure.log.append('release-broken', NO_STREAM, [broken]);

    const after = await eventually('Health names it', async () => {
      const { status, body } = await app.get('/health/ready');
      const readiness = body as Readiness;
      return readiness.failedSubscriptions.some((s) => s.name === 'projection:release-board:v1') ? { status, readiness } : undefined;
    });
    expect([after.status, after.readiness.status]).toEqual([200, 'degraded']);
    const board = after.readiness.failedSubscriptions.find((s) => s.name === 'projection:release-board:v1');
    expect(board?.reason).toContain('ReleaseComposed at release-broken@0');
    expect((await app.get('/metrics')).text).toContain('plimsoll_subscription_failed{subscription="projection:release-board:v1"} 1');

    const read = (path: string, min: bigint) => app.get(path, { 'plimsoll-min-position': String(min) });
    expect((await read('/v1/environments/map', position)).status).toBe(200);
    expect(await read('/v1/planning/release-board', position)).toMatchObject({
      status: 504,
      body: { type: 'https://plimsoll.dev/problems/view-behind' },
    });
  });
});
