import type { EventLog } from '#libs/event-sourcing';

/** Numbers in [0, 1), the same for the same seed (mulberry32). */
export function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

/**
 * A log whose every read and append waits for its turn, and which gives out the turns in an order that a seed decides: what can come
 * between two steps of a command does, in one seed or another, and the same seed gives the same order again.
 */
export class Interleaving {
  private readonly waiting: (() => void)[] = [];
  readonly log: EventLog;

  constructor(
    log: EventLog,
    private readonly random: () => number,
  ) {
    const turn = (): Promise<void> => new Promise((resolve) => this.waiting.push(resolve));
    this.log = {
      append: async (...args) => {
        await turn();
        return await log.append(...args);
      },
      readStream: async (...args) => {
        await turn();
        return await log.readStream(...args);
      },
      readAll: (options) => log.readAll(options),
      subscribe: (options) => log.subscribe(options),
      head: () => log.head(),
      close: () => log.close(),
    };
  }

  /** Runs all side by side until each has ended. */
  async run(...actors: readonly (() => Promise<void>)[]): Promise<void> {
    let open = actors.length;
    const all = Promise.all(actors.map((actor) => actor().finally(() => open--)));
    all.catch(() => undefined);
    while (open > 0) {
      // Everything in memory has settled when the event loop comes round: whoever has something to do waits for a turn.
      await new Promise((resolve) => setImmediate(resolve));
      const [next] = this.waiting.splice(Math.floor(this.random() * this.waiting.length), 1);
      next?.();
    }
    await all;
  }
}
