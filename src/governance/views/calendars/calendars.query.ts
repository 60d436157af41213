import { Query, QueryHandler, type IQueryHandler } from '@nestjs/cqrs';
import { DataSource } from 'typeorm';
import { inForce, occurrencesOf, type Occurrence } from '#libs/calendar';
import type { CalendarScope, ChangeClass } from '#libs/contracts';
import { camelKeys, readRows, type Answer } from '#libs/cqrs';
import { defineList, oneOfFilter, type Page } from '#libs/http';
import type { CalendarRow } from './calendars.row.ts';

export const calendarList = defineList({
  order: [{ column: 'calendar_id', type: 'text', direction: 'asc' }],
  filters: { kind: oneOfFilter('kind', ['freeze', 'window']), status: oneOfFilter('status', ['declared', 'withdrawn']) },
});

export class CalendarBoard extends Query<Page<Answer<CalendarRow>>> {
  constructor(readonly asked: ReturnType<typeof calendarList.parse>) {
    super();
  }
}

@QueryHandler(CalendarBoard)
export class CalendarBoardHandler implements IQueryHandler<CalendarBoard> {
  constructor(private readonly data: DataSource) {}

  async execute({ asked }: CalendarBoard): Promise<Page<Answer<CalendarRow>>> {
    const rows = await readRows<CalendarRow>(this.data, 'calendar_board', calendarList.sql(asked));
    return calendarList.page(asked, rows, (row) => camelKeys<CalendarRow>(row));
  }
}

/** A freeze that holds, or is to hold. */
export interface UpcomingFreeze extends Occurrence {
  readonly calendarId: string;
  readonly version: number;
  readonly title: string;
  readonly zone: string;
  readonly scope: CalendarScope;
  readonly passes: readonly ChangeClass[];
}

/** Occurrences of freezes from a moment on (milliseconds), in their order. */
export class UpcomingFreezes extends Query<{ readonly items: readonly UpcomingFreeze[] }> {
  constructor(
    readonly from: number,
    readonly days: number,
  ) {
    super();
  }
}

const MOST = 500;

@QueryHandler(UpcomingFreezes)
export class UpcomingFreezesHandler implements IQueryHandler<UpcomingFreezes> {
  constructor(private readonly data: DataSource) {}

  async execute({ from, days }: UpcomingFreezes): Promise<{ readonly items: readonly UpcomingFreeze[] }> {
    const rows = await this.data.query<Pick<CalendarRow, 'versions'>[]>("select versions from calendar_board where kind = 'freeze'");
    const until = from + days * 86_400_000;
    const items = rows
      .flatMap((row) => inForce(row.versions))
      .flatMap((c): UpcomingFreeze[] => {
        const { calendarId, version, title, zone, scope, passes } = c;
        const begins = Math.max(from, Date.parse(c.from));
        const ends = c.until === undefined ? until : Math.min(until, Date.parse(c.until));
        if (begins >= ends) return [];
        return occurrencesOf(c.window, zone, begins, ends).map((o) => ({ calendarId, version, title, zone, scope, passes, ...o }));
      })
      .sort((a, b) => (startOf(a) < startOf(b) ? -1 : 1));
    return { items: items.slice(0, MOST) };
  }
}

function startOf(freeze: UpcomingFreeze): string {
  return freeze.instants[0]?.from ?? `${freeze.start}:00.000Z`;
}
