import type { ChangeDossier, DossierContents } from '#libs/contracts';
import type { DutyAssignment } from '#libs/identity';
import { canonicalJson, hashOf } from '../hash.ts';
import type { GateFacts } from '../sources.ts';

/** What of a release a dossier holds: of gates' facts, or of what a report knows of the moment. */
export interface DossierSources extends Pick<
  GateFacts,
  'releaseId' | 'environment' | 'environmentClass' | 'product' | 'version' | 'artifacts' | 'authors'
> {
  readonly plan?: { readonly planHash: string };
  readonly policy: { readonly id: string; readonly version: number };
  /** The newest report of every suite, by artifact digest. */
  readonly reports: Readonly<Record<string, Readonly<Record<string, { readonly suite: string; readonly outcome: string }>>>>;
}

/** What of a dossier the sources say now. */
export function contentsOf(facts: DossierSources): DossierContents {
  return {
    releaseId: facts.releaseId,
    environment: facts.environment,
    environmentClass: facts.environmentClass ?? 'none',
    product: facts.product ?? 'none',
    ...(facts.version ? { version: facts.version } : {}),
    artifacts: facts.artifacts.map(({ name, version, purl, digest }) => ({ name, version, purl, digest })),
    planHash: facts.plan?.planHash ?? 'unplanned',
    policyId: facts.policy.id,
    policyVersion: facts.policy.version,
    tests: [...new Set(facts.artifacts.map((a) => a.digest))]
      .flatMap((digest) => Object.values(facts.reports[digest] ?? {}).map(({ suite, outcome }) => ({ digest, suite, outcome })))
      .sort((a, b) => (`${a.digest} ${a.suite}` < `${b.digest} ${b.suite}` ? -1 : 1)),
    authors: facts.authors,
  };
}

/** SHA-256 (hex) over a dossier's canonical JSON (RFC 8785): what is voted on. */
export function dossierHashOf(dossier: ChangeDossier): string {
  return hashOf(dossier);
}

const NAMES: Readonly<Record<keyof DossierContents, string>> = {
  releaseId: 'release',
  environment: 'environment',
  environmentClass: 'class of the environment',
  product: 'product',
  version: 'version',
  artifacts: 'artifacts',
  planHash: 'deployment plan',
  policyId: 'policy',
  policyVersion: "policy's version",
  tests: 'test evidence',
  authors: 'persons who wrote it',
};

/** What differs between a frozen dossier and what is there now, each as a sentence; empty where nothing does. */
export function dossierDifferences(
  { contents, board }: Pick<ChangeDossier, 'contents' | 'board'>,
  facts: DossierSources,
  boardVersion: number | undefined,
): readonly string[] {
  const now = contentsOf(facts);
  const differing = (Object.keys(NAMES) as (keyof DossierContents)[]).filter(
    (member) => canonicalJson(contents[member] ?? null) !== canonicalJson(now[member] ?? null),
  );
  return [
    ...differing.map(
      (member) =>
        `The ${NAMES[member]} of the dossier ${member === 'artifacts' || member === 'authors' ? 'are' : 'is'} not what is there now.`,
    ),
    ...(board && boardVersion !== undefined && board.version !== boardVersion
      ? [`Board ${board.boardId} is now as version ${boardVersion} says, not as version ${board.version}.`]
      : []),
  ];
}

/** Who has a duty for a change, as its sources say. */
export function dutiesOfChange(facts: GateFacts, requester: string | undefined, deployer?: string): readonly DutyAssignment[] {
  const { refs } = facts;
  const digests = new Set(facts.artifacts.map((a) => a.digest));
  const testers = Object.entries(facts.reports).flatMap(([digest, suites]) =>
    digests.has(digest) ? Object.values(suites).map((r) => r.tester) : [],
  );
  return [
    ...facts.authors.map((person): DutyAssignment => ({ person, duty: 'author', evidence: refs.release })),
    ...[...new Set(testers)].sort().map((person): DutyAssignment => ({ person, duty: 'tester', evidence: refs.reports })),
    ...(requester ? [{ person: requester, duty: 'requester' as const, evidence: refs.change?.['change'] ?? refs.release }] : []),
    ...(deployer ? [{ person: deployer, duty: 'deployer' as const, evidence: 'this-request' }] : []),
  ];
}
