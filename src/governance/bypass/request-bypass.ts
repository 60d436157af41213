import {
  ArrayMaxSize,
  ArrayMinSize,
  ArrayUnique,
  IsArray,
  IsInt,
  IsOptional,
  IsString,
  IsUUID,
  Matches,
  Max,
  MaxLength,
  Min,
} from 'class-validator';
import { BYPASS_REGISTER, SAYS_SOMETHING, type BypassEvent, type GateName } from '#libs/contracts';
import { defineCommand, derivedId, own, refuse, type Decision, type Issued, type Reason } from '#libs/event-sourcing';
import { IsInstant } from '#libs/instant';
import {
  actsOf,
  isSamePerson,
  NEVER_WAIVED,
  readGateFacts,
  readGroups,
  readPersons,
  tupleHashOf,
  tupleOf,
  type GateFacts,
  type OnRecord,
  type PersonsNow,
} from '#libs/policy';
import { bypasses, type Bypass, type Bypasses } from './bypass.ts';

export class RequestBypass {
  @IsUUID() releaseId: string;
  @Matches(/^[a-z0-9][a-z0-9-]{0,62}$/, { message: 'environment must be the name of an environment' }) environment: string;
  /** The gates to waive: of the environment's policy, `not-frozen` also where a calendar binds without it, and never duties-separated. */
  @IsArray()
  @ArrayMinSize(1)
  @ArrayMaxSize(50)
  @ArrayUnique()
  @IsString({ each: true })
  @MaxLength(100, { each: true })
  gates: readonly string[];
  @Matches(SAYS_SOMETHING, { message: 'justification must say why: at least one letter or digit that can be seen' })
  @MaxLength(4000)
  justification: string;
  /** How long it holds, minutes; at most a day. 240 unless told. */
  @IsOptional() @IsInt() @Min(1) @Max(1440) validMinutes?: number;
  /** A group of the requester's that answers for it: its overdue reviews block the team. */
  @IsOptional() @Matches(/^[a-z0-9][a-z0-9-]{0,62}$/, { message: 'team must be the name of a group' }) team?: string;
  /** An earlier deadline for the review than 72 hours from now. */
  @IsOptional()
  @IsInstant()
  reviewDueAt?: string;
}

/** A review is due three days after the request at the latest. Milliseconds. */
const REVIEW_MS = 72 * 3_600_000;

export interface BypassFacts {
  readonly gates: GateFacts;
  /** Members of the team named; absent where none is. */
  readonly team?: { readonly members: readonly string[]; readonly ref: string };
  /** Who requested the bypasses that nobody has reviewed, with their accounts, by bypass id. */
  readonly requesters: Readonly<Record<string, OnRecord>>;
  readonly persons: PersonsNow;
}

/** The id of the bypass that a command asks for. */
export const bypassIdOf = (commandId: string): string => derivedId('bypass', commandId);

/** Breaks the glass for exactly what is there now. It waives gates and nothing else: duties stay recorded and judged. */
export function requestBypass(command: Issued<RequestBypass>, state: Bypasses, facts: BypassFacts): Decision<BypassEvent> {
  const { releaseId, environment, justification, team, meta } = command;
  const { gates: now } = facts;
  const requester = meta.actor.person;
  if (!now.product) return refuse('not-found', 'release-unknown', `There is no release ${releaseId}.`);
  if (!now.environmentClass) return refuse('not-found', 'environment-unknown', `There is no environment ${environment}.`);
  if (!now.plan) return refuse('conflict', 'not-planned', `Release ${releaseId} has no plan for ${environment}: a bypass is for a plan.`);
  if (now.policy.version === 0) return refuse('conflict', 'no-policy', `Policy ${now.policy.id} of ${environment} is not published.`);

  const never = command.gates.filter((gate) => (NEVER_WAIVED as readonly string[]).includes(gate));
  if (never.length > 0) {
    return refuse('duty', 'gate-not-waivable', `No bypass waives ${never.join(', ')}.`, [
      {
        code: 'gate-not-waivable',
        detail: 'The separation of duties is recorded and judged whatever happens.',
        unblockedBy: 'Leave it out, and let somebody deploy who did not approve.',
      },
    ]);
  }
  const named = now.policy.gates.map((rule) => rule.gate);
  // A freeze binds whether or not a policy thought of naming it, so it can be waived where a calendar is about this.
  const counting: readonly GateName[] = now.calendars && !named.includes('not-frozen') ? [...named, 'not-frozen'] : named;
  const asked = counting.filter((gate) => !NEVER_WAIVED.includes(gate));
  const strange = command.gates.filter((gate) => !(asked as readonly string[]).includes(gate));
  if (strange.length > 0) {
    return refuse(
      'meaning',
      'gate-not-in-policy',
      `Policy ${now.policy.id} version ${now.policy.version} does not ask for ${strange.join(', ')}${strange.includes('not-frozen') ? ', and no calendar is about this' : ''}. It could waive: ${asked.join(', ')}.`,
    );
  }
  const due = reviewDue(command);
  if (!due) {
    return refuse('meaning', 'review-due-at', 'reviewDueAt must be after now and at most 72 hours away.');
  }
  if (team !== undefined && !facts.team?.members.includes(requester)) {
    return refuse('duty', 'not-in-team', `You are not in group ${team}: you can't answer in its name.`, [
      {
        code: 'not-in-team',
        detail: `Group ${team} does not list you.`,
        evidence: facts.team ? [facts.team.ref] : [],
        unblockedBy: 'Name a group of yours, or none.',
      },
    ]);
  }
  const overdue = overdueReasons(command, state, now.product, facts);
  if (overdue.length > 0)
    return refuse(
      'conflict',
      'bypass-review-overdue',
      'An earlier bypass has not been reviewed in time: no other one before it is.',
      overdue,
    );

  const gates = asked.filter((gate) => command.gates.includes(gate));
  const expiresAt = new Date(Date.parse(meta.now) + (command.validMinutes ?? 240) * 60_000).toISOString();
  const tuple = tupleOf(now, expiresAt);
  const same = Object.values(state.byId).find((b) => stillOpen(b, meta.now) && isHers(command, b, facts) && isFor(b, tuple, gates));
  if (same) {
    return refuse('conflict', 'bypass-open', `You have bypass ${same.bypassId} for exactly this already, until ${same.tuple.expiresAt}.`, [
      { code: 'bypass-open', detail: 'It waives the same gates for the same tuple.', unblockedBy: `Deploy with bypass ${same.bypassId}.` },
    ]);
  }
  return [
    {
      type: 'BypassRequested',
      data: {
        bypassId: bypassIdOf(meta.commandId),
        releaseId,
        environment,
        product: now.product,
        ...(team === undefined ? {} : { team }),
        gates,
        justification,
        requester,
        tuple,
        tupleHash: tupleHashOf(tuple),
        reviewDueAt: due,
      },
    },
  ];
}

function reviewDue({ reviewDueAt, meta }: Issued<RequestBypass>): string | undefined {
  const now = Date.parse(meta.now);
  if (reviewDueAt === undefined) return new Date(now + REVIEW_MS).toISOString();
  const due = Date.parse(reviewDueAt);
  return due > now && due <= now + REVIEW_MS ? new Date(due).toISOString() : undefined;
}

/** Judged by the clock and not by the event that the timer writes: a timer that rings late lets nobody through. */
function overdueReasons(command: Issued<RequestBypass>, state: Bypasses, product: string, facts: BypassFacts): readonly Reason[] {
  const { meta, team } = command;
  return Object.values(state.byId)
    .filter((b) => !b.review && meta.now >= b.reviewDueAt)
    .filter((b) => isHers(command, b, facts) || b.product === product || (team !== undefined && b.team === team))
    .map((b) => ({
      code: 'bypass-review-overdue',
      detail: `Bypass ${b.bypassId} of ${b.product} in ${b.environment}, requested by ${b.requester}, was to be reviewed by ${b.reviewDueAt}.`,
      evidence: facts.persons.refs,
      unblockedBy: `Somebody who neither requested nor used it reviews bypass ${b.bypassId}.`,
    }));
}

/** Whether a bypass was requested by who asks now, with whatever account. */
function isHers({ meta }: Issued<RequestBypass>, bypass: Bypass, { requesters, persons }: BypassFacts): boolean {
  const recorded = own(requesters, bypass.bypassId);
  return [{ person: bypass.requester }, ...(recorded ? [recorded] : [])].some((by) => isSamePerson(meta.actor, by, persons));
}

function stillOpen(bypass: Bypass, now: string): boolean {
  return !bypass.review && now < bypass.tuple.expiresAt;
}

function isFor(bypass: Bypass, tuple: Bypass['tuple'], gates: readonly GateName[]): boolean {
  return tupleHashOf({ ...tuple, expiresAt: bypass.tuple.expiresAt }) === bypass.tupleHash && bypass.gates.join() === gates.join();
}

export const requestBypassCommand = defineCommand({
  type: RequestBypass,
  personal: ['justification'],
  aggregate: bypasses,
  decide: requestBypass,
  facts: async (read, command, state): Promise<BypassFacts> => {
    const register = await read(actsOf(bypasses.category), command.target);
    const requesters = Object.fromEntries(
      register.state.flatMap(({ type, data, by }) => {
        const id = String(data['bypassId']);
        const open = type === 'BypassRequested' && !own(state.byId, id)?.review;
        return open ? [[id, by] as const] : [];
      }),
    );
    const known = await readPersons(read, [command.meta.actor, ...Object.values(requesters)]);
    const persons = { ...known, refs: [register.ref, ...known.refs].sort() };
    const gates = await readGateFacts(read, command.releaseId, command.environment, command.meta.now);
    if (command.team === undefined) return { gates, requesters, persons };
    const { members, refs } = await readGroups(read, [command.team]);
    return { gates, requesters, persons, team: { members: members[command.team] ?? [], ref: refs[command.team] ?? '' } };
  },
  governed: (command) => ({ releaseId: command.releaseId, environment: command.environment, register: BYPASS_REGISTER }),
});
