import { hash } from 'node:crypto';
import canonicalize from 'canonicalize';
import { secretsIn, withoutSecrets } from '#libs/secrets';
import type { Aggregate } from './aggregate.ts';
import type { EventCodec } from './codec.ts';
import type { CommandMeta, Issued } from './command.ts';
import { isRefusal, refuse, RefusedError, TooMuchContention, type Decision, type Refusal } from './decision.ts';
import { denialStream, type CommandDenied } from './denial.ts';
import { isProgram, type DomainEvent, type EventMetadata, type NewEvent } from './event.ts';
import { AppendOutcomeUnknown, NO_STREAM, WrongExpectedRevision, type Appended, type EventLog } from './event-log.ts';
import { derivedId, eventId } from './ids.ts';
import { aheadFor, readerOf, type ReadAggregate } from './reading.ts';
import { holdsSealedText, withoutSealedText, type TextSealer } from './sealing.ts';

/** Most times a command is decided again after somebody else's append came first. */
export const MAX_DECISIONS = 4;

/** A command with its rule and what the rule needs: the whole of a slice but its route. */
export interface CommandDefinition<C extends object, S, E extends DomainEvent, F> {
  /** The command's class: validated at the edge, and how the bus finds the handler. Its name is the command's name. */
  readonly type: new () => C;
  /** What denials, and the route's roles, call it where the class is named otherwise: its body has more in it than what came in. */
  readonly action?: string;
  readonly aggregate: Aggregate<S, E>;
  /** Pure. */
  readonly decide: (command: Issued<C>, state: S, facts: F) => Decision<E>;
  /** Reads what the rule needs besides the aggregate's own state; run again for every decision. */
  readonly facts?: (read: ReadAggregate, command: Issued<C>, state: S) => Promise<F>;
  /** What `facts` read for this is much what was read for it before (see `ReadAggregate.ahead`); the same command on the same stream unless told. */
  readonly topic?: (command: Issued<C>) => string;
  /** Governed: a refusal is itself an event (principle 5). Names what the denial is about, e.g. the release. */
  readonly governed?: (command: Issued<C>, state: S, facts: F) => Readonly<Record<string, string>>;
  /**
   * By it one person vouches for what another one asked or did: it refuses who had a part before, with whatever account, and its routes have
   * `@Vouches`, so that no program does it.
   */
  readonly vouches?: true;
  /** Fields of free text, in which persons may be named: the rule gets them sealed, and so does all that is stored (principle 13). */
  readonly personal?: readonly PersonalField<C>[];
  /** Persons other than the one who asks, whom that text is about: it is erased with any of them. */
  readonly about?: (command: Issued<C>) => readonly string[];
}

/** A field that holds text. */
export type PersonalField<C> = { readonly [K in keyof C & string]: [C[K]] extends [string | undefined] ? K : never }[keyof C & string];

/** A definition whose types are its own affair: what registries hold. */
// eslint-disable-next-line @typescript-eslint/no-explicit-any -- a list of definitions has no common type parameters
export type AnyCommandDefinition = CommandDefinition<any, any, any, any>;

export function defineCommand<C extends object, S, E extends DomainEvent, F = undefined>(
  definition: CommandDefinition<C, S, E, F>,
): CommandDefinition<C, S, E, F> {
  return definition;
}

/** The name that a command goes by on record. */
export function nameOnRecord({ type, action }: Pick<AnyCommandDefinition, 'type' | 'action'>): string {
  return action ?? (type as { readonly name: string }).name;
}

export interface Transacted extends Appended {
  readonly id: string;
  readonly stream: string;
  readonly events: readonly NewEvent[];
  /** True where this commandId had been carried out before; nothing new was stored. */
  readonly repeated: boolean;
}

export interface TransactPorts {
  readonly log: EventLog;
  readonly codec: EventCodec;
  /** Absent where text needs no keys, as in a rule's own specs: it then stays as it is. */
  readonly sealer?: TextSealer;
}

/**
 * Load, fold, decide, append at the exact revision. A conflict is decided again, at most `MAX_DECISIONS` times in all;
 * with If-Match it is refused (412) instead. Doing it twice yields no new event: the same commandId finds its own events in the stream.
 *
 * @throws RefusedError the rule (or a precondition) refuses; the denial is stored before this is thrown
 * @throws TooMuchContention it was decided `MAX_DECISIONS` times, and others came first every time; nothing was stored
 * @throws AppendOutcomeUnknown the log did not answer; the caller may repeat the command with the same commandId
 */
export async function transact<C extends object, S, E extends DomainEvent, F>(
  ports: TransactPorts,
  definition: CommandDefinition<C, S, E, F>,
  issued: Issued<C>,
): Promise<Transacted> {
  const { log, codec, sealer } = ports;
  const { meta } = issued;
  // A program of ours could not send again what it reports: what is unfit in it is left out.
  const unfit = isProgram(meta.actor) ? undefined : unfitToStore(askedOf(issued));
  const command = await sealed(definition, fitToStore(issued), sealer);
  const asked = askedOf(command);
  const commandHash = hashCommand(definition.type.name, command);
  const reader = readerOf(log, codec);
  const topic = definition.topic?.(command) ?? (definition.facts && `${definition.type.name} ${command.target}`);

  for (let decisions = 1; ; decisions++) {
    const read = topic === undefined ? reader : aheadFor(reader, topic);
    const loaded = await read(definition.aggregate, command.target);
    const earlier = loaded.events.filter((e) => e.metadata.commandId === meta.commandId);
    const last = earlier.at(-1);
    if (last) {
      // Commands of before text was sealed were hashed as they came.
      if (last.metadata.commandHash !== commandHash && last.metadata.commandHash !== hashCommand(definition.type.name, issued))
        throw new RefusedError(keyReused(meta));
      return { id: loaded.id, stream: loaded.stream, revision: last.revision, position: last.position, events: earlier, repeated: true };
    }
    if (meta.expectedRevision !== undefined && meta.expectedRevision !== loaded.revision) {
      throw new RefusedError(staleRevision(loaded.stream, meta.expectedRevision, loaded.revision));
    }

    const facts = (await definition.facts?.(read, command, loaded.state)) as F;
    const decision = unfit ?? definition.decide(command, loaded.state, facts);
    if (isRefusal(decision)) {
      const about = definition.governed?.(command, loaded.state, facts);
      const denied = { id: meta.commandId, command: nameOnRecord(definition), stream: loaded.stream, asked, meta, commandHash };
      const position = about && (await recordDenied(ports, { ...denied, about }, decision));
      throw new RefusedError(decision, position);
    }
    if (decision.length === 0) {
      const seen = loaded.events.at(-1);
      return {
        id: loaded.id,
        stream: loaded.stream,
        revision: loaded.revision,
        position: seen?.position ?? -1n,
        events: [],
        repeated: true,
      };
    }

    const late = await meta.stillAllowed?.();
    if (late) {
      const about = definition.governed?.(command, loaded.state, facts) ?? {};
      const denied = { id: meta.commandId, command: nameOnRecord(definition), stream: loaded.stream, about, asked, meta, commandHash };
      throw new RefusedError(late, await recordDenied(ports, denied, late));
    }
    const events = decision.map((event, index): NewEvent => ({
      id: eventId(meta.commandId, loaded.stream, index),
      type: event.type,
      data: event.data,
      metadata: metadataOf(meta, commandHash, codec.schemaVersion(event.type)),
    }));
    try {
      const appended = await appendKnowing(log, loaded.stream, loaded.revision, events);
      return { ...appended, id: loaded.id, stream: loaded.stream, events, repeated: false };
    } catch (error) {
      if (!(error instanceof WrongExpectedRevision)) throw error;
      if (meta.expectedRevision !== undefined) throw new RefusedError(staleRevision(loaded.stream, meta.expectedRevision, error.actual));
      if (decisions >= MAX_DECISIONS) {
        throw new TooMuchContention(
          refuse(
            'conflict',
            'too-much-contention',
            `${loaded.stream} changed ${decisions} times while this command was being decided. Try again.`,
          ),
        );
      }
    }
  }
}

/** One repeat turns "unknown" into an answer where it can: a repeated append is the same append. */
async function appendKnowing(log: EventLog, stream: string, revision: number, events: readonly NewEvent[]): Promise<Appended> {
  try {
    return await log.append(stream, revision, events);
  } catch (error) {
    if (!(error instanceof AppendOutcomeUnknown)) throw error;
    return await log.append(stream, revision, events);
  }
}

/** A refusal to be put on record. */
export interface Denied {
  /** Of the denial's stream; the same id and hash are recorded once. */
  readonly id: string;
  readonly command: string;
  readonly stream: string;
  readonly about: Readonly<Record<string, string>>;
  readonly asked: Readonly<Record<string, unknown>>;
  readonly meta: CommandMeta;
  readonly commandHash: string;
}

/** Puts a refusal on record (principle 5), also one from before the command reached its rule. @returns its position; undefined where it was on record already */
export async function recordDenied({ log, codec }: TransactPorts, denied: Denied, refusal: Refusal): Promise<bigint | undefined> {
  const { id, command, stream, about, asked, meta, commandHash } = denied;
  const event: NewEvent<CommandDenied> = {
    // An id of its own: asked again after a crash, the same command may be accepted, and its events must not pass for repeats of the denial.
    id: derivedId('denial', id, commandHash),
    type: 'CommandDenied',
    data: {
      command,
      stream,
      about,
      asked,
      refusal: refusal.type,
      kind: refusal.kind,
      detail: refusal.detail,
      reasons: refusal.reasons,
      ...(refusal.receipt ? { receipt: refusal.receipt } : {}),
    },
    metadata: metadataOf(meta, commandHash, codec.schemaVersion('CommandDenied')),
  };
  try {
    return (await appendKnowing(log, denialStream(id), NO_STREAM, [event])).position;
  } catch (error) {
    if (!(error instanceof WrongExpectedRevision)) throw error;
    const [before] = (await log.readStream(denialStream(id), { maxCount: 1 })).events;
    // The same command was denied before: its denial is on record already.
    if (!before || before.metadata.commandHash === commandHash) return undefined;
    // The caller chooses the id: one that is used again for something else hides no denial behind an earlier one.
    return await recordDenied({ log, codec }, { ...denied, id: derivedId('other-denial', id, commandHash) }, refusal);
  }
}

/** Without secrets, and without what passes for sealed text; only processes, which copy it from the log, may have that. */
function fitToStore<C extends object>(command: Issued<C>): Issued<C> {
  const { target: _target, meta, ...asked } = command as Issued<Record<string, unknown>>;
  const clean = withoutSecrets(meta.actor.person.startsWith('process:') ? asked : withoutSealedText(asked));
  return clean === asked ? command : withFields(command, clean);
}

/** The command with its text sealed. Programs of ours write of what they see, and copy what is sealed already. */
async function sealed<C extends object, S, E extends DomainEvent, F>(
  { personal = [], about }: CommandDefinition<C, S, E, F>,
  command: Issued<C>,
  sealer: TextSealer | undefined,
): Promise<Issued<C>> {
  const { actor } = command.meta;
  const texts = personal.flatMap((field): [string, string][] => {
    const text: unknown = command[field];
    return typeof text === 'string' ? [[field, text]] : [];
  });
  if (!sealer || texts.length === 0 || isProgram(actor)) return command;
  const subjects = [...new Set([actor.person, ...(about?.(command) ?? [])])];
  const fields = await Promise.all(texts.map(async ([field, text]) => [field, await sealer.seal(text, subjects)] as const));
  return withFields(command, Object.fromEntries(fields));
}

function withFields<C extends object>(command: Issued<C>, fields: object): Issued<C> {
  return Object.assign(Object.create(Object.getPrototypeOf(command) as object), command, fields) as Issued<C>;
}

/**
 * Nobody's rule sees a secret, and no event: what is stored once can't be taken out of it. It is named by its field and kind, never by its
 * value. And nobody passes for a seal, who would have other people's text shown as her own. Undefined where all is well.
 */
function unfitToStore(asked: Readonly<Record<string, unknown>>): Refusal | undefined {
  if (holdsSealedText(asked))
    return refuse(
      'meaning',
      'sealed-text',
      'A text has in it what only Plimsoll writes: the seal of a text. Send what you have to say in your own words.',
    );
  const found = secretsIn(asked);
  const [first] = found;
  if (!first) return undefined;
  const detail = `${first.path} holds what looks like a secret (${first.kind}): nothing of it was stored. What is recorded here stays for ever.`;
  return refuse(
    'meaning',
    'secret-in-payload',
    detail,
    found.map(({ path, kind }) => ({
      code: 'secret-in-payload',
      detail: `${path}: ${kind}`,
      unblockedBy:
        'Send it without the secret, or with the name that your secret store has for it. A secret that was sent somewhere is to be replaced.',
    })),
  );
}

/** Event metadata for a command's meta. */
export function metadataOf(meta: CommandMeta, commandHash: string, schemaVersion: number): EventMetadata {
  return {
    actor: meta.actor.person,
    principal: meta.actor.principal,
    commandId: meta.commandId,
    commandHash,
    correlationId: meta.correlationId,
    causationId: meta.causationId,
    recordedAt: meta.now,
    schemaVersion,
  };
}

/** SHA-256 over the canonical JSON (RFC 8785) of a command's name, target and own fields. */
export function hashCommand<C extends object>(name: string, command: Issued<C>): string {
  return hashOf({ name, target: command.target, asked: askedOf(command) });
}

function hashOf(value: unknown): string {
  return hash('sha256', canonicalize(value) ?? '', 'hex');
}

/** A command's own fields: what was asked, without target and meta. */
function askedOf<C extends object>(command: Issued<C>): Record<string, unknown> {
  const { target: _target, meta: _meta, ...asked } = command as Issued<Record<string, unknown>>;
  return JSON.parse(JSON.stringify(asked)) as Record<string, unknown>;
}

function keyReused(meta: CommandMeta): Refusal {
  return refuse(
    'meaning',
    'idempotency-key-reused',
    `The command id ${meta.commandId} was used before for another request. Use a new Idempotency-Key.`,
  );
}

function staleRevision(stream: string, expected: number, actual: number): Refusal {
  return refuse('precondition', 'stale-revision', `${stream} is at revision ${actual}, not at ${expected}: read it again and decide anew.`);
}
