import { SECTIONS, type Control, type Framework, type Objective, type Section } from './framework.ts';
import type { Answer, ChangeRecord, ComplianceReport, ControlQuestion, Tally } from './report.ts';

/**
 * What the evidence comes to, for an objective:
 * - `met`: every change answers every question with yes, and every section that can be judged holds.
 * - `exceptions`: nothing answers no, but not everything yes: the log has what allowed it, and the assessor judges whether that was right.
 * - `not-met`: something answers no.
 * - `nothing-to-test`: the period has no change that could have shown it. Absence is not success (principle 6).
 * - `for-the-assessor`: there is material, and no rule that could judge it.
 */
export type ObjectiveStatus = 'met' | 'exceptions' | 'not-met' | 'nothing-to-test' | 'for-the-assessor';

/** From the worst to the best. */
export const STATUSES: readonly ObjectiveStatus[] = ['not-met', 'exceptions', 'nothing-to-test', 'for-the-assessor', 'met'];

export interface SectionFinding {
  readonly section: Section;
  /** Absent where no rule can judge it. */
  readonly verdict?: Answer;
  /** A sentence. */
  readonly detail: string;
}

export interface AssessedObjective {
  readonly objective: Objective;
  readonly status: ObjectiveStatus;
  readonly questions: readonly { readonly question: ControlQuestion; readonly tally: Tally }[];
  readonly sections: readonly SectionFinding[];
}

export interface AssessedControl {
  readonly control: Control;
  /** The worst of its objectives; it says nothing of what is not covered. */
  readonly status: ObjectiveStatus;
  readonly objectives: readonly AssessedObjective[];
}

export interface AssessedFramework {
  readonly framework: Framework;
  readonly controls: readonly AssessedControl[];
}

/** Holds a report against a framework. Pure: the mapping says which evidence counts, and the report has it. */
export function assess(report: ComplianceReport, framework: Framework): AssessedFramework {
  const sections = sectionFindings(report);
  const controls = framework.controls.map((control): AssessedControl => {
    const objectives = control.objectives.map((objective) => assessObjective(report, objective, sections));
    const status = STATUSES.find((s) => objectives.some((o) => o.status === s)) ?? 'nothing-to-test';
    return { control, status, objectives };
  });
  return { framework, controls };
}

function assessObjective(
  report: ComplianceReport,
  objective: Objective,
  findings: Readonly<Record<Section, SectionFinding>>,
): AssessedObjective {
  const questions = objective.questions.map((question) => ({ question, tally: report.summary.byQuestion[question] }));
  const sections = objective.sections.map((section) => findings[section]);
  return { objective, status: statusOf(questions, sections), questions, sections };
}

function statusOf(questions: AssessedObjective['questions'], sections: readonly SectionFinding[]): ObjectiveStatus {
  const answers = [
    ...questions.flatMap(({ tally }) => (['no', 'exception', 'yes'] as const).filter((answer) => tally[answer] > 0)),
    ...sections.flatMap(({ verdict }) => verdict ?? []),
  ];
  if (answers.includes('no')) return 'not-met';
  if (answers.includes('exception')) return 'exceptions';
  if (questions.some(({ tally }) => tally.yes === 0)) return 'nothing-to-test';
  return answers.length > 0 ? 'met' : 'for-the-assessor';
}

/** What each section comes to, as a verdict where a rule can give one, and as a sentence. */
export function sectionFindings(report: ComplianceReport): Readonly<Record<Section, SectionFinding>> {
  const found: Readonly<Record<Section, Omit<SectionFinding, 'section'>>> = {
    population: ofPopulation(report),
    'change-records': ofChangeRecords(report),
    emergencies: ofEmergencies(report),
    access: ofAccess(report),
    'later-violations': ofLaterViolations(report),
    log: ofLog(report),
    'rule-changes': {
      detail: `${counted(report.ruleChanges.length, 'change')} to policies, environments, calendars, boards, change models, roles, groups, identities and retention.`,
    },
    denials: { detail: `${counted(report.denials.total, 'command')} refused, each on record with its reason.` },
    sample: {
      detail: report.sample
        ? `${counted(report.sample.changeIds.length, 'change')} drawn with the seed ${JSON.stringify(report.sample.seed)}.`
        : 'No sample was asked for.',
    },
  };
  return Object.fromEntries((Object.keys(SECTIONS) as Section[]).map((section) => [section, { section, ...found[section] }])) as Record<
    Section,
    SectionFinding
  >;
}

type Found = Required<Omit<SectionFinding, 'section'>>;

function ofPopulation({ accuracy }: ComplianceReport): Found {
  const { neverAuthorised, neverObserved, deployments, tookEffect, observed, reports, reportsMatched } = accuracy;
  const detail =
    `${counted(deployments, 'deployment')} in the log, ${tookEffect} of them took effect, ${observed} of these were observed; ` +
    `${counted(reports, 'report')} from environments, ${reportsMatched} of them accounted for.`;
  return { verdict: neverAuthorised.length > 0 || neverObserved.length > 0 ? 'no' : 'yes', detail };
}

/** What was decided on, and whether every change of the population that had to be was. */
function ofChangeRecords({ changeRecords, summary }: ComplianceReport): Omit<SectionFinding, 'section'> {
  const { no, exception } = summary.byQuestion['change-authorised'];
  const count = (is: (record: ChangeRecord) => boolean): number => changeRecords.filter(is).length;
  const by = (route: ChangeRecord['route']): number => count((record) => record.route === route);
  const detail =
    `${counted(changeRecords.length, 'change')} submitted: ${by('board')} to a board, ${by('itsm')} to an ITSM, ${by('model')} under a model, ` +
    `${by('emergency')} as emergencies; ${count((r) => r.status === 'rejected')} rejected, ${count((r) => r.closed !== undefined)} ended otherwise. ` +
    `${counted(no, 'deployment')} without the decision that ${no === 1 ? 'its' : 'their'} policy asks for, ${exception} by exception.`;
  const verdict = no > 0 ? 'no' : exception > 0 ? 'exception' : changeRecords.length > 0 ? 'yes' : undefined;
  return { detail, ...(verdict && { verdict }) };
}

function ofEmergencies({ emergencies }: ComplianceReport): Found {
  const states = emergencies.flatMap(({ bypass, change }) => bypass?.state ?? change?.state ?? []);
  const count = (...wanted: readonly (typeof states)[number][]): number => states.filter((state) => wanted.includes(state)).length;
  const bad = count('overdue', 'rejected', 'reviewed-late');
  const open = count('due');
  const detail =
    `${counted(emergencies.length, 'emergency', 'emergencies')}, ${emergencies.filter((e) => e.bypass).length} with a bypass, ` +
    `${emergencies.filter((e) => e.change).length} as changes of their own: ${count('reviewed')} reviewed in time and found good, ` +
    `${open} with a review still to come, ${count('reviewed-late')} reviewed late, ${count('overdue')} overdue, ${count('rejected')} found wrong, ` +
    `${count('unused')} never used.`;
  return { verdict: bad > 0 ? 'no' : open > 0 ? 'exception' : 'yes', detail };
}

function ofAccess({ access }: ComplianceReport): Found {
  const { roles, memberships, actedWithoutGrant } = access;
  const detail =
    `${counted(roles.length, 'grant')} of roles and ${counted(memberships.length, 'membership')} of groups were in force; ` +
    `${counted(new Set(actedWithoutGrant.map(({ person }) => person)).size, 'person', 'persons')} acted without a grant that is in the log.`;
  return { verdict: actedWithoutGrant.length > 0 ? 'no' : 'yes', detail };
}

function ofLaterViolations({ laterViolations }: ComplianceReport): Found {
  const detail = `${counted(laterViolations.length, 'violation')} of the separation of duties ${laterViolations.length === 1 ? 'was' : 'were'} learned later.`;
  return { verdict: laterViolations.length > 0 ? 'no' : 'yes', detail };
}

function ofLog({ log }: ComplianceReport): Found {
  const { checkpoint, coversPeriod, unreadable = [] } = log;
  if (!checkpoint) return { verdict: 'no', detail: `No signed checkpoint covers the ${counted(log.events, 'event')} that were read.` };
  const signed = `${counted(log.events, 'event')} under the signed checkpoint of ${checkpoint.origin} with size ${checkpoint.size}`;
  if (unreadable.length > 0)
    return { verdict: 'no', detail: `${signed}; ${unreadable.length} of them are not what their type says: they came around Plimsoll.` };
  return coversPeriod
    ? { verdict: 'yes', detail: `${signed}, which goes beyond the end of the period.` }
    : { verdict: 'exception', detail: `${signed}; nothing in it was recorded after the end of the period, which may go on behind it.` };
}

/** `1 change`, `20,000 changes`. */
export function counted(n: number, one: string, many = `${one}s`): string {
  return `${thousands(n)} ${n === 1 ? one : many}`;
}

/** Grouped by commas, without asking for a locale: the same bytes everywhere. */
export function thousands(n: number): string {
  return String(n).replace(/\B(?=(?:\d{3})+$)/g, ',');
}
