import { createHash } from 'node:crypto';

/** The body of a `RegisterArtifact`. */
export function artifactOf(name: string, version: string): Readonly<Record<string, unknown>> {
  return {
    name,
    version,
    purl: `pkg:npm/${name}@${version}`,
    digest: { algorithm: 'sha256', value: createHash('sha256').update(`${name}@${version}`).digest('hex') },
    authors: ['plimsoll-embedded|ada', 'plimsoll-embedded|bela'],
  };
}
