import { ArrayUnique, IsArray, IsIn, IsOptional, Matches } from 'class-validator';
import { REGIMES, type EnvironmentClass, type EnvironmentEvent, type Regime } from '#libs/contracts';
import { defineCommand, refuse, type Decision, type Issued } from '#libs/event-sourcing';
import { environment, type Environment } from './environment.ts';

const SLUG = /^[a-z0-9][a-z0-9-]{0,62}$/;

export class DefineEnvironment {
  @Matches(SLUG, { message: 'environment must be a slug: a-z, 0-9 and hyphens, at most 63 characters' }) environment: string;
  @IsIn(['development', 'test', 'staging', 'production']) class: EnvironmentClass;
  @Matches(SLUG, { message: 'policyId must be the id of a policy' }) policyId: string;
  /** What its changes are audited under; none unless told. */
  @IsOptional() @IsArray() @ArrayUnique() @IsIn(REGIMES, { each: true }) regimes?: readonly Regime[];
}

/** An environment says by which policy it is governed. Its class stays: a production does not become a test overnight. */
export function defineEnvironment(command: Issued<DefineEnvironment>, state: Environment): Decision<EnvironmentEvent> {
  const regimes = (command.regimes ?? []).filter((regime) => regime !== 'none').sort();
  if (state.class === command.class && state.policyId === command.policyId && state.regimes.join() === regimes.join()) return [];
  if (state.class && state.class !== command.class) {
    return refuse(
      'conflict',
      'environment-class-fixed',
      `${command.environment} is of class ${state.class}; define another environment for ${command.class}.`,
    );
  }
  const { environment, policyId } = command;
  return [
    { type: 'EnvironmentDefined', data: { environment, class: command.class, policyId, ...(regimes.length > 0 ? { regimes } : {}) } },
  ];
}

export const defineEnvironmentCommand = defineCommand({
  type: DefineEnvironment,
  aggregate: environment,
  decide: defineEnvironment,
  governed: (command) => ({ environment: command.environment }),
});
