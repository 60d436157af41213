/** Polls until a condition holds; fails with its last words after `deadlineMs` (10 s unless told). */
export async function eventually<T>(condition: () => T | Promise<T>, deadlineMs = 10_000): Promise<T> {
  const deadline = Date.now() + deadlineMs;
  for (;;) {
    let reason: unknown;
    try {
      const value = await condition();
      if (value !== false && value !== undefined) return value;
    } catch (error) {
      reason = error;
    }
    if (Date.now() > deadline) throw new Error(`It did not come to be within ${deadlineMs} ms: ${condition.toString()}`, { cause: reason });
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
