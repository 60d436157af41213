import { Type } from 'class-transformer';
import { IsString, Matches, MaxLength, ValidateNested } from 'class-validator';
import { SAYS_SOMETHING, type BacktestEvent } from '#libs/contracts';
import { defineCommand, refuse, type Decision, type Issued } from '#libs/event-sourcing';
import { IsInstant } from '#libs/instant';
import { readGroups } from '#libs/policy';
import { checkExpressions } from '../policy/check-expressions.ts';
import { groupsIn, PolicyContents, rulesOfPolicy, type ExpressionFindings } from '../policy/policy-contents.ts';
import { policy } from '../policy/policy.ts';
import { backtest, type Backtest } from './backtest.ts';

export class BacktestFields {
  /** What would be published. */
  @ValidateNested() @Type(() => PolicyContents) draft: PolicyContents;
  /** Inclusive. */
  @IsInstant() from: string;
  /** Exclusive. */
  @IsInstant() to: string;
}

export class RequestBacktest extends BacktestFields {
  policyId: string;
}

export class CancelBacktest {
  @IsString() @Matches(SAYS_SOMETHING, { message: 'reason must say something' }) @MaxLength(2000) reason: string;
}

export interface BacktestFacts extends ExpressionFindings {
  /** Whether the policy was ever published. */
  readonly known: boolean;
}

/** Only what would publish is tried, and only on what lies behind. */
export function requestBacktest(command: Issued<RequestBacktest>, state: Backtest, facts: BacktestFacts): Decision<BacktestEvent> {
  if (state.status !== 'none') return [];
  const { policyId, target, from, to, meta } = command;
  if (!facts.known) {
    return refuse('not-found', 'policy-unknown', `There is no policy ${policyId}: nothing was decided under it.`, [
      { code: 'policy-unknown', detail: `Policy ${policyId} was never published.`, unblockedBy: 'Name a policy that was published.' },
    ]);
  }
  const rules = rulesOfPolicy(command.draft, facts);
  if ('refused' in rules) return rules;
  const [begin, end] = [Date.parse(from), Date.parse(to)];
  if (Number.isNaN(begin) || Number.isNaN(end)) {
    return refuse('meaning', 'period-invalid', `${Number.isNaN(begin) ? from : to} is no instant of the calendar.`);
  }
  if (begin >= end) return refuse('meaning', 'period-empty', `Nothing lies between ${from} and ${to}: from must be before to.`);
  const period = { from: new Date(begin).toISOString(), to: new Date(end).toISOString() };
  if (period.from >= meta.now) {
    return refuse('meaning', 'period-to-come', `The period begins at ${period.from} and it is ${meta.now}: nothing was decided in it yet.`);
  }
  return [{ type: 'BacktestRequested', data: { backtestId: target, policyId, draft: rules, ...period } }];
}

/** What has ended stays as it ended. */
export function cancelBacktest(command: Issued<CancelBacktest>, state: Backtest): Decision<BacktestEvent> {
  if (!state.policyId) return refuse('not-found', 'backtest-unknown', `There is no backtest ${command.target}.`);
  if (state.status === 'cancelled') return [];
  if (state.status !== 'requested' && state.status !== 'running') {
    return refuse('conflict', 'backtest-ended', `Backtest ${command.target} has ${state.status} already.`);
  }
  return [{ type: 'BacktestCancelled', data: { backtestId: command.target, policyId: state.policyId, reason: command.reason } }];
}

export const requestBacktestCommand = defineCommand({
  type: RequestBacktest,
  aggregate: backtest,
  decide: requestBacktest,
  facts: async (read, { draft, policyId }): Promise<BacktestFacts> => {
    // Before anything is begun: what throws beside a promise leaves it to fail unheard.
    const named = groupsIn(draft);
    const [findings, groups, published] = await Promise.all([checkExpressions(draft), readGroups(read, named), read(policy, policyId)]);
    return { ...findings, members: groups.members, known: published.exists };
  },
  governed: ({ policyId }) => ({ policyId }),
});

export const cancelBacktestCommand = defineCommand({
  type: CancelBacktest,
  personal: ['reason'],
  aggregate: backtest,
  decide: cancelBacktest,
  governed: (_command, { policyId }) => ({ ...(policyId ? { policyId } : {}) }),
});
