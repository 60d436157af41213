import { celEnv, celMethod, CelScalar, celType, parse, plan } from '@bufbuild/cel';

const DAY = 86_400_000;
const formats = new Map<string, Intl.DateTimeFormat>();

/**
 * The parts of a time, of UTC or of a zone: `Europe/Zurich`, or an offset as `+02:00`. CEL's own, as the library has them, take the hour after
 * midnight in a zone of the IANA database for one of the day after, and depend on the zone of the machine in the hour that its clocks skip.
 */
const PARTS: Readonly<Record<string, (shown: Date) => number>> = {
  getFullYear: (shown) => shown.getUTCFullYear(),
  getMonth: (shown) => shown.getUTCMonth(),
  getDate: (shown) => shown.getUTCDate(),
  getDayOfMonth: (shown) => shown.getUTCDate() - 1,
  getDayOfWeek: (shown) => shown.getUTCDay(),
  getDayOfYear: (shown) => Math.floor((shown.getTime() - Date.UTC(shown.getUTCFullYear(), 0, 1)) / DAY),
  getHours: (shown) => shown.getUTCHours(),
  getMinutes: (shown) => shown.getUTCMinutes(),
  getSeconds: (shown) => shown.getUTCSeconds(),
};

/** @throws RangeError there is no such zone */
function formatOf(zone: string): Intl.DateTimeFormat {
  const known = formats.get(zone);
  if (known) return known;
  const format = new Intl.DateTimeFormat('en-US-u-ca-gregory-nu-latn', {
    timeZone: zone,
    hourCycle: 'h23',
    year: 'numeric',
    month: 'numeric',
    day: 'numeric',
    hour: 'numeric',
    minute: 'numeric',
    second: 'numeric',
  });
  // Policies name few zones: more than these, in all ways to write them, is somebody trying.
  if (formats.size >= 1000) formats.clear();
  formats.set(zone, format);
  return format;
}

/** What a clock shows at an instant, as the UTC parts of a date. */
function shownBy(instant: number, zone: string | undefined): Date {
  if (zone === undefined) return new Date(instant);
  const [, sign, hours, minutes] = /^([+-]?)(\d\d):(\d\d)$/.exec(zone) ?? [];
  if (hours !== undefined) {
    const ahead = (Number(hours) * 60 + Number(minutes)) * 60_000;
    return new Date(sign === '-' ? instant - ahead : instant + ahead);
  }
  const part: Record<string, number> = {};
  for (const { type, value } of formatOf(zone).formatToParts(instant)) part[type] = Number(value);
  const { year = 0, month = 1, day = 1, hour = 0, minute = 0, second = 0 } = part;
  return new Date(Date.UTC(year, month - 1, day, hour, minute, second));
}

interface TimestampValue {
  readonly message: { readonly seconds: bigint };
}

const timestamp = celType(plan(celEnv(), parse('timestamp("1970-01-01T00:00:00Z")'))() as Parameters<typeof celType>[0]);

export const clockMethods = Object.entries(PARTS).flatMap(([name, part]) => {
  function method(this: unknown, zone?: string): bigint {
    // Whole seconds: no part is smaller.
    return BigInt(part(shownBy(Number((this as TimestampValue).message.seconds) * 1000, zone)));
  }
  return [
    celMethod(name, timestamp, [], CelScalar.INT, method),
    celMethod(name, timestamp, [CelScalar.STRING], CelScalar.INT, method as (zone: string) => bigint),
  ];
});
