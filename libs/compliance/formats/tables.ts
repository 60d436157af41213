import { csvPieces } from '#libs/csv';
import { assess } from '../assess.ts';
import type { Framework } from '../framework.ts';
import { CONTROL_QUESTIONS, type Change, type ComplianceReport, type Written } from '../report.ts';
import { deviations, QUESTIONS, worstOf } from './questions.ts';

type Cell = string | number | boolean | undefined;
type Row = Readonly<Record<string, Cell>>;

interface Table {
  readonly title: string;
  /** In this order; each row's members are among them. */
  readonly columns: readonly string[];
  rows(report: ComplianceReport, frameworks: readonly Framework[]): Iterable<Row>;
}

/** Lists within a cell. */
const list = (items: readonly string[]): string => items.join('; ');
const written = (name: string, where: Written | undefined): Row => ({
  [`${name}At`]: where?.at,
  [`${name}Ref`]: where?.ref,
  [`${name}Sequence`]: where?.sequence,
});
const writtenColumns = (name: string): readonly string[] => [`${name}At`, `${name}Ref`, `${name}Sequence`];

const CHANGE_COLUMNS = [
  'changeId', 'verdict', 'kind', 'outcome', 'environment', 'environmentClass', 'regimes', 'changeClass', 'claimedClass', 'riskDeclared', 'riskJudged', 'inPeriod',
  'releaseId', 'product', 'version', 'rollbackOfDeployment', 'rollbackOfRelease',
  'requester', 'authors', 'authorAccounts', 'preparedBy', 'testers', 'tests', 'approvers', 'approversCounted', 'approvalsLapsed', 'deployer',
  ...['requested', 'approved', 'started', 'effect', 'ended', 'observed'].flatMap(writtenColumns),
  'approvedDigests', 'deployedDigests', 'tupleHash', 'policy', 'policyVersion', 'receipts', 'changeRecord', 'changeRecordRoute', 'votesLapsed', 'dossierHash', 'bypassId', 'waivedGates', 'sampled',
  ...QUESTIONS.flatMap((question) => [question, `${question}: reason`]),
]; // prettier-ignore

function changeRow(change: Change, sampled: boolean): Row {
  const { release, rollbackOf, policy, bypass, changeRecord } = change;
  const row: Record<string, Cell> = {
    changeId: change.id,
    verdict: worstOf(change),
    kind: change.kind,
    outcome: change.outcome,
    environment: change.environment,
    environmentClass: change.environmentClass,
    regimes: list(change.regimes),
    changeClass: change.changeClass,
    claimedClass: change.claimedClass,
    riskDeclared: change.risk?.declared,
    riskJudged: change.risk?.effective,
    inPeriod: list(change.inPeriod),
    releaseId: release?.releaseId,
    product: release?.product,
    version: release?.version,
    rollbackOfDeployment: rollbackOf?.deploymentId,
    rollbackOfRelease: rollbackOf?.releaseId,
    requester: change.requester,
    authors: list([...new Set(change.authors.map(({ person }) => person))]),
    authorAccounts: list(change.authors.map(({ account }) => account)),
    preparedBy: list([...new Set(change.preparedBy.map(({ person }) => person))]),
    testers: list([...new Set(change.tests.map(({ tester }) => tester))]),
    tests: list(change.tests.map((t) => `${t.suite} ${t.outcome} of ${t.artifactDigest} (report sha256:${t.reportDigest}, ${t.ref})`)),
    approvers: list(change.approvals.map(({ person }) => person)),
    approversCounted: list(change.approvals.filter(({ counted }) => counted).map(({ person }) => person)),
    approvalsLapsed: list(change.approvals.flatMap(({ lapsed = [] }) => lapsed.map((l) => [l.detail, l.ref].filter(Boolean).join(' ')))),
    deployer: change.deployer,
    ...written('requested', change.requested),
    ...written('approved', change.approved),
    ...written('started', change.started),
    ...written('effect', change.effect),
    ...written('ended', change.ended),
    ...written('observed', change.observations[0]),
    approvedDigests: list(change.approvedDigests),
    deployedDigests: list(change.deployedDigests),
    tupleHash: change.tupleHash,
    policy: policy?.id,
    policyVersion: policy?.version,
    receipts: list(change.receipts.map((r) => `${r.decision} ${r.verdict} ${r.ref}`)),
    changeRecord: changeRecord && `${changeRecord.changeId} round ${changeRecord.round}`,
    changeRecordRoute: changeRecord?.route,
    votesLapsed: changeRecord?.votesLapsed && list(changeRecord.votesLapsed),
    dossierHash: changeRecord?.dossierHash,
    bypassId: bypass?.bypassId,
    waivedGates: bypass && list(bypass.waived),
    sampled: sampled ? 'yes' : 'no',
  };
  for (const question of QUESTIONS) {
    const { verdict, reason, unknowable } = change.verdicts[question];
    row[question] = unknowable ? `${verdict} (unknowable)` : verdict;
    row[`${question}: reason`] = reason;
  }
  return row;
}

const sampledIds = (report: ComplianceReport): ReadonlySet<string> => new Set(report.sample?.changeIds);

/** The report's tables, each a file of its own. */
export const TABLES = {
  population: {
    title: 'Every change of the period, one row each',
    columns: CHANGE_COLUMNS,
    *rows(report) {
      const sampled = sampledIds(report);
      for (const change of report.changes) yield changeRow(change, sampled.has(change.id));
    },
  },
  exceptions: {
    title: 'Every question that a change does not answer with yes',
    columns: [
      'changeId', 'question', 'asked', 'verdict', 'unknowable', 'reason', 'evidence', 'kind', 'outcome', 'environment', 'releaseId',
      'product', 'version', 'changeClass', 'requester', 'deployer', 'startedAt', 'startedRef', 'bypassId',
    ], // prettier-ignore
    *rows(report) {
      for (const { change, question, judged } of deviations(report)) {
        yield {
          changeId: change.id,
          question,
          asked: CONTROL_QUESTIONS[question],
          verdict: judged.verdict,
          unknowable: judged.unknowable ? 'yes' : 'no',
          reason: judged.reason,
          evidence: list(judged.evidence),
          kind: change.kind,
          outcome: change.outcome,
          environment: change.environment,
          releaseId: change.release?.releaseId,
          product: change.release?.product,
          version: change.release?.version,
          changeClass: change.changeClass,
          requester: change.requester,
          deployer: change.deployer,
          startedAt: change.started.at,
          startedRef: change.started.ref,
          bypassId: change.bypass?.bypassId,
        };
      }
    },
  },
  samples: {
    title: 'The sampled changes, in the order in which they were drawn',
    columns: ['drawn', ...CHANGE_COLUMNS],
    *rows(report) {
      if (!report.sample) return;
      const sampled = sampledIds(report);
      const changes = new Map(report.changes.flatMap((change) => (sampled.has(change.id) ? [[change.id, change] as const] : [])));
      for (const [i, id] of report.sample.changeIds.entries()) {
        const change = changes.get(id);
        if (change) yield { drawn: i + 1, ...changeRow(change, true) };
      }
    },
  },
  proofs: {
    title: 'Inclusion proofs of the sampled changes, against the signed checkpoint',
    columns: ['changeId', 'of', 'ref', 'sequence', 'treeSize', 'root', 'leafHash', 'path'],
    *rows({ proofs = [], log: { checkpoint } }) {
      for (const { changeId, leaves } of proofs)
        for (const { of, ref, sequence, leafHash, path } of leaves)
          yield { changeId, of, ref, sequence, treeSize: checkpoint?.size, root: checkpoint?.root, leafHash, path: list(path) };
    },
  },
  access: {
    title: 'Who could approve, deploy or administer, and who did without a grant',
    columns: [
      'kind', 'person', 'role', 'group', 'scopeKind', 'scopeId', 'capabilities', 'from', 'until', 'times', 'requestedBy', 'confirmedBy',
      ...writtenColumns('written'), ...writtenColumns('ended'),
    ], // prettier-ignore
    *rows({ access }) {
      for (const role of access.roles) {
        yield {
          kind: 'role',
          person: role.person,
          role: role.role,
          scopeKind: role.scope.kind,
          scopeId: role.scope.id,
          capabilities: list(role.capabilities),
          from: role.from,
          until: role.until,
          requestedBy: role.requestedBy,
          confirmedBy: role.confirmedBy,
          ...written('written', role),
          ...written('ended', role.ended),
        };
      }
      for (const member of access.memberships) {
        const { group, person, from, until } = member;
        yield { kind: 'membership', person, group, from, until, ...written('written', member) };
      }
      for (const acted of access.actedWithoutGrant) {
        const { person, capability, times } = acted;
        yield { kind: 'acted-without-grant', person, capabilities: capability, times, ...written('written', acted) };
      }
    },
  },
  unmatched: {
    title: 'Deployments that were never observed, and observations that nobody authorised',
    columns: [
      'kind', 'changeId', 'environment', 'why', 'by', 'service', 'artifact', 'change', 'reportedBy', 'claimedOccurredAt', 'violation',
      ...writtenColumns('written'),
    ], // prettier-ignore
    *rows({ accuracy }) {
      for (const deployment of accuracy.neverObserved) {
        const { changeId, environment } = deployment;
        yield { kind: 'never-observed', changeId, environment, ...written('written', deployment) };
      }
      for (const { at, ref, sequence, ...observation } of accuracy.neverAuthorised) {
        yield { kind: 'never-authorised', ...observation, ...written('written', { at, ref, sequence }) };
      }
    },
  },
  emergencies: {
    title: 'Bypasses, emergencies that were submitted as changes, and changes of class emergency alone',
    columns: [
      'bypassId', 'changeRecord', 'state', 'environment', 'releaseId', 'changeIds', 'changeReason', 'requester', 'team', 'gates', 'justification', 'incidentId', 'dossierHash',
      ...writtenColumns('requested'), 'expiresAt', 'reviewDueAt', 'reviewer', 'outcome', 'findings', 'late', ...writtenColumns('reviewed'),
    ], // prettier-ignore
    *rows({ emergencies }) {
      for (const { bypass, change, environment, releaseId, changeIds, changeReason } of emergencies) {
        const asked = bypass ?? change;
        yield {
          bypassId: bypass?.bypassId ?? change?.bypassId,
          changeRecord: change && `${change.changeId} round ${change.round}`,
          state: asked?.state,
          environment,
          releaseId,
          changeIds: list(changeIds),
          changeReason,
          requester: asked?.requester,
          team: bypass?.team,
          gates: bypass && list(bypass.gates),
          justification: asked?.justification,
          incidentId: change?.incidentId,
          dossierHash: change?.dossierHash,
          ...written('requested', asked),
          expiresAt: bypass?.expiresAt,
          reviewDueAt: asked?.reviewDueAt,
          reviewer: asked?.review?.reviewer,
          outcome: asked?.review?.outcome,
          findings: asked?.review?.findings,
          late: asked?.review && (asked.review.late ? 'yes' : 'no'),
          ...written('reviewed', asked?.review),
        };
      }
    },
  },
  'change-records': {
    title: 'Changes as they were submitted to a board, a model, an ITSM or as emergencies, with who decided',
    columns: [
      'changeRecord', 'round', 'title', 'class', 'route', 'status', 'environment', 'releaseId', 'product', 'changeIds', 'dossierHash', 'requester',
      'windowFrom', 'windowUntil', 'board', 'model', 'modelVoters', 'incidentId', 'bypassId', ...writtenColumns('submitted'), 'for', 'against',
      'abstained', 'recused', 'quorum', 'votes', 'outcome', 'decidedBy', ...writtenColumns('decided'), 'conditions', 'endedAs', 'endedBecause',
      ...writtenColumns('ended'), 'reviewState', 'reviewDueAt', 'reviewer', 'reviewOutcome', 'findings', ...writtenColumns('reviewed'),
    ], // prettier-ignore
    *rows({ changeRecords }) {
      for (const record of changeRecords) {
        const { board, model, decided, closed, review, votes } = record;
        const voted = (how: string): string => list(votes.filter(({ vote }) => vote === how).map(({ person }) => person));
        yield {
          changeRecord: record.changeId,
          round: record.round,
          title: record.title,
          class: record.class,
          route: record.route,
          status: record.status,
          environment: record.environment,
          releaseId: record.releaseId,
          product: record.product,
          changeIds: list(record.changeIds),
          dossierHash: record.dossierHash,
          requester: record.requester,
          windowFrom: record.window.from,
          windowUntil: record.window.until,
          board: board && `${board.boardId} version ${board.version}`,
          model: model && `${model.modelId} version ${model.version}`,
          modelVoters: model && list(model.voters),
          incidentId: record.incidentId,
          bypassId: record.bypassId,
          ...written('submitted', record),
          for: voted('for'),
          against: voted('against'),
          abstained: voted('abstain'),
          recused: list(record.recused),
          quorum: decided?.quorum,
          votes: list(votes.map(({ person, vote, at, ref }) => `${person} ${vote} ${at} ${ref}`)),
          outcome: decided?.outcome,
          decidedBy: decided && [decided.by, decided.outside, decided.reference].filter(Boolean).join(' '),
          ...written('decided', decided),
          conditions: list(
            record.conditions.map(
              ({ text, by, confirmed }) =>
                `${text} (by ${by}; ${confirmed ? `confirmed by ${confirmed.person} at ${confirmed.at}, ${confirmed.ref}` : 'not confirmed'})`,
            ),
          ),
          endedAs: closed?.how,
          endedBecause: closed?.reason,
          ...written('ended', closed),
          reviewState: record.reviewState,
          reviewDueAt: record.reviewDueAt,
          reviewer: review?.reviewer,
          reviewOutcome: review?.outcome,
          findings: review?.findings,
          ...written('reviewed', review),
        };
      }
    },
  },
  'rule-changes': {
    title: 'Changes to policies, environments, calendars, boards, change models, roles, groups, identities and retention',
    columns: ['kind', 'event', 'what', 'person', 'principal', ...writtenColumns('written')],
    *rows({ ruleChanges }) {
      for (const rule of ruleChanges) {
        const { kind, event, what, person, principal } = rule;
        yield { kind, event, what, person, principal, ...written('written', rule) };
      }
    },
  },
  'later-violations': {
    title: 'Duties that were not separated, as was learned later',
    columns: ['rule', 'person', 'duties', 'releaseId', 'environment', 'changeIds', 'learnedFrom', 'evidence', ...writtenColumns('written')],
    *rows({ laterViolations }) {
      for (const violation of laterViolations) {
        const { rule, person, duties, releaseId, environment, changeIds, learnedFrom, evidence } = violation;
        yield {
          rule,
          person,
          duties: list(duties),
          releaseId,
          environment,
          changeIds: list(changeIds),
          learnedFrom,
          evidence: list(evidence),
          ...written('written', violation),
        };
      }
    },
  },
  denials: {
    title: 'What was refused',
    columns: ['command', 'refusal', 'kind', 'person', 'detail', ...writtenColumns('written')],
    *rows({ denials }) {
      for (const denial of denials.list) {
        const { command, refusal, kind, person, detail } = denial;
        yield { command, refusal, kind, person, detail, ...written('written', denial) };
      }
    },
  },
  controls: {
    title: 'The frameworks’ controls, the evidence for each, and what is not covered',
    columns: [
      'framework', 'control', 'title', 'controlStatus', 'objective', 'statement', 'status', 'questions', 'sections', 'supports', 'notCovered',
    ], // prettier-ignore
    *rows(report, frameworks) {
      for (const { framework, controls } of frameworks.map((f) => assess(report, f))) {
        for (const { control, status: controlStatus, objectives } of controls) {
          for (const { objective, status, questions, sections } of objectives) {
            yield {
              framework: framework.id,
              control: control.label,
              title: control.title,
              controlStatus,
              objective: objective.id,
              statement: objective.statement,
              status,
              questions: list(
                questions.map(({ question, tally: t }) => `${question} (${t.yes} yes, ${t.exception} exception, ${t.no} no)`),
              ),
              sections: list(sections.map(({ section, verdict, detail }) => `${section}${verdict ? ` (${verdict})` : ''}: ${detail}`)),
              supports: list(objective.supports),
              notCovered: control.notCovered.join(' '),
            };
          }
        }
      }
    },
  },
} as const satisfies Readonly<Record<string, Table>>;

export type TableName = keyof typeof TABLES;
export const TABLE_NAMES = Object.keys(TABLES) as readonly TableName[];

/**
 * A table of the report as CSV (RFC 4180, UTF-8, a header, formula-safe), in pieces of whole lines.
 * @param frameworks only the table `controls` has them
 */
export function complianceCsv(report: ComplianceReport, name: TableName, frameworks: readonly Framework[] = []): Generator<string> {
  const { columns, rows }: Table = TABLES[name];
  return csvPieces(columns, rows(report, frameworks));
}
