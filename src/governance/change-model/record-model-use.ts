import { IsIn, IsInt, IsString, IsUUID, Matches, MaxLength, Min } from 'class-validator';
import { SAYS_SOMETHING, type ChangeModelEvent } from '#libs/contracts';
import { defineCommand, refuse, type Decision, type Issued } from '#libs/event-sourcing';
import { changeModel, type ChangeModel } from '#libs/policy';

/** Sent when a deployment of a change under a model has ended. */
export class RecordModelUse {
  @IsInt() @Min(1) version: number;
  @IsString() changeId: string;
  @IsUUID() deploymentId: string;
  @IsIn(['succeeded', 'failed', 'rolled-back']) outcome: 'succeeded' | 'failed' | 'rolled-back';
}

export class SuspendChangeModel {
  @Matches(SAYS_SOMETHING, { message: 'reason must say something' }) @MaxLength(2000) reason: string;
}

/** A change that failed shows that its kind is not as well known as the board thought: the model is suspended until it is approved anew. */
export function recordModelUse(command: Issued<RecordModelUse>, state: ChangeModel): Decision<ChangeModelEvent> {
  const { target: modelId, version, changeId, deploymentId, outcome } = command;
  const used = state.versions.find((v) => v.version === version);
  if (!used) return refuse('not-found', 'changemodel-unknown', `There is no version ${version} of change model ${modelId}.`);
  if (used.noted.includes(`${deploymentId}:${outcome}`)) return [];
  const noted: ChangeModelEvent = { type: 'ChangeModelUsed', data: { modelId, version, changeId, deploymentId, outcome } };
  if (outcome === 'succeeded' || used.status !== 'approved') return [noted];
  const how = outcome === 'failed' ? 'failed' : 'was rolled back';
  return [
    noted,
    { type: 'ChangeModelSuspended', data: { modelId, version, reason: `Deployment ${deploymentId} of change ${changeId} ${how}.` } },
  ];
}

/** Anyone who may approve may stop a model; taking it up again takes the board. */
export function suspendChangeModel(command: Issued<SuspendChangeModel>, state: ChangeModel): Decision<ChangeModelEvent> {
  const { target: modelId, reason } = command;
  if (state.versions.length === 0) return refuse('not-found', 'changemodel-unknown', `There is no change model ${modelId}.`);
  const approved = state.versions.findLast((v) => v.status === 'approved');
  return approved ? [{ type: 'ChangeModelSuspended', data: { modelId, version: approved.version, reason } }] : [];
}

export const recordModelUseCommand = defineCommand({ type: RecordModelUse, aggregate: changeModel, decide: recordModelUse });
export const suspendChangeModelCommand = defineCommand({
  type: SuspendChangeModel,
  personal: ['reason'],
  aggregate: changeModel,
  decide: suspendChangeModel,
  governed: (command) => ({ modelId: command.target }),
});
