import { IsOptional, IsString, Matches, MaxLength } from 'class-validator';
import type { PolicyEvent } from '#libs/contracts';
import { defineCommand, refuse, type Decision, type Issued } from '#libs/event-sourcing';
import { IsInstant } from '#libs/instant';
import { hashOf, inForceAt, readGroups } from '#libs/policy';
import { barredMembers } from './barred-members.ts';
import { checkExpressions } from './check-expressions.ts';
import { groupsIn, PolicyContents, rulesOfPolicy, type ExpressionFindings } from './policy-contents.ts';
import { policy, type Policy } from './policy.ts';

export class PublishPolicy extends PolicyContents {
  @Matches(/^[a-z0-9][a-z0-9-]{0,62}$/, { message: 'policyId must be a slug: a-z, 0-9 and hyphens, at most 63 characters' })
  policyId: string;
  @IsString() @MaxLength(200) title: string;
  /** When it comes into force; at once unless told, and never in the past. */
  @IsOptional()
  @IsInstant()
  effectiveFrom?: string;
}

/** A policy that names an unknown gate, or one that nobody can satisfy, does not publish (principle 6). */
export function publishPolicy(
  command: Issued<PublishPolicy>,
  state: Policy,
  findings: ExpressionFindings = { problems: [] },
): Decision<PolicyEvent> {
  const rules = rulesOfPolicy(command, findings);
  if ('refused' in rules) return rules;
  const { title, meta, target } = command;
  const time = Date.parse(command.effectiveFrom ?? meta.now);
  if (Number.isNaN(time))
    return refuse('meaning', 'effective-from-invalid', `${command.effectiveFrom ?? ''} is no instant of the calendar.`);
  const effectiveFrom = new Date(time).toISOString();
  const contents = { title, ...rules };
  const there = inForceAt(state.versions, effectiveFrom);
  const { version: _version, effectiveFrom: since, ...said } = there ?? { version: 0, effectiveFrom: '' };
  // What is in force at that time says this already; asked for from a day on, it must have come into force on that day.
  if (there && hashOf(said) === hashOf(contents) && (command.effectiveFrom === undefined || since === effectiveFrom)) return [];
  if (effectiveFrom < meta.now) {
    return refuse(
      'meaning',
      'effective-from-past',
      `effectiveFrom is ${effectiveFrom} and it is ${meta.now}: a policy never counts for what was decided before it.`,
      [
        {
          code: 'effective-from-past',
          detail: 'Past decisions are judged by the rules of then.',
          unblockedBy: 'Leave effectiveFrom out, name a time to come, or try the policy on the past by a backtest.',
        },
      ],
    );
  }
  return [{ type: 'PolicyPublished', data: { policyId: target, version: state.version + 1, ...contents, effectiveFrom } }];
}

export const publishPolicyCommand = defineCommand({
  type: PublishPolicy,
  aggregate: policy,
  decide: publishPolicy,
  facts: async (read, command): Promise<ExpressionFindings> => {
    const findings = await checkExpressions(command);
    const { members } = await readGroups(read, groupsIn(command));
    return { ...findings, members, barred: await barredMembers(read, members, command.meta) };
  },
  governed: (command) => ({ policyId: command.target }),
});
