import { ArrayUnique, IsArray, IsIn, IsOptional, IsUUID, Matches, MaxLength } from 'class-validator';
import { REGIMES, SAYS_SOMETHING, type EnvironmentEvent, type Regime } from '#libs/contracts';
import { defineCommand, derivedId, own, refuse, type Decision, type Issued, type ReadAggregate, type Refusal } from '#libs/event-sourcing';
import { isFirstHand, isSamePerson, personsOf, personSource, readFirstHands, whoDid, type Act, type FirstHands } from '#libs/policy';
import { SLUG, sortedRegimes } from './define-environment.ts';
import { environment, type Environment, type EnvironmentProposal } from './environment.ts';

/** How long another person may confirm what was proposed, milliseconds: seven days. */
const CONFIRMED_WITHIN = 7 * 86_400_000;

/** Another policy, other regimes, or both; what is left out stays. */
export class ProposeEnvironmentChange {
  @IsOptional() @Matches(SLUG, { message: 'policyId must be the id of a policy' }) policyId?: string;
  /** All of them, as they would be; empty for none. */
  @IsOptional() @IsArray() @ArrayUnique() @IsIn(REGIMES, { each: true }) regimes?: readonly Regime[];
  @Matches(SAYS_SOMETHING, { message: 'reason must say why: at least one letter or digit that can be seen' })
  @MaxLength(2000)
  reason: string;
}

export class ConfirmEnvironmentChange {
  /** What is confirmed is named, not assumed: the proposalId that the environment shows. */
  @IsUUID() proposalId: string;
}

export class WithdrawEnvironmentChange {
  @IsUUID() proposalId: string;
  @Matches(SAYS_SOMETHING, { message: 'reason must say something' }) @MaxLength(2000) reason: string;
}

export interface ConfirmChangeFacts extends FirstHands {
  /** Where it is written that who proposed has left since; absent where she is there. */
  readonly proposerLeft?: string;
}

/** Nothing changes by it. A newer proposal takes the place of an older one, so that one at most waits. */
export function proposeEnvironmentChange(command: Issued<ProposeEnvironmentChange>, state: Environment): Decision<EnvironmentEvent> {
  const { target, reason, meta } = command;
  const { class: defined, policyId: former, proposal } = state;
  if (defined === undefined || former === undefined) return unknownEnvironment(target);
  if (command.policyId === undefined && command.regimes === undefined)
    return refuse('meaning', 'nothing-proposed', 'Name the policyId or the regimes that it would have; what is left out stays as it is.');
  const policyId = command.policyId ?? former;
  const regimes = command.regimes ? sortedRegimes(command.regimes) : state.regimes;
  const formerly = { policyId: former, regimes: state.regimes };
  if (isSame(formerly, { policyId, regimes })) return [];
  const again =
    proposal !== undefined &&
    isSame(proposal, { policyId, regimes }) &&
    proposal.reason === reason &&
    proposal.proposedBy === meta.actor.person &&
    meta.now < proposal.expiresAt;
  if (again) return [];
  return [
    {
      type: 'EnvironmentChangeProposed',
      data: {
        environment: target,
        proposalId: derivedId('environment-change', target, meta.commandId),
        policyId,
        regimes,
        formerly,
        reason,
        proposedBy: meta.actor.person,
        expiresAt: new Date(Date.parse(meta.now) + CONFIRMED_WITHIN).toISOString(),
      },
    },
  ];
}

/** Whoever proposed it confirms nothing, with whatever account: one person alone loosens no environment. */
export function confirmEnvironmentChange(
  command: Issued<ConfirmEnvironmentChange>,
  state: Environment,
  facts: ConfirmChangeFacts,
): Decision<EnvironmentEvent> {
  const { target, proposalId, meta } = command;
  if (own(state.closed, proposalId) === 'confirmed') return [];
  const found = openProposal(command, state);
  if ('refusal' in found) return found.refusal;
  const { proposal } = found;
  const { policyId, regimes, proposedBy, expiresAt } = proposal;
  if (isFirstHand(meta.actor, facts, proposedBy)) {
    return refuse('duty', 'confirmed-by-another', 'A change of an environment is confirmed by somebody who did not propose it.', [
      {
        code: 'two-persons',
        detail: `${proposedBy} proposed it.`,
        evidence: facts.persons.refs,
        unblockedBy: 'Another release manager confirms it.',
      },
    ]);
  }
  if (expiresAt <= meta.now) {
    return refuse('conflict', 'proposal-expired', `It was to be confirmed before ${expiresAt}, and it is ${meta.now}. Propose it anew.`);
  }
  if (facts.proposerLeft !== undefined) {
    return refuse('conflict', 'person-left', `${proposedBy} proposed it and has left since. Propose it anew.`, [
      {
        code: 'person-left',
        detail: `${proposedBy} has left.`,
        evidence: [facts.proposerLeft],
        unblockedBy: 'Somebody proposes it anew, and another person confirms it.',
      },
    ]);
  }
  return [
    {
      type: 'EnvironmentDefined',
      data: {
        environment: target,
        // Open proposals are of environments that are defined.
        class: state.class!,
        policyId,
        ...(regimes.length > 0 ? { regimes } : {}),
        proposalId,
        proposedBy,
        confirmedBy: meta.actor.person,
      },
    },
  ];
}

/** Who proposed it takes it back. Others leave it unconfirmed: it expires. */
export function withdrawEnvironmentChange(
  command: Issued<WithdrawEnvironmentChange>,
  state: Environment,
  hands: FirstHands,
): Decision<EnvironmentEvent> {
  const { target, proposalId, reason, meta } = command;
  if (own(state.closed, proposalId) === 'withdrawn') return [];
  const found = openProposal(command, state);
  if ('refusal' in found) return found.refusal;
  const { proposedBy, expiresAt } = found.proposal;
  const hers = [...hands.first, { person: proposedBy }].some((one) => isSamePerson(meta.actor, one, hands.persons));
  if (!hers) {
    return refuse('duty', 'withdrawn-by-proposer', `${proposedBy} proposed it, and takes it back or does not.`, [
      {
        code: 'withdrawn-by-proposer',
        detail: `${proposedBy} proposed it.`,
        evidence: hands.persons.refs,
        unblockedBy: `Leave it unconfirmed: it expires at ${expiresAt}.`,
      },
    ]);
  }
  return [{ type: 'EnvironmentChangeWithdrawn', data: { environment: target, proposalId, reason, withdrawnBy: meta.actor.person } }];
}

const CLOSED = {
  confirmed: 'It was confirmed, and is in force since.',
  withdrawn: 'Who proposed it took it back.',
  superseded: 'A newer proposal took its place.',
  outdated: 'The environment was defined anew since: what was proposed was a change of what it was before.',
} as const;

function openProposal(
  { target, proposalId }: Issued<{ readonly proposalId: string }>,
  { class: defined, proposal, closed }: Environment,
): { readonly proposal: EnvironmentProposal } | { readonly refusal: Refusal } {
  if (defined === undefined) return { refusal: unknownEnvironment(target) };
  if (proposal?.proposalId === proposalId) return { proposal };
  const how = own(closed, proposalId);
  if (how === undefined) return { refusal: refuse('not-found', 'proposal-unknown', `Nobody proposed ${proposalId} for ${target}.`) };
  return {
    refusal: refuse('conflict', 'proposal-not-open', `Proposal ${proposalId} does not wait to be confirmed any more.`, [
      {
        code: `proposal-${how}`,
        detail: CLOSED[how],
        unblockedBy: proposal ? `Read proposal ${proposal.proposalId}, which waits, and confirm that.` : 'Propose it anew.',
      },
    ]),
  };
}

function unknownEnvironment(target: string): Refusal {
  return refuse('not-found', 'environment-unknown', `There is no environment ${target}: define it first.`);
}

type Rules = Pick<EnvironmentProposal, 'policyId' | 'regimes'>;

function isSame(one: Rules, other: Rules): boolean {
  return one.policyId === other.policyId && one.regimes.join() === other.regimes.join();
}

async function proposerOf(read: ReadAggregate, { target, proposalId, meta }: Issued<{ readonly proposalId: string }>): Promise<FirstHands> {
  const proposed = ({ type, data }: Act): boolean => type === 'EnvironmentChangeProposed' && data['proposalId'] === proposalId;
  return readFirstHands(read, meta.actor, await whoDid(read, environment.category, target, proposed));
}

const about = (command: Issued<object>): Record<string, string> => ({ environment: command.target });

/** No program's to do either: one that proposed would leave one person, who confirms. */
export const proposeEnvironmentChangeCommand = defineCommand({
  type: ProposeEnvironmentChange,
  vouches: true,
  personal: ['reason'],
  aggregate: environment,
  decide: proposeEnvironmentChange,
  governed: about,
});

export const confirmEnvironmentChangeCommand = defineCommand({
  type: ConfirmEnvironmentChange,
  vouches: true,
  aggregate: environment,
  decide: confirmEnvironmentChange,
  facts: async (read, command): Promise<ConfirmChangeFacts> => {
    const hands = await proposerOf(read, command);
    const proposers = [...new Set(hands.first.flatMap((one) => personsOf(one, hands.persons)))];
    const known = await Promise.all(proposers.map((person) => read(personSource, person)));
    const left = known.find(({ state }) => state.left);
    return { ...hands, ...(left ? { proposerLeft: left.ref } : {}) };
  },
  governed: about,
});

export const withdrawEnvironmentChangeCommand = defineCommand({
  type: WithdrawEnvironmentChange,
  personal: ['reason'],
  aggregate: environment,
  decide: withdrawEnvironmentChange,
  facts: proposerOf,
  governed: about,
});
