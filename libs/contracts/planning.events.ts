import type { DomainEvent } from '#libs/event-sourcing';
import type { PlannedChangeClass, PlannedStep, ReleaseArtifact, RiskClass, SmokeSuite } from './values.ts';

export type ReleaseEvent =
  | DomainEvent<
      'ReleaseComposed',
      {
        readonly releaseId: string;
        readonly product: string;
        readonly artifacts: readonly ReleaseArtifact[];
        readonly authors: readonly string[];
      }
    >
  | DomainEvent<
      'ReleaseAmended',
      { readonly releaseId: string; readonly artifacts: readonly ReleaseArtifact[]; readonly authors: readonly string[] }
    >
  | DomainEvent<
      'ReleasePlanned',
      {
        readonly releaseId: string;
        readonly environment: string;
        readonly steps: readonly PlannedStep[];
        /** Step ids in stages: every stage's steps may run side by side. */
        readonly stages: readonly (readonly string[])[];
        readonly smoke?: SmokeSuite;
        /** `normal` where it is absent. Hashed with the plan, so that an approval is of this class and no other. */
        readonly changeClass?: PlannedChangeClass;
        /** Why it is of that class; there where the class is `emergency`. */
        readonly changeReason?: string;
        /** How risky it is, as who planned it says; hashed with the plan. Where it is absent nobody said, and it is judged as `high`. */
        readonly riskClass?: RiskClass;
        /** SHA-256 (hex) over the canonical JSON of environment, steps, smoke suite, change class with its reason, and risk class. */
        readonly planHash: string;
      }
    >;

/** The versions of one product, in their order (M1.3): they never go back or repeat. */
export type VersionLineEvent = DomainEvent<
  'VersionAssigned',
  { readonly product: string; readonly releaseId: string; readonly scheme: 'semver'; readonly version: string }
>;
