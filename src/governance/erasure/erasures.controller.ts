import { Controller, Get, Inject, Param, Post } from '@nestjs/common';
import { CommandBus } from '@nestjs/cqrs';
import { Aggregates } from '#libs/cqrs';
import { issue, refuse, RefusedError, type CommandMeta, type Transacted } from '#libs/event-sourcing';
import { Action, IdPipe, Meta, Roles, Vouches } from '#libs/http';
import type { Infrastructure } from '../../infrastructure.ts';
import { INFRASTRUCTURE } from '../../tokens.ts';
import { person } from '../person/person.ts';
import { ConfirmErasure, holdsOn, RequestErasure } from './erase-person.ts';

/** Erasing what persons wrote, and what was written about them (principle 13). */
@Controller('v1/governance/persons/:id/erasure')
export class ErasuresController {
  constructor(
    private readonly commands: CommandBus,
    private readonly aggregates: Aggregates,
    @Inject(INFRASTRUCTURE) private readonly infrastructure: Infrastructure,
  ) {}

  /** Asks for it; it counts once another person has confirmed it. */
  @Post()
  @Action('RequestErasure')
  @Roles('identity-admin')
  request(@Param('id', IdPipe) id: string, @Meta() meta: CommandMeta): Promise<Transacted> {
    return this.commands.execute(issue(new RequestErasure(), id, meta));
  }

  /** Confirms it. The key is destroyed a moment later, and nothing brings the text back. */
  @Post('confirm')
  @Action('ConfirmErasure')
  @Vouches()
  @Roles('identity-admin')
  confirm(@Param('id', IdPipe) id: string, @Meta() meta: CommandMeta): Promise<Transacted> {
    return this.commands.execute(issue(new ConfirmErasure(), id, meta));
  }

  /** What is on record of it, and what became of the keys. The event is a leaf of the ledger like every other. */
  @Get()
  @Roles('identity-admin', 'auditor', 'records-manager')
  async erasure(@Param('id', IdPipe) id: string): Promise<unknown> {
    const { state, events, stream } = await this.aggregates.load(person, id);
    const happened = events.filter(({ type }) => type === 'PersonErasureRequested' || type === 'PersonErased');
    if (happened.length === 0) throw new RefusedError(refuse('not-found', 'erasure-unknown', `Nobody asked for ${id} to be erased.`));
    const { keyId, erasures } = await this.infrastructure.subjectKeys.erasuresOf(id);
    const erased = happened.filter(({ type }) => type === 'PersonErased');
    const destroyed = new Map(erasures.map((erasure) => [erasure.eventId, erasure]));
    const waiting = state.erasureRequestedBy !== undefined || erased.some(({ id: eventId }) => !destroyed.get(eventId)?.destroyedAt);
    const { holds } = waiting ? await holdsOn((aggregate, of) => this.aggregates.load(aggregate, of), id) : { holds: [] };
    return {
      person: id,
      ...(state.erasureRequestedBy === undefined ? {} : { requestedBy: state.erasureRequestedBy }),
      /** Of what is written since, by or about the person. */
      ...(keyId === undefined ? {} : { keyId }),
      heldBy: holds.map(({ holdId }) => holdId),
      erasures: erased.map((event) => ({
        ...(event.data as object),
        erasedAt: event.metadata.recordedAt,
        ...(destroyed.get(event.id)?.keyId ? { keyId: destroyed.get(event.id)?.keyId } : {}),
        ...(destroyed.get(event.id)?.destroyedAt ? { keyDestroyedAt: destroyed.get(event.id)?.destroyedAt } : {}),
        event: `${stream}@${event.revision}`,
        inclusionProof: `/v1/ledger/inclusion-proof?eventId=${event.id}`,
      })),
    };
  }
}
