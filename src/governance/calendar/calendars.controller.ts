import { applyDecorators, Body, Controller, Get, Param, Post, Query } from '@nestjs/common';
import { CommandBus, QueryBus } from '@nestjs/cqrs';
import { ApiQuery } from '@nestjs/swagger';
import { HORIZON, inForce, nextOpen, occurrencesOf, opennessAt, tzdataVersion } from '#libs/calendar';
import { ORGANISATION, type ChangeClass } from '#libs/contracts';
import { Aggregates } from '#libs/cqrs';
import { issue, refuse, RefusedError, type CommandMeta, type Transacted } from '#libs/event-sourcing';
import { IdPipe, ListParameters, Meta, ProblemError, Roles, View } from '#libs/http';
import { AN_INSTANT, parseInstant } from '#libs/instant';
import { readCalendars } from '#libs/policy';
import { CalendarBoard, calendarList, UpcomingFreezes } from '../views/calendars/calendars.query.ts';
import { calendars } from './calendar.ts';
import { ChangeCalendar, DeclareCalendar, WithdrawCalendar } from './declare-calendar.ts';

type Asked = Readonly<Record<string, unknown>>;

const CLASSES: readonly ChangeClass[] = ['standard', 'normal', 'emergency', 'rollback'];

/** What `is-open` and `next-open` are asked. */
const WhereAndWhat = (): MethodDecorator =>
  applyDecorators(
    ApiQuery({ name: 'environment', description: 'Where to.' }),
    ApiQuery({ name: 'changeClass', required: false, enum: CLASSES, description: 'normal unless told.' }),
    ApiQuery({ name: 'product', required: false }),
    ApiQuery({ name: 'service', required: false }),
  );

@Controller('v1/governance')
export class CalendarsController {
  constructor(
    private readonly commands: CommandBus,
    private readonly queries: QueryBus,
    private readonly aggregates: Aggregates,
  ) {}

  @Post('calendars')
  @Roles('release-manager', 'policy-editor')
  declare(@Body() body: DeclareCalendar, @Meta() meta: CommandMeta): Promise<Transacted> {
    return this.commands.execute(issue(body, ORGANISATION, meta));
  }

  @Post('calendars/:id/change')
  @Roles('release-manager', 'policy-editor')
  change(@Param('id', IdPipe) id: string, @Body() body: ChangeCalendar, @Meta() meta: CommandMeta): Promise<Transacted> {
    return this.commands.execute(issue(Object.assign(body, { calendarId: id }), ORGANISATION, meta));
  }

  @Post('calendars/:id/withdraw')
  @Roles('release-manager', 'policy-editor')
  withdraw(@Param('id', IdPipe) id: string, @Body() body: WithdrawCalendar, @Meta() meta: CommandMeta): Promise<Transacted> {
    return this.commands.execute(issue(Object.assign(body, { calendarId: id }), ORGANISATION, meta));
  }

  @Get('calendars')
  @View('calendars')
  @ListParameters(calendarList)
  list(@Query() query: Asked): Promise<unknown> {
    return this.queries.execute(new CalendarBoard(calendarList.parse(query)));
  }

  /** Freezes that hold or are to hold within `days` (1 to 731; 90 unless told), those that summer time touches flagged. */
  @Get('upcoming-freezes')
  @View('calendars')
  @ApiQuery({ name: 'days', required: false, description: '1 to 731; 90 unless told.' })
  upcoming(@Query() query: Asked): Promise<unknown> {
    const { days } = parametersOf(query, ['days']);
    return this.queries.execute(new UpcomingFreezes(Date.now(), days === undefined ? 90 : wholeNumber('days', days, 731)));
  }

  /** Every version, from the stream itself, as it is or as it was. */
  @Get('calendars/:id')
  async calendar(@Param('id', IdPipe) id: string, @Query('asOf') asOf?: string): Promise<unknown> {
    const at = asOf === undefined ? undefined : parseInstant(asOf);
    if (asOf !== undefined && at === undefined) throw new RefusedError(refuse('meaning', 'as-of-invalid', `asOf must be ${AN_INSTANT}.`));
    const { state, ref } = await this.aggregates.load(calendars, ORGANISATION, at);
    return { calendarId: id, ref, versions: found(state.calendars, id) };
  }

  /** What the calendar comes to in the next 24 months; starts that the clocks skip or repeat are flagged. */
  @Get('calendars/:id/preview')
  async preview(@Param('id', IdPipe) id: string): Promise<unknown> {
    const { state, ref } = await this.aggregates.load(calendars, ORGANISATION);
    const now = Date.now();
    const occurrences = inForce(found(state.calendars, id)).flatMap((c) => {
      const from = Math.max(now, Date.parse(c.from));
      const until = Math.min(now + HORIZON, c.until === undefined ? Infinity : Date.parse(c.until));
      return from < until ? occurrencesOf(c.window, c.zone, from, until).map((o) => ({ version: c.version, ...o })) : [];
    });
    return { calendarId: id, ref, tzdata: tzdataVersion(), from: iso(now), until: iso(now + HORIZON), occurrences };
  }

  /** Whether a change of a class may go to an environment now, and what closes it if not. Asked of the streams, as the gate does. */
  @Get('is-open')
  @WhereAndWhat()
  async isOpen(@Query() query: Asked): Promise<unknown> {
    const { inScope, target, ref } = await this.asked(query);
    const now = Date.now();
    return { at: iso(now), tzdata: tzdataVersion(), ref, ...opennessAt(inScope, target, now) };
  }

  /** When it may go next: now where it is open; nothing where it is not within 24 months. */
  @Get('next-open')
  @WhereAndWhat()
  async nextOpen(@Query() query: Asked): Promise<unknown> {
    const { inScope, target, ref } = await this.asked(query);
    const now = Date.now();
    const next = nextOpen(inScope, target, now);
    return { at: iso(now), tzdata: tzdataVersion(), ref, ...(next === undefined ? {} : { nextOpen: iso(next) }) };
  }

  private async asked(query: Asked): Promise<Awaited<ReturnType<typeof readCalendars>>> {
    const {
      environment,
      changeClass = 'normal',
      product,
      service,
    } = parametersOf(query, ['environment', 'changeClass', 'product', 'service']);
    if (environment === undefined) throw invalid('environment', 'Say for which environment.');
    if (!isChangeClass(changeClass)) throw invalid('changeClass', `This must be one of: ${CLASSES.join(', ')}.`);
    return await readCalendars(this.aggregates.read, {
      environment,
      changeClass,
      services: service === undefined ? [] : [service],
      ...(product === undefined ? {} : { product }),
    });
  }
}

function isChangeClass(text: string): text is ChangeClass {
  return (CLASSES as readonly string[]).includes(text);
}

function found<T>(all: Readonly<Record<string, T>>, id: string): T {
  const one = Object.hasOwn(all, id) ? all[id] : undefined;
  if (one === undefined) throw new RefusedError(refuse('not-found', 'calendar-unknown', `There is no calendar ${id}.`));
  return one;
}

function parametersOf<N extends string>(query: Asked, names: readonly N[]): { readonly [K in N]?: string } {
  for (const [name, value] of Object.entries(query)) {
    if (!(names as readonly string[]).includes(name)) throw invalid(name, `This parameter is not known. Known: ${names.join(', ')}.`);
    if (typeof value !== 'string' || !/^[A-Za-z0-9][A-Za-z0-9@/._-]{0,199}$/.test(value))
      throw invalid(name, 'This must be given once, as 1 to 200 letters, digits and @ / . _ -');
  }
  return query as { readonly [K in N]?: string };
}

function wholeNumber(name: string, text: string, most: number): number {
  if (/^[1-9]\d{0,4}$/.test(text) && Number(text) <= most) return Number(text);
  throw invalid(name, `This must be a whole number from 1 to ${most}.`);
}

function invalid(path: string, problem: string): ProblemError {
  return new ProblemError(400, 'validation', `The query is not as it must be: ${path}: ${problem}`, {
    errors: [{ path, problems: [problem] }],
  });
}

function iso(instant: number): string {
  return new Date(instant).toISOString();
}
