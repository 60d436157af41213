import {
  approverDeploys,
  authorApproves,
  editedAfterApproval,
  loosenedByDefinition,
  loosenedByProposer,
  programApproves,
  replayedOnAnotherDigest,
  selfApproval,
  selfGrantedRole,
} from './approval-scenarios.ts';
import type { Edit } from './build.ts';
import { actorFromOutside, deployedInsideFreeze, forgedToken, keyReused, launderedDeployment } from './edge-scenarios.ts';
import { forkCosigned, freezeRaced, rollbackSigned } from './log-scenarios.ts';
import type { Scenario } from './scenario.ts';

/** One check, and the attack that it keeps out. */
export interface Weakening {
  /** What the attacker does. */
  readonly attack: string;
  /** What the weakened build does not do any more. */
  readonly without: string;
  readonly edits: readonly Edit[];
  readonly scenario: Scenario;
}

/** Takes out what is there exactly once. */
const removed = (file: string, find: string, replace = ''): Edit => ({ file, find, replace });

/** The attacks that matter most. Each is shown to succeed on the product without the one check that keeps it out. */
export const weakenings: readonly Weakening[] = [
  {
    attack: 'self-approval: who requested it approves it',
    without: 'the rule that keeps the approver apart from the requester',
    edits: [removed('libs/identity/duties.ts', "  { id: 'approver-is-not-requester', duties: ['requester', 'approver'] },\n")],
    scenario: selfApproval,
  },
  {
    attack: 'the author approves',
    without: 'the rule that keeps the approver apart from authors, committers and co-authors',
    edits: [
      removed(
        'libs/identity/duties.ts',
        "  { id: 'approver-is-not-author', duties: [['author', 'committer', 'co-author'], 'approver'] },\n",
      ),
    ],
    scenario: authorApproves,
  },
  {
    attack: 'a service account approves',
    without: 'the policy that programs approve nothing, whatever roles they have',
    edits: [
      removed('libs/authorization/policy-set.ts', 'when { principal.bot || principal.roles.contains("service") };', 'when { false };'),
    ],
    scenario: programApproves,
  },
  {
    attack: 'the approver deploys',
    without: 'the rule that keeps the approver apart from the deployer',
    edits: [removed('libs/policy/duties.ts', "  { id: 'approver-is-not-deployer', duties: ['approver', 'deployer'] },\n")],
    scenario: approverDeploys,
  },
  {
    attack: 'an approval replayed on another digest',
    without: 'the comparison of the digests that were approved with those that are there',
    edits: [
      removed(
        'libs/policy/tuple.ts',
        "  if (approved.artifactDigests.join() !== now.artifactDigests.join()) differences.push('The artifacts of the release have changed since.');\n",
      ),
    ],
    scenario: replayedOnAnotherDigest,
  },
  {
    attack: 'an edit of the plan after the approval',
    without: 'the comparison of the plan that was approved with the one that is there',
    edits: [
      removed(
        'libs/policy/tuple.ts',
        "  if (approved.planHash !== now.planHash) differences.push('The deployment plan has changed since.');\n",
      ),
    ],
    scenario: editedAfterApproval,
  },
  {
    attack: 'a role that somebody grants herself',
    without: 'the refusal of a confirmation by who asked or would hold the role',
    edits: [
      removed('src/governance/role/request-role.ts', 'if (isFirstHand(meta.actor, facts, asked.requestedBy, target)) {', 'if (false) {'),
    ],
    scenario: selfGrantedRole,
  },
  {
    attack: 'an environment that one person gives a laxer policy',
    without: 'the refusal of a definition by one person that takes another policy or fewer regimes',
    edits: [removed('src/environments/environment/define-environment.ts', 'if (looser.length > 0)', 'if (false)')],
    scenario: loosenedByDefinition,
  },
  {
    attack: 'a laxer policy that its proposer confirms',
    without: 'the refusal of a confirmation by who proposed the change of an environment',
    edits: [
      removed(
        'src/environments/environment/propose-environment-change.ts',
        'if (isFirstHand(meta.actor, facts, proposedBy)) {',
        'if (false) {',
      ),
    ],
    scenario: loosenedByProposer,
  },
  {
    attack: 'an actor in body, query or header',
    without: 'the rule that the actor comes out of the token alone: this build also believes a header',
    edits: [
      removed(
        'libs/http/meta.ts',
        'actor: { person, principal, roles },',
        "actor: { person: headerOf(request, 'x-actor') ?? person, principal, roles },",
      ),
    ],
    scenario: actorFromOutside,
  },
  {
    attack: 'approved before a freeze and deployed inside',
    without: 'what the calendars say at the time of the decision',
    edits: [
      removed(
        'libs/policy/freezes.ts',
        'const { open, blocks, windows } = opennessAt(calendars, target, at);',
        'const { open, blocks, windows } = { ...opennessAt(calendars, target, at), open: true };',
      ),
    ],
    scenario: deployedInsideFreeze,
  },
  {
    attack: 'a freeze raced by a deployment',
    without: 'the second look at the calendars, before the first step',
    edits: [removed('src/deployments/deployment/run-step.ts', 'if (frozen) {', 'if (false) {')],
    scenario: freezeRaced,
  },
  {
    attack: 'a forged token',
    without: 'the check of the signature, and of the algorithm that the header names',
    edits: [
      removed(
        'libs/identity/token-verifier.ts',
        "if (typeof alg !== 'string' || !(ALGORITHMS as readonly string[]).includes(alg)) {",
        'if (false) {',
      ),
      removed(
        'libs/identity/token-verifier.ts',
        'const { payload } = await jwtVerify(token, keys, {',
        'const { payload } = await (async (..._unlooked: unknown[]) => ({ payload: claims as Record<string, any> }))(token, keys, {',
      ),
    ],
    scenario: forgedToken,
  },
  {
    attack: 'a deployment without approval that arrives as an event',
    without: 'the comparison of what is reported with what we have deployed',
    edits: [removed('src/environments/environment/report-running-version.ts', 'if (violation) {', 'if (false) {')],
    scenario: launderedDeployment,
  },
  {
    attack: 'a ledger that was put back and is signed on',
    without: 'the proof that the tree goes on from everything that was signed',
    edits: [removed('src/ledger/checkpoint-signer.ts', 'for (const before of signed) await mustGoOnFrom(client, before, tree);\n')],
    scenario: rollbackSigned,
  },
  {
    attack: 'a forked checkpoint that a witness cosigns',
    without: 'the proof that the checkpoint goes on from the one that the witness has seen',
    edits: [
      removed(
        'libs/ledger/witness.ts',
        'if (verifyConsistency(seenSize, size, seen!.root, root, proof)) return undefined;',
        'return undefined;',
      ),
    ],
    scenario: forkCosigned,
  },
  {
    attack: 'an idempotency key used for another request',
    without: 'the comparison of the request with the one that the key belongs to',
    edits: [removed('libs/http/idempotency-store.ts', "      if (!row.request_hash.equals(requestHash)) return { state: 'reused' };\n")],
    scenario: keyReused,
  },
];
