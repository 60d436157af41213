/** What the CDEvents specification says about one type of event. */
export interface CdEventType {
  /** Version of the type as of CDEvents 0.5. */
  readonly version: string;
  /** Members of `subject.content` that must be there, as `member` or `member.id`. */
  readonly required: readonly string[];
}

const type = (version: string, ...required: readonly string[]): CdEventType => ({ version, required });

/** The 45 types of CDEvents 0.5, `<subject>.<predicate>`. https://cdevents.dev/docs/ */
const TYPES: Readonly<Record<string, CdEventType>> = {
  'artifact.packaged': type('0.3.0', 'change.id'),
  'artifact.published': type('0.3.0'),
  'artifact.signed': type('0.3.0', 'signature'),
  'artifact.downloaded': type('0.2.0'),
  'artifact.deleted': type('0.2.0'),
  'branch.created': type('0.3.0'),
  'branch.deleted': type('0.3.0'),
  'build.queued': type('0.3.0'),
  'build.started': type('0.3.0'),
  'build.finished': type('0.3.0'),
  'change.created': type('0.4.0'),
  'change.updated': type('0.3.0'),
  'change.reviewed': type('0.3.0'),
  'change.merged': type('0.3.0'),
  'change.abandoned': type('0.3.0'),
  'environment.created': type('0.3.0'),
  'environment.modified': type('0.3.0'),
  'environment.deleted': type('0.3.0'),
  'incident.detected': type('0.3.0', 'environment.id'),
  'incident.reported': type('0.3.0', 'environment.id', 'ticketURI'),
  'incident.resolved': type('0.3.0', 'environment.id'),
  'pipelinerun.queued': type('0.3.0'),
  'pipelinerun.started': type('0.3.0', 'pipelineName', 'uri'),
  'pipelinerun.finished': type('0.3.0'),
  'repository.created': type('0.3.0', 'name', 'uri'),
  'repository.modified': type('0.3.0'),
  'repository.deleted': type('0.3.0'),
  'service.deployed': type('0.3.0', 'environment.id', 'artifactId'),
  'service.upgraded': type('0.3.0', 'environment.id', 'artifactId'),
  'service.rolledback': type('0.3.0', 'environment.id', 'artifactId'),
  'service.removed': type('0.3.0'),
  'service.published': type('0.3.0'),
  'taskrun.started': type('0.3.0'),
  'taskrun.finished': type('0.3.0'),
  'testcaserun.queued': type('0.3.0', 'environment.id'),
  'testcaserun.started': type('0.3.0', 'environment.id'),
  'testcaserun.finished': type('0.3.0', 'environment.id', 'outcome'),
  'testcaserun.skipped': type('0.2.0'),
  'testoutput.published': type('0.3.0', 'outputType', 'format'),
  'testsuiterun.queued': type('0.3.0', 'environment.id'),
  'testsuiterun.started': type('0.3.0', 'environment.id'),
  'testsuiterun.finished': type('0.3.0', 'environment.id', 'outcome'),
  'ticket.created': type('0.2.0', 'summary', 'creator', 'uri'),
  'ticket.updated': type('0.2.0', 'uri'),
  'ticket.closed': type('0.2.0', 'uri', 'resolution'),
};

/** Members of a content that refer to another subject: where they are, they name it by `id`. */
export const REFERENCES = [
  'change',
  'environment',
  'pipelineRun',
  'repository',
  'service',
  'testCase',
  'testCaseRun',
  'testSuite',
  'testSuiteRun',
] as const;

/** A type's name in its parts. */
export interface CdEventName {
  /** `<subject>.<predicate>`, with the tool's prefix where it is a custom event. */
  readonly kind: string;
  readonly version: string;
  /** What the specification says about this kind; undefined where it does not know it. */
  readonly known: CdEventType | undefined;
}

/** `dev.cdevents.<subject>.<predicate>.<semver>`, or of a custom event `dev.cdeventsx.<tool>-<subject>.<predicate>.<semver>`; undefined for others. */
export function cdEventName(name: string): CdEventName | undefined {
  const [, custom, kind, version] =
    /^dev\.cdevents(x?)\.([a-z0-9-]+\.[a-z0-9-]+)\.(\d+\.\d+\.\d+(?:-[0-9A-Za-z.-]+)?(?:\+[0-9A-Za-z.-]+)?)$/.exec(name) ?? [];
  if (kind === undefined || version === undefined) return undefined;
  return { kind, version, known: !custom && Object.hasOwn(TYPES, kind) ? TYPES[kind] : undefined };
}
