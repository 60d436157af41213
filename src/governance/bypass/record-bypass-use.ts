import { IsString, IsUUID } from 'class-validator';
import type { BypassEvent } from '#libs/contracts';
import { defineCommand, own, refuse, type Decision, type Issued } from '#libs/event-sourcing';
import { IsInstant } from '#libs/instant';
import { bypasses, type Bypasses } from './bypass.ts';

/** Sent when a deployment was started with a bypass, or resumed under it. */
export class RecordBypassUse {
  @IsUUID() bypassId: string;
  @IsUUID() deploymentId: string;
  @IsString() deployer: string;
  @IsInstant() at: string;
}

/** Puts on the bypass's own record which deployment it let pass, so that whoever reviews it sees all that was done with it. */
export function recordBypassUse(command: Issued<RecordBypassUse>, state: Bypasses): Decision<BypassEvent> {
  const { bypassId, deploymentId, deployer, at } = command;
  const bypass = own(state.byId, bypassId);
  if (!bypass) return refuse('not-found', 'bypass-unknown', `There is no bypass ${bypassId}.`);
  if (bypass.uses.some((use) => use.deploymentId === deploymentId && use.deployer === deployer)) return [];
  return [{ type: 'BypassUsed', data: { bypassId, deploymentId, deployer, at } }];
}

export const recordBypassUseCommand = defineCommand({ type: RecordBypassUse, aggregate: bypasses, decide: recordBypassUse });
