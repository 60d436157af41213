import type { CommandBus } from '@nestjs/cqrs';
import type { SmokeRunEvent } from '#libs/contracts';
import type { Aggregates } from '#libs/cqrs';
import { refuse, RefusedError, TooMuchContention, type Issued, type StoredEvent } from '#libs/event-sourcing';
import { testEvent } from '#libs/event-sourcing/testing';
import type { ReportSmokeRun } from './run-smoke.ts';
import { smokeRun } from './smoke-run.ts';
import { SmokeRunner } from './smoke-runner.ts';

const started: SmokeRunEvent = {
  type: 'SmokeRunStarted',
  data: {
    smokeRunId: 'smoke-1',
    deploymentId: 'd1',
    releaseId: 'r1',
    environment: 'production',
    suite: { baseUrl: 'http://127.0.0.1:1', checks: [{ name: 'home', method: 'GET', path: '/', expectStatus: 200 }] },
    deadline: '2026-03-02T10:05:00.000Z',
    expectedDigests: ['sha256:aa'],
  },
};

describe('a runner of smoke suites', () => {
  const reported: Issued<ReportSmokeRun>[] = [];
  const runner = (answer: () => Promise<void>): SmokeRunner =>
    new SmokeRunner({
      commands: {
        execute: (command: Issued<ReportSmokeRun>) => {
          reported.push(command);
          return answer();
        },
      } as unknown as CommandBus,
      aggregates: { load: async () => ({ state: smokeRun.evolve(smokeRun.initial, started) }) } as unknown as Aggregates,
      clock: () => new Date('2026-03-02T10:04:59.000Z'),
      hosts: [],
    });
  const event = testEvent(0, started) as StoredEvent;
  beforeEach(() => (reported.length = 0));

  it('takes a report that comes too late for done', async () => {
    await runner(() => Promise.reject(new RefusedError(refuse('conflict', 'smoke-run-late', 'It is over.')))).handle([event]);
    expect(reported).toMatchObject([{ target: 'smoke-1' }]);
  });

  it('does not lose a report that met a crowd: the event comes again', async () => {
    const crowd = new TooMuchContention(refuse('conflict', 'too-much-contention', 'It changed four times.'));
    await expect(runner(() => Promise.reject(crowd)).handle([event])).rejects.toBe(crowd);
    await runner(async () => undefined).handle([event]);
    expect(new Set(reported.map((r) => r.meta.commandId)).size).toBe(1);
  });
});
