import type { DecisionReceipt, GateRule, GateVerdict, ReleaseArtifact } from '#libs/contracts';
import { conflicts, type DutyAssignment, type SeparationRule } from '#libs/identity';
import { separationRules, tallyRecorded, type QuorumRule } from '#libs/policy';
import { decisiveVote, type Round } from './approvals.ts';
import type { KnownBypass } from './bypasses.ts';
import { lapsesOf, type JudgedVote } from './counted.ts';
import type { ChangeTest, ControlQuestion, Judged, Written } from './report.ts';

/** What was on record at the moment at which a change was started. */
export interface AtStart {
  readonly kind: 'deployment' | 'rollback';
  readonly releaseId: string;
  readonly environment: string;
  readonly started: Written;
  readonly deployer: string;
  readonly artifacts: readonly ReleaseArtifact[];
  readonly planHash: string;
  /** Digests, plan and expiry of the tuple that the deployment names; absent where it names none. */
  readonly tuple:
    | {
        readonly releaseId: string;
        readonly environment: string;
        readonly artifactDigests: readonly string[];
        readonly planHash: string;
        readonly policyId: string;
        readonly policyVersion: number;
        readonly expiresAt: string;
      }
    | undefined;
  /** The round of approval with exactly this tuple. */
  readonly round: Round | undefined;
  /** Its votes that nobody had taken back, by the persons that the accounts were known to be then, with whether they counted. */
  readonly votes: readonly JudgedVote[];
  readonly bypass: KnownBypass | undefined;
  readonly receipt: DecisionReceipt;
  /** The gates that the policy version of the receipt asks for; undefined where that version is not on record. */
  readonly rules: readonly GateRule[] | undefined;
  /** The policy that governs the environment, and its version in force, by the log. */
  readonly governing: { readonly id: string; readonly version: number | undefined; readonly refs: readonly string[] } | undefined;
  /** Persons known then to have written it, and where that is written. */
  readonly authors: readonly string[];
  readonly authorRefs: readonly string[];
  /** Who had which duty, as was known then; those that the engine of the decision looked at. */
  readonly duties: readonly DutyAssignment[];
  /** The newest report of each suite for each artifact. */
  readonly tests: readonly ChangeTest[];
}

type Question = Extract<
  ControlQuestion,
  | 'requested'
  | 'approved-before-deployment'
  | 'approved-digest-deployed'
  | 'approved-plan-deployed'
  | 'authors-known'
  | 'duties-separated'
  | 'tested'
  | 'policy-in-force'
>;

// One shape for all, with its members in the order of canonical JSON: there are some hundred thousand of them.
export const yes = (evidence: readonly string[], reason?: string): Judged => ({ evidence, reason, unknowable: undefined, verdict: 'yes' });
export const no = (reason: string, evidence: readonly string[] = []): Judged => ({
  evidence,
  reason,
  unknowable: undefined,
  verdict: 'no',
});
export const unknowable = (reason: string, evidence: readonly string[] = []): Judged => ({
  evidence,
  reason,
  unknowable: true,
  verdict: 'no',
});
export const exception = (reason: string, evidence: readonly string[] = []): Judged => ({
  evidence,
  reason,
  unknowable: undefined,
  verdict: 'exception',
});

/** What is answered by what was on record at the start. Pure. */
export const startQuestions: { readonly [Q in Question]: (at: AtStart) => Judged } = {
  requested: (at) => {
    const { round, bypass } = at;
    if (round) return yes([round.requested.ref]);
    if (bypass) return exception(`Nobody asked for an approval; ${bypass.data.requester} asked for the bypass.`, [bypass.requested.ref]);
    if (at.kind === 'rollback') return exception(`A rollback: ${at.deployer} asked for it by starting it.`, [at.started.ref]);
    return asks(at, 'approved')
      ? no('No request for it is on record.')
      : exception(`${policyOf(at)} asks for no approval, so nobody had to ask.`, policyRefs(at));
  },

  'approved-before-deployment': (at) => {
    const { round, tuple } = at;
    const waived = waiverOf(at, 'approved');
    if (waived) return exception(waived, bypassRefs(at));
    if (!asks(at, 'approved')) return exception(`${policyOf(at)} asks for no approval.`, policyRefs(at));
    if (!tuple) return no('The policy asks for an approval, and the deployment names none.', [at.started.ref]);
    if (!round) return no('Nobody was asked to approve what was deployed.', [at.started.ref]);
    const evidence = [round.requested.ref, ...round.votes.map((v) => v.ref)];
    if (tuple.releaseId !== at.releaseId || tuple.environment !== at.environment)
      return no(`The approval is of release ${tuple.releaseId} for ${tuple.environment}.`, evidence);
    if (tuple.policyId !== at.receipt.policyId || tuple.policyVersion !== at.receipt.policyVersion)
      return no(`The approval was given under policy ${tuple.policyId} version ${tuple.policyVersion}.`, evidence);
    if (round.closed) return no(`The approval had been ${round.closed.how}.`, [...evidence, round.closed.ref]);
    if (at.started.at >= tuple.expiresAt) return no(`The approval had expired at ${tuple.expiresAt}.`, evidence);
    const { needed, missing } = tallyRecorded(countingOf(at), quorumOf(at.rules, round));
    if (missing === 0) return yes(evidence);
    const refs = at.votes.flatMap(({ lapsed }) => lapsed.flatMap(({ ref }) => ref ?? []));
    const said = `${needed - missing} of ${needed} persons had approved it when it was started.`;
    return no([said, ...lapsesOf(at.votes)].join(' '), [...new Set([...evidence, ...refs])]);
  },

  'approved-digest-deployed': (at) => {
    const deployed = digestsOf(at.artifacts);
    return boundTo(at, 'digests', deployed.join(', '), (bound) => [...bound.artifactDigests].sort().join(', '));
  },

  'approved-plan-deployed': (at) => boundTo(at, 'plan', at.planHash, (bound) => bound.planHash),

  'authors-known': ({ authors, authorRefs }) =>
    authors.length > 0 ? yes(authorRefs) : unknowable('Neither the release nor any of its artifacts says who wrote it.', authorRefs),

  'duties-separated': (at) => {
    const { round, authors, authorRefs, started, duties, rules } = at;
    if (!round || round.votes.length === 0) {
      return waiverOf(at, 'approved') !== undefined || !asks(at, 'approved')
        ? exception('There was no approver whose duties could be kept apart from others.', policyRefs(at))
        : no('Nobody had approved it, so nobody else than its authors and its deployer had a part in it.', [started.ref]);
    }
    const found = violationsOf(duties, rules);
    if (typeof found === 'string') return unknowable(found, [started.ref]);
    if (found.length > 0) return notSeparated(found);
    if (authors.length === 0) return unknowable('It is not on record who wrote it, so nobody can be shown not to have.', authorRefs);
    return yes([...new Set([...authorRefs, ...duties.map((d) => d.evidence)])]);
  },

  tested: (at) => {
    const evidence = at.tests.map((t) => t.ref);
    const failing = at.tests.filter((t) => t.outcome === 'fail');
    if (failing.length > 0)
      return no(
        `Failing when it was started: ${failing.map((t) => t.suite).join(', ')}.`,
        failing.map((t) => t.ref),
      );
    const untested = at.artifacts.filter(({ digest }) => !at.tests.some((t) => t.artifactDigest === digest && t.outcome === 'pass'));
    if (at.artifacts.length > 0 && untested.length === 0) return yes(evidence);
    const lacking =
      at.artifacts.length === 0
        ? 'It has no artifact that could be tested.'
        : `No passing report names the digest of ${untested.map((a) => `${a.name}@${a.version}`).join(', ')}.`;
    const waived = waiverOf(at, 'tests-passed');
    if (waived) return exception(`${waived} ${lacking}`, [...bypassRefs(at), ...evidence]);
    return asks(at, 'tests-passed')
      ? no(lacking, evidence)
      : exception(`${policyOf(at)} asks for no tests. ${lacking}`, [...policyRefs(at), ...evidence]);
  },

  'policy-in-force': (at) => {
    const { governing, receipt } = at;
    if (!governing) return no(`Nobody had defined ${at.environment}: no policy governed it.`);
    if (governing.id !== receipt.policyId)
      return no(`${at.environment} was governed by policy ${governing.id}; it was judged by ${receipt.policyId}.`, governing.refs);
    if (governing.version === undefined) return no(`No version of policy ${governing.id} was in force.`, governing.refs);
    return governing.version === receipt.policyVersion
      ? yes(governing.refs)
      : no(
          `Version ${governing.version} of policy ${governing.id} was in force; it was judged by ${receipt.policyVersion}.`,
          governing.refs,
        );
  },
};

/** Duties held together that are kept apart by the policy; or why that can't be said. */
export function notSeparated(found: ReturnType<typeof conflicts>): Judged {
  return no(found.map((v) => `${v.person} was ${v.duties.join(' and ')}.`).join(' '), [...new Set(found.flatMap((v) => v.evidence))]);
}

export function violationsOf(
  duties: readonly DutyAssignment[],
  rules: readonly GateRule[] | undefined,
): ReturnType<typeof conflicts> | string {
  return violationsAgainst(duties, separationRules(rules ?? []));
}

/** The same by rules of separation. */
export function violationsAgainst(
  duties: readonly DutyAssignment[],
  rules: readonly SeparationRule[],
): ReturnType<typeof conflicts> | string {
  try {
    return conflicts(duties, rules);
  } catch (error) {
    // Somebody who can't be named can't be shown to be somebody else.
    return error instanceof Error ? error.message : String(error);
  }
}

/** Sorted, each once. */
export function digestsOf(artifacts: readonly ReleaseArtifact[]): readonly string[] {
  return [...new Set(artifacts.map((a) => a.digest))].sort();
}

/** Whether what was deployed is what was approved; under a bypass, what the bypass was given for. */
function boundTo(
  at: AtStart,
  what: 'digests' | 'plan',
  deployed: string,
  of: (bound: { readonly artifactDigests: readonly string[]; readonly planHash: string }) => string,
): Judged {
  const differ = (by: string, approved: string): string => `${by} ${what} ${approved}; deployed was ${deployed}.`;
  const waived = waiverOf(at, 'approved');
  if (waived && at.bypass) {
    const bound = of(at.bypass.data.tuple);
    return bound === deployed
      ? exception(`${waived} The bypass was given for exactly these ${what}.`, bypassRefs(at))
      : no(differ('The bypass was given for', bound), bypassRefs(at));
  }
  if (at.tuple) {
    const approved = of(at.tuple);
    const evidence = [...(at.round ? [at.round.requested.ref] : []), at.started.ref];
    return approved === deployed ? yes(evidence) : no(differ('Approved were', approved), evidence);
  }
  return asks(at, 'approved')
    ? no(`Nothing says which ${what} were approved.`, [at.started.ref])
    : exception(`${policyOf(at)} asks for no approval: there are no approved ${what}.`, policyRefs(at));
}

/** Whether the policy asks for a gate; where its text is not on record, whether the receipt judged it. */
export function asks({ rules, receipt }: AtStart, gate: GateVerdict['gate']): boolean {
  return (rules ?? receipt.gates).some((g) => g.gate === gate) || receipt.gates.some((g) => g.gate === gate);
}

/** As the policy has it, where that is on record; else as it was asked for. */
export function quorumOf(rules: AtStart['rules'], round: Round): QuorumRule {
  const rule = rules?.find((r) => r.gate === 'approved');
  return rule?.gate === 'approved' ? rule : round;
}

function countingOf({ votes }: AtStart): readonly JudgedVote[] {
  return votes.filter(({ counted }) => counted);
}

/** When the last approval came that it took. */
export function approvedAt(at: AtStart): Written | undefined {
  if (!at.round) return undefined;
  const vote = decisiveVote(countingOf(at), quorumOf(at.rules, at.round));
  return vote && { at: vote.at, ref: vote.ref, sequence: vote.sequence };
}

/** That a bypass waived a gate for this change, as a sentence. */
export function waiverOf({ receipt }: AtStart, gate: GateVerdict['gate']): string | undefined {
  const waived = receipt.gates.find((g) => g.gate === gate && g.waivedBy !== undefined);
  return waived && `Bypass ${waived.waivedBy ?? ''} waived ${gate}.`;
}

function bypassRefs({ bypass, started }: AtStart): readonly string[] {
  return bypass ? [bypass.requested.ref, started.ref] : [started.ref];
}

export function policyRefs({ governing, started }: AtStart): readonly string[] {
  return governing && governing.refs.length > 0 ? governing.refs : [started.ref];
}

export function policyOf({ receipt, kind }: AtStart): string {
  return `Policy ${receipt.policyId} version ${receipt.policyVersion}${kind === 'rollback' ? ', for rollbacks,' : ''}`;
}
