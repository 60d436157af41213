import type { ReleaseArtifact } from '#libs/contracts';
import type { UnmatchedReason } from './report.ts';

/** What an environment's report names, as far as it can be read: a digest, a package with its version, or neither. */
export interface NamedArtifact {
  /** `sha256:…` */
  readonly digest?: string;
  /** `type/namespace/name`, lower case, of a package URL. */
  readonly package?: string;
  readonly version?: string;
}

const DIGEST = /(sha256|sha384|sha512)(?::|%3a)([0-9a-f]{64,128})(?![0-9a-f])/i;
const LENGTHS: Readonly<Record<string, number>> = { sha256: 64, sha384: 96, sha512: 128 };

/** Reads a digest, or a package URL (purl-spec) with its version or digest, wherever in it the digest stands. */
export function namedArtifact(text: string): NamedArtifact {
  const [, algorithm = '', value = ''] = DIGEST.exec(text) ?? [];
  const known = algorithm.toLowerCase();
  const digest = LENGTHS[known] === value.length ? { digest: `${known}:${value.toLowerCase()}` } : {};
  const [, path] = /^pkg:\/{0,2}([^?#]+)/i.exec(text) ?? [];
  if (path === undefined) return digest;
  const at = path.lastIndexOf('@');
  const versioned = at > 0 && path[at - 1] !== '/';
  const name = decoded(versioned ? path.slice(0, at) : path).toLowerCase();
  const version = versioned ? decoded(path.slice(at + 1)) : '';
  return { ...digest, package: name, ...(version === '' ? {} : { version }) };
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

interface Standing {
  readonly changeId: string;
  readonly digest: string;
  readonly version: string | undefined;
}

interface Place {
  /** What may run of each package, by what the log says: the newest deployment that succeeded, and those since then that did not. */
  readonly standing: Map<string, readonly Standing[]>;
  /** Package of every digest that was ever deployed here. */
  readonly packages: Map<string, string>;
  /** `package@version` of everything that was ever deployed here. */
  readonly versions: Set<string>;
}

export type Match = { readonly changeId: string; readonly digest: string } | { readonly why: UnmatchedReason };

/**
 * Which deployment of the log accounts for what an environment reports, judged in the order of the log alone: a time that a report claims
 * never matches it to a deployment that was replaced before the report came (principle 10).
 */
export class DeployedArtifacts {
  private readonly places = new Map<string, Place>();

  /** A deployment takes effect: from now on both what it brings and what was there may run. */
  tookEffect(environment: string, changeId: string, artifacts: readonly ReleaseArtifact[]): void {
    const place = this.place(environment);
    for (const artifact of artifacts) {
      const { key, standing } = standingOf(artifact, changeId);
      const others = (place.standing.get(key) ?? []).filter((s) => s.digest !== standing.digest);
      place.standing.set(key, [...others, standing]);
      place.packages.set(standing.digest, key);
      place.versions.add(`${key}@${standing.version ?? ''}`);
    }
  }

  /** It succeeded: what was there before is gone. */
  succeeded(environment: string, changeId: string, artifacts: readonly ReleaseArtifact[]): void {
    const place = this.place(environment);
    for (const artifact of artifacts) {
      const { key, standing } = standingOf(artifact, changeId);
      place.standing.set(key, [standing]);
      place.packages.set(standing.digest, key);
      place.versions.add(`${key}@${standing.version ?? ''}`);
    }
  }

  match(environment: string, { digest, package: name, version }: NamedArtifact): Match {
    const place = this.places.get(environment);
    if (digest !== undefined) {
      const key = place?.packages.get(digest);
      if (!place || key === undefined) return { why: 'never-deployed-here' };
      const found = place.standing.get(key)?.find((s) => s.digest === digest);
      return found ? { changeId: found.changeId, digest } : { why: 'replaced-before' };
    }
    if (name === undefined || version === undefined) return { why: 'names-no-artifact' };
    const found = place?.standing.get(name)?.find((s) => s.version === version);
    if (found) return { changeId: found.changeId, digest: found.digest };
    return { why: place?.versions.has(`${name}@${version}`) ? 'replaced-before' : 'never-deployed-here' };
  }

  private place(environment: string): Place {
    let place = this.places.get(environment);
    if (!place) this.places.set(environment, (place = { standing: new Map(), packages: new Map(), versions: new Set() }));
    return place;
  }
}

function standingOf(
  { purl, name, version, digest }: ReleaseArtifact,
  changeId: string,
): { readonly key: string; readonly standing: Standing } {
  const named = namedArtifact(purl);
  return { key: named.package ?? name, standing: { changeId, digest, version: named.version ?? version } };
}
