import { Controller, Get } from '@nestjs/common';
import type { Problem } from './problem.ts';
import { startEdgeApp, type EdgeApp } from './testing/edge-app.ts';
import { View, VIEW_OPTIONS, VIEW_POSITIONS, type ViewPositions, type ViewStatus } from './views.ts';

/** Views that stand where a test puts them. */
class MovableViews implements ViewPositions {
  readonly statuses = new Map<string, ViewStatus>();
  private readonly waiting = new Set<() => void>();

  put(view: string, position: bigint, lagSeconds = 0): void {
    this.statuses.set(view, { position, lagSeconds });
    for (const check of this.waiting) check();
  }

  waitFor(view: string, position: bigint, timeoutMs: number): Promise<boolean> {
    return new Promise((resolve) => {
      const settle = (reached: boolean): void => {
        clearTimeout(timer);
        this.waiting.delete(check);
        resolve(reached);
      };
      const check = (): void => {
        if (this.status(view).position >= position) settle(true);
      };
      const timer = setTimeout(() => settle(false), timeoutMs);
      this.waiting.add(check);
      check();
    });
  }

  status(view: string): ViewStatus {
    return this.statuses.get(view) ?? { position: -1n, lagSeconds: 0 };
  }

  get waiters(): number {
    return this.waiting.size;
  }
}

const views = new MovableViews();

@Controller('v1')
class BoardController {
  @Get('board')
  @View('release-board')
  board(): object {
    return { at: String(views.status('release-board').position) };
  }

  @Get('overview')
  @View('release-board', 'calendar')
  overview(): object {
    return {};
  }

  @Get('streams')
  streams(): object {
    return {};
  }
}

describe('A query of a view', () => {
  let edge: EdgeApp;
  let authorization: string;

  beforeAll(async () => {
    edge = await startEdgeApp({
      controllers: [BoardController],
      providers: [
        { provide: VIEW_POSITIONS, useValue: views },
        { provide: VIEW_OPTIONS, useValue: { waitMs: 300 } },
      ],
    });
    authorization = await edge.bearer();
  });
  afterAll(() => edge.close());

  const get = (path: string, minPosition?: string) =>
    fetch(edge.url + path, { headers: { authorization, ...(minPosition === undefined ? {} : { 'plimsoll-min-position': minPosition }) } });
  const place = (answer: Response) => [
    answer.status,
    answer.headers.get('plimsoll-view-position'),
    answer.headers.get('plimsoll-view-lag'),
  ];

  it('says how far the view has come, and how far it is behind', async () => {
    views.put('release-board', 41n, 2.5);
    expect(place(await get('/v1/board'))).toEqual([200, '41', '2.5']);
  });

  it('waits until the view holds what the caller wrote', async () => {
    views.put('release-board', 41n);
    const asked = get('/v1/board', '42');
    const deadline = Date.now() + 2000;
    while (views.waiters === 0 && Date.now() < deadline) await new Promise((resolve) => setImmediate(resolve));
    views.put('release-board', 43n);
    const answer = await asked;
    expect([...place(answer), await answer.json()]).toEqual([200, '43', '0', { at: '43' }]);
  });

  it('does not wait for what is there', async () => {
    views.put('release-board', 43n);
    expect((await get('/v1/board', '43')).status).toBe(200);
  });

  it('gives up after a bounded time, and says where the view stands', async () => {
    views.put('release-board', 43n, 7);
    const answer = await get('/v1/board', '44');
    expect(place(answer)).toEqual([504, '43', '7']);
    const { type, detail } = (await answer.json()) as Problem;
    expect(type).toBe('https://plimsoll.dev/problems/view-behind');
    expect(detail).toContain('The view release-board is at position 43, 7 s behind, and did not reach 44 within 300 ms.');
  });

  it('of two views waits for both, and says the place of the one that is behind', async () => {
    views.put('release-board', 50n, 0);
    views.put('calendar', 48n, 3);
    expect(place(await get('/v1/overview', '48'))).toEqual([200, '48', '3']);
    expect((await get('/v1/overview', '50')).status).toBe(504);
  });

  it.each(['-1', 'abc', '1.5', '0x10', '01', '99999999999999999999', ''])('refuses the position %j', async (position) => {
    expect((await get('/v1/board', position)).status).toBe(400);
  });

  it('is not what a route without views answers', async () => {
    expect(place(await get('/v1/streams', '99'))).toEqual([200, null, null]);
  });
});
