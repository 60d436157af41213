import { categoryOf, derivedId, idOf, streamName, type Aggregate, type DomainEvent, type ReadAggregate } from '#libs/event-sourcing';
import {
  HOLD_REGISTER,
  ORGANISATION,
  type DeploymentEvent,
  type EnvironmentEvent,
  type KeptRecord,
  type RecordKind,
  type Regime,
  type ReleaseEvent,
  type TestReportEvent,
} from '#libs/contracts';
import { legalHolds, type HoldSubject, type LegalHolds } from './legal-holds.ts';
import { combined, retentionPolicy, rulesInForce, type CombinedRule } from './rules.ts';

/** A record, as the event that tells of it says. */
export interface ToldRecord extends KeptRecord {
  readonly kind: RecordKind;
  /** `stream@revision` */
  readonly event: string;
  /** When the event was recorded, ISO 8601. */
  readonly keptAt: string;
  readonly releaseId: string;
  /** Absent where it is of none, or that is not known. */
  readonly environment?: string;
}

/** Everything that decides how long a record is kept, from source streams. */
export interface RecordFacts {
  readonly record: ToldRecord;
  readonly rule: CombinedRule;
  readonly policyVersion: number;
  readonly subject: HoldSubject;
  readonly holds: LegalHolds;
  /** `stream@revision` of the legal holds. */
  readonly holdsRef: string;
}

/** One for every report about an artifact of a release: the same report twice is the same record. */
export const testReportRecordId = (releaseId: string, artifactDigest: string, suite: string, reportDigest: string): string =>
  derivedId('test-report', releaseId, artifactDigest, suite, reportDigest);
/** One for every lease of a step: a later attempt is another log. */
export const stepLogRecordId = (deploymentId: string, step: string, fencingToken: number): string =>
  derivedId('step-log', deploymentId, step, String(fencingToken));

/** The record that an event tells of, if any. */
export function recordOf(event: {
  readonly type: string;
  readonly data: unknown;
  readonly stream: string;
  readonly revision: number;
  readonly metadata: { readonly recordedAt: string };
}): ToldRecord | undefined {
  const told = { event: `${event.stream}@${event.revision}`, keptAt: event.metadata.recordedAt };
  if (event.type === 'StepSucceeded' || event.type === 'StepFailed') {
    const { kept, releaseId, environment } = event.data as Extract<DeploymentEvent, { type: 'StepSucceeded' }>['data'];
    return kept && { ...kept, ...told, kind: 'step-log', releaseId, environment };
  }
  if (event.type === 'TestReportRecorded') {
    const { kept, releaseId } = event.data as TestReportEvent['data'];
    return kept && { ...kept, ...told, kind: 'test-report', releaseId };
  }
  return undefined;
}

/** Reads what decides about a record. Undefined where no event tells of it: then nobody knows what it is. */
export async function readRecordFacts(
  read: ReadAggregate,
  at: { readonly recordId: string; readonly stream: string; readonly revision: number; readonly now: string },
): Promise<RecordFacts | undefined> {
  const { recordId, stream, revision, now } = at;
  const told = await read(unfolded(categoryOf(stream)), idOf(stream));
  const event = told.events.find((e) => e.revision === revision && streamName(categoryOf(stream), idOf(stream)) === e.stream);
  const record = event && recordOf(event);
  if (record?.recordId !== recordId) return undefined;
  const { releaseId, environment } = record;
  const [release, place, policy, holds] = await Promise.all([
    read(productOf, releaseId),
    environment === undefined ? undefined : read(regimesOf, environment),
    read(retentionPolicy, ORGANISATION),
    read(legalHolds, HOLD_REGISTER),
  ]);
  const { version, rules } = rulesInForce(policy.state, now);
  return {
    record,
    rule: combined(rules, place?.exists ? place.state : undefined),
    policyVersion: version,
    subject: {
      releases: [releaseId],
      ...(release.state === undefined ? {} : { products: [release.state] }),
      ...(environment === undefined ? {} : { environments: [environment] }),
      // Whoever is named in it, nobody knows without reading it: a hold over any person keeps it.
    },
    holds: holds.state,
    holdsRef: holds.ref,
  };
}

/** Every regime that an environment was ever under: what was kept under one is not let go because it is under none now. */
export const regimesOf: Aggregate<readonly Regime[], EnvironmentEvent> = {
  category: 'environment',
  initial: [],
  evolve: (state, { type, data }) =>
    type === 'EnvironmentDefined' ? [...new Set([...state, ...(data.regimes ?? (['none'] as const))])] : state,
};

const productOf: Aggregate<string | undefined, ReleaseEvent> = {
  category: 'release',
  initial: undefined,
  evolve: (state, { type, data }) => (type === 'ReleaseComposed' ? data.product : state),
};

/** A stream's events as they are, without a state. */
function unfolded(category: string): Aggregate<undefined, DomainEvent> {
  return { category, initial: undefined, evolve: () => undefined };
}
