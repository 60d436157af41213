import { BEGINNING_OF_TIME, type PolicyEvent } from '#libs/contracts';
import { defineView } from '#libs/read-models';
import type { PolicyRow } from './policies.row.ts';

/** Which policies there are. What a gate asks is judged on their streams. */
export const policyList = defineView<PolicyRow, PolicyEvent>({
  name: 'policies',
  version: 1,
  table: 'policy_list',
  key: 'policy_id',
  columns: {
    policy_id: 'text',
    title: 'text',
    version: 'integer',
    gates: 'jsonb',
    clauses: 'integer',
    effective_from: 'timestamptz',
    published_by: 'text',
    published_at: 'timestamptz',
    versions: 'jsonb',
  },
  indexes: [['published_by', 'policy_id']],
  on: {
    PolicyPublished: {
      key: ({ data }) => data.policyId,
      apply: (row, { data, metadata }) => {
        const { policyId, version, title, gates, rollbackGates, clauses } = data;
        const said = { version, title, publishedBy: metadata.actor, publishedAt: metadata.recordedAt };
        // Versions of before there were dates count from the beginning of time, which is no date to show.
        const effectiveFrom = data.effectiveFrom === BEGINNING_OF_TIME ? metadata.recordedAt : data.effectiveFrom;
        return {
          policy_id: policyId,
          title,
          version,
          gates: [...new Set([...gates, ...rollbackGates, ...clauses.flatMap((clause) => clause.gates)].map(({ gate }) => gate))].sort(),
          clauses: clauses.length,
          effective_from: effectiveFrom,
          published_by: metadata.actor,
          published_at: metadata.recordedAt,
          versions: [...(row?.versions ?? []), { ...said, effectiveFrom }],
        };
      },
    },
  },
});
