import { idOf, own, type CommandDenied } from '#libs/event-sourcing';
import { defineView } from '#libs/read-models';
import type { DenialRow } from './denials.row.ts';

/** Every refusal on record (principle 5). */
export const denials = defineView<DenialRow, CommandDenied>({
  name: 'denials',
  version: 2,
  table: 'denial',
  key: 'command_id',
  columns: {
    command_id: 'text',
    command: 'text',
    stream: 'text',
    about: 'jsonb',
    release_id: 'text',
    environment: 'text',
    refusal: 'text',
    kind: 'text',
    detail: 'text',
    reasons: 'jsonb',
    person: 'text',
    principal: 'text',
    at: 'timestamptz',
    position: 'bigint',
  },
  indexes: [
    ['position'],
    ['person', 'position'],
    ['command', 'position'],
    ['refusal', 'position'],
    ['release_id', 'position'],
    ['environment', 'position'],
    ['at', 'position'],
  ],
  on: {
    CommandDenied: {
      key: ({ stream }) => idOf(stream),
      apply: (_row, { data, metadata, position }, key) => ({
        command_id: key,
        command: data.command,
        stream: data.stream,
        about: data.about,
        release_id: own(data.about, 'releaseId') ?? null,
        environment: own(data.about, 'environment') ?? null,
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
