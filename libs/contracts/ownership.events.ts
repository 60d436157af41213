import type { DomainEvent } from '#libs/event-sourcing';

interface Owned {
  readonly product: string;
  /** Name of the team, as scopes of roles name it. */
  readonly team: string;
  readonly requestedBy: string;
}

/** Which team owns a product: roles of the team's scope count for it. Two persons make it so, as with a role. */
export type OwnershipEvent =
  | DomainEvent<'OwnershipRequested', Owned>
  | DomainEvent<'OwnershipAssigned', Owned & { readonly confirmedBy: string; readonly formerly?: string }>;
