import { FOUR_EYES, type DutyAssignment, type SeparationRule } from '#libs/identity';
import type { GateFacts } from './sources.ts';

/** The duties that are kept apart for a release: who approves neither wrote, requested nor deploys it. */
export const RELEASE_DUTIES: readonly SeparationRule[] = [
  ...FOUR_EYES,
  { id: 'approver-is-not-deployer', duties: ['approver', 'deployer'] },
];

/** Who has taken which duty for a release, as its own streams say. */
export function dutiesOf(facts: GateFacts): readonly DutyAssignment[] {
  const { approval, refs } = facts;
  return [
    ...facts.authors.map((person): DutyAssignment => ({ person, duty: 'author', evidence: refs.release })),
    ...(approval.requester ? [{ person: approval.requester, duty: 'requester' as const, evidence: refs.approval }] : []),
    ...approval.approvers.map((person): DutyAssignment => ({ person, duty: 'approver', evidence: refs.approval })),
  ];
}
