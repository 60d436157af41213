import {
  assess,
  counted,
  sectionFindings,
  thousands,
  type AssessedControl,
  type AssessedFramework,
  type AssessedObjective,
} from '../../assess.ts';
import { SECTIONS, type Framework, type Section } from '../../framework.ts';
import {
  CONTROL_QUESTIONS,
  type Change,
  type ChangeApproval,
  type ChangeProof,
  type ChangeRecord,
  type ComplianceReport,
  type ControlQuestion,
} from '../../report.ts';
import { deviations, QUESTIONS, SHORT_TITLES, worstOf, type Deviation } from '../questions.ts';
import { h, type Markup } from './markup.ts';
import { bullets, facts, id, ids, lines, note, said, table, time, verdict, where, type Column } from './parts.ts';

/** Rows of a table that are printed; what is left out is counted, and is in the CSV and the JSON. */
export const MOST_ROWS = 1000;
const rest = (name: string): { readonly most: number; readonly where: string } => ({
  most: MOST_ROWS,
  where: `they are in the table “${name}” (CSV) and in the JSON.`,
});

const WRITTEN: Column = { head: 'Written at' };

export function* summary(report: ComplianceReport): Generator<Markup> {
  const { byKind, byOutcome, byClass, byQuestion, changes, changesWithNo, changesWithException } = report.summary;
  const good = changes - changesWithNo - changesWithException;
  yield h`<p>${counted(changes, 'change')} in the period: ${thousands(changesWithNo)} with at least one answer “no”, ${thousands(changesWithException)} with none but at least one
    exception, ${thousands(good)} with “yes” to every question. What the log does not show is answered with “no”.</p>`;
  if (changes === 0)
    yield note('Nothing was deployed, rolled back or observed in this period: there was nothing that could have shown how controls work.');
  yield* table(
    'The questions that are asked of every change, and how many changes answer each with yes, exception or no',
    [
      { head: 'Question' },
      { head: 'Yes', kind: 'number' },
      { head: 'Exception', kind: 'number' },
      { head: 'No', kind: 'number' },
      { head: 'Result', kind: 'short' },
    ],
    QUESTIONS,
    (question) => {
      const { yes, exception, no } = byQuestion[question];
      const worst = no > 0 ? 'no' : exception > 0 ? 'exception' : yes > 0 ? 'yes' : 'nothing-to-test';
      const title = h`${SHORT_TITLES[question]}<br><span class="sub">${CONTROL_QUESTIONS[question]}</span>`;
      return [title, yes, exception, no, verdict(worst)];
    },
  );
  const counts = (caption: string, head: string, by: Readonly<Record<string, number>>): Iterable<Markup> =>
    table(caption, [{ head }, { head: 'Changes', kind: 'number' }], Object.entries(by), (row) => row);
  yield h`<div class="three">`;
  yield* counts('Changes by kind', 'Kind', byKind);
  yield* counts('Changes by outcome', 'Outcome', byOutcome);
  yield* counts('Changes by class', 'Class', byClass);
  yield h`</div>\n`;
}

const DEVIATIONS: readonly Column[] = [
  { head: 'Change' },
  { head: 'Environment' },
  { head: 'Release' },
  { head: 'Started' },
  { head: 'Deployer' },
  { head: 'Why', kind: 'prose' },
  { head: 'Evidence' },
];

export function* exceptions(report: ComplianceReport): Generator<Markup> {
  const found = { no: new Map<ControlQuestion, Deviation[]>(), exception: new Map<ControlQuestion, Deviation[]>() };
  for (const deviation of deviations(report)) {
    const list = found[deviation.answer].get(deviation.question);
    if (list) list.push(deviation);
    else found[deviation.answer].set(deviation.question, [deviation]);
  }
  for (const [answer, title] of [
    ['no', 'Answered with no'],
    ['exception', 'Answered with an exception'],
  ] as const) {
    yield h`<h3>${title}</h3>`;
    const byQuestion = found[answer];
    if (byQuestion.size === 0) yield h`<p>No change.</p>`;
    for (const question of QUESTIONS) {
      const list = byQuestion.get(question);
      if (!list) continue;
      yield* table(`${SHORT_TITLES[question]}: ${counted(list.length, 'change')}`, DEVIATIONS, list, deviationRow, rest('exceptions'));
    }
  }
}

function deviationRow({ change, judged }: Deviation): (Markup | undefined)[] {
  return [
    h`${id(change.id)}<br><span class="sub">${change.kind}</span>`,
    h`${change.environment}`,
    h`${releaseOf(change)}`,
    time(change.started.at),
    id(change.deployer),
    h`${judged.unknowable && h`<strong>Unknowable.</strong> `}${said(judged.reason)}`,
    ids(judged.evidence),
  ];
}

export function* unmatched({ accuracy }: ComplianceReport): Generator<Markup> {
  const { deployments, tookEffect, observed, neverObserved, reports, reportsMatched, neverAuthorised, removedReports, publishedReports } =
    accuracy;
  yield facts([
    ['Deployments in the log', deployments],
    ['of them took effect', tookEffect],
    ['of these observed by their environment', observed],
    ['Reports of environments that something was deployed', reports],
    ['of them accounted for by a deployment in the log', reportsMatched],
    ['Reports of other kinds', h`${removedReports} of removals, ${publishedReports} of publications`],
  ]);
  yield* table(
    `Took effect, and never observed: ${counted(neverObserved.length, 'deployment')}`,
    [{ head: 'Change' }, { head: 'Environment' }, { head: 'Started', kind: 'short' }, WRITTEN],
    neverObserved,
    (d) => [id(d.changeId), d.environment, time(d.at), where(d)],
    rest('unmatched'),
  );
  yield* table(
    `Observed, and never authorised: ${counted(neverAuthorised.length, 'observation')}`,
    [
      { head: 'Change' },
      { head: 'Environment' },
      { head: 'Service' },
      { head: 'What came to run' },
      { head: 'Why it is not accounted for' },
      { head: 'Recorded', kind: 'short' },
      { head: 'Reported by' },
      WRITTEN,
    ],
    neverAuthorised,
    (o) => [id(o.changeId), o.environment, o.service, id(o.artifact), WHY[o.why], time(o.at), id(o.reportedBy), where(o)],
    rest('unmatched'),
  );
}

const WHY: Readonly<Record<ComplianceReport['accuracy']['neverAuthorised'][number]['why'], string>> = {
  'never-deployed-here': 'No deployment to this environment ever had this artifact.',
  'replaced-before': 'It was deployed here once; another version had taken its place by then.',
  'names-no-artifact': 'What was told names neither a digest nor a package with its version.',
};

export function* controls(report: ComplianceReport, frameworks: readonly Framework[]): Generator<Markup> {
  yield note(
    'Each objective says what this log can show for a control, and is met only where every change answers yes. An exception is no failure and no success: the assessor judges it. ' +
      'What a control asks for beyond that is listed as not covered.',
  );
  for (const assessed of frameworks.map((framework) => assess(report, framework))) yield* framework(assessed);
}

function* framework({ framework: { title, version, source, note: remark }, controls: list }: AssessedFramework): Generator<Markup> {
  yield h`<h3>${title}</h3><p>Version ${version}; <span class="id">${source}</span>. ${remark}</p>`;
  yield* table(
    title,
    [{ head: 'Control' }, { head: 'What the log can show for it' }, { head: 'Evidence' }, { head: 'Result', kind: 'short' }],
    list.flatMap((control) => [...control.objectives.map((objective, i) => objectiveRow(control, objective, i)), notCoveredRow(control)]),
    (row) => row,
  );
}

function objectiveRow({ control }: AssessedControl, { objective, status, questions, sections }: AssessedObjective, i: number): Markup[] {
  const evidence = [
    ...questions.map(({ question, tally: t }) => `${SHORT_TITLES[question]}: ${t.yes} yes, ${t.exception} exception, ${t.no} no`),
    ...sections.map(({ section, verdict: answer }) => `${SECTIONS[section].title}: ${answer ?? 'to be looked at'}`),
  ];
  return [
    h`${control.label}${i === 0 && h`<br><span class="sub">${control.title}</span>`}`,
    h`${objective.statement}${objective.supports.length > 0 && h`<br>Part of ${id(objective.supports.join(', '))}`}`,
    bullets(evidence),
    verdict(status),
  ];
}

function notCoveredRow({ control }: AssessedControl): Markup[] {
  const mark = h`<span class="v none">– Not covered</span>`;
  return [h`${control.label}`, h`<strong>Not covered by this report</strong>`, bullets(control.notCovered), mark];
}

export function* emergencies(report: ComplianceReport): Generator<Markup> {
  yield finding(report, 'emergencies');
  yield* table(
    'Bypasses, emergencies that were submitted as changes, and changes of class emergency alone',
    [
      { head: 'Bypass or change' },
      { head: 'Changes' },
      { head: 'Environment' },
      { head: 'Requester' },
      { head: 'Gates waived' },
      { head: 'Justification', kind: 'prose' },
      { head: 'Review' },
      WRITTEN,
    ],
    report.emergencies,
    ({ bypass, change, changeIds, environment, releaseId, changeReason }) => {
      const asked = bypass ?? change;
      const name = bypass ? id(bypass.bypassId) : change && h`change ${id(change.changeId)} round ${change.round}`;
      const grounds =
        change &&
        h`<br>${change.incidentId !== undefined && h`incident ${id(change.incidentId)}`}${change.bypassId !== undefined && h` bypass ${id(change.bypassId)}`}`;
      return [
        asked ? h`${name}${grounds}<br><strong>${asked.state}</strong>` : 'none used',
        h`${changeIds.length > 0 ? ids(changeIds) : 'none'}<br>release ${id(releaseId)}`,
        environment,
        id(asked?.requester),
        bypass?.gates.join(', '),
        said([asked?.justification, changeReason].filter((text) => text !== undefined).join('\n')),
        asked && reviewOf(asked),
        where(asked),
      ];
    },
    rest('emergencies'),
  );
}

type Reviewed = Pick<NonNullable<ComplianceReport['emergencies'][number]['change']>, 'review' | 'reviewDueAt'>;

export function* changeRecords(report: ComplianceReport): Generator<Markup> {
  yield finding(report, 'change-records');
  yield* table(
    'Changes as they were submitted to a board, a model, an ITSM or as emergencies',
    [
      { head: 'Change' },
      { head: 'Deployments' },
      { head: 'Class and route' },
      { head: 'Dossier (SHA-256)' },
      { head: 'Votes' },
      { head: 'Decision', kind: 'prose' },
      { head: 'Conditions', kind: 'prose' },
      { head: 'Written at' },
    ],
    report.changeRecords,
    (record) => [
      h`${id(record.changeId)} round ${record.round}<br>${said(record.title)}<br>${record.product} to ${record.environment}, asked for by ${id(record.requester)}`,
      record.changeIds.length > 0 ? ids(record.changeIds) : 'none',
      h`${record.class}, ${record.route}<br><strong>${record.status}</strong>`,
      id(record.dossierHash),
      votesOf(record),
      decisionOf(record),
      lines(
        record.conditions.map(
          ({ text, by, confirmed }) =>
            h`${said(text)} (${id(by)}): ${confirmed ? h`confirmed by ${id(confirmed.person)}, ${time(confirmed.at)}` : 'not confirmed'}`,
        ),
      ),
      where(record),
    ],
    rest('change-records'),
  );
}

function votesOf({ votes, recused }: ChangeRecord): Markup | undefined {
  return lines([
    ...votes.map(({ person, vote, at }) => h`${id(person)} ${vote}, ${time(at)}`),
    ...recused.map((person) => h`${id(person)} does not vote`),
  ]);
}

function decisionOf({ decided, model, closed, review, reviewDueAt, reviewState }: ChangeRecord): Markup | undefined {
  return lines(
    [
      decided &&
        h`${decided.outcome} by the ${decided.by === 'itsm' ? 'ITSM' : 'board'}${decided.outside !== undefined && h` (${id(decided.outside)}${decided.reference !== undefined && h`, ${id(decided.reference)}`})`}, ${time(decided.at)}${decided.quorum !== undefined && `, quorum ${decided.quorum}`}`,
      model &&
        h`version ${model.version} of model ${id(model.modelId)}${model.approved && h`, approved ${time(model.approved.at)}`}${model.voters.length > 0 && h` by ${ids(model.voters)}`}`,
      closed && h`${closed.how}, ${time(closed.at)}${closed.reason !== '' && h`: ${said(closed.reason)}`}`,
      reviewState &&
        h`review ${reviewState}: ${reviewOf({ ...(review && { review }), ...(reviewDueAt !== undefined && { reviewDueAt }) })}`,
    ].filter((line) => line !== undefined),
  );
}

function reviewOf({ review, reviewDueAt }: Reviewed): Markup {
  if (!review) return h`none; due ${time(reviewDueAt)}`;
  return h`${review.outcome}${review.late && ', late'} by ${id(review.reviewer)}, ${time(review.at)}: ${said(review.findings)}`;
}

export function* sample(report: ComplianceReport): Generator<Markup> {
  if (!report.sample) {
    yield h`<p>No sample was asked for: give a seed and a size, and the same changes are drawn for everybody.</p>`;
    return;
  }
  const { seed, size, algorithm, changeIds } = report.sample;
  const drawn = new Set(changeIds);
  const changes = new Map(report.changes.flatMap((change) => (drawn.has(change.id) ? [[change.id, change] as const] : [])));
  const proofs = new Map((report.proofs ?? []).map((proof) => [proof.changeId, proof]));
  yield facts([
    ['Seed', id(seed)],
    ['Asked for', size],
    ['Drawn', changeIds.length],
    ['How', algorithm],
  ]);
  for (const [i, changeId] of changeIds.slice(0, MOST_ROWS).entries()) {
    const change = changes.get(changeId);
    if (change) yield* sampled(change, i + 1, proofs.get(changeId));
  }
  if (changeIds.length > MOST_ROWS)
    yield h`<p class="warning">${counted(changeIds.length - MOST_ROWS, 'more change')} drawn: ${rest('samples').where}</p>`;
}

function* sampled(change: Change, n: number, proof: ChangeProof | undefined): Generator<Markup> {
  yield h`<h3 id="sampled-${n}">${n}. ${id(change.id)} ${verdict(worstOf(change))}</h3>`;
  const { policy, bypass, rollbackOf, changeRecord } = change;
  const regimes = change.regimes.length > 0 && `, ${change.regimes.join(', ')}`;
  yield facts([
    ['What', h`${change.kind} of ${releaseOf(change)} to ${change.environment}, ${change.outcome}; class ${change.changeClass}${regimes}`],
    ['Claimed class', change.claimedClass],
    ['Risk', change.risk && h`${change.risk.effective}, declared ${change.risk.declared}: ${change.risk.detail}`],
    ['Goes back from', rollbackOf && h`${id(rollbackOf.deploymentId)} of release ${id(rollbackOf.releaseId)}`],
    ['Authors', lines(change.authors.map(({ account, person }) => h`${id(person)} as ${id(account)}`))],
    ['Registered, composed and planned by', lines(change.preparedBy.map(({ account, person }) => h`${id(person)} as ${id(account)}`))],
    ['Requested', change.requested && h`${time(change.requested.at)} by ${id(change.requester)}, ${where(change.requested)}`],
    [
      'Tests',
      lines(
        change.tests.map((t) => h`${t.suite}: ${t.outcome}, by ${id(t.tester)}, ${time(t.at)}, report ${id(`sha256:${t.reportDigest}`)}`),
      ),
    ],
    ['Approved', lines(change.approvals.map(approvedBy))],
    ['Started', h`${time(change.started.at)}${change.deployer !== undefined && h` by ${id(change.deployer)}`}, ${where(change.started)}`],
    ['Took effect', change.effect && h`${time(change.effect.at)}, ${where(change.effect)}`],
    ['Ended', change.ended && h`${time(change.ended.at)}, ${where(change.ended)}`],
    ['Observed', lines(change.observations.map((o) => h`${time(o.at)}: ${id(o.artifact)}, ${where(o)}`))],
    ['Approved digests', lines(change.approvedDigests.map(id))],
    ['Deployed digests', lines(change.deployedDigests.map(id))],
    ['Policy', policy && h`${id(policy.id)} version ${policy.version}`],
    ['Decision receipts', lines(change.receipts.map((r) => h`${r.decision}: ${r.verdict}, ${where(r)}`))],
    [
      'Change record',
      changeRecord &&
        h`${id(changeRecord.changeId)} round ${changeRecord.round}, by ${changeRecord.route}, dossier ${id(changeRecord.dossierHash)}, ${where(changeRecord)}`,
    ],
    ['Votes that did not count any more', changeRecord?.votesLapsed && lines(changeRecord.votesLapsed.map((detail) => h`${detail}`))],
    [
      'Proved to be in the signed tree',
      proof &&
        lines(
          proof.leaves.map(({ of, sequence, leafHash, path }) => h`${of}: leaf ${sequence}, ${id(leafHash)}, with ${path.length} hashes`),
        ),
    ],
    ['Bypass', bypass && h`${id(bypass.bypassId)}, which waived ${bypass.waived.join(', ')}`],
  ]);
  yield* table(
    `Answers of ${change.id}`,
    [{ head: 'Question' }, { head: 'Answer', kind: 'short' }, { head: 'Why' }, { head: 'Evidence' }],
    QUESTIONS,
    (question) => {
      const { verdict: answer, reason, evidence } = change.verdicts[question];
      return [SHORT_TITLES[question], verdict(answer), said(reason), ids(evidence)];
    },
  );
}

export function* access(report: ComplianceReport): Generator<Markup> {
  const { roles, memberships, actedWithoutGrant } = report.access;
  yield finding(report, 'access');
  yield* table(
    `Acted without a grant that is in the log: ${counted(actedWithoutGrant.length, 'entry', 'entries')}`,
    [{ head: 'Person' }, { head: 'What' }, { head: 'Times', kind: 'number' }, { head: 'First', kind: 'short' }, WRITTEN],
    actedWithoutGrant,
    (a) => [id(a.person), a.capability, a.times, time(a.at), where(a)],
    rest('access'),
  );
  yield* table(
    `Roles in force: ${counted(roles.length, 'grant')}`,
    [
      { head: 'Person' },
      { head: 'Role' },
      { head: 'Scope' },
      { head: 'May' },
      { head: 'From', kind: 'short' },
      { head: 'Until', kind: 'short' },
      { head: 'Requested by' },
      { head: 'Confirmed by' },
      WRITTEN,
    ],
    roles,
    (r) => [
      id(r.person),
      r.role,
      `${r.scope.kind} ${r.scope.id}`,
      r.capabilities.join(', '),
      time(r.from),
      time(r.until),
      id(r.requestedBy),
      id(r.confirmedBy),
      where(r),
    ],
    rest('access'),
  );
  yield* table(
    `Memberships of groups: ${counted(memberships.length, 'membership')}`,
    [{ head: 'Person' }, { head: 'Group' }, { head: 'From', kind: 'short' }, { head: 'Until', kind: 'short' }, WRITTEN],
    memberships,
    (m) => [id(m.person), m.group, time(m.from), m.until === undefined ? 'still' : time(m.until), where(m)],
    rest('access'),
  );
}

export function* ruleChanges(report: ComplianceReport): Generator<Markup> {
  yield* table(
    `Changes to policies, environments, calendars, boards, change models, roles, groups, identities and retention: ${counted(report.ruleChanges.length, 'change')}`,
    [{ head: 'Recorded', kind: 'short' }, { head: 'Kind' }, { head: 'What', kind: 'prose' }, { head: 'By' }, WRITTEN],
    report.ruleChanges,
    (c) => [time(c.at), h`${c.kind}<br>${id(c.event)}`, said(c.what), h`${id(c.person)}<br>${id(c.principal)}`, where(c)],
    rest('rule-changes'),
  );
}

export function* laterViolations(report: ComplianceReport): Generator<Markup> {
  yield finding(report, 'later-violations');
  yield* table(
    'Violations of the separation of duties that were learned later',
    [{ head: 'Person' }, { head: 'Duties' }, { head: 'Rule' }, { head: 'Release' }, { head: 'Changes' }, { head: 'Learned from' }, WRITTEN],
    report.laterViolations,
    (v) => [
      id(v.person),
      v.duties.join(', '),
      id(v.rule),
      h`${id(v.releaseId)} to ${v.environment}`,
      ids(v.changeIds),
      id(v.learnedFrom),
      where(v),
    ],
    rest('later-violations'),
  );
}

export function* denials({ denials: { total, byType, list, omitted } }: ComplianceReport): Generator<Markup> {
  yield h`<p>${counted(total, 'command')} refused.${omitted > 0 && ` The first ${list.length} of them are listed in the report.`}</p>`;
  yield* table(
    'Refusals by command and reason',
    [{ head: 'Command' }, { head: 'Refusal' }, { head: 'Times', kind: 'number' }],
    byType,
    (t) => [t.command, id(t.refusal), t.count],
    rest('denials'),
  );
  yield* table(
    'Refusals one by one',
    [
      { head: 'Recorded', kind: 'short' },
      { head: 'Command' },
      { head: 'Refusal' },
      { head: 'Person' },
      { head: 'Detail', kind: 'prose' },
      WRITTEN,
    ],
    list,
    (d) => [time(d.at), d.command, h`${id(d.refusal)}<br>${d.kind}`, id(d.person), said(d.detail), where(d)],
    rest('denials'),
  );
}

export function* population(report: ComplianceReport): Generator<Markup> {
  yield* table(
    `The population: ${counted(report.changes.length, 'change')}`,
    [
      { head: 'Change' },
      { head: 'Environment' },
      { head: 'Release' },
      { head: 'Class' },
      { head: 'Outcome' },
      { head: 'Approved', kind: 'short' },
      { head: 'Started', kind: 'short' },
      { head: 'Approvers that counted' },
      { head: 'Deployer' },
      { head: 'Answers', kind: 'short' },
    ],
    report.changes,
    (change) => [
      h`${id(change.id)}<br><span class="sub">${change.kind}</span>`,
      change.environment,
      h`${releaseOf(change)}`,
      change.changeClass,
      change.outcome,
      time(change.approved?.at),
      time(change.started.at),
      ids(change.approvals.filter(({ counted: counts }) => counts).map(({ person }) => person)),
      id(change.deployer),
      verdict(worstOf(change)),
    ],
    rest('population'),
  );
}

function finding(report: ComplianceReport, section: Section): Markup {
  const { verdict: answer, detail } = sectionFindings(report)[section];
  return h`<p>${answer && h`${verdict(answer)} `}${detail}</p>`;
}

/** An approval, and why it did not count, or not for all that it was given for. */
function approvedBy(approval: ChangeApproval): Markup {
  const { groups = [], counted: counts, lapsed = [] } = approval;
  const why = lapsed.map(({ detail }) => ` ${detail}`).join('');
  return h`${time(approval.at)} by ${id(approval.person)}${groups.length > 0 && ` for ${groups.join(', ')}`}, ${where(approval)}${!counts && '; did not count.'}${counts && why !== '' && ';'}${why}`;
}

function releaseOf({ release }: Change): Markup {
  if (!release) return h`no release`;
  return release.product === undefined ? h`${id(release.releaseId)}` : h`${release.product} ${release.version}`;
}
