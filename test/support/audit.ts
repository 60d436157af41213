import { main } from '../../src/auditor/cli.ts';

/** Runs `plimsoll-audit` in this process: its exit code, and what it says on standard output and on standard error. */
export async function audit(...args: readonly string[]): Promise<{ readonly exit: number; readonly out: string; readonly err: string }> {
  let out = '';
  let err = '';
  const exit = await main(
    args,
    (text) => (out += text),
    (text) => (err += text),
  );
  return { exit, out, err };
}
