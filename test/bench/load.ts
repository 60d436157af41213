/** What callers that each do one thing after the other came to. */
export interface Load {
  /** Things done a second, by all callers together. */
  readonly perSecond: number;
  /** How long each thing took, milliseconds. */
  readonly latencies: readonly number[];
}

/** Closed loop: so many callers, each beginning the next when the last is done, for so long. */
export function loadFor(callers: number, forMs: number, once: (caller: number) => Promise<void>): Promise<Load> {
  const deadline = performance.now() + forMs;
  return run(callers, once, () => performance.now() < deadline);
}

/** Closed loop: so many things by so many callers. */
export function loadOf(callers: number, count: number, once: (caller: number) => Promise<void>): Promise<Load> {
  let left = count;
  return run(callers, once, () => left-- > 0);
}

async function run(callers: number, once: (caller: number) => Promise<void>, more: () => boolean): Promise<Load> {
  const latencies: number[] = [];
  const began = performance.now();
  const call = async (_: unknown, caller: number): Promise<void> => {
    while (more()) {
      const before = performance.now();
      await once(caller);
      latencies.push(performance.now() - before);
    }
  };
  await Promise.all(Array.from({ length: callers }, call));
  return { perSecond: latencies.length / ((performance.now() - began) / 1000), latencies };
}

/**
 * Rounds of several things that take turns, so that what the machine does besides falls on all alike.
 * Every second round goes backwards: nobody is always first.
 */
export async function inTurns<T, R>(
  rounds: number,
  things: readonly T[],
  measure: (thing: T, round: number) => Promise<R>,
): Promise<Map<T, R[]>> {
  const results = new Map<T, R[]>(things.map((thing) => [thing, []]));
  for (let round = 0; round < rounds; round++) {
    for (const thing of round % 2 === 0 ? things : [...things].reverse()) results.get(thing)!.push(await measure(thing, round));
  }
  return results;
}
