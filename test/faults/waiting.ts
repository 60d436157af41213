export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** Looks every few milliseconds until a condition holds. @throws Error it does not in time */
export async function waitUntil(condition: () => boolean | Promise<boolean>, withinMs: number, what: string): Promise<void> {
  if (!(await holdsWithin(condition, withinMs))) throw new Error(`Waited ${Math.round(withinMs / 1000)} s in vain for ${what}.`);
}

/** Looks every few milliseconds until a condition holds; false where it does not in time. */
export async function holdsWithin(condition: () => boolean | Promise<boolean>, withinMs: number): Promise<boolean> {
  const deadline = performance.now() + withinMs;
  while (!(await condition())) {
    if (performance.now() > deadline) return false;
    await pause(10);
  }
  return true;
}
