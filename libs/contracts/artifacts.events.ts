import type { DomainEvent } from '#libs/event-sourcing';
import type { Digest } from './values.ts';

export type ArtifactEvent =
  /** Accounts that wrote it, named later than its registration: duties are judged with them from then on. */
  | DomainEvent<'ArtifactAuthorsAdded', { readonly artifactId: string; readonly authors: readonly string[] }>
  | DomainEvent<
      'ArtifactRegistered',
      {
        readonly artifactId: string;
        readonly name: string;
        readonly version: string;
        readonly purl: string;
        readonly digest: Digest;
        readonly commit?: string;
        readonly builder?: string;
        /** Accounts (`issuer|subject`) that wrote what is in it; resolved to persons when duties are judged. */
        readonly authors: readonly string[];
        /** The time the outside claims for it, kept and never trusted (principle 10). */
        readonly claimedOccurredAt?: string;
      }
    >;
