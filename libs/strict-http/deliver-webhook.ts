import type { WebhookSigner } from './signed-webhook.ts';
import { httpsOrLoopback, strictRequest, StrictRequestError } from './strict-request.ts';

/** What became of a webhook: it arrived; it was refused for good; or the other side is away, and it is to be sent again under the same id. */
export type WebhookDelivery =
  | { readonly outcome: 'delivered'; readonly reference?: string }
  | { readonly outcome: 'refused'; readonly detail: string }
  | { readonly outcome: 'away'; readonly detail: string };

const TIMEOUT_MS = 10_000;
const MAX_ANSWER_BYTES = 16_384;

/**
 * Sends a signed webhook once (Standard Webhooks). 5xx, 408, 429 and no answer at all are `away`; another answer that is not 2xx is `refused`.
 *
 * @param webhook.id the same for every try, so that the other side takes it once
 * @throws StrictRequestError the URL is neither https nor on loopback
 */
export async function deliverWebhook(
  url: URL,
  sign: WebhookSigner,
  webhook: { readonly id: string; readonly type: string; readonly data: unknown; readonly at: Date },
): Promise<WebhookDelivery> {
  const body = JSON.stringify({ type: webhook.type, timestamp: webhook.at.toISOString(), data: webhook.data });
  try {
    const answer = await strictRequest(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...sign(webhook.id, webhook.at, body) },
      body,
      timeoutMs: TIMEOUT_MS,
      maxBytes: MAX_ANSWER_BYTES,
      allow: httpsOrLoopback,
    });
    const { status } = answer;
    if (status >= 500 || status === 429 || status === 408) return { outcome: 'away', detail: `The webhook answered ${status}.` };
    if (status < 200 || status >= 300) return { outcome: 'refused', detail: `The webhook refused it with ${status}.` };
    const reference = referenceIn(answer.body);
    return { outcome: 'delivered', ...(reference ? { reference } : {}) };
  } catch (error) {
    if (error instanceof StrictRequestError && error.failure !== 'refused-url') return { outcome: 'away', detail: error.message };
    throw error;
  }
}

/** The other side's own id or link, where it answers with one. */
function referenceIn(body: Buffer): string | undefined {
  try {
    const { reference } = JSON.parse(body.toString('utf8')) as { reference?: unknown };
    return typeof reference === 'string' ? reference.slice(0, 500) : undefined;
  } catch {
    return undefined;
  }
}
