import { IsIn, IsInt, IsNumber, Matches, Max, Min } from 'class-validator';
import type { TriggerEvent } from '#libs/contracts';
import { defineCommand, refuse, type Decision, type Issued } from '#libs/event-sourcing';
import { hashOf } from '#libs/policy';
import { trigger, type Trigger } from './trigger.ts';

export class DefineTrigger {
  @Matches(/^[a-z0-9][a-z0-9-]{0,62}$/, { message: 'environment must be the name of an environment' }) environment: string;
  @Matches(/^[a-zA-Z0-9][a-zA-Z0-9._-]{0,99}$/, { message: 'service must be a name of at most 100 characters' }) service: string;
  @IsIn(['http.error_rate']) metric: 'http.error_rate';
  @IsNumber() @Min(0.0001) @Max(1) threshold: number;
  @IsNumber() @Min(0) @Max(1) clearBelow: number;
  @IsInt() @Min(1) @Max(1_000_000) minimumRequests: number;
  /** At most the ten minutes that one metric stream covers. */
  @IsInt() @Min(1) @Max(600) windowSeconds: number;
  /** How long after a deployment the trigger watches it. */
  @IsInt() @Min(1) @Max(604_800) bakeSeconds: number;
  @IsIn(['propose', 'rollback']) action: 'propose' | 'rollback';
}

export function defineTrigger(command: Issued<DefineTrigger>, state: Trigger): Decision<TriggerEvent> {
  const { environment, service, metric, threshold, clearBelow, minimumRequests, windowSeconds, bakeSeconds, action, target } = command;
  if (clearBelow > threshold)
    return refuse('meaning', 'no-hysteresis', `clearBelow (${clearBelow}) must not be above threshold (${threshold}).`);
  const data = {
    triggerId: target,
    environment,
    service,
    metric,
    threshold,
    clearBelow,
    minimumRequests,
    windowSeconds,
    bakeSeconds,
    action,
  };
  return state.definition && hashOf(state.definition) === hashOf(data) ? [] : [{ type: 'TriggerDefined', data }];
}

export const defineTriggerCommand = defineCommand({
  type: DefineTrigger,
  aggregate: trigger,
  decide: defineTrigger,
  governed: ({ target, environment }) => ({ triggerId: target, environment }),
});
