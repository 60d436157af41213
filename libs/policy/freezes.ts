import type { ReadAggregate } from '#libs/event-sourcing';
import { inForce, inScope, nextOpen, opennessAt, type Block, type CalendarInForce, type ChangeTarget } from '#libs/calendar';
import { ORGANISATION, type ChangeClass } from '#libs/contracts';
import type { DecisionKind } from './judge-expressions.ts';
import { calendarsSource, environmentSource, type GateFacts } from './sources.ts';

/** The calendars that are about a change, from their source stream, and the environment's class from its own. */
export async function readCalendars(
  read: ReadAggregate,
  asked: Omit<ChangeTarget, 'environmentClass'>,
): Promise<{ readonly inScope: readonly CalendarInForce[]; readonly target: ChangeTarget; readonly ref: string }> {
  const [environment, calendars] = await Promise.all([read(environmentSource, asked.environment), read(calendarsSource, ORGANISATION)]);
  const { class: environmentClass } = environment.state;
  const target = { ...asked, ...(environmentClass ? { environmentClass } : {}) };
  const about = Object.values(calendars.state).flatMap(inForce);
  return { inScope: about.filter((c) => inScope(c.scope, target)), target, ref: calendars.ref };
}

/**
 * What calendars say of a release for its environment at a time of the server's (ISO 8601).
 *
 * @param advise false where nobody asks when it opens next
 */
export function notFrozen(
  facts: GateFacts,
  now: string,
  changeClass: ChangeClass,
  advise = true,
): { readonly open: boolean; readonly detail: string; readonly unblockedBy?: string; readonly opensAt?: string } {
  const calendars = facts.calendars ?? [];
  const target: ChangeTarget = {
    environment: facts.environment,
    ...(facts.environmentClass ? { environmentClass: facts.environmentClass } : {}),
    ...(facts.product ? { product: facts.product } : {}),
    services: facts.artifacts.map((a) => a.name),
    changeClass,
  };
  const at = Date.parse(now);
  // What bears a claim is named with what it opens, and that nothing does with what stays closed.
  const claim = changeClass === facts.counted?.class ? facts.counted : undefined;
  const { open, blocks, windows } = opennessAt(calendars, target, at);
  if (open) {
    const allowed = windows.length > 0 ? ` The window ${windows.join(', ')} is open.` : '';
    const borne = claim && claim.class !== 'normal' ? ` ${claim.detail}` : '';
    return { open, detail: `no freeze holds for ${facts.environment}.${allowed}${borne}` };
  }
  const detail = [...(claim ? [claim.detail] : []), ...blocks.map(blockText)].join(' ');
  if (!advise) return { open, detail };
  const next = nextOpen(calendars, target, at);
  const opens = next === undefined ? 'It does not open within 24 months: have a calendar changed.' : `Next open: ${iso(next)}.`;
  return {
    open,
    detail,
    unblockedBy: [opens, ...(claim?.unblockedBy ? [claim.unblockedBy] : [])].join(' '),
    ...(next === undefined ? {} : { opensAt: iso(next) }),
  };
}

function blockText({ kind, title, calendarId, version, until }: Block): string {
  const name = `${title} (${calendarId}, version ${version})`;
  return kind === 'freeze'
    ? `The freeze ${name} holds until ${until}.`
    : `The window ${name} is not open${until ? ` before ${until}` : ''}.`;
}

function iso(instant: number): string {
  return new Date(instant).toISOString();
}

/**
 * The class that a change counts as; a rollback is one of its own.
 *
 * @param startedAs what it was started as, where it was: that counts if what bore it bears it still, and a normal change becomes no other
 */
export function changeClassOf(facts: GateFacts, kind: DecisionKind, startedAs?: ChangeClass): ChangeClass {
  if (startedAs !== undefined) return startedAs === 'rollback' || startedAs === facts.counted?.class ? startedAs : 'normal';
  return kind === 'rollback' ? kind : (facts.counted?.class ?? facts.plan?.changeClass ?? 'normal');
}
