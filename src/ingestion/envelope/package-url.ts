import type { Digest } from '#libs/contracts';

/** What a package URL says that an artifact is registered by. https://github.com/package-url/purl-spec */
export interface PackageUrl {
  /** Namespace and name. */
  readonly name: string;
  readonly version?: string;
  /** Only where the package URL itself carries one. */
  readonly digest?: Digest;
}

const HEX_LENGTH = { sha256: 64, sha384: 96, sha512: 128 } as const;
/** Enough of a digest to be nobody else's, where it has to serve as a version. */
const VERSION_HEX = 64;

/**
 * Reads `pkg:type/namespace/name@version?qualifiers#subpath`. A digest is the version itself (`pkg:oci/shop@sha256:…`) or the qualifier
 * `checksum`; where it is the version, the qualifier `tag` is the version's name, and without one `sha256-…` is.
 *
 * @returns undefined where it is no package URL
 */
export function readPackageUrl(text: string): PackageUrl | undefined {
  const [, path, query] = /^pkg:\/{0,2}([^?#]+)(?:\?([^#]*))?(?:#.*)?$/i.exec(text) ?? [];
  if (path === undefined) return undefined;
  const at = path.lastIndexOf('@');
  // An @ that begins a part is a scope, as in pkg:npm/@scope/name.
  const hasVersion = at > 0 && path[at - 1] !== '/';
  const parts = (hasVersion ? path.slice(0, at) : path).split('/').filter((part) => part !== '');
  const names = parts.slice(1).map(decoded);
  const version = hasVersion ? decoded(path.slice(at + 1)) : undefined;
  const qualifiers = new Map(
    (query ?? '').split('&').map((pair) => {
      const [key = '', ...value] = pair.split('=');
      return [key.toLowerCase(), decoded(value.join('='))] as const;
    }),
  );
  if (names.length === 0 || names.includes(undefined) || (hasVersion && version === undefined)) return undefined;
  const name = names.join('/');

  const versionDigest = readDigest(version);
  if (versionDigest) {
    const named = qualifiers.get('tag') || `${versionDigest.algorithm}-${versionDigest.value.slice(0, VERSION_HEX)}`;
    return { name, version: named, digest: versionDigest };
  }
  const digest = (qualifiers.get('checksum') ?? '').split(',').flatMap((checksum) => readDigest(checksum) ?? [])[0];
  return { name, ...(version ? { version } : {}), ...(digest ? { digest } : {}) };
}

function readDigest(text: string | undefined): Digest | undefined {
  const [, algorithm, value] = /^(sha256|sha384|sha512):([0-9a-f]+)$/i.exec(text ?? '') ?? [];
  if (algorithm === undefined || value === undefined) return undefined;
  const known = algorithm.toLowerCase() as Digest['algorithm'];
  return value.length === HEX_LENGTH[known] ? { algorithm: known, value: value.toLowerCase() } : undefined;
}

function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}
