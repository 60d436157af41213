import { Transform, Type } from 'class-transformer';
import {
  ArrayMaxSize,
  ArrayMinSize,
  IsArray,
  IsIn,
  IsInt,
  IsObject,
  IsOptional,
  IsString,
  IsUrl,
  Matches,
  Max,
  MaxLength,
  Min,
  ValidateNested,
} from 'class-validator';
import {
  RISK_CLASSES,
  type OnFailure,
  type PlannedChangeClass,
  type PlannedStep,
  type ReleaseEvent,
  type RiskClass,
  type SmokeSuite,
  type StepAction,
} from '#libs/contracts';
import { defineCommand, refuse, type Decision, type Issued } from '#libs/event-sourcing';
import { hashOf } from '#libs/policy';
import { release, type Release } from './release.ts';
import { stagesOf } from './stages.ts';

const STEP_ID = /^[a-z0-9][a-z0-9-]{0,62}$/;

export class StepActionField implements StepAction {
  @Matches(/^[a-z0-9-]{1,40}$/, { message: 'driver must be the name of a driver, such as exec or http' }) driver: string;
  @Matches(/^[a-z0-9-]+(\/[a-z0-9-]+)*$/, { message: "action must be one of the driver's actions, such as blue-green/start" })
  @MaxLength(100)
  action: string;
  /** As it was sent: copied key by key, `toString` and its like would be left out, and what is approved would not be what was asked. */
  @IsObject() @Transform(({ obj, key }) => (obj as Record<string, unknown>)[key]) input: Record<string, unknown>;
}

export class DependencyField {
  @Matches(STEP_ID, { message: 'step must be the id of a step of this plan' }) step: string;
  @IsIn(['halt', 'continue', 'compensate']) onFailure: OnFailure;
}

export class PlannedStepField extends StepActionField implements PlannedStep {
  @Matches(STEP_ID, { message: 'id must be a slug: a-z, 0-9 and hyphens, at most 63 characters' }) id: string;
  @IsArray() @ArrayMaxSize(100) @ValidateNested({ each: true }) @Type(() => DependencyField) dependsOn: readonly DependencyField[];
  @IsOptional() @ValidateNested() @Type(() => StepActionField) compensation?: StepActionField;
}

export class SmokeCheckField {
  @IsString() @MaxLength(200) name: string;
  @IsIn(['GET', 'HEAD']) method: 'GET' | 'HEAD';
  @Matches(/^\/[^\s]{0,999}$/, { message: 'path must begin with / and hold no spaces' }) path: string;
  @IsInt() @Min(100) @Max(599) expectStatus: number;
  @IsOptional() @IsString() @MaxLength(1000) expectBodyIncludes?: string;
}

export class SmokeSuiteField implements SmokeSuite {
  @IsUrl({ require_tld: false, protocols: ['http', 'https'], require_protocol: true }) @MaxLength(500) baseUrl: string;
  @IsArray()
  @ArrayMinSize(1)
  @ArrayMaxSize(50)
  @ValidateNested({ each: true })
  @Type(() => SmokeCheckField)
  checks: readonly SmokeCheckField[];
}

export class PlanRelease {
  @Matches(STEP_ID, { message: 'environment must be the name of an environment' }) environment: string;
  @IsArray()
  @ArrayMinSize(1)
  @ArrayMaxSize(500)
  @ValidateNested({ each: true })
  @Type(() => PlannedStepField)
  steps: readonly PlannedStepField[];
  @IsOptional() @ValidateNested() @Type(() => SmokeSuiteField) smoke?: SmokeSuiteField;
  /** What it claims to be; `normal` unless told. It counts where evidence bears it, see `countedClass`; an emergency says why it is one. */
  @IsOptional() @IsIn(['standard', 'normal', 'emergency']) changeClass?: PlannedChangeClass;
  @IsOptional()
  @IsString()
  @Matches(/(?!\p{Default_Ignorable_Code_Point})[\p{L}\p{N}]/u, { message: 'changeReason must say something' })
  @MaxLength(2000)
  changeReason?: string;
  /** How risky it is. Policies may ask for more approvals of what is riskier, and judge it as more; unless told it counts as `high`. */
  @IsOptional() @IsIn(RISK_CLASSES) riskClass?: RiskClass;
}

/** A plan is a graph without cycles; a cycle is refused when the plan is made, and named (M4.2). */
export function planRelease(command: Issued<PlanRelease>, state: Release): Decision<ReleaseEvent> {
  if (!state.product) return refuse('not-found', 'release-unknown', `There is no release ${command.target}.`);
  const { environment } = command;
  // Plain values: what is hashed must not depend on the classes of the edge.
  const { steps, smoke } = JSON.parse(JSON.stringify({ steps: command.steps, smoke: command.smoke })) as {
    steps: PlannedStep[];
    smoke?: SmokeSuite;
  };
  const stages = stagesOf(steps);
  if ('refused' in stages) return stages;
  const { changeReason, riskClass } = command;
  const changeClass = command.changeClass === 'normal' ? undefined : command.changeClass;
  if (changeClass === 'emergency' && !changeReason)
    return refuse('meaning', 'emergency-without-reason', 'An emergency says why it is one: give a changeReason.');
  const planHash = hashOf({ environment, steps, smoke, changeClass, changeReason, riskClass });
  if (state.plans[environment] === planHash) return [];
  return [
    {
      type: 'ReleasePlanned',
      data: {
        releaseId: command.target,
        environment,
        steps,
        stages,
        ...(smoke ? { smoke } : {}),
        ...(changeClass ? { changeClass } : {}),
        ...(changeReason ? { changeReason } : {}),
        ...(riskClass ? { riskClass } : {}),
        planHash,
      },
    },
  ];
}

export const planReleaseCommand = defineCommand({
  type: PlanRelease,
  personal: ['changeReason'],
  aggregate: release,
  decide: planRelease,
  governed: (command) => ({ releaseId: command.target, environment: command.environment }),
});
