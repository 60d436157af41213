import { Type } from 'class-transformer';
import {
  ArrayMaxSize,
  IsArray,
  IsIn,
  IsNumber,
  IsObject,
  IsOptional,
  IsString,
  IsUUID,
  MaxLength,
  Min,
  ValidateNested,
} from 'class-validator';
import type { SmokeCheckResult, SmokeRunEvent, SmokeSuite } from '#libs/contracts';
import { defineCommand, refuse, type Decision, type Issued } from '#libs/event-sourcing';
import { smokeRun, type SmokeRun } from './smoke-run.ts';

/** A smoke suite must report within five minutes (M5.1). */
export const SMOKE_DEADLINE_SECONDS = 300;

export class StartSmokeRun {
  @IsUUID() deploymentId: string;
  @IsString() releaseId: string;
  @IsString() environment: string;
  @IsObject() suite: SmokeSuite;
  @IsArray() expectedDigests: readonly string[];
}

export class SmokeCheckResultField implements SmokeCheckResult {
  @IsString() @MaxLength(200) name: string;
  @IsIn(['pass', 'fail', 'inconclusive']) outcome: 'pass' | 'fail' | 'inconclusive';
  @IsString() @MaxLength(500) detail: string;
  @IsNumber() @Min(0) durationMs: number;
}

export class ReportSmokeRun {
  @IsArray() @ArrayMaxSize(50) @ValidateNested({ each: true }) @Type(() => SmokeCheckResultField) checks: readonly SmokeCheckResultField[];
  /** The digest that was seen live, in `digestText` form. */
  @IsOptional() @IsString() @MaxLength(200) observedDigest?: string;
}

export class TimeOutSmokeRun {}

export function startSmokeRun(command: Issued<StartSmokeRun>, state: SmokeRun): Decision<SmokeRunEvent> {
  if (state.status !== 'none') return [];
  const { deploymentId, releaseId, environment, suite, expectedDigests, meta, target } = command;
  const deadline = new Date(Date.parse(meta.now) + SMOKE_DEADLINE_SECONDS * 1000).toISOString();
  return [
    { type: 'SmokeRunStarted', data: { smokeRunId: target, deploymentId, releaseId, environment, suite, deadline, expectedDigests } },
  ];
}

/** Passes only if every check passes and the digest that was deployed is the one observed live. */
export function reportSmokeRun(command: Issued<ReportSmokeRun>, state: SmokeRun): Decision<SmokeRunEvent> {
  const { deploymentId, releaseId, environment, deadline } = state;
  if (!deploymentId || !releaseId || !environment || !deadline)
    return refuse('not-found', 'smoke-run-unknown', `There is no smoke run ${command.target}.`);
  if (state.status === 'timed-out' || command.meta.now > deadline) {
    return refuse('conflict', 'smoke-run-late', `The smoke run had to report by ${deadline}.`);
  }
  if (state.status !== 'running') return [];
  const { observedDigest, target } = command;
  const checks = JSON.parse(JSON.stringify(command.checks)) as SmokeCheckResult[];
  const failing = checks.filter((c) => c.outcome !== 'pass').map((c) => `${c.name}: ${c.detail}`);
  const reason =
    checks.length === 0
      ? 'No check was run.'
      : failing.length > 0
        ? failing.join(' ')
        : !observedDigest
          ? 'The report does not name the digest that it observed live.'
          : !state.expectedDigests.includes(observedDigest)
            ? `${observedDigest} was observed live, not what was deployed: ${state.expectedDigests.join(', ')}.`
            : undefined;
  return [
    {
      type: reason ? 'SmokeRunFailed' : 'SmokeRunPassed',
      data: {
        smokeRunId: target,
        deploymentId,
        releaseId,
        environment,
        checks,
        ...(observedDigest ? { observedDigest } : {}),
        reason: reason ?? `All ${checks.length} checks passed.`,
      },
    },
  ];
}

/** Silence is failure. */
export function timeOutSmokeRun(command: Issued<TimeOutSmokeRun>, state: SmokeRun): Decision<SmokeRunEvent> {
  const { deploymentId, releaseId, environment, deadline } = state;
  if (state.status !== 'running' || !deploymentId || !releaseId || !environment || !deadline || command.meta.now < deadline) return [];
  return [{ type: 'SmokeRunTimedOut', data: { smokeRunId: command.target, deploymentId, releaseId, environment, deadline } }];
}

export const startSmokeRunCommand = defineCommand({ type: StartSmokeRun, aggregate: smokeRun, decide: startSmokeRun });
export const reportSmokeRunCommand = defineCommand({ type: ReportSmokeRun, aggregate: smokeRun, decide: reportSmokeRun });
export const timeOutSmokeRunCommand = defineCommand({ type: TimeOutSmokeRun, aggregate: smokeRun, decide: timeOutSmokeRun });
