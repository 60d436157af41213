import { ArrayMaxSize, IsArray, IsIn, IsInt, IsObject, IsOptional, IsString, Matches, MaxLength, Min } from 'class-validator';
import type { KeptRecord, ReleaseEvent, TestReportEvent } from '#libs/contracts';
import { defineCommand, refuse, type Aggregate, type Decision, type Issued } from '#libs/event-sourcing';

/** The digests of all reports of a release. */
export interface TestReports {
  readonly digests: readonly string[];
}

export const testReports: Aggregate<TestReports, TestReportEvent> = {
  category: 'testreport',
  initial: { digests: [] },
  evolve: (state, { data }) => ({ digests: [...state.digests, `${data.artifactDigest} ${data.suite} ${data.reportDigest}`] }),
};

/** A report that the edge has read; the target is the release. */
export class RecordTestReport {
  @Matches(/^sha(256|384|512):[0-9a-f]{64,128}$/, { message: 'artifactDigest must be a digest such as sha256:… in lower-case hex' })
  artifactDigest: string;
  @Matches(/^[a-zA-Z0-9][a-zA-Z0-9 ._-]{0,99}$/, { message: 'suite must be a name of at most 100 characters' }) suite: string;
  @IsIn(['junit']) format: 'junit';
  @Matches(/^[0-9a-f]{64}$/) reportDigest: string;
  @IsIn(['pass', 'fail', 'inconclusive']) outcome: 'pass' | 'fail' | 'inconclusive';
  @IsInt() @Min(0) tests: number;
  @IsInt() @Min(0) failures: number;
  @IsInt() @Min(0) errors: number;
  @IsInt() @Min(0) skipped: number;
  @IsArray() @ArrayMaxSize(50) @IsString({ each: true }) @MaxLength(500, { each: true }) failed: readonly string[];
  /** The report itself, where it was kept. */
  @IsOptional() @IsObject() kept?: KeptRecord;
}

export interface TestReportFacts {
  /** Digests of the release's artifacts; absent where there is no such release. */
  readonly digests?: readonly string[];
}

/** Evidence names the digest that was tested, and that digest is in the release. */
export function recordTestReport(command: Issued<RecordTestReport>, state: TestReports, facts: TestReportFacts): Decision<TestReportEvent> {
  const { artifactDigest, suite, format, reportDigest, outcome, tests, failures, errors, skipped, failed, kept, meta, target } = command;
  if (!facts.digests) return refuse('not-found', 'release-unknown', `There is no release ${target}.`);
  if (!facts.digests.includes(artifactDigest)) {
    return refuse(
      'meaning',
      'digest-not-in-release',
      `${artifactDigest} is not in release ${target}. It contains ${facts.digests.join(', ')}.`,
    );
  }
  if (state.digests.includes(`${artifactDigest} ${suite} ${reportDigest}`)) return [];
  return [
    {
      type: 'TestReportRecorded',
      data: {
        releaseId: target,
        artifactDigest,
        suite,
        format,
        reportDigest,
        outcome,
        tests,
        failures,
        errors,
        skipped,
        failed,
        tester: meta.actor.person,
        ...(kept === undefined ? {} : { kept }),
      },
    },
  ];
}

/** What a release contains; undefined where there is none. */
export const releaseDigests: Aggregate<readonly string[] | undefined, ReleaseEvent> = {
  category: 'release',
  initial: undefined,
  evolve: (state, { type, data }) => (type === 'ReleasePlanned' ? state : data.artifacts.map((a) => a.digest)),
};

export const recordTestReportCommand = defineCommand({
  type: RecordTestReport,
  aggregate: testReports,
  decide: recordTestReport,
  facts: async (read, command): Promise<TestReportFacts> => {
    const digests = (await read(releaseDigests, command.target)).state;
    return digests ? { digests } : {};
  },
  governed: (command) => ({ releaseId: command.target }),
});
