import {
  issue,
  type Issued,
  isRefusal,
  type Aggregate,
  type CommandMeta,
  type Decision,
  type DomainEvent,
  type Refusal,
} from '#libs/event-sourcing';

/** Given past events, when a rule decides on a command, then these events or this refusal. Pure: no log, no mocks. */
export interface Scenario<S, E extends DomainEvent> {
  when<C extends object>(rule: (command: Issued<C>, state: S) => Decision<E>, command: Issued<C>): Outcome<E>;
  when<C extends object, F>(rule: (command: Issued<C>, state: S, facts: F) => Decision<E>, command: Issued<C>, facts: F): Outcome<E>;
}

export interface Outcome<E extends DomainEvent> {
  /** Exactly these events, in this order. */
  then(...events: readonly E[]): void;
  /** It is so already: no event. */
  thenNothing(): void;
  /** Refused with this type; the refusal comes back for a closer look. */
  thenRefused(type: string): Refusal;
  /** The decision itself, for assertions on a part of it. */
  readonly decision: Decision<E>;
}

export function scenario<S, E extends DomainEvent>(aggregate: Aggregate<S, E>): { given(...events: readonly E[]): Scenario<S, E> } {
  return {
    given: (...events) => {
      const state = events.reduce(aggregate.evolve, aggregate.initial);
      return {
        when: <C extends object>(rule: (command: Issued<C>, state: S, facts: never) => Decision<E>, command: Issued<C>, facts?: unknown) =>
          outcome(rule(command, state, facts as never)),
      };
    },
  };
}

function outcome<E extends DomainEvent>(decision: Decision<E>): Outcome<E> {
  return {
    decision,
    then: (...events) => expect(decision).toEqual(events),
    thenNothing: () => expect(decision).toEqual([]),
    thenRefused: (type) => {
      expect(decision).toMatchObject({ refused: true, type });
      if (!isRefusal(decision)) throw new Error('not a refusal');
      return decision;
    },
  };
}

const META: CommandMeta = {
  commandId: '00000000-0000-4000-8000-000000000001',
  actor: { person: 'person-dora', principal: 'test|dora', roles: [] },
  correlationId: 'correlation-1',
  causationId: 'request-1',
  now: '2026-03-02T10:00:00.000Z',
};

/** A meta for tests: fixed time and ids unless told. */
export function metaOf(overrides: Partial<CommandMeta> & { person?: string } = {}): CommandMeta {
  const { person, ...meta } = overrides;
  return { ...META, ...(person ? { actor: { person, principal: `test|${person}`, roles: [] } } : {}), ...meta };
}

/** A command for tests, as the edge would hand it over. */
export function issued<C extends object>(
  type: new () => C,
  fields: NoInfer<C>,
  target = 'target-1',
  overrides: Parameters<typeof metaOf>[0] = {},
): Issued<C> {
  return issue(Object.assign(new type(), fields), target, metaOf(overrides));
}
