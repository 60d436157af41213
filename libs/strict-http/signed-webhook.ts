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
