import type { CommandBus } from '@nestjs/cqrs';
import type { IncidentEvent } from '#libs/contracts';
import type { Aggregates } from '#libs/cqrs';
import { derivedId, issue, type CommandMeta, type StoredEvent } from '#libs/event-sourcing';
import { revealIn } from '#libs/http';
import type { TextRevealer } from '#libs/privacy';
import { httpsOrLoopback, strictRequest, StrictRequestError, webhookSigner, type WebhookSigner } from '#libs/strict-http';
import { TransientError } from '#libs/subscriptions';
import { incident } from './incident.ts';
import { ReportIncidentDelivery } from './open-incident.ts';

type Opened = Extract<IncidentEvent, { type: 'IncidentOpened' }>;

export interface IncidentOutboxOptions {
  readonly commands: CommandBus;
  readonly aggregates: Aggregates;
  readonly clock: () => Date;
  /** Opens what persons wrote for the outside; sealed text goes out as it is unless told. */
  readonly revealer?: TextRevealer;
  /** https, or http on loopback. */
  readonly webhook: { readonly url: string; readonly secret: string };
}

const CHANNEL = 'webhook';
const ACTOR = { person: 'system:incident-outbox', principal: 'plimsoll|system:incident-outbox', roles: [] };
const TIMEOUT_MS = 10_000;

/**
 * Tells the outside of every incident: at least once, always under the same deduplication key, so that the other side opens one.
 * While the other side is away, incidents wait in the log; a refusal for good is put on record and does not hold up the next one.
 */
export class IncidentOutbox {
  private readonly sign: WebhookSigner;
  private readonly url: URL;

  constructor(private readonly options: IncidentOutboxOptions) {
    this.sign = webhookSigner(options.webhook.secret);
    this.url = new URL(options.webhook.url);
  }

  /** @throws TransientError the other side is away: the same events come again */
  async handle(events: readonly StoredEvent[]): Promise<void> {
    for (const event of events) if (event.type === 'IncidentOpened') await this.deliver(event as StoredEvent<Opened>);
  }

  private async deliver({ id, data }: StoredEvent<Opened>): Promise<void> {
    const { state } = await this.options.aggregates.load(incident, data.incidentId);
    // A webhook that is configured later is not told what is over.
    if (state.status !== 'open' || state.delivered.includes(CHANNEL)) return;
    const { revealer } = this.options;
    const shown = revealer ? await revealIn(data, revealer) : data;
    const body = JSON.stringify({ type: 'plimsoll.incident.opened', timestamp: this.options.clock().toISOString(), data: shown });
    const answer = await strictRequest(this.url, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...this.sign(data.deduplicationKey, this.options.clock(), body) },
      body,
      timeoutMs: TIMEOUT_MS,
      maxBytes: 16_384,
      allow: httpsOrLoopback,
    }).catch((error: unknown) => {
      if (error instanceof StrictRequestError && error.failure !== 'refused-url') throw new TransientError(error.message, { cause: error });
      throw error;
    });
    if (answer.status >= 500 || answer.status === 429 || answer.status === 408) {
      throw new TransientError(`The incident webhook answered ${answer.status}.`);
    }
    const delivered = answer.status >= 200 && answer.status < 300;
    const detail = delivered ? referenceIn(answer.body) : `The webhook refused it with ${answer.status}.`;
    const report = Object.assign(new ReportIncidentDelivery(), { channel: CHANNEL, delivered, ...(detail ? { detail } : {}) });
    const meta: CommandMeta = {
      commandId: derivedId('incident-delivery', id, String(delivered)),
      actor: ACTOR,
      correlationId: data.incidentId,
      causationId: id,
      now: this.options.clock().toISOString(),
    };
    await this.options.commands.execute(issue(report, data.incidentId, meta));
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
