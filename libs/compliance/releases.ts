import type { ArtifactEvent, PlannedChangeClass, ReleaseEvent, RiskClass, TestReportEvent, VersionLineEvent } from '#libs/contracts';
import type { ChangeTest, Written } from './report.ts';

interface Plan {
  readonly changeClass?: PlannedChangeClass;
  readonly changeReason?: string;
  readonly riskClass?: RiskClass;
}

export interface KnownRelease {
  product?: string;
  version?: string;
  /** Accounts. */
  authors: readonly string[];
  /** Where they are written. */
  ref?: string;
  readonly plans: Map<string, Plan>;
  /** The newest report of every suite and artifact. */
  readonly tests: Map<string, KnownTest>;
}

/** A report with the account that recorded it. */
export interface KnownTest {
  readonly test: ChangeTest;
  readonly principal: string;
}

interface KnownArtifact {
  readonly authors: Set<string>;
  ref: string;
}

/** What is known so far of releases, what is in them, and how it was tested. */
export class Releases {
  private readonly releases = new Map<string, KnownRelease>();
  private readonly artifacts = new Map<string, KnownArtifact>();

  release(releaseId: string): KnownRelease | undefined {
    return this.releases.get(releaseId);
  }

  artifact(artifactId: string): { readonly authors: ReadonlySet<string>; readonly ref: string } | undefined {
    return this.artifacts.get(artifactId);
  }

  composed({ data }: Extract<ReleaseEvent, { type: 'ReleaseComposed' | 'ReleaseAmended' }>, { ref }: Written): void {
    const release = this.known(data.releaseId);
    if ('product' in data) release.product = data.product;
    release.authors = data.authors;
    release.ref = ref;
  }

  planned({ data }: Extract<ReleaseEvent, { type: 'ReleasePlanned' }>): void {
    const { changeClass, changeReason, riskClass } = data;
    this.known(data.releaseId).plans.set(data.environment, {
      ...(changeClass ? { changeClass } : {}),
      ...(changeReason === undefined ? {} : { changeReason }),
      ...(riskClass ? { riskClass } : {}),
    });
  }

  versioned({ data }: VersionLineEvent): void {
    this.known(data.releaseId).version = data.version;
  }

  written({ data }: ArtifactEvent, { ref }: Written): void {
    const artifact = this.artifacts.get(data.artifactId) ?? { authors: new Set<string>(), ref };
    for (const author of data.authors) artifact.authors.add(author);
    artifact.ref = ref;
    this.artifacts.set(data.artifactId, artifact);
  }

  tested({ data }: TestReportEvent, written: Written, principal: string): void {
    const { releaseId, artifactDigest, suite, outcome, reportDigest, tester } = data;
    const { at, ref, sequence } = written;
    const test = { artifactDigest, at, outcome, ref, reportDigest, sequence, suite, tester };
    this.known(releaseId).tests.set(`${artifactDigest} ${suite}`, { test, principal });
  }

  private known(releaseId: string): KnownRelease {
    let release = this.releases.get(releaseId);
    if (!release) this.releases.set(releaseId, (release = { authors: [], plans: new Map(), tests: new Map() }));
    return release;
  }
}
