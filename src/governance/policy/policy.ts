import type { GateRule, PolicyEvent } from '#libs/contracts';
import type { Aggregate } from '#libs/event-sourcing';

export interface Policy {
  readonly version: number;
  readonly title?: string;
  readonly gates: readonly GateRule[];
  readonly rollbackGates: readonly GateRule[];
}

export const policy: Aggregate<Policy, PolicyEvent> = {
  category: 'policy',
  initial: { version: 0, gates: [], rollbackGates: [] },
  evolve: (_state, { data }) => ({ version: data.version, title: data.title, gates: data.gates, rollbackGates: data.rollbackGates }),
};
