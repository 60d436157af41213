import type { TestReportEvent } from '#libs/contracts';
import { issued, scenario } from '#libs/event-sourcing/testing';
import { recordTestReport, RecordTestReport, testReports } from './record-test-report.ts';

const reports = scenario(testReports);
const digest = `sha256:${'a'.repeat(64)}`;
const fields = {
  artifactDigest: digest,
  suite: 'unit',
  format: 'junit' as const,
  reportDigest: 'b'.repeat(64),
  outcome: 'pass' as const,
  tests: 3,
  failures: 0,
  errors: 0,
  skipped: 1,
  failed: [],
};
const record = issued(RecordTestReport, fields, 'release-1', { person: 'tess' });
const recorded: TestReportEvent = { type: 'TestReportRecorded', data: { releaseId: 'release-1', ...fields, tester: 'tess' } };

describe('a test report', () => {
  it('is recorded for an artifact of the release, with who brought it', () => {
    reports
      .given()
      .when(recordTestReport, record, { digests: [digest] })
      .then(recorded);
  });

  it('is recorded once', () => {
    reports
      .given(recorded)
      .when(recordTestReport, record, { digests: [digest] })
      .thenNothing();
  });

  it('is refused for a digest that the release does not contain', () => {
    reports
      .given()
      .when(recordTestReport, record, { digests: ['sha256:other'] })
      .thenRefused('digest-not-in-release');
  });

  it('is refused for a release that does not exist', () => {
    reports.given().when(recordTestReport, record, {}).thenRefused('release-unknown');
  });
});
