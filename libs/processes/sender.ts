import type { Actor, Reason } from '#libs/event-sourcing';

/** A command of a process on its way. */
export interface OutgoingCommand {
  /** Name of the command, as its definition has it. */
  readonly command: string;
  readonly target: string;
  readonly payload: unknown;
  /** The same for every repetition: the receiver carries it out once. */
  readonly commandId: string;
  readonly correlationId: string;
  /** Id of the event that led to it. */
  readonly causationId: string;
  /** `process:<name>`: a process acts in its own name, never in that of a person. */
  readonly actor: Actor;
}

export type SendOutcome =
  | { readonly outcome: 'accepted' }
  | { readonly outcome: 'refused'; readonly type: string; readonly detail: string; readonly reasons?: readonly Reason[] };

/** Carries commands of processes to their handlers. */
export interface CommandSender {
  /**
   * Answers once the command is carried out (durably) or refused for good.
   *
   * @throws anything else: what `isTransient` takes for an interruption is sent again with backoff, the rest stops the process at this input
   */
  send(command: OutgoingCommand): Promise<SendOutcome>;
}
