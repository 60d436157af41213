import type { DutyAssignment, DutyViolation, SeparationRule } from '#libs/identity';
import { BOARD_DUTIES, separationRules } from '#libs/policy';
import type { KnownBypass } from './bypasses.ts';
import { bypassState } from './bypasses.ts';
import { reviewState } from './change-records.ts';
import { deployedDigests, type Deed, type Draft } from './changes.ts';
import type { Identities } from './identities.ts';
import { emergencyReviewed } from './judge-change.ts';
import { graver } from './judge-receipts.ts';
import { exception, no, unknowable, violationsAgainst, yes } from './judge-start.ts';
import { CONTROL_QUESTIONS, type ControlQuestion, type Judged, type LaterViolation } from './report.ts';

/** What most changes have for two answers: nothing was learned, no bypass was used. */
const NOTHING_SO = yes([]);

/** In the order of canonical JSON. */
const QUESTIONS = (Object.keys(CONTROL_QUESTIONS) as ControlQuestion[]).sort();

/** What is on record when the log has been read to its end. */
export interface AtEnd {
  /** Server time of the last event. */
  readonly now: string;
  readonly identities: Identities;
  readonly bypass: KnownBypass | undefined;
  /** Violations on record that are about this change. */
  readonly violations: readonly LaterViolation[];
  /** Whether its environment ever told what runs in it. */
  readonly tells: boolean;
}

/** Every question, answered. Pure. */
export function verdictsOf(draft: Draft, at: AtEnd): Readonly<Record<ControlQuestion, Judged>> {
  const answers: Partial<Record<ControlQuestion, Judged>> =
    draft.facts.kind === 'observed' ? observedOnly(draft) : draft.deeds.length === 0 ? unstarted(draft, at) : decided(draft, at);
  const verdicts = {} as Record<ControlQuestion, Judged>;
  // Absence is not success: what nobody answered is not so.
  for (const question of QUESTIONS)
    verdicts[question] = answers[question] ?? draft.verdicts[question] ?? unknowable('Nothing on record says so.');
  return verdicts;
}

function decided(draft: Draft, at: AtEnd): Partial<Record<ControlQuestion, Judged>> {
  return {
    'approved-digest-deployed': digestDeployed(draft),
    'gates-passed': gatesPassed(draft),
    'no-later-duty-violation': learnedSince(draft, at),
    'change-authorised': changeAuthorised(draft, at),
    'bypass-reviewed': everyReview(draft, at),
    observed: observedThere(draft, at.tells),
  };
}

/** What took effect without having been started: what is not on record can't be shown. */
function unstarted(draft: Draft, at: AtEnd): Partial<Record<ControlQuestion, Judged>> {
  const { ref } = draft.facts.started;
  return {
    requested: no('Nobody asked for it.', [ref]),
    'approved-before-deployment': no('Nobody approved it.', [ref]),
    'approved-digest-deployed': no('Nothing was approved.', [ref]),
    'approved-plan-deployed': no('Nothing was approved.', [ref]),
    'change-authorised': no('Nobody decided on it as a change.', [ref]),
    'gates-passed': no('No gate was judged when it was started.', [ref]),
    'bypass-reviewed': yes([ref]),
    observed: observedThere(draft, at.tells),
  };
}

function observedOnly({ facts: { environment, started } }: Draft): Partial<Record<ControlQuestion, Judged>> {
  const { ref } = started;
  return {
    authorised: no(`No deployment to ${environment} on record accounts for it.`, [ref]),
    requested: no('Nobody asked for it.', [ref]),
    'approved-before-deployment': no('Nobody approved it.', [ref]),
    'approved-digest-deployed': no('Nothing was approved.', [ref]),
    'approved-plan-deployed': no('Nothing was approved, and no plan is on record.', [ref]),
    'change-authorised': no('Nobody decided on it as a change.', [ref]),
    'gates-passed': no('No gate was judged.', [ref]),
    'policy-in-force': no('It was judged by no policy.', [ref]),
    'bypass-reviewed': yes([ref], 'It used no bypass: it went round everything.'),
    observed: yes([ref]),
  };
}

/** The digests that were approved were compared with those that were to be deployed; here with those that were. */
function digestDeployed(draft: Draft): Judged | undefined {
  const judged = draft.verdicts['approved-digest-deployed'];
  const { approvedDigests } = draft.facts;
  if (judged?.verdict !== 'yes') return judged;
  const deployed = deployedDigests(draft);
  const evidence = [...judged.evidence, ...(draft.ended ? [draft.ended.ref] : [])];
  if (deployed.join() !== [...new Set(approvedDigests)].join())
    return no(`Approved were digests ${approvedDigests.join(', ')}; deployed was ${deployed.join(', ')}.`, evidence);
  return draft.outcome === 'halted' && !draft.tookEffect
    ? exception('It was stopped before it took effect: nothing was deployed.', evidence)
    : judged;
}

function gatesPassed(draft: Draft): Judged {
  const judged = draft.verdicts['gates-passed'] ?? unknowable('No decision is on record.');
  if (judged.verdict === 'no') return judged;
  if (draft.effect) return judged;
  if (draft.tookEffect) return no('It took effect, and its gates were not judged again at that moment.', judged.evidence);
  const evidence = [...judged.evidence, ...(draft.ended ? [draft.ended.ref] : [])];
  return draft.outcome === 'halted'
    ? exception('It was stopped before it took effect.', evidence)
    : exception('It has not come to the moment of effect.', evidence);
}

/** An emergency was let pass on the word that somebody else would look at it: what became of that counts. */
function changeAuthorised(draft: Draft, { now }: AtEnd): Judged {
  const judged = draft.verdicts['change-authorised'] ?? unknowable('No decision on the change is on record.');
  const { record } = draft;
  if (record?.of.route !== 'emergency' || judged.verdict === 'no' || draft.recordAt?.waived) return judged;
  const { review, of } = record;
  const evidence = [...new Set([...judged.evidence, ...(review ? [review.ref] : [])])];
  switch (reviewState(record, now)) {
    case 'rejected':
      return no(`${review?.reviewer ?? ''} reviewed the emergency, and rejected it.`, evidence);
    case 'overdue':
      return no(`An emergency, and nobody has reviewed it: that was due at ${of.reviewDueAt ?? ''}.`, evidence);
    case 'due':
      return exception(`An emergency: nobody decided before, and its review is due at ${of.reviewDueAt ?? 'no time'}.`, evidence);
    default:
      return partIn(draft).includes(review?.reviewer)
        ? no(`An emergency that nobody reviewed but ${review?.reviewer ?? ''}, who had a part in it.`, evidence)
        : exception(`An emergency: nobody decided before; ${review?.reviewer ?? ''} reviewed it afterwards, and found it good.`, evidence);
  }
}

/** Who had a part in it, but for judging it. */
function partIn({ deeds, record }: Draft): readonly (string | undefined)[] {
  return [record?.of.requester, ...deeds.flatMap(({ duty, person }) => (duty === 'approver' || duty === 'policy-editor' ? [] : [person]))];
}

/** Of its bypass, and of the emergency that it was as a change. */
function everyReview(draft: Draft, at: AtEnd): Judged {
  const { record } = draft;
  if (record?.of.route !== 'emergency') return bypassReviewed(draft, at);
  const emergency = emergencyReviewed(record, at.now, partIn(draft));
  return draft.bypassId === undefined ? emergency : graver(bypassReviewed(draft, at), emergency);
}

/** What is on record, and what follows from who is who as is known by now. */
function learnedSince(draft: Draft, { violations, identities }: AtEnd): Judged {
  const told = violations.map((v) => `${v.person} turned out to have been ${v.duties.join(' and ')}.`);
  if (violations.length > 0) return no(told.join(' '), [...new Set(violations.flatMap((v) => [v.ref, ...v.evidence]))]);
  const fresh = freshIn(draft.deeds, separationRules(draft.rules ?? []), identities);
  const ofBoard = freshIn(draft.boardDeeds, BOARD_DUTIES, identities);
  if (typeof fresh === 'string') return unknowable(fresh);
  if (typeof ofBoard === 'string') return unknowable(ofBoard);
  fresh.push(...ofBoard.filter((v) => !fresh.some((known) => known.person === v.person && known.duties.join() === v.duties.join())));
  if (fresh.length === 0) return NOTHING_SO;
  return no(fresh.map((v) => `As is known now, ${v.person} was ${v.duties.join(' and ')}; nobody has put that on record.`).join(' '), [
    ...new Set(fresh.flatMap((v) => v.evidence)),
  ]);
}

/** Violations that who is who by now shows, and that then did not; or why that can't be said. */
function freshIn(deeds: readonly Deed[], rules: readonly SeparationRule[], identities: Identities): DutyViolation[] | string {
  if (deeds.every(({ principal, person }) => (identities.known(principal) ?? person) === person)) return [];
  const as = (who: (deed: Deed) => string): readonly DutyAssignment[] =>
    deeds.map((deed) => ({ duty: deed.duty, person: who(deed), evidence: deed.ref }));
  const before = violationsAgainst(
    as(({ person }) => person),
    rules,
  );
  const then = new Set(typeof before === 'string' ? [] : before.map((v) => `${v.rule} ${v.duties.join()}`));
  // Where nothing was ever said of an account, it is whoever it was taken for then.
  const found = violationsAgainst(
    as(({ principal, person }) => identities.known(principal) ?? person),
    rules,
  );
  return typeof found === 'string' ? found : found.filter((v) => !then.has(`${v.rule} ${v.duties.join()}`));
}

function bypassReviewed(draft: Draft, { bypass, now }: AtEnd): Judged {
  const { bypassId, changeClass, facts } = draft;
  if (bypassId === undefined) {
    if (draft.unborne && changeClass === 'emergency')
      return no('Started as of class emergency, and neither a bypass nor an emergency change bears that: nobody has to review it.', [
        facts.started.ref,
      ]);
    return changeClass === 'emergency'
      ? exception('Of class emergency, without a bypass: every gate was judged, and nothing asks for a review afterwards.', [
          facts.started.ref,
        ])
      : NOTHING_SO;
  }
  if (!bypass) return no(`It names bypass ${bypassId}, which nobody asked for.`, [facts.started.ref]);
  const { reviewDueAt, requester } = bypass.data;
  const { review } = bypass;
  const evidence = [bypass.requested.ref, ...(review ? [review.ref] : [])];
  switch (bypassState(bypass, now)) {
    case 'overdue':
      return no(`Its review was due at ${reviewDueAt}, and is not done.`, evidence);
    case 'rejected':
      return no('Its review rejected it.', evidence);
    case 'reviewed-late':
      return no(`Its review was due at ${reviewDueAt}, and came after that.`, evidence);
    case 'reviewed': {
      const part = [requester, facts.deployer, ...bypass.uses.map((use) => use.deployer), ...facts.authors.map((a) => a.person)];
      return part.includes(review?.reviewer)
        ? no(`${review?.reviewer ?? ''}, who reviewed it, had a part in it.`, evidence)
        : yes(evidence);
    }
    default:
      return exception(`Its review is due at ${reviewDueAt}.`, evidence);
  }
}

function observedThere(draft: Draft, tells: boolean): Judged {
  const { environment } = draft.facts;
  if (!draft.tookEffect) return exception('It took no effect: there was nothing to observe.', draft.ended ? [draft.ended.ref] : []);
  const evidence = draft.observations.map((o) => o.ref);
  if (draft.foreign) return no(`A smoke run found ${draft.foreign.artifact} there.`, [draft.foreign.ref]);
  const deployed = deployedDigests(draft);
  const unseen = deployed.filter((digest) => !draft.seen.includes(digest));
  if (deployed.length > 0 && unseen.length === 0) return yes(evidence);
  if (!tells) return unknowable(`Nothing tells what runs in ${environment}.`);
  return no(
    deployed.length === 0 ? 'It is not on record what it deployed.' : `${environment} has not told of ${unseen.join(', ')}.`,
    evidence,
  );
}
