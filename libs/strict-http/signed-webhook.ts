import { timingSafeEqual } from 'node:crypto';
import { Webhook } from 'standardwebhooks';

/** Headers that prove who sent a body, and when: `webhook-id`, `webhook-timestamp`, `webhook-signature`. */
export type WebhookSigner = (id: string, sentAt: Date, body: string) => Readonly<Record<string, string>>;

/**
 * Signs webhooks as the Standard Webhooks specification says (https://www.standardwebhooks.com, HMAC-SHA256).
 *
 * @param secret `whsec_` and base64
 * @throws Error the secret is not one
 */
export function webhookSigner(secret: string): WebhookSigner {
  const webhook = new Webhook(secret);
  return (id, sentAt, body) => ({
    'webhook-id': id,
    'webhook-timestamp': String(Math.floor(sentAt.getTime() / 1000)),
    'webhook-signature': webhook.sign(id, sentAt, body),
  });
}

/** A webhook as it came. */
export interface ReceivedWebhook {
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  /** The bytes, before anybody has parsed them. */
  readonly body: Buffer;
}

/** Who sent a webhook is proved, or why it is not, as a sentence. */
export type WebhookVerdict = { readonly id: string } | { readonly problem: string };

/** How far a webhook's timestamp may be from the server's time, seconds: what Standard Webhooks recommends. */
export const WEBHOOK_TOLERANCE_SECONDS = 300;

/**
 * Verifies webhooks as the Standard Webhooks specification says: signature over id, timestamp and bytes, and a timestamp that is near. An id that
 * came before is the caller's to refuse.
 *
 * @param secret `whsec_` and base64
 * @throws Error the secret is not one
 */
export function webhookVerifier(secret: string): (received: ReceivedWebhook, now: Date) => WebhookVerdict {
  const webhook = new Webhook(secret);
  return ({ headers, body }, now) => {
    const { 'webhook-id': id, 'webhook-timestamp': timestamp, 'webhook-signature': signatures } = headers;
    if (typeof id !== 'string' || !/^[\x21-\x7e]{1,200}$/.test(id))
      return { problem: 'webhook-id must be 1 to 200 visible ASCII characters.' };
    if (typeof timestamp !== 'string' || !/^\d{1,12}$/.test(timestamp)) return { problem: 'webhook-timestamp must be seconds since 1970.' };
    if (typeof signatures !== 'string' || signatures.length > 2000) return { problem: 'webhook-signature must be there, such as v1,….' };
    const expected = Buffer.from(webhook.sign(id, new Date(Number(timestamp) * 1000), body));
    const signed = signatures.split(' ').some((given) => {
      const bytes = Buffer.from(given);
      return bytes.length === expected.length && timingSafeEqual(bytes, expected);
    });
    if (!signed) return { problem: 'No signature in webhook-signature is of this id, timestamp and body.' };
    // Judged after the signature: what time a stranger claims is of no interest.
    if (Math.abs(now.getTime() / 1000 - Number(timestamp)) > WEBHOOK_TOLERANCE_SECONDS)
      return { problem: `webhook-timestamp is more than ${WEBHOOK_TOLERANCE_SECONDS} seconds from the server's time.` };
    return { id };
  };
}
