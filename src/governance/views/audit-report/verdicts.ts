import { conflicts, defaultPersonId, type DutyAssignment } from '#libs/identity';
import { handsAmong, hashOf, RELEASE_DUTIES, tallyRecorded, traitsThen } from '#libs/policy';
import type { ReportedApproval, ReportedDeployment, ReportFacts } from './report.ts';

/** Never blank: `exception` says that the question does not arise as usual, and the reason says why. */
export type Answer = 'yes' | 'no' | 'exception';

export interface Judged {
  readonly verdict: Answer;
  readonly reason: string;
}

/** The worst answer of all deployments of the release that were confirmed, and each one's. */
export interface ReportVerdict extends Judged {
  readonly deployments: readonly (Judged & { readonly deploymentId: string; readonly environment: string })[];
}

/** What an auditor asks of every change. */
export interface Verdicts {
  readonly approvalBeforeDeployment: ReportVerdict;
  readonly approvedDigestsEqualDeployed: ReportVerdict;
  readonly dutiesSeparated: ReportVerdict;
  readonly testEvidence: ReportVerdict;
}

type Judge = (deployment: ReportedDeployment, facts: ReportFacts) => Judged;

/** Judged from the facts of the report alone; pure. */
export function verdictsOf(facts: ReportFacts): Verdicts {
  return {
    approvalBeforeDeployment: judge(facts, approvalBeforeDeployment),
    approvedDigestsEqualDeployed: judge(facts, approvedDigestsEqualDeployed),
    dutiesSeparated: judge(facts, dutiesSeparated),
    testEvidence: judge(facts, testEvidence),
  };
}

/** One word for a report: no where anything is no, exception where anything is that, else yes. */
export function worstOf(verdicts: readonly Judged[]): Answer {
  if (verdicts.some((v) => v.verdict === 'no')) return 'no';
  return verdicts.some((v) => v.verdict === 'exception') ? 'exception' : 'yes';
}

function judge(facts: ReportFacts, each: Judge): ReportVerdict {
  // Until the gates have passed again nothing runs, and so nothing was deployed.
  const effective = facts.deployments.filter((d) => d.releaseId === facts.releaseId && d.confirmed);
  if (effective.length === 0) return { verdict: 'exception', reason: 'Nothing of this release was deployed.', deployments: [] };
  const deployments = effective.map((d) => ({ deploymentId: d.deploymentId, environment: d.environment, ...each(d, facts) }));
  const verdict = worstOf(deployments);
  const reason = deployments
    .filter((d) => d.verdict === verdict)
    .map((d) => `${d.environment}: ${d.reason}`)
    .join(' ');
  return { verdict, reason, deployments };
}

const approvalBeforeDeployment: Judge = (deployment, facts) => {
  const { tuple, started } = deployment;
  const waived = waiver(deployment, 'approved');
  if (waived) return exception(waived);
  if (!asks(deployment, 'approved')) return exception(`${policyOf(deployment)} asks for no approval.`);
  if (!tuple) return no('An approval was asked for, and the deployment names none.');
  const round = roundOf(deployment, facts);
  if (!round) return no('No request for approval of what was deployed is on record.');
  if (started.at >= tuple.expiresAt) return no(`The approval had expired at ${tuple.expiresAt}.`);
  if (round.closed && before(round.closed.position, started.position))
    return no(`The approval was ${round.outcome}: ${round.closed.reason}`);
  const granted = approversOf(round, deployment);
  const { missing } = tallyRecorded(votesBefore(round, deployment), round);
  return missing === 0
    ? yes(`${granted.length} of ${round.quorum} persons had approved round ${round.round} before it was started.`)
    : no(`${granted.length} of ${round.quorum} persons had approved round ${round.round} when it was started.`);
};

const approvedDigestsEqualDeployed: Judge = (deployment) => {
  const waived = waiver(deployment, 'approved');
  if (waived) return exception(`${waived} There are no approved digests.`);
  if (!deployment.tuple) return exception(`${policyOf(deployment)} asks for no approval: there are no approved digests.`);
  const deployed = deployment.artifacts.map((a) => a.digest).sort();
  const approved = [...deployment.tuple.artifactDigests].sort();
  return deployed.join() === approved.join()
    ? yes(`Exactly what was approved was deployed: ${deployed.join(', ')}.`)
    : no(`Approved was ${approved.join(', ')}; deployed was ${deployed.join(', ')}.`);
};

const dutiesSeparated: Judge = (deployment, facts) => {
  const gate = deployment.receipt.gates.find((g) => g.gate === 'duties-separated');
  try {
    const violations = conflicts(dutiesIn(deployment, facts), RELEASE_DUTIES);
    if (violations.length > 0) return no(violations.map((v) => `${v.person} is ${v.duties.join(' and ')}.`).join(' '));
  } catch (error) {
    // Somebody who can't be named can't be shown to be somebody else.
    return no(error instanceof Error ? error.message : String(error));
  }
  if (!gate) return exception(`${policyOf(deployment)} does not ask for it.`);
  // Authors are accounts here; which persons they are was looked up when the gate was judged, and is in its evidence.
  return gate.verdict === 'pass' ? yes(gate.detail) : no(gate.detail);
};

const testEvidence: Judge = (deployment, facts) => {
  const earlier = facts.tests.filter((t) => before(t.position, deployment.started.position));
  const untested: string[] = [];
  const failing: string[] = [];
  for (const { name, version, digest } of deployment.artifacts) {
    // The newest of each suite.
    const newest = new Map(earlier.filter((t) => t.artifactDigest === digest).map((t) => [t.suite, t.outcome]));
    if (![...newest.values()].includes('pass')) untested.push(`${name}@${version}`);
    for (const [suite, outcome] of newest) if (outcome === 'fail') failing.push(`${suite} of ${name}@${version}`);
  }
  if (failing.length > 0) return no(`Failing when it was started: ${failing.join(', ')}.`);
  if (untested.length === 0) return yes('Every artifact had a passing test report for its digest.');
  const reason = `No passing test report names the digest of ${untested.join(', ')}.`;
  const waived = waiver(deployment, 'tests-passed');
  if (waived) return exception(`${waived} ${reason}`);
  return asks(deployment, 'tests-passed') ? no(reason) : exception(`${policyOf(deployment)} asks for no tests. ${reason}`);
};

function dutiesIn(deployment: ReportedDeployment, facts: ReportFacts): readonly DutyAssignment[] {
  const round = roundOf(deployment, facts);
  const evidence = `release-${facts.releaseId}`;
  // By the rules of then (principle 14).
  const { everyDuty, everyHand } = traitsThen(deployment.receipt.engine);
  const shaped = everyHand ? shapedBy(deployment, facts) : [];
  return [
    ...facts.authors.map((account): DutyAssignment => ({ person: personOf(account), duty: 'author', evidence })),
    ...shaped.map((person): DutyAssignment => ({ person, duty: 'author', evidence })),
    ...(everyDuty ? testersOf(deployment, facts) : []).map((person): DutyAssignment => ({ person, duty: 'tester', evidence })),
    ...(round ? [{ person: round.requester, duty: 'requester' as const, evidence: `approval-${round.approvalId}` }] : []),
    ...(round
      ? approversOf(round, deployment).map((person): DutyAssignment => ({
          person,
          duty: 'approver',
          evidence: `approval-${round.approvalId}`,
        }))
      : []),
    ...[deployment.deployer, ...(deployment.resumedBy ?? [])].map((person): DutyAssignment => ({
      person,
      duty: 'deployer',
      evidence: `deployment-${deployment.deploymentId}`,
    })),
  ];
}

/** Who composed or amended it last, and who made the plan that was carried out. Who registered its artifacts is not in this report; the gate judged that. */
function shapedBy({ environment, started }: ReportedDeployment, { hands }: ReportFacts): readonly string[] {
  const earlier = hands.filter((hand) => before(hand.position, started.position));
  const last = [
    earlier.findLast((hand) => hand.did === 'composed'),
    earlier.findLast((hand) => hand.did === 'planned' && hand.environment === environment && hand.account !== ''),
  ];
  return last.flatMap((hand) => (hand && handsAmong([hand.account]).length > 0 ? [hand.person] : []));
}

/** Who recorded the newest report of each suite for what was deployed. */
function testersOf({ artifacts, started }: ReportedDeployment, { tests }: ReportFacts): readonly string[] {
  const counting = tests.filter((t) => before(t.position, started.position) && artifacts.some((a) => a.digest === t.artifactDigest));
  return [...new Map(counting.map((t) => [`${t.artifactDigest} ${t.suite}`, t.tester])).values()];
}

/** The round in which exactly the tuple was asked for that the deployment names. */
function roundOf({ tuple, environment }: ReportedDeployment, facts: ReportFacts): ReportedApproval | undefined {
  if (!tuple) return undefined;
  const hash = hashOf(tuple);
  return facts.approvals.findLast((a) => a.environment === environment && a.tupleHash === hash);
}

/** Votes that stood when the deployment was started. */
function votesBefore(round: ReportedApproval, { started }: ReportedDeployment): ReportedApproval['votes'] {
  return standingVotes(round.votes.filter((v) => before(v.position, started.position))).filter((v) => v.tupleHash === round.tupleHash);
}

/** Approvals that nobody has taken back since, in the order in which they were given. */
export function standingVotes(votes: ReportedApproval['votes']): ReportedApproval['votes'] {
  return votes.filter((v, i) => v.vote === 'granted' && !votes.slice(i).some((w) => w.vote === 'withdrawn' && w.person === v.person));
}

/** Distinct persons who had approved before the deployment was started. */
function approversOf(round: ReportedApproval, deployment: ReportedDeployment): readonly string[] {
  return [...new Set(votesBefore(round, deployment).map((v) => v.person))];
}

/** That a bypass waived a gate for this deployment, as a sentence. */
function waiver({ receipt }: ReportedDeployment, gate: string): string | undefined {
  const waived = receipt.gates.find((g) => g.gate === gate && g.waivedBy !== undefined);
  return waived && `Bypass ${waived.waivedBy ?? ''} waived ${gate}, which was ${waived.verdict}: ${waived.detail}`;
}

function personOf(account: string): string {
  const bar = account.indexOf('|');
  return defaultPersonId(account.slice(0, Math.max(bar, 0)), account.slice(bar + 1));
}

function asks({ receipt }: ReportedDeployment, gate: string): boolean {
  return receipt.gates.some((g) => g.gate === gate);
}

function policyOf({ policy, rollbackOf }: ReportedDeployment): string {
  return `Policy ${policy.id} version ${policy.version}${rollbackOf ? ', for rollbacks,' : ''}`;
}

function before(a: string, b: string): boolean {
  return BigInt(a) < BigInt(b);
}

const yes = (reason: string): Judged => ({ verdict: 'yes', reason });
const no = (reason: string): Judged => ({ verdict: 'no', reason });
const exception = (reason: string): Judged => ({ verdict: 'exception', reason });
