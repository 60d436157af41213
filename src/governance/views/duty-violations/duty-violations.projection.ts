import type { DutyReviewEvent } from '#libs/contracts';
import { defineView } from '#libs/read-models';
import type { DutyViolationRow } from './duty-violations.row.ts';

/** Every violation that was learned of later. */
export const dutyViolations = defineView<DutyViolationRow, DutyReviewEvent>({
  name: 'duty-violations',
  version: 1,
  table: 'duty_violation',
  key: 'violation_id',
  columns: {
    violation_id: 'text',
    release_id: 'text',
    environment: 'text',
    rule: 'text',
    person: 'text',
    duties: 'jsonb',
    evidence: 'jsonb',
    learned_from: 'text',
    found_at: 'timestamptz',
    position: 'bigint',
  },
  indexes: [['position'], ['person', 'position'], ['release_id', 'position']],
  on: {
    DutyPartiesNoted: 'ignored',
    DutyViolationFound: {
      key: (e) => e.id,
      apply: (_row, { data, metadata, position }, key) => ({
        violation_id: key,
        release_id: data.releaseId,
        environment: data.environment,
        rule: data.rule,
        person: data.person,
        duties: data.duties,
        evidence: data.evidence,
        learned_from: data.learnedFrom,
        found_at: metadata.recordedAt,
        position,
      }),
    },
  },
});
