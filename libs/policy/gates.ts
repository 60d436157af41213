import type { BuiltInGate, ChangeClass, DecisionReceipt, GateRule, GateVerdict, Verdict } from '#libs/contracts';
import { refuse, type Reason, type Refusal } from '#libs/event-sourcing';
import { conflicts, type DutyAssignment, type SeparationRule } from '#libs/identity';
import { waivedGates } from './bypass.ts';
import { judgeChange } from './changes/index.ts';
import { dutiesOf, RELEASE_DUTIES, separationRules } from './duties.ts';
import { countingApprovers, countingMembers, eligibleApprovers, unblockedByApproval } from './eligible.ts';
import { ENGINE, traitsOf } from './engines.ts';
import { changeClassOf, notFrozen } from './freezes.ts';
import { hashOf } from './hash.ts';
import { isExpression, type DecisionKind } from './judge-expressions.ts';
import { tallyVotes } from './quorum.ts';
import type { GateFacts } from './sources.ts';
import { tupleDifferences } from './tuple.ts';
import { unblockingOf } from './unblocking.ts';

/** Who wants the effect, and when: the rest of what gates judge. */
export interface GateRequest {
  /** Person who would deploy. */
  readonly deployer: string;
  /** Other persons who deployed earlier rounds of the same deployment: they hold that duty, too. */
  readonly deployedBefore?: readonly string[];
  /** ISO 8601, server time. */
  readonly now: string;
  /** The class that it was started as, where it was started and nothing of it has run. */
  readonly startedAs?: ChangeClass;
}

type Judge = (rule: GateRule, facts: GateFacts, request: GateRequest, kind: DecisionKind, advise: boolean) => Omit<GateVerdict, 'gate'>;

/** Every gate there is. A policy that names another one does not publish. */
const judges: Readonly<Record<BuiltInGate, Judge>> = {
  'artifacts-registered': (_rule, facts) => {
    const evidence = Object.values(facts.refs.artifacts);
    if (facts.artifacts.length === 0)
      return verdict('inconclusive', 'The release has no artifacts.', [facts.refs.release], 'Compose the release of artifacts.');
    const wrong = facts.artifacts.filter((a) => facts.registered[a.artifactId] !== a.digest);
    return wrong.length === 0
      ? verdict('pass', `All ${facts.artifacts.length} artifacts are registered with the release's digests.`, evidence)
      : verdict(
          'fail',
          `Not registered with this digest: ${wrong.map((a) => `${a.name}@${a.version}`).join(', ')}.`,
          evidence,
          'Register the artifacts.',
        );
  },

  'version-assigned': (_rule, facts) =>
    facts.version
      ? verdict('pass', `The release has version ${facts.version}.`, [facts.refs.versions])
      : verdict(
          'inconclusive',
          'The release has no version.',
          [facts.refs.versions],
          `Assign a version in the line of ${facts.product ?? 'its product'}.`,
        ),

  'tests-passed': (_rule, facts) => {
    const evidence = [facts.refs.reports];
    if (facts.artifacts.length === 0) return verdict('inconclusive', 'The release has no artifacts that could be tested.', evidence);
    const untested: string[] = [];
    const failing: string[] = [];
    for (const artifact of facts.artifacts) {
      const reports = Object.values(facts.reports[artifact.digest] ?? {});
      if (!reports.some((r) => r.outcome === 'pass')) untested.push(`${artifact.name}@${artifact.version}`);
      for (const report of reports) if (report.outcome === 'fail') failing.push(`${report.suite} of ${artifact.name}@${artifact.version}`);
    }
    if (failing.length > 0)
      return verdict('fail', `Failing: ${failing.join(', ')}.`, evidence, 'Record a newer report of the suite that passes.');
    if (untested.length > 0) {
      return verdict(
        'inconclusive',
        `No passing test report names the digest of ${untested.join(', ')}.`,
        evidence,
        'Record a test report for that digest.',
      );
    }
    return verdict('pass', 'Every artifact has a passing test report for its digest, and no suite fails.', evidence);
  },

  approved: (rule, facts, request) => {
    const asked = rule.gate === 'approved' ? rule : { quorum: 1 };
    const { approval } = facts;
    const { refs } = facts;
    const evidence = [
      refs.approval,
      ...Object.values(refs.groups ?? {}),
      ...Object.values(refs.persons ?? {}),
      ...Object.values(refs.grants ?? {}),
      ...(refs.ownership ? [refs.ownership] : []),
    ];
    if (!approval.tuple)
      return verdict('inconclusive', 'No approval was requested.', evidence, `Request an approval for ${facts.environment}.`);
    if (approval.closed) return verdict('fail', `The approval was ${approval.closed}.`, evidence, 'Request a new approval.');
    const differences = tupleDifferences(approval.tuple, facts);
    if (differences.length > 0) return verdict('stale', differences.join(' '), evidence, 'Request a new approval for what is there now.');
    if (request.now >= approval.tuple.expiresAt) {
      return verdict('stale', `The approval expired at ${approval.tuple.expiresAt}.`, evidence, 'Request a new approval.');
    }
    const { needed, missing, groups } = tallyVotes(countingApprovers(facts), asked, countingMembers(facts));
    const counted = `${needed - missing} of ${needed} persons approved`;
    const byGroup = groups.map((g) => `${g.persons.length} of ${g.quorum} of group ${g.group}`);
    const gone = facts.left ? ` Approvals of who has left since count no more: ${facts.left.join(', ')}.` : '';
    const detail = `${[counted, ...byGroup].join(', ')}.${gone}${lapsedSince(facts)}`;
    // Who still could is reckoned only where it takes somebody.
    return missing === 0
      ? verdict('pass', detail, evidence)
      : verdict('inconclusive', detail, evidence, unblockedByApproval(eligibleApprovers(facts, asked, request.deployer)));
  },
  'change-approved': (_rule, facts, request) => judgeChange(facts, request),

  'duties-separated': (rule, facts, request) => {
    const { refs, testers } = facts;
    const evidence = [
      refs.approval,
      refs.release,
      ...Object.values(refs.artifacts),
      ...refs.accounts,
      ...(testers ? [refs.reports, refs.policy] : []),
    ];
    const rules = separationRules([rule]);
    const violations = conflicts([...dutiesOf(facts), ...deployersOf(request)], rules);
    return violations.length === 0
      ? verdict('pass', testers ? separated(rules) : 'Nobody who approved wrote, requested or would deploy it.', evidence)
      : verdict(
          'fail',
          `One person holds duties that are kept apart: ${violations.map((v) => `${v.person} is ${v.duties.join(' and ')}`).join('; ')}.`,
          evidence,
          'Let somebody else deploy, or request a new approval by others.',
        );
  },

  'not-frozen': (_rule, facts, request, kind, advise) => {
    const { refs } = facts;
    const changeClass = changeClassOf(facts, kind, request.startedAs);
    const { open, detail, unblockedBy } = notFrozen(facts, request.now, changeClass, advise);
    return verdict(
      open ? 'pass' : 'fail',
      `A change of class ${changeClass}: ${detail}`,
      [
        refs.calendars ?? refs.environment,
        `tzdata:${facts.tzdata ?? 'none'}`,
        ...(facts.counted && kind !== 'rollback' ? [...Object.values(refs.change ?? {}), ...(refs.bypass ? [refs.bypass] : [])] : []),
      ],
      unblockedBy,
    );
  },

  'rollback-target-ran': (_rule, facts) =>
    facts.ranBefore
      ? verdict('pass', `The release ran in ${facts.environment} before.`, [facts.refs.environment])
      : verdict(
          'fail',
          `The release never ran in ${facts.environment}.`,
          [facts.refs.environment],
          'Roll back to a release that ran there.',
        ),
};

/** Why approvals that were given count no more, or not for a group, though who gave them is there. */
function lapsedSince(facts: GateFacts): string {
  const { unentitled, expelled = {}, approval } = facts;
  const revoked = unentitled ? [`Approvals given in a role that was revoked since count no more: ${unentitled.join(', ')}.`] : [];
  const out = Object.entries(expelled).flatMap(([group, persons]) => {
    const voted = persons.filter((person) => approval.approvers.includes(person));
    return voted.length > 0 ? [`For group ${group} these do not count, having been out of it since: ${voted.join(', ')}.`] : [];
  });
  return [...revoked, ...out].map((said) => ` ${said}`).join('');
}

function separated(rules: readonly SeparationRule[]): string {
  const own = rules.slice(RELEASE_DUTIES.length).map((rule) => rule.id);
  const besides = own.length > 0 ? ` The policy's own rules hold: ${own.join(', ')}.` : '';
  return `Nobody who approved wrote, requested, tested or would deploy it, or published its policy.${besides}`;
}

export const gateNames = Object.keys(judges) as readonly BuiltInGate[];

/** A gate of the policy's own was evaluated before, where time and memory are bounded; here is what was found. */
function judge(rule: GateRule, facts: GateFacts, request: GateRequest, kind: DecisionKind, advise: boolean): Omit<GateVerdict, 'gate'> {
  if (!isExpression(rule)) return judges[rule.gate](rule, facts, request, kind, advise);
  const found = facts.expressions?.[rule.gate];
  const evidence = [
    facts.refs.policy,
    facts.refs.release,
    facts.refs.environment,
    facts.refs.approval,
    facts.refs.reports,
    facts.refs.versions,
  ];
  if (found?.verdict === 'pass') return verdict('pass', `It holds: ${rule.expression}`, evidence);
  const said = found ? (found.why ?? `It does not hold: ${rule.expression}`) : 'It was not evaluated.';
  const opens = found?.opensAt ? `By itself at ${found.opensAt}.` : undefined;
  return verdict(found?.verdict ?? 'inconclusive', said, evidence, [rule.unblockedBy, opens].filter(Boolean).join(' ') || undefined);
}
/** A freeze holds where it was declared, whether or not a policy thought of naming the gate. */
function withFreezes(rules: readonly GateRule[], facts: GateFacts): readonly GateRule[] {
  return facts.calendars && !rules.some((r) => r.gate === 'not-frozen') ? [...rules, { gate: 'not-frozen' }] : rules;
}

/** What every gate that counts says, and whether all of it lets the decision pass. */
export interface Judgement {
  readonly rules: readonly GateRule[];
  /** One of each rule, in their order. */
  readonly gates: readonly GateVerdict[];
  readonly passes: boolean;
}

/**
 * Judges the policy's gates on the facts; `evaluateGates` makes a receipt of it. Pure.
 * An environment without a published policy, or a release without a plan for it, never passes: absence is not success.
 *
 * @param advise false where nobody asks when a freeze ends: looking for that takes longer than all the rest
 */
export function judgeGates(facts: GateFacts, request: GateRequest, kind: DecisionKind = 'deployment', advise = true): Judgement {
  const rules = withFreezes(kind === 'rollback' ? facts.policy.rollbackGates : facts.policy.gates, facts);
  // A rollback has gates of its own, and no bypass.
  const waived = kind === 'rollback' ? [] : waivedGates(facts, request.now);
  const gates = rules.map((rule): GateVerdict => {
    const judged = judge(rule, facts, request, kind, advise);
    const waivedBy = judged.verdict !== 'pass' && waived.includes(rule.gate) ? facts.bypass?.id : undefined;
    return { gate: rule.gate, ...judged, ...(waivedBy ? { waivedBy } : {}) };
  });
  return { rules, gates, passes: facts.policy.version > 0 && facts.plan !== undefined && gates.every(letsPass) };
}

/**
 * The receipt of a decision. Pure: the same facts and request give the same receipt, byte for byte (principle 2).
 *
 * @param engine as which to judge: the one that the facts were read for, see `ENGINES`
 */
export function evaluateGates(
  facts: GateFacts,
  { deployer, deployedBefore = [], now, startedAs }: GateRequest,
  kind: DecisionKind = 'deployment',
  engine: string = ENGINE,
): DecisionReceipt {
  // Nobody before is nothing that was asked: the receipt of a first round is as it was before there were others.
  const request: GateRequest = {
    deployer,
    ...(deployedBefore.length > 0 ? { deployedBefore } : {}),
    now,
    ...(startedAs === undefined ? {} : { startedAs }),
  };
  const { rules, gates, passes } = judgeGates(facts, request, kind);
  const waitsAs = startedAs === undefined ? undefined : changeClassOf(facts, kind, startedAs);
  const unblocking = passes ? [] : unblockingOf(rules, gates, facts, request.now, waitsAs, traitsOf(engine).reckonsCounting);
  const { releaseId, environment } = facts;
  return {
    engine,
    subject: {
      releaseId,
      environment,
      kind,
      deployer,
      ...(request.deployedBefore ? { deployedBefore } : {}),
      ...(facts.bypass ? { bypassId: facts.bypass.id } : {}),
      ...(request.startedAs === undefined ? {} : { startedAs: request.startedAs }),
    },
    policyId: facts.policy.id,
    policyVersion: facts.policy.version,
    evaluatedAt: request.now,
    ...(facts.risk ? { risk: facts.risk } : {}),
    inputs: [...new Set([...Object.values(facts.refs).flatMap((ref) => (typeof ref === 'string' ? [ref] : Object.values(ref)))])].sort(),
    factsHash: hashOf({ facts, request, kind }),
    gates,
    verdict: passes ? 'pass' : 'fail',
    ...(unblocking.length > 0 ? { unblocking } : {}),
  };
}

/** A gate that passes, or that a bypass waives although it does not. */
export function letsPass(gate: GateVerdict): boolean {
  return gate.verdict === 'pass' || gate.waivedBy !== undefined;
}

/** The refusal that names every gate that does not pass, and what would unblock each; what is unblocked soonest comes first. */
export function gatesRefusal(receipt: DecisionReceipt, facts: GateFacts): Refusal {
  const soonest = (receipt.unblocking ?? []).map((u) => u.gate);
  const reasons: Reason[] = receipt.gates
    .filter((g) => !letsPass(g))
    .sort((a, b) => soonest.indexOf(a.gate) - soonest.indexOf(b.gate))
    .map((g) => ({
      code: `gate-${g.gate}-${g.verdict}`,
      detail: g.detail,
      evidence: g.evidence,
      ...(g.unblockedBy ? { unblockedBy: g.unblockedBy } : {}),
    }));
  if (receipt.policyVersion === 0) {
    reasons.unshift({
      code: 'no-policy',
      detail: facts.environmentClass
        ? `Policy ${facts.policy.id} of ${facts.environment} is not published.`
        : `There is no environment ${facts.environment}.`,
      evidence: [facts.refs.environment, facts.refs.policy],
      unblockedBy: facts.environmentClass ? `Publish policy ${facts.policy.id}.` : `Define environment ${facts.environment}.`,
    });
  }
  if (!facts.plan) {
    reasons.unshift({
      code: 'no-plan',
      detail: `The release has no plan for ${facts.environment}.`,
      evidence: [facts.refs.release],
      unblockedBy: `Plan the release for ${facts.environment}.`,
    });
  }
  const failing = reasons.length;
  // Time alone opens what only a freeze closes: that is another answer than a gate which somebody must see to.
  const frozen = failing === 1 && receipt.gates.some((g) => g.gate === 'not-frozen' && !letsPass(g));
  const said = `${failing} ${failing === 1 ? 'gate does' : 'gates do'} not pass for ${facts.environment}.`;
  const refusal = frozen
    ? refuse('frozen', 'frozen', `${facts.environment} is closed to this change now. ${reasons[0]?.detail ?? ''}`, reasons)
    : refuse('gate', 'gates-not-passed', said, reasons);
  const opensAt = frozen ? receipt.unblocking?.find((u) => u.gate === 'not-frozen')?.at : undefined;
  // Rounded up: whoever comes back then comes no moment too soon.
  const seconds = opensAt === undefined ? undefined : Math.ceil((Date.parse(opensAt) - Date.parse(receipt.evaluatedAt)) / 1000);
  return { ...refusal, receipt, ...(seconds === undefined ? {} : { retryAfterSeconds: seconds }) };
}

function deployersOf({ deployer, deployedBefore = [] }: GateRequest): readonly DutyAssignment[] {
  return [
    { person: deployer, duty: 'deployer', evidence: 'this-request' },
    ...deployedBefore.map((person) => ({ person, duty: 'deployer' as const, evidence: 'earlier-round' })),
  ];
}

function verdict(value: Verdict, detail: string, evidence: readonly string[], unblockedBy?: string): Omit<GateVerdict, 'gate'> {
  return { verdict: value, detail, evidence: [...evidence].sort(), ...(unblockedBy ? { unblockedBy } : {}) };
}
