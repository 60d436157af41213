import { createHash } from 'node:crypto';
import type { EventCodec, StoredEvent } from '#libs/event-sourcing';
import { canonicalJson } from '#libs/ledger';
import { applyTo, keysOf } from '#libs/read-models';
import { views } from '../read-models.ts';

export interface RecomputedReport {
  /** Canonical JSON (RFC 8785): what Plimsoll answers at /v1/governance/audit-reports. */
  readonly text: string;
  /** SHA-256 of it, hex. */
  readonly digest: string;
  readonly report: Readonly<Record<string, unknown>>;
}

/** The audit report of a release, from the events alone, by the same pure fold that keeps the view. Undefined where they tell of no such release. */
export async function recomputeReport(
  batches: AsyncIterable<readonly StoredEvent[]>,
  codec: EventCodec,
  releaseId: string,
): Promise<RecomputedReport | undefined> {
  const view = views.find(({ name }) => name === 'audit-report');
  if (!view) throw new Error('This program has no view audit-report.');
  let row: { readonly report: Readonly<Record<string, unknown>> } | undefined;
  for await (const batch of batches) {
    for (const stored of batch) {
      const event = codec.upcast(stored);
      if (keysOf(view, event).includes(releaseId)) row = applyTo(view, row, event, releaseId) as typeof row;
    }
  }
  if (!row) return undefined;
  const text = canonicalJson(JSON.parse(JSON.stringify(row.report)));
  return { text, digest: createHash('sha256').update(text).digest('hex'), report: row.report };
}
