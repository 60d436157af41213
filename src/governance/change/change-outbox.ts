import type { CommandBus } from '@nestjs/cqrs';
import type { ChangeEvent } from '#libs/contracts';
import type { Aggregates } from '#libs/cqrs';
import { derivedId, issue, type CommandMeta, type StoredEvent } from '#libs/event-sourcing';
import { revealIn } from '#libs/http';
import { change } from '#libs/policy';
import type { TextRevealer } from '#libs/privacy';
import { deliverWebhook, webhookSigner, type WebhookSigner } from '#libs/strict-http';
import { TransientError } from '#libs/subscriptions';
import { ReportChangeDelivery } from './decide-by-itsm.ts';

type Submitted = Extract<ChangeEvent, { type: 'ChangeSubmitted' }>;

export interface ChangeOutboxOptions {
  readonly commands: CommandBus;
  readonly aggregates: Aggregates;
  readonly clock: () => Date;
  /** Opens what persons wrote for the ITSM; sealed text goes out as it is unless told. */
  readonly revealer?: TextRevealer;
  /** https, or http on loopback. */
  readonly webhook: { readonly url: string; readonly secret: string };
}

const ACTOR = { person: 'system:change-outbox', principal: 'plimsoll|system:change-outbox', roles: [] };

/**
 * Gives changes that an ITSM decides to the ITSM: at least once, under the dossier's hash, which is what it is to decide on. While it is away the
 * change says so on its record, and waits or goes to the board, as the board was defined.
 */
export class ChangeOutbox {
  private readonly sign: WebhookSigner;
  private readonly url: URL;

  constructor(private readonly options: ChangeOutboxOptions) {
    this.sign = webhookSigner(options.webhook.secret);
    this.url = new URL(options.webhook.url);
  }

  /** @throws TransientError the ITSM is away: the same events come again */
  async handle(events: readonly StoredEvent[]): Promise<void> {
    for (const event of events) if (event.type === 'ChangeSubmitted') await this.deliver(event as StoredEvent<Submitted>);
  }

  private async deliver({ id, data }: StoredEvent<Submitted>): Promise<void> {
    if (data.route !== 'itsm') return;
    const { state } = await this.options.aggregates.load(change, data.changeId);
    // What was submitted anew, decided or handed over meanwhile is nothing to decide on any more.
    if (state.dossierHash !== data.dossierHash || state.status !== 'open' || state.handedToBoard || state.delivery?.delivered) return;
    const { changeId, dossierHash, dossier, boardTakesOverAt } = data;
    const asked = { changeId, dossierHash, dossier, ...(boardTakesOverAt ? { boardTakesOverAt } : {}) };
    const { revealer } = this.options;
    const shown = revealer ? await revealIn(asked, revealer) : asked;
    const webhook = { id: `plimsoll-change-${dossierHash}`, type: 'plimsoll.change.submitted', data: shown, at: this.options.clock() };
    const delivery = await deliverWebhook(this.url, this.sign, webhook);
    const detail = delivery.outcome === 'delivered' ? delivery.reference : delivery.detail;
    await this.report(id, data, delivery.outcome === 'delivered', detail);
    if (delivery.outcome === 'away') throw new TransientError(delivery.detail);
  }

  private async report(id: string, { changeId, dossierHash }: Submitted['data'], delivered: boolean, detail?: string): Promise<void> {
    const report = Object.assign(new ReportChangeDelivery(), { dossierHash, delivered, ...(detail ? { detail } : {}) });
    const meta: CommandMeta = {
      commandId: derivedId('change-delivery', id, delivered ? 'delivered' : (detail ?? 'unknown')),
      actor: ACTOR,
      correlationId: changeId,
      causationId: id,
      now: this.options.clock().toISOString(),
    };
    await this.options.commands.execute(issue(report, changeId, meta));
  }
}
