import { IsIn, Matches } from 'class-validator';
import type { EnvironmentClass, EnvironmentEvent } from '#libs/contracts';
import { defineCommand, refuse, type Decision, type Issued } from '#libs/event-sourcing';
import { environment, type Environment } from './environment.ts';

const SLUG = /^[a-z0-9][a-z0-9-]{0,62}$/;

export class DefineEnvironment {
  @Matches(SLUG, { message: 'environment must be a slug: a-z, 0-9 and hyphens, at most 63 characters' }) environment: string;
  @IsIn(['development', 'test', 'staging', 'production']) class: EnvironmentClass;
  @Matches(SLUG, { message: 'policyId must be the id of a policy' }) policyId: string;
}

/** An environment says by which policy it is governed. Its class stays: a production does not become a test overnight. */
export function defineEnvironment(command: Issued<DefineEnvironment>, state: Environment): Decision<EnvironmentEvent> {
  if (state.class === command.class && state.policyId === command.policyId) return [];
  if (state.class && state.class !== command.class) {
    return refuse(
      'conflict',
      'environment-class-fixed',
      `${command.environment} is of class ${state.class}; define another environment for ${command.class}.`,
    );
  }
  return [{ type: 'EnvironmentDefined', data: { environment: command.environment, class: command.class, policyId: command.policyId } }];
}

export const defineEnvironmentCommand = defineCommand({
  type: DefineEnvironment,
  aggregate: environment,
  decide: defineEnvironment,
  governed: () => ({}),
});
