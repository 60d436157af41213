import type { GateRule } from '#libs/contracts';
import { FOUR_EYES, type DutyAssignment, type SeparationRule } from '#libs/identity';
import type { GateFacts } from './sources.ts';

/** The duties that are kept apart for every release: who approves neither wrote, requested, tested nor deploys it, nor wrote its policy. */
export const RELEASE_DUTIES: readonly SeparationRule[] = [
  ...FOUR_EYES,
  { id: 'approver-is-not-deployer', duties: ['approver', 'deployer'] },
];

/** What is kept apart everywhere, and what the policy keeps apart besides: a policy adds, it never takes away. */
export function separationRules(gates: readonly GateRule[]): readonly SeparationRule[] {
  return [...RELEASE_DUTIES, ...gates.flatMap((rule) => (rule.gate === 'duties-separated' ? (rule.apart ?? []) : []))];
}

/** Who has taken which duty for a release, as its own streams say. */
export function dutiesOf(facts: GateFacts): readonly DutyAssignment[] {
  const { approval, refs, testers = [], policyEditor } = facts;
  return [
    ...facts.authors.map((person): DutyAssignment => ({ person, duty: 'author', evidence: refs.release })),
    ...(approval.requester ? [{ person: approval.requester, duty: 'requester' as const, evidence: refs.approval }] : []),
    ...testers.map((person): DutyAssignment => ({ person, duty: 'tester', evidence: refs.reports })),
    ...approval.approvers.map((person): DutyAssignment => ({ person, duty: 'approver', evidence: refs.approval })),
    ...(policyEditor ? [{ person: policyEditor, duty: 'policy-editor' as const, evidence: refs.policy }] : []),
  ];
}
