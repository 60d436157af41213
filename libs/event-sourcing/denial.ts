import type { DomainEvent } from './event.ts';
import type { Reason, RefusalKind } from './decision.ts';
import { streamName } from './ids.ts';

/** A governed refusal on record (principle 5). It has a stream of its own, so that it contends with nobody. */
export type CommandDenied = DomainEvent<
  'CommandDenied',
  {
    readonly command: string;
    /** The stream that the command was for. */
    readonly stream: string;
    /** What it is about, e.g. `{ releaseId }`, for views and reports. */
    readonly about: Readonly<Record<string, string>>;
    /** The command's own fields, as asked. */
    readonly asked: Readonly<Record<string, unknown>>;
    readonly refusal: string;
    readonly kind: RefusalKind;
    readonly detail: string;
    readonly reasons: readonly Reason[];
    /** The receipt of the decision, where gates judged it; absent in denials from before that was kept. */
    readonly receipt?: object;
  }
>;

export function denialStream(commandId: string): string {
  return streamName('denial', commandId);
}
