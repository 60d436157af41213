import type { CommandBus } from '@nestjs/cqrs';
import type { CommandRegistry } from '#libs/cqrs';
import { refuse, RefusedError, TooMuchContention } from '#libs/event-sourcing';
import type { OutgoingCommand } from '#libs/processes';
import { isTransient } from '#libs/subscriptions';
import { BusCommandSender } from './command-sender.ts';

class FillJar {}

describe('a command of a process', () => {
  const outgoing: OutgoingCommand = {
    command: 'FillJar',
    target: 'j1',
    payload: {},
    commandId: 'c1',
    correlationId: 'c1',
    causationId: 'e1',
    actor: { person: 'process:test', principal: 'plimsoll|process:test', roles: ['process'] },
  };
  const sender = (execute: () => Promise<void>): BusCommandSender =>
    new BusCommandSender(
      { execute } as unknown as CommandBus,
      { get: () => ({ type: FillJar }) } as unknown as CommandRegistry,
      () => new Date('2026-03-02T10:00:00Z'),
    );

  it('is accepted, or refused with what the rule says', async () => {
    expect(await sender(async () => undefined).send(outgoing)).toEqual({ outcome: 'accepted' });
    const sealed = refuse('conflict', 'jar-sealed', 'The jar is sealed.');
    expect(await sender(() => Promise.reject(new RefusedError(sealed))).send(outgoing)).toEqual({
      outcome: 'refused',
      type: 'jar-sealed',
      detail: 'The jar is sealed.',
      reasons: [],
    });
  });

  it('is neither in a crowd: it is to be sent again', async () => {
    const crowd = new TooMuchContention(refuse('conflict', 'too-much-contention', 'It changed four times.'));
    const error: unknown = await sender(() => Promise.reject(crowd))
      .send(outgoing)
      .catch((e: unknown) => e);
    expect(error).toBe(crowd);
    expect(isTransient(error)).toBe(true);
  });
});
