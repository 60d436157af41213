import { ArrayUnique, IsArray, IsIn, IsOptional, Matches } from 'class-validator';
import { REGIMES, type EnvironmentClass, type EnvironmentEvent, type Regime } from '#libs/contracts';
import { defineCommand, refuse, type Decision, type Issued } from '#libs/event-sourcing';
import { environment, type Environment } from './environment.ts';

export const SLUG = /^[a-z0-9][a-z0-9-]{0,62}$/;

export class DefineEnvironment {
  @Matches(SLUG, { message: 'environment must be a slug: a-z, 0-9 and hyphens, at most 63 characters' }) environment: string;
  @IsIn(['development', 'test', 'staging', 'production']) class: EnvironmentClass;
  @Matches(SLUG, { message: 'policyId must be the id of a policy' }) policyId: string;
  /** What its changes are audited under; none unless told. One that is there already is taken away by two persons alone. */
  @IsOptional() @IsArray() @ArrayUnique() @IsIn(REGIMES, { each: true }) regimes?: readonly Regime[];
}

/**
 * An environment says by which policy it is governed. Its class stays: a production does not become a test overnight. One person defines it and
 * adds regimes; whatever may ask less of a change takes two (`proposeEnvironmentChange`).
 */
export function defineEnvironment(command: Issued<DefineEnvironment>, state: Environment): Decision<EnvironmentEvent> {
  const regimes = sortedRegimes(command.regimes ?? []);
  if (state.class === command.class && state.policyId === command.policyId && state.regimes.join() === regimes.join()) return [];
  if (state.class && state.class !== command.class) {
    return refuse(
      'conflict',
      'environment-class-fixed',
      `${command.environment} is of class ${state.class}; define another environment for ${command.class}.`,
    );
  }
  const { environment, policyId } = command;
  const proposing = `Propose it with POST /v1/environments/environments/${environment}/proposals; another person confirms it.`;
  const taken = state.regimes.filter((regime) => !regimes.includes(regime)).join(' and ');
  const looser = [
    // Which of two policies asks for less is not for a program to say.
    ...(state.policyId !== undefined && state.policyId !== policyId
      ? [{ code: 'another-policy', detail: `Policy ${policyId} would take the place of ${state.policyId}.`, unblockedBy: proposing }]
      : []),
    ...(taken
      ? [
          {
            code: 'fewer-regimes',
            detail: `It would not be under ${taken} any more.`,
            unblockedBy: `Name ${taken} in regimes. Or: ${proposing}`,
          },
        ]
      : []),
  ];
  if (looser.length > 0)
    return refuse(
      'duty',
      'takes-two-persons',
      `It takes two persons for ${environment} to get another policy or to lose a regime.`,
      looser,
    );
  return [
    { type: 'EnvironmentDefined', data: { environment, class: command.class, policyId, ...(regimes.length > 0 ? { regimes } : {}) } },
  ];
}

/** As streams have them: `none` is the absence of any. */
export function sortedRegimes(regimes: readonly Regime[]): readonly Regime[] {
  return regimes.filter((regime) => regime !== 'none').sort();
}

export const defineEnvironmentCommand = defineCommand({
  type: DefineEnvironment,
  aggregate: environment,
  decide: defineEnvironment,
  governed: (command) => ({ environment: command.environment }),
});
