import type { ArtifactEvent } from '#libs/contracts';
import type { DomainEvent } from '#libs/event-sourcing';
import { defineView, type View } from '#libs/read-models';

interface ArtifactRow {
  readonly artifact_id: string;
  readonly name: string;
  readonly version: string;
  readonly digest: string;
}

/** A row an artifact: what the lag is measured on. */
export const artifactsView = defineView<ArtifactRow, ArtifactEvent>({
  name: 'bench-artifacts',
  version: 1,
  table: 'bench_artifact',
  key: 'artifact_id',
  columns: { artifact_id: 'uuid', name: 'text', version: 'text', digest: 'text' },
  on: {
    ArtifactAuthorsAdded: 'ignored',
    ArtifactRegistered: {
      key: ({ data }) => data.artifactId,
      apply: (_row, { data }) => ({
        artifact_id: data.artifactId,
        name: data.name,
        version: data.version,
        digest: `${data.digest.algorithm}:${data.digest.value}`,
      }),
    },
  },
});

type OrderChanged = DomainEvent<'OrderChanged', { readonly order: string; readonly status: string }>;

interface OrderRow {
  readonly order_id: string;
  readonly status: string;
  readonly changes: number;
  readonly changed_at: string;
}

/** A row an order, touched by each of its events; a table of its own for each version of the name. */
export function ordersView(name: string): View<OrderRow> {
  return defineView<OrderRow, OrderChanged>({
    name,
    version: 1,
    table: name.replaceAll('-', '_'),
    key: 'order_id',
    columns: { order_id: 'text', status: 'text', changes: 'integer', changed_at: 'timestamptz' },
    on: {
      OrderChanged: {
        key: ({ data }) => data.order,
        apply: (row, { data, metadata }) => ({
          order_id: data.order,
          status: data.status,
          changes: (row?.changes ?? 0) + 1,
          changed_at: metadata.recordedAt,
        }),
      },
    },
  });
}
