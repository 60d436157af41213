import type { ArtifactEvent, PlannedChangeClass, ReleaseEvent, RiskClass, TestReportEvent, VersionLineEvent } from '#libs/contracts';
import { ACCOUNT } from '#libs/identity';
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
  /** Who composed or amended it last, and who made its plan for each environment. */
  composer?: Hand;
  readonly planners: Map<string, Hand>;
  readonly plans: Map<string, Plan>;
  /** The newest report of every suite and artifact. */
  readonly tests: Map<string, KnownTest>;
}

/** Who did something: the account, and whom it was taken for then. */
export interface Doer {
  readonly account: string;
  readonly person: string;
}

/** Who shaped what runs, and where that is written. */
export interface Hand extends Doer {
  readonly ref: string;
}

/** A report with the account that recorded it. */
export interface KnownTest {
  readonly test: ChangeTest;
  readonly principal: string;
}

interface KnownArtifact {
  readonly authors: Set<string>;
  ref: string;
  registrar?: Hand;
  /** The account that is named as its builder, and where. */
  builder?: { readonly account: string; readonly ref: string };
}

/** What is known so far of releases, what is in them, and how it was tested. */
export class Releases {
  private readonly releases = new Map<string, KnownRelease>();
  private readonly artifacts = new Map<string, KnownArtifact>();

  release(releaseId: string): KnownRelease | undefined {
    return this.releases.get(releaseId);
  }

  artifact(artifactId: string): (Readonly<KnownArtifact> & { readonly authors: ReadonlySet<string> }) | undefined {
    return this.artifacts.get(artifactId);
  }

  composed({ data }: Extract<ReleaseEvent, { type: 'ReleaseComposed' | 'ReleaseAmended' }>, { ref }: Written, by: Doer): void {
    const release = this.known(data.releaseId);
    if ('product' in data) release.product = data.product;
    release.authors = data.authors;
    release.ref = ref;
    release.composer = { ...by, ref };
  }

  planned({ data }: Extract<ReleaseEvent, { type: 'ReleasePlanned' }>, { ref }: Written, by: Doer): void {
    const { changeClass, changeReason, riskClass } = data;
    const release = this.known(data.releaseId);
    release.plans.set(data.environment, {
      ...(changeClass ? { changeClass } : {}),
      ...(changeReason === undefined ? {} : { changeReason }),
      ...(riskClass ? { riskClass } : {}),
    });
    if (by.account !== '') release.planners.set(data.environment, { ...by, ref });
  }

  versioned({ data }: VersionLineEvent): void {
    this.known(data.releaseId).version = data.version;
  }

  written({ type, data }: ArtifactEvent, { ref }: Written, by: Doer): void {
    const artifact: KnownArtifact = this.artifacts.get(data.artifactId) ?? { authors: new Set<string>(), ref };
    for (const author of data.authors) artifact.authors.add(author);
    if (type === 'ArtifactRegistered') {
      artifact.registrar = { ...by, ref };
      if (data.builder !== undefined && ACCOUNT.test(data.builder)) artifact.builder = { account: data.builder, ref };
    }
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
    if (!release) this.releases.set(releaseId, (release = { authors: [], plans: new Map(), planners: new Map(), tests: new Map() }));
    return release;
  }
}
