import type { ApprovalTuple } from '#libs/contracts';
import { hashOf } from './hash.ts';
import type { GateFacts } from './sources.ts';

/** The tuple that an approval of this release for this environment would bind today (principle 3). */
export function tupleOf(facts: GateFacts, expiresAt: string): ApprovalTuple {
  return {
    releaseId: facts.releaseId,
    artifactDigests: facts.artifacts.map((a) => a.digest).sort(),
    environment: facts.environment,
    planHash: facts.plan?.planHash ?? 'unplanned',
    policyId: facts.policy.id,
    policyVersion: facts.policy.version,
    expiresAt,
    ...(facts.environmentClass ? { environmentClass: facts.environmentClass } : {}),
    regimes: [...(facts.regimes ?? [])].sort(),
  };
}

/** SHA-256 (hex) over the tuple's canonical JSON. */
export function tupleHashOf(tuple: ApprovalTuple): string {
  return hashOf(tuple);
}

/** What differs between an approved tuple and the facts of now, each as a sentence; empty where nothing does. */
export function tupleDifferences(approved: ApprovalTuple, facts: GateFacts): readonly string[] {
  const now = tupleOf(facts, approved.expiresAt);
  const differences: string[] = [];
  if (approved.releaseId !== now.releaseId) differences.push(`It was given for release ${approved.releaseId}, this is ${now.releaseId}.`);
  if (approved.environment !== now.environment) differences.push(`It was given for ${approved.environment}, this is ${now.environment}.`);
  if (approved.artifactDigests.join() !== now.artifactDigests.join()) differences.push('The artifacts of the release have changed since.');
  if (approved.planHash !== now.planHash) differences.push('The deployment plan has changed since.');
  if (approved.policyId !== now.policyId || approved.policyVersion !== now.policyVersion) {
    differences.push(
      `The policy is now ${now.policyId} version ${now.policyVersion}, not ${approved.policyId} version ${approved.policyVersion}.`,
    );
  }
  // An older tuple says nothing of these, and is held to none.
  if (approved.environmentClass !== undefined && approved.environmentClass !== now.environmentClass) {
    differences.push(`${now.environment} is now of class ${now.environmentClass ?? 'none'}, not ${approved.environmentClass}.`);
  }
  if (approved.regimes && approved.regimes.join() !== now.regimes?.join()) {
    const said = (regimes: readonly string[] = []) => regimes.join(', ') || 'no regime';
    differences.push(`${now.environment} is now under ${said(now.regimes)}, not under ${said(approved.regimes)}.`);
  }
  return differences;
}
