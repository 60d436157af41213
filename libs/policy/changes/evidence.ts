import type { GateFacts } from '../sources.ts';

/** Why tests do not vouch for a release, as a sentence: an artifact without a passing report for its digest, or a suite that fails. */
export function testsProblem({
  artifacts,
  reports,
}: Pick<GateFacts, 'artifacts'> & {
  readonly reports: Readonly<Record<string, Readonly<Record<string, { readonly outcome: string }>>>>;
}): string | undefined {
  if (artifacts.length === 0) return 'There is nothing that could be tested.';
  const of = (digest: string): readonly { readonly outcome: string }[] => Object.values(reports[digest] ?? {});
  const failing = artifacts.filter((a) => of(a.digest).some((r) => r.outcome === 'fail')).map((a) => a.name);
  if (failing.length > 0) return `A suite of ${failing.join(', ')} fails.`;
  const untested = artifacts.filter((a) => !of(a.digest).some((r) => r.outcome === 'pass')).map((a) => a.name);
  return untested.length > 0 ? `No passing report names the digest of ${untested.join(', ')}.` : undefined;
}
