import { IsIn, IsInt, IsString, IsUUID, Min } from 'class-validator';
import type { EnvironmentEvent } from '#libs/contracts';
import { defineCommand, refuse, type Decision, type Issued } from '#libs/event-sourcing';
import { environment, type Environment } from './environment.ts';

export class ReserveEnvironment {
  @IsUUID() deploymentId: string;
  @IsString() releaseId: string;
  @IsInt() @Min(1) round: number;
}

export class FreeEnvironment {
  @IsUUID() deploymentId: string;
  @IsString() releaseId: string;
  @IsInt() @Min(1) round: number;
  @IsIn(['succeeded', 'failed', 'halted']) outcome: 'succeeded' | 'failed' | 'halted';
}

/** Two deployments to one environment at once give one winner. */
export function reserveEnvironment(command: Issued<ReserveEnvironment>, state: Environment): Decision<EnvironmentEvent> {
  const { target, deploymentId, releaseId, round } = command;
  if (!state.class) return refuse('not-found', 'environment-unknown', `There is no environment ${target}.`);
  if (state.heldBy === deploymentId || state.finished.includes(`${deploymentId}#${round}`)) return [];
  if (state.heldBy) {
    return refuse('conflict', 'environment-busy', `${target} is held by deployment ${state.heldBy}.`, [
      {
        code: 'environment-busy',
        detail: `Deployment ${state.heldBy} is under way.`,
        evidence: [`deployment-${state.heldBy}`],
        unblockedBy: 'Wait until it has ended.',
      },
    ]);
  }
  return [{ type: 'EnvironmentReserved', data: { environment: target, deploymentId, releaseId, round } }];
}

/** Only the deployment that holds it lets it go; anything else is already so. */
export function freeEnvironment(command: Issued<FreeEnvironment>, state: Environment): Decision<EnvironmentEvent> {
  const { target, deploymentId, releaseId, round, outcome } = command;
  if (state.heldBy !== deploymentId) return [];
  return [{ type: 'EnvironmentFreed', data: { environment: target, deploymentId, releaseId, round, outcome } }];
}

export const reserveEnvironmentCommand = defineCommand({ type: ReserveEnvironment, aggregate: environment, decide: reserveEnvironment });
export const freeEnvironmentCommand = defineCommand({ type: FreeEnvironment, aggregate: environment, decide: freeEnvironment });
