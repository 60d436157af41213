import type { DomainEvent } from '#libs/event-sourcing';
import type { KeptRecord } from './retention.events.ts';
import type { SmokeSuite } from './values.ts';

export interface SmokeCheckResult {
  readonly name: string;
  readonly outcome: 'pass' | 'fail' | 'inconclusive';
  readonly detail: string;
  readonly durationMs: number;
}

export type TestReportEvent = DomainEvent<
  'TestReportRecorded',
  {
    readonly releaseId: string;
    /** `digestText` form of the artifact that was tested. */
    readonly artifactDigest: string;
    readonly suite: string;
    readonly format: 'junit';
    /** SHA-256 (hex) of the report's bytes. */
    readonly reportDigest: string;
    readonly outcome: 'pass' | 'fail' | 'inconclusive';
    readonly tests: number;
    readonly failures: number;
    readonly errors: number;
    readonly skipped: number;
    /** The first failures, capped. */
    readonly failed: readonly string[];
    readonly tester: string;
    /** The report itself, where it was kept. */
    readonly kept?: KeptRecord;
  }
>;

interface OfSmokeRun {
  readonly smokeRunId: string;
  readonly deploymentId: string;
  readonly releaseId: string;
  readonly environment: string;
}

type SmokeReport = OfSmokeRun & { readonly checks: readonly SmokeCheckResult[]; readonly observedDigest?: string; readonly reason: string };

export type SmokeRunEvent =
  | DomainEvent<
      'SmokeRunStarted',
      OfSmokeRun & {
        readonly suite: SmokeSuite;
        /** Silence until then is failure (M5.1). */
        readonly deadline: string;
        /** `digestText` forms of what was deployed: what must be observed live is among them. */
        readonly expectedDigests: readonly string[];
      }
    >
  | DomainEvent<'SmokeRunPassed', SmokeReport>
  | DomainEvent<'SmokeRunFailed', SmokeReport>
  | DomainEvent<'SmokeRunTimedOut', OfSmokeRun & { readonly deadline: string }>;
