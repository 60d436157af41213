import { createHash } from 'node:crypto';
import { readXml, XmlError, type XmlElement } from './xml.ts';

/** What a report says. Nothing, or only what was skipped, is `inconclusive`: absence is not success. */
export type TestOutcome = 'pass' | 'fail' | 'inconclusive';

export interface FailedCase {
  readonly suite: string;
  readonly name: string;
  readonly kind: 'failure' | 'error';
  /** At most 1,000 characters. */
  readonly message: string;
}

export interface JUnitReport {
  readonly outcome: TestOutcome;
  /** The report's name, or that of its first suite. */
  readonly suite: string;
  /** Counted from the cases; `passed + failures + errors + skipped = tests`. */
  readonly tests: number;
  readonly passed: number;
  readonly failures: number;
  readonly errors: number;
  readonly skipped: number;
  /** Seconds as the cases say them, summed. */
  readonly seconds: number;
  /** The first of them, at most 100. */
  readonly failed: readonly FailedCase[];
  /** Of all suites: at most 200; where suites disagree about a name, it is in `conflicting` instead. */
  readonly properties: Readonly<Record<string, string>>;
  readonly conflicting: readonly string[];
  /** SHA-256 of the bytes, lower-case hex. */
  readonly digest: string;
}

export type JUnitRefusalCode =
  'too-large' | 'encoding' | 'doctype' | 'depth' | 'malformed' | 'not-junit' | 'wrong-counts' | 'too-many-cases';

export interface JUnitRefusal {
  readonly code: JUnitRefusalCode;
  readonly detail: string;
}

export type JUnitReading =
  { readonly accepted: true; readonly report: JUnitReport } | { readonly accepted: false; readonly reasons: readonly JUnitRefusal[] };

export const JUNIT_MAX_BYTES = 10 * 1024 * 1024;
/** The property by which a test run says what it ran against. */
export const DIGEST_PROPERTY = 'plimsoll.digest';

const MAX_DEPTH = 32;
const MAX_CASES = 200_000;
const MAX_FAILED = 100;
const MAX_PROPERTIES = 200;
const MAX_REASONS = 20;

/**
 * Reads a JUnit XML report as written by Surefire, Jest, pytest, Go and others: a `testsuites` or `testsuite` root, suites nested as one likes.
 * Outcomes and counts are taken from the cases; a suite that declares other counts (`tests`, `failures`, `errors`, `skipped`, of itself and
 * what it holds) contradicts itself and is refused. Refusals are values; it throws nothing.
 * @param bytes the report; more than 10 MiB is refused unread
 */
export function readJUnit(bytes: Uint8Array): JUnitReading {
  if (bytes.byteLength > JUNIT_MAX_BYTES)
    return refused('too-large', `The report has ${bytes.byteLength} bytes; ${JUNIT_MAX_BYTES} are accepted.`);
  let root: XmlElement;
  try {
    root = readXml(bytes, MAX_DEPTH);
  } catch (error) {
    if (error instanceof XmlError) return refused(error.code, error.message);
    throw error;
  }
  if (root.name !== 'testsuites' && root.name !== 'testsuite') {
    return refused('not-junit', `The report's root is "${root.name.slice(0, 100)}"; it has to be testsuites or testsuite.`);
  }

  const tally: Tally = {
    counts: { tests: 0, failures: 0, errors: 0, skipped: 0 },
    seconds: 0,
    failed: [],
    properties: new Map(),
    conflicting: new Set(),
    reasons: [],
  };
  readSuite(root, tally);
  if (tally.reasons.length > 0) return { accepted: false, reasons: tally.reasons };

  const { tests, failures, errors, skipped } = tally.counts;
  if (tests > MAX_CASES) return refused('too-many-cases', `The report has ${tests} cases; ${MAX_CASES} are accepted.`);
  const passed = tests - failures - errors - skipped;
  return {
    accepted: true,
    report: {
      outcome: failures + errors > 0 ? 'fail' : passed > 0 ? 'pass' : 'inconclusive',
      suite: (root.attributes.get('name') ?? root.children.find(({ name }) => name === 'testsuite')?.attributes.get('name') ?? '').slice(
        0,
        200,
      ),
      tests,
      passed,
      failures,
      errors,
      skipped,
      seconds: Math.round(tally.seconds * 1_000) / 1_000,
      failed: tally.failed,
      properties: Object.fromEntries(tally.properties),
      conflicting: [...tally.conflicting],
      digest: createHash('sha256').update(bytes).digest('hex'),
    },
  };
}

interface Counts {
  tests: number;
  failures: number;
  errors: number;
  skipped: number;
}

interface Tally {
  readonly counts: Counts;
  seconds: number;
  readonly failed: FailedCase[];
  readonly properties: Map<string, string>;
  readonly conflicting: Set<string>;
  readonly reasons: JUnitRefusal[];
}

const COUNTED = ['tests', 'failures', 'errors', 'skipped'] as const;

function readSuite(suite: XmlElement, tally: Tally): void {
  const name = (suite.attributes.get('name') ?? suite.name).slice(0, 200);
  const before = { ...tally.counts };
  for (const child of suite.children) {
    if (child.name === 'testsuite') readSuite(child, tally);
    else if (child.name === 'testcase') readCase(child, name, tally);
    else if (child.name === 'properties') readProperties(child, tally);
    else if (child.name === 'failure' || child.name === 'error') {
      // A suite that broke outside of any case: it must not be lost, or the rest would pass for the whole.
      note(tally, {
        code: 'not-junit',
        detail: `The suite "${name}" has a ${child.name} outside of any test case, so its cases are not the whole.`,
      });
    }
  }
  for (const count of COUNTED) {
    const declared = suite.attributes.get(count);
    if (declared === undefined) continue;
    const counted = tally.counts[count] - before[count];
    if (!/^\d{1,9}$/.test(declared) || Number(declared) !== counted) {
      note(tally, {
        code: 'wrong-counts',
        detail: `The suite "${name}" declares ${count}="${declared.slice(0, 20)}", but its cases make ${counted}.`,
      });
    }
  }
}

function readCase(testcase: XmlElement, suite: string, tally: Tally): void {
  const find = (name: string) => testcase.children.find((child) => child.name === name);
  const error = find('error');
  const failure = find('failure');
  tally.counts.tests += 1;
  // One case counts once: an error outweighs a failure, and both outweigh that it was skipped.
  const broken = error ?? failure;
  if (error) tally.counts.errors += 1;
  else if (failure) tally.counts.failures += 1;
  else if (find('skipped') ?? find('disabled')) tally.counts.skipped += 1;
  const seconds = Number(testcase.attributes.get('time') ?? 0);
  if (Number.isFinite(seconds) && seconds > 0) tally.seconds += seconds;
  for (const child of testcase.children) if (child.name === 'properties') readProperties(child, tally);
  if (!broken || tally.failed.length >= MAX_FAILED) return;
  const className = testcase.attributes.get('classname');
  const name = testcase.attributes.get('name') ?? 'a case without a name';
  tally.failed.push({
    suite: className !== undefined && className !== '' ? className.slice(0, 200) : suite,
    name: name.slice(0, 500),
    kind: error ? 'error' : 'failure',
    message: (broken.attributes.get('message') || broken.text).slice(0, 1_000),
  });
}

function readProperties(properties: XmlElement, tally: Tally): void {
  for (const property of properties.children) {
    const name = property.attributes.get('name')?.slice(0, 200);
    if (property.name !== 'property' || name === undefined || name === '__proto__') continue;
    const value = (property.attributes.get('value') ?? property.text).slice(0, 1_000);
    const known = tally.properties.get(name);
    if (tally.conflicting.has(name)) continue;
    if (known !== undefined && known !== value) {
      tally.properties.delete(name);
      tally.conflicting.add(name);
    } else if (tally.properties.size + tally.conflicting.size < MAX_PROPERTIES) tally.properties.set(name, value);
  }
}

function note(tally: Tally, reason: JUnitRefusal): void {
  if (tally.reasons.length < MAX_REASONS) tally.reasons.push(reason);
}

function refused(code: JUnitRefusalCode, detail: string): JUnitReading {
  return { accepted: false, reasons: [{ code, detail }] };
}
