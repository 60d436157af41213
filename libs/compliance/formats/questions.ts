import { CONTROL_QUESTIONS, type Answer, type Change, type ComplianceReport, type ControlQuestion, type Judged } from '../report.ts';

export const QUESTIONS = Object.keys(CONTROL_QUESTIONS) as readonly ControlQuestion[];

/** Titles as short as a column needs them. */
export const SHORT_TITLES: Readonly<Record<ControlQuestion, string>> = {
  authorised: 'Authorised',
  requested: 'Requested',
  'approved-before-deployment': 'Approved before deployment',
  'approved-digest-deployed': 'Approved digests deployed',
  'approved-plan-deployed': 'Approved plan deployed',
  'change-authorised': 'Change authorised',
  'authors-known': 'Authors known',
  'duties-separated': 'Duties separated',
  'no-later-duty-violation': 'No violation learned later',
  tested: 'Tested',
  'gates-passed': 'Gates passed',
  'policy-in-force': 'Policy in force',
  'not-frozen': 'Not frozen',
  'bypass-reviewed': 'Bypasses and emergencies reviewed',
  observed: 'Observed',
};

/** A question that a change does not answer with yes. */
export interface Deviation {
  readonly change: Change;
  readonly question: ControlQuestion;
  readonly answer: Exclude<Answer, 'yes'>;
  readonly judged: Judged;
}

/** All that is not yes: in the order of the population, and within a change of the questions. */
export function* deviations(report: ComplianceReport): Generator<Deviation> {
  for (const change of report.changes) {
    for (const question of QUESTIONS) {
      const judged = change.verdicts[question];
      if (judged.verdict !== 'yes') yield { change, question, answer: judged.verdict, judged };
    }
  }
}

/** A change in one word: no where anything is no, exception where anything is that, else yes. */
export function worstOf(change: Change): Answer {
  const answers = QUESTIONS.map((question) => change.verdicts[question].verdict);
  return answers.includes('no') ? 'no' : answers.includes('exception') ? 'exception' : 'yes';
}
