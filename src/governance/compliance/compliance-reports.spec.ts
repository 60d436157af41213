import { plimsollCodec } from '#libs/contracts';
import type { EventLog, StoredEvent } from '#libs/event-sourcing';
import { ProblemError } from '#libs/http';
import type { Infrastructure } from '../../infrastructure.ts';
import { complianceYear } from '../../../test/support/compliance-year.ts';
import { ComplianceReports } from './compliance-reports.ts';

const query = { from: '2025-01-01T00:00:00.000Z', to: '2026-01-01T00:00:00.000Z' };
const waiting = new AbortController().signal;
const events = [...complianceYear({ seed: 1, changes: 250, each: 1 }).batches()].flat();

/** A log that answers when it is let, and nothing that was signed. */
function given(): { readonly reports: ComplianceReports; answer(): void; readonly asked: () => number } {
  const held: (() => void)[] = [];
  let asked = 0;
  let open = false;
  const log: Pick<EventLog, 'readAll' | 'head'> = {
    head: async () => events.at(-1)!.position,
    readAll: async ({ after, maxCount }) => {
      asked++;
      if (!open) await new Promise<void>((resolve) => held.push(resolve));
      return events.filter((e: StoredEvent) => e.position > after).slice(0, maxCount);
    },
  };
  const infrastructure = { log, codec: plimsollCodec(), pool: { query: async () => ({ rows: [] }) } } as unknown as Infrastructure;
  return {
    reports: new ComplianceReports(infrastructure),
    answer: () => {
      open = true;
      held.splice(0).forEach((resolve) => resolve());
    },
    asked: () => asked,
  };
}

async function problemOf(work: Promise<unknown>): Promise<ProblemError> {
  const error: unknown = await work.then(
    () => undefined,
    (cause: unknown) => cause,
  );
  if (!(error instanceof ProblemError)) throw new Error(`no problem: ${String(error)}`);
  return error;
}

describe('compliance reports', () => {
  it('are computed one at a time: the second is told when to come back, and then has its own', async () => {
    const { reports, answer } = given();
    const first = reports.compute(query, undefined, waiting);
    const refused = await problemOf(reports.compute(query, undefined, waiting));
    expect(refused).toMatchObject({ status: 503, type: 'report-busy', options: { headers: { 'retry-after': '10' } } });
    answer();
    const { written } = await first;
    const again = await reports.compute(query, undefined, waiting);
    expect(again.written.digest).toBe(written.digest);
    expect(again.report.log).toMatchObject({ events: events.length });
  });

  it('are given up where nobody waits for them, and the next is computed', async () => {
    const { reports, answer, asked } = given();
    const leaving = new AbortController();
    const given_up = problemOf(reports.compute(query, undefined, leaving.signal));
    leaving.abort();
    answer();
    expect(await given_up).toMatchObject({ type: 'report-given-up' });
    // Not the whole log was read for nobody.
    expect(asked()).toBeLessThan(4);
    expect((await reports.compute(query, undefined, waiting)).report.summary.changes).toBeGreaterThan(250);
  });

  it('of a checkpoint that was never signed there are none, and the next is computed', async () => {
    const { reports, answer } = given();
    answer();
    expect(await problemOf(reports.compute(query, 7, waiting))).toMatchObject({ status: 404, type: 'checkpoint-unknown' });
    await expect(reports.compute(query, undefined, waiting)).resolves.toBeDefined();
  });
});
