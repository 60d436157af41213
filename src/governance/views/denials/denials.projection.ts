import { idOf, type CommandDenied } from '#libs/event-sourcing';
import { defineView } from '#libs/read-models';
import type { DenialRow } from './denials.row.ts';

/** Every refusal on record (principle 5). */
export const denials = defineView<DenialRow, CommandDenied>({
  name: 'denials',
  version: 1,
  table: 'denial',
  key: 'command_id',
  columns: {
    command_id: 'text',
    command: 'text',
    stream: 'text',
    about: 'jsonb',
    refusal: 'text',
    kind: 'text',
    detail: 'text',
    reasons: 'jsonb',
    person: 'text',
    principal: 'text',
    at: 'timestamptz',
    position: 'bigint',
  },
  indexes: [['position'], ['person', 'position'], ['command', 'position'], ['refusal', 'position']],
  on: {
    CommandDenied: {
      key: ({ stream }) => idOf(stream),
      apply: (_row, { data, metadata, position }, key) => ({
        command_id: key,
        command: data.command,
        stream: data.stream,
        about: data.about,
        refusal: data.refusal,
        kind: data.kind,
        detail: data.detail,
        reasons: data.reasons,
        person: metadata.actor,
        principal: metadata.principal,
        at: metadata.recordedAt,
        position,
      }),
    },
  },
});
