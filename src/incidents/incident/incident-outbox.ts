import type { CommandBus } from '@nestjs/cqrs';
import type { IncidentEvent } from '#libs/contracts';
import type { Aggregates } from '#libs/cqrs';
import { derivedId, issue, type CommandMeta, type StoredEvent } from '#libs/event-sourcing';
import { revealIn } from '#libs/http';
import type { TextRevealer } from '#libs/privacy';
import { deliverWebhook, webhookSigner, type WebhookSigner } from '#libs/strict-http';
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
    const webhook = { id: data.deduplicationKey, type: 'plimsoll.incident.opened', data: shown, at: this.options.clock() };
    const delivery = await deliverWebhook(this.url, this.sign, webhook);
    if (delivery.outcome === 'away') throw new TransientError(delivery.detail);
    const delivered = delivery.outcome === 'delivered';
    const detail = delivery.outcome === 'delivered' ? delivery.reference : delivery.detail;
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
