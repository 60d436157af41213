import { Type } from 'class-transformer';
import {
  ArrayMaxSize,
  ArrayMinSize,
  ArrayUnique,
  Equals,
  IsArray,
  IsIn,
  IsInt,
  IsOptional,
  IsString,
  Matches,
  Max,
  MaxLength,
  Min,
  ValidateNested,
} from 'class-validator';
import { SAYS_SOMETHING, type ChangeModelEvent, type ModelConditions, type ModelContents } from '#libs/contracts';
import { defineCommand, refuse, type Decision, type Issued } from '#libs/event-sourcing';
import { IsInstant } from '#libs/instant';
import { board, changeModel, hashOf, type Board, type ChangeModel } from '#libs/policy';

const SLUG = /^[a-z0-9][a-z0-9-]{0,62}$/;
const DAY_MS = 86_400_000;
/** A model is looked at again once a year at the latest. */
const LONGEST_DAYS = 366;

export class ModelConditionsField {
  @IsOptional() @IsArray() @ArrayMinSize(1) @ArrayMaxSize(50) @ArrayUnique() @Matches(SLUG, { each: true }) products?: string[];
  /** Names of artifacts: none but these may be in the release. */
  @IsOptional()
  @IsArray()
  @ArrayMinSize(1)
  @ArrayMaxSize(200)
  @ArrayUnique()
  @IsString({ each: true })
  @MaxLength(200, { each: true })
  services?: string[];
  @IsOptional()
  @IsArray()
  @ArrayMinSize(1)
  @ArrayUnique()
  @IsIn(['development', 'test', 'staging', 'production'], { each: true })
  environmentClasses?: string[];
  /** Types of package URLs, such as npm or oci. */
  @IsOptional()
  @IsArray()
  @ArrayMinSize(1)
  @ArrayMaxSize(50)
  @ArrayUnique()
  @Matches(/^[a-z][a-z0-9.+-]{0,39}$/, { each: true })
  packageTypes?: string[];
  /** `driver:action` of steps and compensations: none but these may be in the plan. */
  @IsOptional()
  @IsArray()
  @ArrayMinSize(1)
  @ArrayMaxSize(100)
  @ArrayUnique()
  @Matches(/^[a-z0-9-]{1,40}:[a-z0-9-]+(\/[a-z0-9-]+)*$/, {
    each: true,
    message: 'an action is named as driver:action, such as exec:blue-green/start',
  })
  actions?: string[];
  @IsOptional() @Equals(true) testsPassed?: true;
  @IsOptional() @IsInt() @Min(1) @Max(1000) minimumSuccesses?: number;
}

export class ProposeChangeModel {
  @Matches(SLUG, { message: 'modelId must be a slug: a-z, 0-9 and hyphens, at most 63 characters' }) modelId: string;
  @Matches(SAYS_SOMETHING, { message: 'title must say something' }) @MaxLength(200) title: string;
  /** The board that approves it, and whose quorum it takes. */
  @Matches(SLUG, { message: 'boardId must be the name of a board' }) boardId: string;
  @ValidateNested() @Type(() => ModelConditionsField) conditions: ModelConditionsField;
  /** Now unless told. */
  @IsOptional() @IsInstant() validFrom?: string;
  /** At most 366 days after validFrom. */
  @IsInstant()
  validUntil: string;
  @IsOptional() @IsInt() @Min(1) @Max(10_000) maxChanges?: number;
}

/** A model is proposed by one person and pre-approves nothing until the board has approved it. Every version is a proposal of its own. */
export function proposeChangeModel(
  command: Issued<ProposeChangeModel>,
  state: ChangeModel,
  facts: { readonly board: Board },
): Decision<ChangeModelEvent> {
  const { target, meta, title, boardId, maxChanges } = command;
  if (!facts.board.contents) return refuse('not-found', 'board-unknown', `There is no board ${boardId}.`);
  const conditions = JSON.parse(JSON.stringify(command.conditions)) as ModelConditions;
  if (Object.keys(conditions).length === 0)
    return refuse('meaning', 'model-without-conditions', 'A model without conditions would pre-approve everything: name what it is for.');
  if (!conditions.actions || !(conditions.products ?? conditions.services))
    return refuse('meaning', 'model-too-wide', 'A model names its products or services, and the actions that its steps may take.');
  const validFrom = new Date(command.validFrom ?? meta.now).toISOString();
  const validUntil = new Date(command.validUntil).toISOString();
  if (validUntil <= validFrom || validUntil <= meta.now || Date.parse(validUntil) - Date.parse(validFrom) > LONGEST_DAYS * DAY_MS)
    return refuse(
      'meaning',
      'validity-invalid',
      `validUntil must be after validFrom and now, and at most ${LONGEST_DAYS} days after validFrom.`,
    );
  const contents: ModelContents = {
    title,
    boardId,
    conditions,
    validFrom,
    validUntil,
    ...(maxChanges === undefined ? {} : { maxChanges }),
  };
  const contentsHash = hashOf(contents);
  const last = state.versions.at(-1);
  if (last?.contentsHash === contentsHash && (last.status === 'proposed' || last.status === 'approved')) return [];
  return [
    {
      type: 'ChangeModelProposed',
      data: { modelId: target, version: state.versions.length + 1, ...contents, contentsHash, proposer: meta.actor.person },
    },
  ];
}

export const proposeChangeModelCommand = defineCommand({
  type: ProposeChangeModel,
  aggregate: changeModel,
  decide: proposeChangeModel,
  facts: async (read, { boardId }) => ({ board: (await read(board, boardId)).state }),
  governed: (command) => ({ modelId: command.target }),
});
