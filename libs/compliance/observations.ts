import type { ReleaseArtifact } from '#libs/contracts';
import type { UnmatchedReason } from './report.ts';

/** What an environment's report names, as far as it can be read: contents, a package URL, or neither. */
export interface NamedArtifact {
  /** `sha256:…`; where several are told that differ, none of them is it. */
  readonly digest?: string;
  /** A package URL with a version, written in one way. Qualifiers count: from another repository it may be another thing. */
  readonly purl?: string;
}

/** Reads every digest that a report carries, wherever in it; or else its package URL (purl-spec). */
export function namedArtifact(text: string): NamedArtifact {
  const plain = decoded(text);
  const digests = [...plain.matchAll(/\b(sha(?:256|384|512)):([0-9a-z]*)/gi)].map(([found]) => found.toLowerCase());
  if (digests.length > 0) return { digest: digests.every((digest) => digest === digests[0]) ? (digests[0] ?? '') : digests.join(' ') };
  return plain.includes('@') && /^pkg:/i.test(plain) ? { purl: normal(plain) } : {};
}

/** Scheme and type in lower case, which the specification lets anybody write otherwise. */
function normal(purl: string): string {
  return purl.replace(/^pkg:\/*[^/]+/i, (start) => start.toLowerCase().replace(/^pkg:\/*/, 'pkg:'));
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
  readonly purl: string;
}

interface Place {
  /** What may run under each name, by what the log says: the newest deployment that succeeded, and those since then that did not. */
  readonly standing: Map<string, readonly Standing[]>;
  /** The names of every digest and package URL that was ever deployed here. */
  readonly names: Map<string, string>;
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
    this.put(environment, changeId, artifacts, (before, standing) => [...before.filter((s) => s.digest !== standing.digest), standing]);
  }

  /** It succeeded: what was there before is gone. */
  succeeded(environment: string, changeId: string, artifacts: readonly ReleaseArtifact[]): void {
    this.put(environment, changeId, artifacts, (_before, standing) => [standing]);
  }

  match(environment: string, { digest, purl }: NamedArtifact): Match {
    const told = digest ?? purl;
    if (told === undefined) return { why: 'names-no-artifact' };
    const place = this.places.get(environment);
    const name = place?.names.get(told);
    if (!place || name === undefined) return { why: 'never-deployed-here' };
    const found = place.standing.get(name)?.find((s) => (digest === undefined ? s.purl === purl : s.digest === digest));
    return found ? { changeId: found.changeId, digest: found.digest } : { why: 'replaced-before' };
  }

  private put(
    environment: string,
    changeId: string,
    artifacts: readonly ReleaseArtifact[],
    next: (before: readonly Standing[], standing: Standing) => readonly Standing[],
  ): void {
    let place = this.places.get(environment);
    if (!place) this.places.set(environment, (place = { standing: new Map(), names: new Map() }));
    for (const { name, digest, purl } of artifacts) {
      const standing = { changeId, digest, purl: normal(decoded(purl)) };
      place.standing.set(name, next(place.standing.get(name) ?? [], standing));
      place.names.set(digest, name);
      place.names.set(standing.purl, name);
    }
  }
}
