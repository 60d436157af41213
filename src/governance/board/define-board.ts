import { Type } from 'class-transformer';
import {
  ArrayMaxSize,
  ArrayUnique,
  IsArray,
  IsIn,
  IsInt,
  IsOptional,
  IsString,
  IsUUID,
  Matches,
  Max,
  MaxLength,
  Min,
  ValidateNested,
} from 'class-validator';
import { tzdataVersion, windowProblem } from '#libs/calendar';
import { SAYS_SOMETHING, type BoardContents, type BoardEvent } from '#libs/contracts';
import { defineCommand, refuse, type Decision, type Issued } from '#libs/event-sourcing';
import { board, hashOf, nextMeeting, readGroups, type Board } from '#libs/policy';

const SLUG = /^[a-z0-9][a-z0-9-]{0,62}$/;
const LOCAL = /^\d{4}-\d\d-\d\dT\d\d:\d\d$/;
const LOCAL_MESSAGE = 'this must be local time such as 2026-03-04T14:00, without seconds, offset or Z: the zone says what it means';

export class MeetingsField {
  /** IANA time zone. */
  @IsString() @MaxLength(64) zone: string;
  /** The first meeting; the time of day of every one. */
  @Matches(LOCAL, { message: LOCAL_MESSAGE }) start: string;
  @IsInt() @Min(1) @Max(1440) durationMinutes: number;
  /** RRULE of RFC 5545, such as FREQ=WEEKLY;BYDAY=WE. */
  @IsString() @MaxLength(500) rule: string;
  @IsOptional()
  @IsArray()
  @ArrayMaxSize(200)
  @ArrayUnique()
  @Matches(LOCAL, { each: true, message: LOCAL_MESSAGE })
  except?: readonly string[];
}

export class ItsmField {
  /** What happens while the ITSM does not answer: wait for it, or have the board decide. Nothing passes by silence. */
  @IsIn(['hold', 'board']) whenAway: 'hold' | 'board';
  /** For `board`: when it takes over, minutes after the submission. */
  @IsInt() @Min(1) @Max(43_200) afterMinutes: number;
}

export class DefineBoard {
  @Matches(SLUG, { message: 'boardId must be a slug: a-z, 0-9 and hyphens, at most 63 characters' }) boardId: string;
  @Matches(SAYS_SOMETHING, { message: 'title must say something' }) @MaxLength(200) title: string;
  /** The group whose members vote. */
  @Matches(SLUG, { message: 'group must be the name of a group' }) group: string;
  @IsInt() @Min(1) @Max(50) quorum: number;
  /** Person id of a member. */
  @IsUUID() chair: string;
  @ValidateNested() @Type(() => MeetingsField) meetings: MeetingsField;
  @IsInt() @Min(0) @Max(336) cutoffHours: number;
  @IsOptional() @IsInt() @Min(1) @Max(100) maxConcurrent?: number;
  @IsOptional() @ValidateNested() @Type(() => ItsmField) itsm?: ItsmField;
}

export interface DefineBoardFacts {
  readonly members: readonly string[];
  readonly tzdata: string;
}

/** A board that could never decide, or never meets, is not defined (principle 6). Another definition makes open dossiers stale. */
export function defineBoard(command: Issued<DefineBoard>, state: Board, { members, tzdata }: DefineBoardFacts): Decision<BoardEvent> {
  const { target, meta, group, quorum, chair } = command;
  const contents = contentsOf(command);
  if (state.contents && hashOf(state.contents) === hashOf(contents)) return [];
  const problem = windowProblem(contents.meetings.window, contents.meetings.zone);
  if (problem) return refuse('meaning', 'meetings-invalid', problem);
  if (!nextMeeting(contents, meta.now))
    return refuse('meaning', 'board-never-meets', `No meeting of ${target} has its cut-off within 24 months from now.`);
  if (members.length < quorum) {
    return refuse('meaning', 'board-unsatisfiable', `Group ${group} has ${members.length} members and the quorum is ${quorum}.`, [
      {
        code: 'group-too-small',
        detail: 'The board could never decide.',
        unblockedBy: `Take ${quorum - members.length} more into group ${group}, or ask for fewer.`,
      },
    ]);
  }
  if (!members.includes(chair)) return refuse('meaning', 'chair-not-a-member', `${chair} is not in group ${group}: the chair is a member.`);
  return [{ type: 'BoardDefined', data: { boardId: target, version: state.version + 1, ...contents, tzdata } }];
}

function contentsOf({ title, group, quorum, chair, meetings, cutoffHours, maxConcurrent, itsm }: DefineBoard): BoardContents {
  const { zone, start, durationMinutes, rule, except } = meetings;
  return {
    title,
    group,
    quorum,
    chair,
    meetings: { zone, window: { kind: 'recurring', start, durationMinutes, rule, ...(except ? { except: [...except] } : {}) } },
    cutoffHours,
    ...(maxConcurrent === undefined ? {} : { maxConcurrent }),
    ...(itsm ? { itsm: { whenAway: itsm.whenAway, afterMinutes: itsm.afterMinutes } } : {}),
  };
}

export const defineBoardCommand = defineCommand({
  type: DefineBoard,
  aggregate: board,
  decide: defineBoard,
  facts: async (read, { group }): Promise<DefineBoardFacts> => ({
    members: (await readGroups(read, [group])).members[group] ?? [],
    tzdata: tzdataVersion(),
  }),
  governed: (command) => ({ boardId: command.target }),
});
