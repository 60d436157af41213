import { createHash } from 'node:crypto';
import { withoutSealedText } from '#libs/event-sourcing';
import { secretsIn, withoutSecrets } from '#libs/secrets';
import type { Reading } from './envelope.ts';

/** What is kept of a delivery that was rejected. */
export interface Kept {
  readonly payload: Buffer;
  readonly contentType: string;
  readonly attributes: Readonly<Record<string, string>>;
  readonly reason: string;
  /** Of the event, where it could be read. */
  readonly known: { readonly id?: string; readonly source?: string };
  /** There where secrets were replaced. `sha256`: of the whole body as it came, hex. */
  readonly redacted?: { readonly sha256: string; readonly kinds: readonly string[] };
}

/** A dead letter keeps all of it, but for what looks like a secret. Pure. */
export function keptOf(reading: Reading, reason: string): Kept {
  const { body } = reading.delivery;
  // What is shown of it must not pass for sealed text.
  const { contentType, attributes } = withoutSealedText({
    contentType: reading.delivery.contentType,
    attributes: reading.delivery.attributes,
  });
  const known = withoutSealedText(reading.readable ? { id: reading.envelope.id, source: reading.envelope.source } : {});
  // Every byte is a character: secrets are ASCII, whatever the encoding around them is.
  const text = Buffer.from(body).toString('latin1');
  const all = { text, contentType, attributes, reason, known, envelope: reading.readable ? reading.envelope : undefined };
  const kinds = [...new Set(secretsIn(all).map(({ kind }) => kind))].sort();
  if (kinds.length === 0) return { payload: Buffer.from(body), contentType, attributes, reason, known };
  const clean = withoutSecrets(all);
  // What JSON had escaped is not seen in its bytes: an event is kept as it was read.
  return {
    payload: clean.envelope ? Buffer.from(JSON.stringify(clean.envelope)) : Buffer.from(clean.text, 'latin1'),
    contentType: clean.contentType,
    attributes: clean.attributes,
    reason: clean.reason,
    known: clean.known,
    redacted: { sha256: createHash('sha256').update(body).digest('hex'), kinds },
  };
}
