import { Inject, Injectable, Optional, type Provider } from '@nestjs/common';
import { CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import {
  nameOnRecord,
  transact,
  type AnyCommandDefinition,
  type EventCodec,
  type EventLog,
  type Issued,
  type TextSealer,
  type Transacted,
} from '#libs/event-sourcing';
import { EVENT_CODEC, EVENT_LOG, TEXT_SEALER } from './tokens.ts';

/** Told how every command went, for metrics. `outcome` is `accepted`, `repeated`, or the name of the error. */
export interface CommandObserver {
  observed(command: string, outcome: string, seconds: number): void;
}

/** Injection token of a `CommandObserver`. */
export const COMMAND_OBSERVER = Symbol('COMMAND_OBSERVER');

/** Knows every command of the application by name: how processes, which can only name them, find them. */
@Injectable()
export class CommandRegistry {
  private readonly byName = new Map<string, AnyCommandDefinition>();

  register(definition: AnyCommandDefinition): void {
    const { name } = definition.type;
    if (this.byName.has(name)) throw new Error(`Two commands are named ${name}: processes could not tell them apart.`);
    this.byName.set(name, definition);
  }

  /** @throws Error no command has this name */
  get(name: string): AnyCommandDefinition {
    const definition = this.byName.get(name);
    if (!definition) throw new Error(`There is no command ${name}.`);
    return definition;
  }

  names(): readonly string[] {
    return [...this.byName.keys()].sort();
  }

  /** What the commands are called on record. */
  actions(): readonly string[] {
    return [...this.byName.values()].map(nameOnRecord).sort();
  }
}

/** Registers commands with the bus: each gets a handler that runs `transact` on its definition. */
export function commandHandlers(...definitions: readonly AnyCommandDefinition[]): Provider[] {
  return definitions.map((definition) => {
    @CommandHandler(definition.type)
    class Handler implements ICommandHandler<Issued<object>, Transacted> {
      constructor(
        @Inject(EVENT_LOG) private readonly log: EventLog,
        @Inject(EVENT_CODEC) private readonly codec: EventCodec,
        @Inject(COMMAND_OBSERVER) private readonly observer: CommandObserver,
        @Inject(CommandRegistry) registry: CommandRegistry,
        @Optional() @Inject(TEXT_SEALER) private readonly sealer?: TextSealer,
      ) {
        registry.register(definition);
      }

      async execute(command: Issued<object>): Promise<Transacted> {
        const began = performance.now();
        let outcome = 'error';
        try {
          const transacted = await transact(
            { log: this.log, codec: this.codec, ...(this.sealer ? { sealer: this.sealer } : {}) },
            definition,
            command,
          );
          outcome = transacted.repeated ? 'repeated' : 'accepted';
          return transacted;
        } catch (error) {
          if (error instanceof Error) outcome = error.name;
          throw error;
        } finally {
          this.observer.observed(definition.type.name, outcome, (performance.now() - began) / 1000);
        }
      }
    }
    Object.defineProperty(Handler, 'name', { value: `${definition.type.name}Handler` });
    return Handler;
  });
}
