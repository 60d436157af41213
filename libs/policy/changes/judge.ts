import type { GateVerdict, PlannedChangeClass } from '#libs/contracts';
import { conflicts as dutyConflicts } from '#libs/identity';
import { compareRisk } from '../risk.ts';
import type { GateFacts } from '../sources.ts';
import { BOARD_DUTIES, countVotes, nextMeeting, standingOf } from './board.ts';
import type { Change } from './change.ts';
import { emergencyGrounds, standardProblems } from './classify.ts';
import { heldUpBy, type HeldUp } from './dependencies.ts';
import { dossierDifferences, dutiesOfChange } from './dossier.ts';
import { conflictsNow, scheduledOf, type ChangeFacts } from './read.ts';
import { dutiesKnown, votesNow } from './voters.ts';
import { personsOf } from '../persons.ts';

type Judged = Omit<GateVerdict, 'gate'>;
type Said = Pick<Judged, 'verdict' | 'detail'> & { readonly unblockedBy?: string };

/** The gate `change-approved`: a change was decided on for exactly what is there now, by who may decide on it, and its time has come. */
export function judgeChange(facts: GateFacts, request: { readonly deployer: string; readonly now: string }): Judged {
  const evidence = Object.values(facts.refs.change ?? {});
  const { unblockedBy, ...said } = judged(facts, request);
  return { ...said, evidence: [...new Set([facts.refs.release, ...evidence])].sort(), ...(unblockedBy ? { unblockedBy } : {}) };
}

const AGAIN = 'Submit the change again for what is there now.';

function judged(facts: GateFacts, { deployer, now }: { readonly deployer: string; readonly now: string }): Said {
  const { change: found } = facts;
  const change = found?.change;
  const { dossier } = change ?? {};
  if (!found || !change || !dossier)
    return { verdict: 'inconclusive', detail: 'No change was submitted.', unblockedBy: `Submit a change for ${facts.environment}.` };
  if (change.status === 'rejected')
    return {
      verdict: 'fail',
      detail: `The change was rejected by the ${change.decidedBy === 'itsm' ? 'ITSM' : 'board'}.`,
      unblockedBy: AGAIN,
    };
  if (change.status === 'implemented') {
    const last = change.deployments.at(-1);
    const how = last?.outcome === 'rolled-back' ? 'was deployed and rolled back' : 'is done';
    return {
      verdict: 'fail',
      detail: `The change ${how}, with deployment ${last?.deploymentId ?? ''}.`,
      unblockedBy: 'Submit a new change.',
    };
  }
  if (change.status === 'voided' || change.status === 'withdrawn')
    return { verdict: 'fail', detail: `The change was ${change.status}: ${change.reason ?? ''}`, unblockedBy: AGAIN };
  const differences = dossierDifferences(dossier, facts, found.board?.version);
  if (differences.length > 0) return { verdict: 'stale', detail: differences.join(' '), unblockedBy: AGAIN };
  const planned: PlannedChangeClass = facts.plan?.changeClass ?? 'normal';
  if (planned !== dossier.class)
    return {
      verdict: 'fail',
      detail: `The plan is of class ${planned}, and the change that was decided on is of class ${dossier.class}.`,
      unblockedBy: AGAIN,
    };
  if (facts.risk && compareRisk(dossier.risk.level, facts.risk.effective) < 0)
    return {
      verdict: 'fail',
      detail: `It was decided on as of ${dossier.risk.level} risk, and is judged as ${facts.risk.effective}. ${facts.risk.detail}`,
      unblockedBy: AGAIN,
    };
  if (now >= dossier.window.until)
    return {
      verdict: 'stale',
      detail: `It was planned until ${dossier.window.until}.`,
      unblockedBy: 'Submit the change again for a time to come.',
    };
  const decided =
    change.route === 'model'
      ? byModel(facts, found, now)
      : change.route === 'emergency'
        ? byEmergency(facts, found, deployer, now)
        : byBoard(facts, found, deployer, now);
  if (decided.verdict !== 'pass') return decided;
  const held = heldUpBy(found.id, found.dependsOn ?? []);
  if (held.length > 0 && change.route !== 'emergency') return waiting(held);
  if (now < dossier.window.from)
    return {
      verdict: 'inconclusive',
      detail: `It is planned from ${dossier.window.from} on.`,
      unblockedBy: `By itself at ${dossier.window.from}.`,
    };
  // No order of changes traps an emergency; that it goes first is on record.
  return held.length > 0 ? { ...decided, detail: `${decided.detail} It goes first: ${held.map((h) => h.detail).join(' ')}` } : decided;
}

function waiting(held: readonly HeldUp[]): Said {
  return {
    verdict: held.some((h) => h.hopeless) ? 'fail' : 'inconclusive',
    detail: held.map((h) => h.detail).join(' '),
    unblockedBy: [...new Set(held.map((h) => h.unblockedBy))].join(' '),
  };
}

function byModel(facts: GateFacts, found: ChangeFacts, now: string): Said {
  const { dossier } = found.change;
  if (!dossier?.model) return { verdict: 'fail', detail: 'The change names no model.' };
  const { modelId, version } = dossier.model;
  const approved = found.model?.versions.find((v) => v.version === version);
  const conflicts = conflictsNow(facts, found, scheduledOf(dossier), 'standard', undefined);
  const problems = standardProblems(facts, found, modelId, conflicts, now);
  const another = approved?.status === 'approved' ? [] : [`Version ${version} of it is no longer the one in force.`];
  if (problems.length + another.length > 0)
    return {
      verdict: 'fail',
      detail: [...problems, ...another].join(' '),
      unblockedBy: 'Have it decided on as a normal change, or submit it again.',
    };
  return { verdict: 'pass', detail: `A standard change, approved before by version ${version} of change model ${modelId}.` };
}

function byEmergency(facts: GateFacts, found: ChangeFacts, deployer: string, now: string): Said {
  const { dossier, review, reviewDueAt } = found.change;
  const reviewers = found.hands?.reviewers.flatMap((one) => personsOf(one, found.hands?.persons ?? { now: {}, refs: [] })) ?? [];
  const grounds = emergencyGrounds(facts, found, dossier ?? {}, now);
  const holds = grounds.find((g) => g.problem === undefined);
  if (review?.outcome === 'rejected')
    return {
      verdict: 'fail',
      detail: `${review.reviewer} rejected the emergency.`,
      unblockedBy: 'Have it decided on as a normal change.',
    };
  if (reviewers.includes(deployer))
    return { verdict: 'fail', detail: `${deployer} reviewed the emergency and would deploy.`, unblockedBy: 'Let somebody else deploy.' };
  if (!holds)
    return {
      verdict: 'fail',
      detail: `The emergency is over: ${grounds.map((g) => g.problem ?? '').join(' ')}`,
      unblockedBy: 'Name what is open now, or have it decided on as a normal change.',
    };
  // Late is judged by the clock and not by the event that the timer writes.
  if (!review && reviewDueAt !== undefined && now >= reviewDueAt)
    return {
      verdict: 'fail',
      detail: `Its review was due at ${reviewDueAt}.`,
      unblockedBy: 'Somebody who had no part in it reviews the emergency.',
    };
  return {
    verdict: 'pass',
    detail: `An emergency: ${holds.detail} ${review ? 'It was reviewed.' : `Its review is due at ${reviewDueAt ?? 'no time'}.`}`,
  };
}

function byBoard(facts: GateFacts, found: ChangeFacts, deployer: string, now: string): Said {
  const { change } = found;
  if (change.status !== 'approved')
    return change.route === 'itsm' && !change.handedToBoard ? waitingForItsm(change) : beforeBoard(facts, found, now);
  const { hands } = found;
  const cast = change.votes.map((v) => v.person);
  const voters = hands ? [...new Set(cast.flatMap((person) => personsOf(hands.voters[person] ?? { person }, hands.persons)))] : cast;
  const duties = hands ? dutiesKnown(facts, hands, deployer) : dutiesOfChange(facts, change.requester, deployer);
  const wrong = dutyConflicts(
    [...duties, ...voters.map((person) => ({ person, duty: 'approver' as const, evidence: facts.refs.change?.['change'] ?? '' }))],
    BOARD_DUTIES,
  );
  if (wrong.length > 0) {
    const held = wrong.map((v) => `${v.person} voted and is ${v.duties.filter((d) => d !== 'approver').join(' and ')}`);
    return {
      verdict: 'fail',
      detail: `${[...new Set(held)].join('; ')}.`,
      unblockedBy: 'Let somebody else deploy, or have the board decide again.',
    };
  }
  const fallen = change.decidedBy === 'board' ? votesFallen(facts, found) : undefined;
  if (fallen) return fallen;
  const open = change.conditions.filter((c) => c.confirmedBy === undefined);
  if (open.length > 0) {
    const unblockedBy = 'Somebody who will not deploy confirms that it is met.';
    return {
      verdict: 'inconclusive',
      detail: `Of ${change.conditions.length} conditions these are not met: ${open.map((c) => c.conditionId).join(', ')}.`,
      unblockedBy,
    };
  }
  const confirmed = change.conditions.flatMap(({ conditionId, confirmedBy: person = '' }) =>
    hands ? personsOf(hands.confirmers[conditionId] ?? { person }, hands.persons) : [person],
  );
  if (confirmed.includes(deployer))
    return { verdict: 'fail', detail: `${deployer} confirmed a condition and would deploy.`, unblockedBy: 'Let somebody else deploy.' };
  const counting = hands ? votesNow(change.votes, hands, found.members ?? []).votes : change.votes;
  const by = change.decidedBy === 'itsm' ? 'the ITSM' : `the board with ${counting.filter((v) => v.vote === 'for').length} votes`;
  const met = change.conditions.length > 0 ? ` Its ${change.conditions.length} conditions are met.` : '';
  return { verdict: 'pass', detail: `A normal change, approved by ${by}.${met}` };
}

/** Whether the board approved a change with votes that do not suffice any more: it stands no more, and is not decided against either. */
export function approvalFallen(facts: GateFacts): boolean {
  const { change: found } = facts;
  if (found?.change.status !== 'approved' || found.change.decidedBy !== 'board') return false;
  return votesFallen(facts, found) !== undefined;
}

/** What was decided by votes that do not count any more is decided no more. */
function votesFallen(facts: GateFacts, { change, hands, board, members = [] }: ChangeFacts): Said | undefined {
  const contents = board?.contents;
  if (!hands || !contents) return undefined;
  const { votes, gone } = votesNow(change.votes, hands, members);
  if (gone.length === 0) return undefined;
  const { eligible } = standingOf(members, dutiesKnown(facts, hands), change.recused);
  const { outcome, missing } = countVotes(votes, contents, eligible);
  if (outcome === 'approved') return undefined;
  const count =
    missing > 0 ? `${contents.quorum - missing} of ${contents.quorum} votes count now` : 'the votes that count now do not approve it';
  return {
    verdict: 'fail',
    detail: `The board approved it, and ${count}: ${gone.join(' ')}`,
    unblockedBy: 'Submit the change again: the board votes anew, with others where members are missing.',
  };
}

function waitingForItsm({ submittedAt, delivery, boardTakesOverAt }: Change): Said {
  const told = delivery?.delivered
    ? 'It has been told.'
    : delivery
      ? `It could not be told: ${delivery.detail ?? 'unknown'}.`
      : 'It has not been reached yet.';
  return {
    verdict: 'inconclusive',
    detail: `The change waits for the ITSM since ${submittedAt ?? 'its submission'}. ${told}`,
    unblockedBy: boardTakesOverAt
      ? `The ITSM decides; or the board, from ${boardTakesOverAt} on.`
      : 'The ITSM decides: the board does not take over.',
  };
}

function beforeBoard(facts: GateFacts, found: ChangeFacts, now: string): Said {
  const { change, board, members = [] } = found;
  const contents = board?.contents;
  if (!contents) return { verdict: 'inconclusive', detail: 'The board that decides is not defined.', unblockedBy: 'Define the board.' };
  const { eligible } = standingOf(members, dutiesOfChange(facts, change.requester), change.recused);
  const { missing, tally } = countVotes(change.votes, contents, eligible);
  const voted = new Set([...tally.for, ...tally.against, ...tally.abstain]);
  const left = eligible.filter((person) => !voted.has(person));
  const detail = `The board has not decided: ${voted.size} of ${contents.quorum} votes.`;
  if (missing > left.length)
    return {
      verdict: 'inconclusive',
      detail,
      unblockedBy: `Only ${eligible.length} of its members may vote on it: take others into group ${contents.group}.`,
    };
  const next = nextMeeting(contents, now);
  const when =
    change.voteOpened || (change.meeting && now >= change.meeting.startsAt)
      ? 'Votes are taken now.'
      : `On the agenda of ${change.meeting?.startsAt ?? 'no meeting'}; the chair, ${contents.chair}, can call a vote before.`;
  const cutoff = next ? ` Next meeting ${next.startsAt}, cut-off ${next.cutoffAt}.` : '';
  const who =
    missing > 0
      ? ` ${missing} more of ${left.slice(0, 10).join(', ')} must vote.`
      : ` Votes are equal: the chair, ${contents.chair}, decides.`;
  return { verdict: 'inconclusive', detail, unblockedBy: `${when}${who}${cutoff}` };
}

/** When a change passes at the earliest, where an instant is known and to come: its window or its meeting. */
export function changeWaitsUntil(
  { change: found }: GateFacts,
  now: string,
): { readonly at: string; readonly takes: 'time' | 'persons' } | undefined {
  const change = found?.change;
  if (!found || !change?.dossier) return undefined;
  if (change.status === 'approved' && change.route !== 'emergency' && heldUpBy(found.id, found.dependsOn ?? []).length > 0)
    return undefined;
  if (change.status === 'approved') return now < change.dossier.window.from ? { at: change.dossier.window.from, takes: 'time' } : undefined;
  if (change.status !== 'open' || change.voteOpened || !change.meeting || now >= change.meeting.startsAt) return undefined;
  return { at: change.meeting.startsAt, takes: 'persons' };
}
