import type { Readable } from 'node:stream';
import { DIGEST_PROPERTY, readJUnit } from '#libs/evidence';
import { ProblemError } from '#libs/http';
import { RecordTestReport } from './record-test-report.ts';

const XML = /^(application|text)\/xml\s*(;|$)/i;
/** Failures that are kept with the report, and how much of each: the report's own bytes are cited by digest. */
const MAX_FAILED = 50;
const MAX_FAILED_LENGTH = 500;

/**
 * Reads an uploaded JUnit report into the command that records it.
 *
 * @param body the upload; fails by itself beyond its cap
 * @throws ProblemError 415 not XML, 413 too large, 422 not a report that can be believed; it says why
 */
export async function readReport(
  body: Readable | undefined,
  contentType: string | undefined,
  about: { readonly artifactDigest: string; readonly suite: string },
): Promise<{ readonly report: RecordTestReport; readonly bytes: Buffer }> {
  if (!body || !XML.test(contentType ?? '')) {
    throw new ProblemError(415, 'unsupported-media-type', 'The report must be a JUnit XML file: Content-Type application/xml or text/xml.');
  }
  const chunks: Buffer[] = [];
  for await (const chunk of body as AsyncIterable<Buffer>) chunks.push(chunk);
  const bytes = Buffer.concat(chunks);
  const reading = readJUnit(bytes);
  if (!reading.accepted) {
    const [first] = reading.reasons;
    throw new ProblemError(422, 'report-refused', `The report is refused: ${first?.detail ?? 'it can not be read.'}`, {
      reasons: reading.reasons.map(({ code, detail }) => ({ code, detail })),
    });
  }
  const tested = reading.report.properties[DIGEST_PROPERTY];
  if (reading.report.conflicting.includes(DIGEST_PROPERTY) || (tested !== undefined && tested !== about.artifactDigest)) {
    const said = tested ?? 'several digests';
    throw new ProblemError(422, 'report-of-another-digest', `The report says that it tested ${said}, not ${about.artifactDigest}.`);
  }
  const { digest, outcome, tests, failures, errors, skipped, failed } = reading.report;
  const report = Object.assign(new RecordTestReport(), {
    artifactDigest: about.artifactDigest,
    suite: about.suite,
    format: 'junit' as const,
    reportDigest: digest,
    outcome,
    tests,
    failures,
    errors,
    skipped,
    failed: failed.slice(0, MAX_FAILED).map(({ suite, name, message }) => shortened(`${suite}: ${name}: ${message}`)),
  });
  return { report, bytes };
}

/** Cut, but never through the middle of a character: half a surrogate pair is not text. */
function shortened(text: string): string {
  return text.slice(0, MAX_FAILED_LENGTH).replace(/[\ud800-\udbff]$/, '');
}
