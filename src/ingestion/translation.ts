import { artifactId, type ReceivedEnvelope } from '#libs/contracts';
import { specVersionOf } from './envelope/cdevent.ts';
import { cdEventName } from './envelope/cdevents-vocabulary.ts';
import { inUtc, isObject, type JsonObject } from './envelope/checks.ts';
import { readPackageUrl } from './envelope/package-url.ts';

/** What an outside event leads to: a command of another area, by name, or nothing, and why. */
export type Translation =
  | { readonly command: 'RegisterArtifact' | 'ReportRunningVersion'; readonly target: string; readonly payload: JsonObject }
  | { readonly keptBecause: string };

/** Versions of the specification, and of the types in them, whose meaning is known here. */
const KNOWN_SPECIFICATION = /^0\.[45](\.|$)/;
const KNOWN_VERSION = /^0\.[23]\./;

/** Pure. An event that is not understood is kept: nothing about it is guessed. */
export function translate(envelope: ReceivedEnvelope): Translation {
  const name = cdEventName(envelope.type);
  if (!name?.known) return kept(`Events of type ${envelope.type} are not known here.`);
  const event = envelope.data as JsonObject;
  const specVersion = String(specVersionOf(event['context'] as JsonObject));
  if (!KNOWN_SPECIFICATION.test(specVersion)) return kept(`It follows CDEvents ${specVersion}; 0.4 and 0.5 are understood.`);

  const { id: subject, content } = event['subject'] as { readonly id: string; readonly content: JsonObject };
  const claimedOccurredAt = inUtc(String((event['context'] as JsonObject)['timestamp']));
  const [area, predicate] = name.kind.split('.');
  const acted = area === 'service' || name.kind === 'artifact.packaged' || name.kind === 'artifact.published';
  if (!acted) return kept(`Nothing follows from ${name.kind} here.`);
  if (!KNOWN_VERSION.test(name.version)) return kept(`Version ${name.version} of ${name.kind} is not known here.`);
  return area === 'service'
    ? serviceReport(envelope, predicate!, subject, content, claimedOccurredAt)
    : registration(subject, claimedOccurredAt);
}

/** An artifact is its digest, and only what the event itself carries is one. */
function registration(subject: string, claimedOccurredAt: string): Translation {
  const purl = readPackageUrl(subject);
  if (!purl) return kept('The subject is not a package URL, so it names no artifact.');
  if (!purl.digest) return kept('The package URL carries no digest (sha256, sha384 or sha512), and an artifact is its digest.');
  if (!purl.version) return kept('The package URL carries no version.');
  const { name, version, digest } = purl;
  // Who wrote it, the event does not say.
  const payload = { name, version, purl: subject, digest, authors: [], claimedOccurredAt };
  return { command: 'RegisterArtifact', target: artifactId(name, version), payload };
}

/** What is reported to run is a report, never a deployment. */
function serviceReport(
  envelope: ReceivedEnvelope,
  change: string,
  service: string,
  content: JsonObject,
  claimedOccurredAt: string,
): Translation {
  const environment = isObject(content['environment']) ? slug(String(content['environment']['id'])) : '';
  if (environment === '') return kept('The event names no environment that could be one here.');
  const artifact = typeof content['artifactId'] === 'string' ? content['artifactId'] : '';
  const payload = { service, artifact, change, reportedBy: envelope.source, claimedOccurredAt };
  return { command: 'ReportRunningVersion', target: environment, payload };
}

/** The id that an environment has here: a-z, 0-9 and hyphens, at most 63 characters. */
function slug(id: string): string {
  return id
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-+/, '')
    .slice(0, 63)
    .replace(/-+$/, '');
}

function kept(keptBecause: string): Translation {
  return { keptBecause };
}
