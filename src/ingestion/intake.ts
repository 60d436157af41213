import { Injectable } from '@nestjs/common';
import { CommandBus } from '@nestjs/cqrs';
import { Aggregates } from '#libs/cqrs';
import { secretsIn } from '#libs/secrets';
import { derivedId, holdsSealedText, issue, refuse, RefusedError, type CommandMeta, type Transacted } from '#libs/event-sourcing';
import { hashOfDelivery, readDelivery, type Delivery, type Reading } from './envelope/envelope.ts';
import { keptOf } from './envelope/redaction.ts';
import { outsideEvent, receiptId, rejectionId } from './outside-event/outside-event.ts';
import { ReceiveOutsideEvent } from './outside-event/receive-outside-event.ts';
import { RedriveOutsideEvent } from './outside-event/redrive-outside-event.ts';
import { MAX_KEPT_BYTES, RejectOutsideEvent } from './outside-event/reject-outside-event.ts';

/** Where a delivery came in, and from whom. */
export interface Origin {
  readonly channel: 'http' | 'kafka';
  /** The authenticated principal, or the message's place on the bus. */
  readonly receivedFrom: string;
  readonly meta: CommandMeta;
}

/** What became of one event of a delivery; both are durable. */
export type Taken =
  | {
      readonly accepted: true;
      readonly id: string;
      readonly source: string;
      readonly disposition: 'understood' | 'kept';
      readonly keptBecause?: string;
      readonly receiptId: string;
      readonly position: bigint;
    }
  | {
      readonly accepted: false;
      /** Absent where it could not be read. */
      readonly id?: string;
      readonly source?: string;
      readonly code: string;
      readonly reason: string;
      readonly rejectionId: string;
      /** It held what looks like a secret, which is not kept. */
      readonly redacted: boolean;
      readonly position: bigint;
    };

/** Takes deliveries of outside events, whatever channel they come by: every event is received, or kept as a dead letter. */
@Injectable()
export class Intake {
  constructor(
    private readonly commands: CommandBus,
    private readonly aggregates: Aggregates,
  ) {}

  /** One result an event, in the order of the delivery. Taking it again changes nothing. */
  async take(delivery: Delivery, origin: Origin): Promise<readonly Taken[]> {
    const taken: Taken[] = [];
    for (const [index, reading] of readDelivery(delivery).entries()) taken.push(await this.takeOne(reading, origin, index));
    return taken;
  }

  /**
   * Reads a dead letter again: what kept it out may have changed since.
   *
   * @throws RefusedError `dead-letter-unknown`
   */
  async redrive(id: string, meta: CommandMeta): Promise<Transacted> {
    const { rejected, redriven } = (await this.aggregates.load(outsideEvent, id)).state;
    if (!rejected) throw new RefusedError(refuse('not-found', 'dead-letter-unknown', `There is no dead letter ${id}.`));
    const { payload, bytes, contentType, attributes, channel, receivedFrom, redacted } = rejected;
    const body = Buffer.from(payload, 'base64');
    const readings = redacted || bytes > body.byteLength ? [] : readDelivery({ contentType, attributes, body });
    const problems: string[] = [];
    if (redacted) problems.push('Only a copy without the secret was kept: it must be sent again, without.');
    else if (bytes > body.byteLength)
      problems.push(`Only the first ${body.byteLength} of its ${bytes} bytes were kept: it must be sent again.`);
    for (const [index, reading] of redriven?.outcome === 'accepted' ? [] : readings.entries()) {
      const refusal = await this.receive(reading, { channel, receivedFrom, meta }, index);
      if ('code' in refusal) problems.push(refusal.reason);
    }
    const command = Object.assign(new RedriveOutsideEvent(), {
      outcome: problems.length > 0 ? ('rejected' as const) : ('accepted' as const),
      detail: problems.length > 0 ? problems.join(' ').slice(0, 2000) : 'It was received.',
    });
    return await this.commands.execute(issue(command, id, meta));
  }

  private async takeOne(reading: Reading, origin: Origin, index: number): Promise<Taken> {
    const received = await this.receive(reading, origin, index);
    if (!('code' in received)) return received;
    const { channel, receivedFrom } = origin;
    const { body } = reading.delivery;
    const target = rejectionId(hashOfDelivery(reading.delivery), channel);
    const { payload, contentType, attributes, reason, known, redacted } = keptOf(reading, received.reason);
    const command = Object.assign(new RejectOutsideEvent(), {
      code: received.code,
      reason,
      payload: Buffer.from(payload.subarray(0, MAX_KEPT_BYTES)).toString('base64'),
      bytes: body.byteLength,
      contentType: printable(contentType),
      attributes: Object.fromEntries(Object.entries(attributes).map(([name, value]) => [printable(name), printable(value)])),
      channel,
      receivedFrom,
      ...(redacted ? { redacted } : {}),
    });
    const { position } = await this.execute(command, target, origin.meta, `reject-${index}`);
    return { accepted: false, ...known, code: received.code, reason, rejectionId: target, redacted: redacted !== undefined, position };
  }

  private async receive(
    reading: Reading,
    { channel, receivedFrom, meta }: Origin,
    index: number,
  ): Promise<Extract<Taken, { accepted: true }> | { readonly code: string; readonly reason: string }> {
    if (!reading.readable) return { code: reading.code, reason: reading.reason };
    const { envelope } = reading;
    const [secret] = secretsIn(envelope);
    if (secret) {
      const reason = `${secret.path} holds what looks like a secret (${secret.kind}): it was not received, and is kept without the secret.`;
      return { code: 'secret-in-payload', reason };
    }
    if (holdsSealedText(envelope)) return { code: 'sealed-text', reason: 'It has in it what only Plimsoll writes: the seal of a text.' };
    const target = receiptId(envelope.source, envelope.id, envelope.type);
    try {
      const command = Object.assign(new ReceiveOutsideEvent(), { envelope, channel, receivedFrom });
      const { position } = await this.execute(command, target, meta, `receive-${index}`);
      const { received } = (await this.aggregates.load(outsideEvent, target)).state;
      return {
        accepted: true,
        id: envelope.id,
        source: envelope.source,
        disposition: received?.disposition ?? 'kept',
        ...(received?.keptBecause === undefined ? {} : { keptBecause: received.keptBecause }),
        receiptId: target,
        position,
      };
    } catch (error) {
      if (error instanceof RefusedError && error.refusal.type === 'event-id-reused') {
        return { code: error.refusal.type, reason: error.refusal.detail };
      }
      throw error;
    }
  }

  /** A delivery holds many commands: each has an id of its own, and none is about the revision that the sender has seen. */
  private execute(command: object, target: string, meta: CommandMeta, part: string): Promise<Transacted> {
    const { expectedRevision: _expected, ...own } = meta;
    return this.commands.execute(issue(command, target, { ...own, commandId: derivedId('intake', meta.commandId, part) }));
  }
}

/** Text of strangers, as it can be kept in any store: without control characters, and short. */
function printable(text: string): string {
  return text.slice(0, 1000).replace(/[\p{Cc}\p{Surrogate}]/gu, '\ufffd');
}
