/**
 * Releases that ran somewhere, in the order in which they did. It is a value: one with another release more leaves this one as it is. Those that
 * grow out of each other share what they have in common, so that the fold of a long stream copies nothing.
 */
export class Ran {
  static readonly none = new Ran([], new Map(), 0);

  private constructor(
    /** Of this one and of those that went on from it: the first `size` are its own. */
    private readonly order: string[],
    /** Where in the order each came first. */
    private readonly first: Map<string, number>,
    readonly size: number,
  ) {}

  with(releaseId: string): Ran {
    // Whoever goes on from the newest shares with it; a second continuation has its own.
    const shared = this.size > 0 && this.order.length === this.size;
    const order = shared ? this.order : this.order.slice(0, this.size);
    const first = shared ? this.first : firstOf(order);
    order.push(releaseId);
    if (!first.has(releaseId)) first.set(releaseId, this.size);
    return new Ran(order, first, order.length);
  }

  has(releaseId: string): boolean {
    return (this.first.get(releaseId) ?? Infinity) < this.size;
  }

  /** The last one that ran and is another one; undefined where there is none. */
  newestBut(releaseId: string): string | undefined {
    for (let i = this.size - 1; i >= 0; i--) if (this.order[i] !== releaseId) return this.order[i];
    return undefined;
  }
}

function firstOf(order: readonly string[]): Map<string, number> {
  const first = new Map<string, number>();
  for (const [i, releaseId] of order.entries()) if (!first.has(releaseId)) first.set(releaseId, i);
  return first;
}
