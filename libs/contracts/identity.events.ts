import type { DomainEvent } from '#libs/event-sourcing';

/** Where a role counts: everywhere, or for one team, service or environment. */
export interface RoleScope {
  readonly kind: 'organisation' | 'team' | 'service' | 'environment';
  /** Name of the team, service or environment; `*` for the organisation. */
  readonly id: string;
}

/** An account and the person it belongs to (principle 4). Two persons make a link: one asks, another confirms. */
export type AccountEvent =
  | DomainEvent<
      'AccountLinkRequested',
      { readonly issuer: string; readonly subject: string; readonly person: string; readonly bot: boolean; readonly requestedBy: string }
    >
  | DomainEvent<
      'AccountLinked',
      {
        readonly issuer: string;
        readonly subject: string;
        readonly person: string;
        /** A program acts with this account: what it does counts for the person, and it never approves. */
        readonly bot?: boolean;
        /** The person whom its deeds counted for until now. Absent in links of before two persons were needed, as are the next two. */
        readonly formerly?: string;
        readonly requestedBy?: string;
        readonly confirmedBy?: string;
      }
    >
  /** Nobody acts with the account any more; what was done with it stays with the person. */
  | DomainEvent<'AccountUnlinked', { readonly issuer: string; readonly subject: string; readonly person: string; readonly reason: string }>;

/** A person is an opaque id: names and addresses are not in the log (principle 13). */
export type PersonEvent =
  | DomainEvent<'PersonRegistered', { readonly person: string; readonly registeredBy: string }>
  | DomainEvent<'PersonLeft', { readonly person: string; readonly reason: string }>
  /** Somebody asks for what is written by and about the person to be erased; it counts when another person has confirmed it. */
  | DomainEvent<'PersonErasureRequested', { readonly person: string; readonly requestedBy: string }>
  /** From here on the key of the person's text is to be destroyed: what it sealed can be read no more. It holds no text itself. */
  | DomainEvent<'PersonErased', { readonly person: string; readonly requestedBy: string; readonly confirmedBy: string }>;

/** An e-mail address or other name is known to be a person's. Only ids derived from the address are stored, see `addressKeys`. */
export type AddressEvent = DomainEvent<
  'AddressClaimed',
  {
    readonly skeletonId: string;
    readonly addressId: string;
    readonly kind: 'email' | 'name';
    readonly person: string;
    /** Other persons who have an address that looks the same. */
    readonly looksLike: readonly string[];
  }
>;

interface Grant {
  readonly grantId: string;
  readonly person: string;
  readonly role: string;
  readonly scope: RoleScope;
  /** ISO 8601, UTC; half-open: in force from `from` and no more at `until`. */
  readonly from: string;
  readonly until: string;
  readonly requestedBy: string;
}

export type RoleGrantEvent =
  | DomainEvent<'RoleRequested', Grant>
  | DomainEvent<'RoleGranted', Grant & { readonly confirmedBy: string }>
  | DomainEvent<'RoleRevoked', { readonly grantId: string; readonly person: string; readonly role: string; readonly reason: string }>;

/** The very first administrator, whom nobody else could confirm: on record as such, until it is ended. */
export type IdentityBootstrapEvent =
  | DomainEvent<
      'IdentityBootstrapped',
      { readonly issuer: string; readonly subject: string; readonly person: string; readonly reason: string }
    >
  | DomainEvent<'IdentityBootstrapEnded', { readonly person: string; readonly reason: string }>;

interface RolePolicySet {
  /** 1-based and dense. */
  readonly version: number;
  readonly title: string;
  /** Cedar policies, as text. */
  readonly policies: string;
  /** SHA-256 (hex) of the text. */
  readonly hash: string;
  readonly proposedBy: string;
}

export type RolePolicyEvent =
  DomainEvent<'RolePolicyProposed', RolePolicySet> | DomainEvent<'RolePolicyPublished', RolePolicySet & { readonly confirmedBy: string }>;

export type DutyReviewEvent =
  /** What was learned later about who is who shows duties that were not separated. It rewrites nothing. */
  | DomainEvent<
      'DutyViolationFound',
      {
        readonly releaseId: string;
        readonly environment: string;
        readonly rule: string;
        readonly person: string;
        readonly duties: readonly string[];
        /** `stream@revision` of each duty. */
        readonly evidence: readonly string[];
        /** The stream that showed it: of an account that was linked, an address that was claimed, or a part that was taken. */
        readonly learnedFrom: string;
      }
    >
  /** Who took part in a release for an environment: what is learned of them later has it looked at again. */
  | DomainEvent<
      'DutyPartiesNoted',
      {
        readonly releaseId: string;
        readonly environment: string;
        /** Streams of accounts, addresses and artifacts that are new to it; sorted. */
        readonly parties: readonly string[];
        /** Deployments that are new to it; sorted. */
        readonly deployments: readonly string[];
      }
    >;
