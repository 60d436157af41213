import { randomUUID } from 'node:crypto';
import type { Consumption, ConsumeOptions, MessageBus, OutgoingMessage, ReceivedMessage } from '#libs/messaging';

/** Waits until a condition holds. @throws after `withinMs`, saying what it waited for */
export async function until(what: string, condition: () => boolean | Promise<boolean>, withinMs = 30_000): Promise<void> {
  const deadline = Date.now() + withinMs;
  while (!(await condition())) {
    if (Date.now() > deadline) throw new Error(`Waited ${withinMs} ms in vain: ${what}.`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** A message for tests; its value is the number as text. */
export function numbered(n: number, key = 'key', headers: Record<string, string> = {}): OutgoingMessage {
  return { key, value: String(n), headers };
}

export function numbersOf(messages: readonly ReceivedMessage[], key?: string): number[] {
  return messages.filter((m) => key === undefined || m.key === key).map((m) => Number(m.value.toString()));
}

/** The numbers at their first appearance: what a consumer that deduplicates would see. */
export function firstTimes(numbers: readonly number[]): number[] {
  return [...new Set(numbers)];
}

export interface ContractOptions {
  /** Opens a bus; called several times for several processes. They share what is behind it. */
  readonly open: () => MessageBus;
  /** Where a process can be killed: starts one that consumes, says `holding` on its standard output at its first message, and never finishes it. */
  readonly startHangingProcess?: (topic: string, group: string) => Promise<{ kill(): Promise<void> }>;
}

/** What every message bus promises, in sentences. Run by each adapter's own spec. */
export function messageBusContract({ open, startHangingProcess }: ContractOptions): void {
  const buses: MessageBus[] = [];
  let bus: MessageBus;
  const opened = (): MessageBus => {
    const another = open();
    buses.push(another);
    return another;
  };
  const name = (what: string): string => `contract.${what}.${randomUUID()}`;

  /** Consumes into a list. */
  async function collect(
    options: Pick<ConsumeOptions, 'topics' | 'group'> & Partial<ConsumeOptions>,
    on = bus,
  ): Promise<Consumption & { readonly messages: ReceivedMessage[] }> {
    const messages: ReceivedMessage[] = [];
    const consumption = await on.consume({ handler: async (message) => void messages.push(message), ...options });
    return { messages, stop: () => consumption.stop() };
  }

  beforeEach(() => {
    bus = opened();
  });
  afterEach(async () => {
    await Promise.all(buses.splice(0).map((one) => one.close()));
  });

  it('delivers what was published, bytes and headers untouched', async () => {
    const topic = name('bytes');
    const bytes = Buffer.from([...Array(256).keys()]);
    await bus.publish(topic, [
      {
        key: 'schlüssel ✓ \u0000',
        value: bytes,
        headers: { 'content-type': 'application/json', name: 'ü "quoted" \\ \u0000 ✓', empty: '' },
      },
      { key: 'text', value: 'ü ✓ {}', headers: {} },
      { key: '', value: '', headers: {} },
    ]);
    const { messages } = await collect({ topics: [topic], group: name('group') });
    await until('three messages', () => messages.length >= 3);
    const [first, second, third] = ['schlüssel ✓ \u0000', 'text', ''].map((key) => messages.find((m) => m.key === key)!);
    expect(first!.value.equals(bytes)).toBe(true);
    expect(first!.headers).toEqual({ 'content-type': 'application/json', name: 'ü "quoted" \\ \u0000 ✓', empty: '' });
    expect(second!.value.toString()).toBe('ü ✓ {}');
    expect(second!.headers).toEqual({});
    expect(third!.value).toHaveLength(0);
    expect(Math.abs(Date.now() - first!.publishedAt.getTime())).toBeLessThan(60_000);
  });

  it('takes a message as large as the largest event, and a call far larger than that', async () => {
    const topic = name('large');
    const value = Buffer.alloc(1024 * 1024 + 50_000, 7);
    await bus.publish(
      topic,
      Array.from({ length: 6 }, (_, n) => ({ key: 'key', value, headers: { n: String(n) } })),
    );
    const { messages } = await collect({ topics: [topic], group: name('group') });
    await until('six large messages', () => messages.length >= 6);
    expect(messages.map((m) => m.headers.n)).toEqual(['0', '1', '2', '3', '4', '5']);
    expect(messages.every((m) => m.value.equals(value))).toBe(true);
  });

  it('has nothing to do for no messages', async () => {
    await expect(bus.publish(name('nothing'), [])).resolves.toBeUndefined();
  });

  it('keeps the order of each key, within a call and from call to call', async () => {
    const topic = name('order');
    const group = name('group');
    const keys = Array.from({ length: 10 }, (_, k) => `key-${k}`);
    const { messages } = await collect({ topics: [topic], group });
    for (let n = 0; n < 20; n += 2) {
      await bus.publish(topic, [...keys.map((key) => numbered(n, key)), ...keys.map((key) => numbered(n + 1, key))]);
    }
    await until('200 messages', () => messages.length >= 200);
    for (const key of keys) expect(numbersOf(messages, key)).toEqual([...Array(20).keys()]);
    for (const key of keys) expect(new Set(messages.filter((m) => m.key === key).map((m) => m.partition)).size).toBe(1);
    expect(new Set(messages.map((m) => m.partition)).size).toBeGreaterThan(1);
    expect(new Set(messages.map((m) => `${m.partition}/${m.offset}`)).size).toBe(200);
  });

  it('keeps all messages of many publishers at once', async () => {
    const topic = name('publishers');
    const publishers = [bus, opened()];
    const { messages } = await collect({ topics: [topic], group: name('group') });
    await Promise.all(
      Array.from({ length: 8 }, async (_, p) => {
        for (let n = 0; n < 10; n++) await publishers[p % 2]!.publish(topic, [numbered(n, `key-${p}`), numbered(n, `twin-${p}`)]);
      }),
    );
    await until('160 messages', () => messages.length >= 160);
    for (let p = 0; p < 8; p++) {
      expect(numbersOf(messages, `key-${p}`)).toEqual([...Array(10).keys()]);
      expect(numbersOf(messages, `twin-${p}`)).toEqual([...Array(10).keys()]);
    }
  });

  it('gives a consumer all of its topics', async () => {
    const topics = [name('one'), name('two')];
    const { messages } = await collect({ topics, group: name('group') });
    await bus.publish(topics[0]!, [numbered(1)]);
    await bus.publish(topics[1]!, [numbered(2)]);
    await until('both messages', () => messages.length >= 2);
    expect(messages.map((m) => m.topic).sort()).toEqual([...topics].sort());
  });

  it('gives every group everything, a late one too', async () => {
    const topic = name('groups');
    const early = await collect({ topics: [topic], group: name('early') });
    await bus.publish(topic, [numbered(1), numbered(2)]);
    await until('the early group has both', () => early.messages.length >= 2);
    const late = await collect({ topics: [topic], group: name('late') });
    await until('the late group has both', () => late.messages.length >= 2);
    expect(numbersOf(early.messages)).toEqual([1, 2]);
    expect(numbersOf(late.messages)).toEqual([1, 2]);
  });

  it('shares the work among the consumers of a group, in several processes', async () => {
    const topic = name('share');
    const group = name('group');
    await bus.publish(topic, [numbered(-1)]);
    const one = await collect({ topics: [topic], group });
    const two = await collect({ topics: [topic], group }, opened());
    let n = 0;
    await until('both have had work', async () => {
      await bus.publish(
        topic,
        Array.from({ length: 16 }, (_, k) => numbered(n, `key-${k}`)),
      );
      n++;
      return one.messages.length > 16 && two.messages.length > 16;
    });
    const all = (): ReceivedMessage[] => [...one.messages, ...two.messages];
    await until('every message has been handled', () => new Set(all().map((m) => `${m.partition}/${m.offset}`)).size === n * 16 + 1);
    // Only a change of hands may repeat messages: once settled, each has exactly one consumer.
    const before = [one.messages.length, two.messages.length];
    await bus.publish(
      topic,
      Array.from({ length: 16 }, (_, k) => numbered(n, `key-${k}`)),
    );
    await until('the last round is through', () => all().filter((m) => m.value.toString() === String(n)).length >= 16);
    expect(one.messages.length + two.messages.length - before[0]! - before[1]!).toBe(16);
  });

  it('gives a message again to a handler that threw, before any later one of its key', async () => {
    const topic = name('again');
    const seen: number[] = [];
    const errors: [unknown, ReceivedMessage | undefined][] = [];
    let failures = 0;
    await bus.consume({
      topics: [topic],
      group: name('group'),
      onError: (error, message) => errors.push([error, message]),
      handler: async (message) => {
        seen.push(Number(message.value));
        if (Number(message.value) === 2 && failures++ < 3) throw new Error('not yet');
      },
    });
    await bus.publish(topic, [numbered(1), numbered(2), numbered(3)]);
    await until('the third is through', () => seen.includes(3));
    expect(seen).toEqual([1, 2, 2, 2, 2, 3]);
    expect(errors.map(([error, message]) => [(error as Error).message, message && Number(message.value)])).toEqual(
      Array(3).fill(['not yet', 2]),
    );
  });

  it('does not let a failing message hold up other partitions', async () => {
    const topic = name('others');
    const seen: ReceivedMessage[] = [];
    await bus.consume({
      topics: [topic],
      group: name('group'),
      handler: async (message) => {
        if (message.key === 'poison') throw new Error('never');
        seen.push(message);
      },
    });
    await bus.publish(topic, [numbered(0, 'poison')]);
    const keys = Array.from({ length: 16 }, (_, k) => `key-${k}`);
    for (let n = 0; n < 3; n++) {
      await bus.publish(
        topic,
        keys.map((key) => numbered(n, key)),
      );
    }
    await until('most keys are through', () => keys.filter((key) => numbersOf(seen, key).length === 3).length >= keys.length / 4);
  });

  it('resumes behind the last message handled after a stop', async () => {
    const topic = name('resume');
    const group = name('group');
    const first = await collect({ topics: [topic], group });
    await bus.publish(topic, [numbered(1), numbered(2)]);
    await until('two messages', () => first.messages.length >= 2);
    await first.stop();
    await bus.publish(topic, [numbered(3)]);
    const second = await collect({ topics: [topic], group }, opened());
    await until('the third', () => second.messages.length >= 1);
    expect(numbersOf(second.messages)).toEqual([3]);
    expect(numbersOf(first.messages)).toEqual([1, 2]);
  });

  it('waits for the message in hand when it stops, and does not repeat it', async () => {
    const topic = name('in-hand');
    const group = name('group');
    const seen: string[] = [];
    let finish: () => void = () => undefined;
    const consumption = await bus.consume({
      topics: [topic],
      group,
      handler: async (message) => {
        seen.push(`begin ${message.value.toString()}`);
        await new Promise<void>((resolve) => (finish = resolve));
        seen.push(`end ${message.value.toString()}`);
      },
    });
    await bus.publish(topic, [numbered(1), numbered(2)]);
    await until('the first is in hand', () => seen.length > 0);
    const stopping = consumption.stop().then(() => seen.push('stopped'));
    expect(seen).toEqual(['begin 1']);
    finish();
    await stopping;
    expect(seen).toEqual(['begin 1', 'end 1', 'stopped']);
    const next = await collect({ topics: [topic], group }, opened());
    await until('the second', () => next.messages.length >= 1);
    expect(numbersOf(next.messages)).toEqual([2]);
  });

  it('stops while a message keeps failing, and leaves it to the next', async () => {
    const topic = name('failing');
    const group = name('group');
    let calls = 0;
    const consumption = await bus.consume({
      topics: [topic],
      group,
      handler: async () => {
        calls++;
        throw new Error('never');
      },
    });
    await bus.publish(topic, [numbered(1)]);
    await until('it has failed', () => calls > 0);
    await consumption.stop();
    const next = await collect({ topics: [topic], group }, opened());
    await until('the next consumer has it', () => next.messages.length >= 1);
    expect(numbersOf(next.messages)).toEqual([1]);
  });

  it('stops by its signal, and twice is once', async () => {
    const topic = name('signal');
    const group = name('group');
    const abort = new AbortController();
    const first = await collect({ topics: [topic], group, signal: abort.signal });
    await bus.publish(topic, [numbered(1)]);
    await until('the first', () => first.messages.length >= 1);
    abort.abort();
    await first.stop();
    await first.stop();
    await bus.publish(topic, [numbered(2)]);
    const second = await collect({ topics: [topic], group }, opened());
    await until('the second', () => second.messages.length >= 1);
    expect(numbersOf(first.messages)).toEqual([1]);
  });

  it('hands over to the rest of the group when a consumer leaves', async () => {
    const topic = name('leave');
    const group = name('group');
    const [one, two] = [await collect({ topics: [topic], group }), await collect({ topics: [topic], group }, opened())];
    const round = (n: number): Promise<void> =>
      bus.publish(
        topic,
        Array.from({ length: 16 }, (_, k) => numbered(n, `key-${k}`)),
      );
    await round(0);
    await until('the first round is through', () => one.messages.length + two.messages.length >= 16);
    await one.stop();
    const had = one.messages.length;
    await round(1);
    await until(
      'the second round is through',
      () => new Set(two.messages.filter((m) => m.value.toString() === '1').map((m) => m.key)).size === 16,
    );
    expect(one.messages.length).toBe(had);
  });

  if (startHangingProcess) {
    it('gives a message again after the process that held it was killed', async () => {
      const topic = name('killed');
      const group = name('group');
      await bus.publish(topic, [numbered(1), numbered(2)]);
      const hanging = await startHangingProcess(topic, group);
      await hanging.kill();
      const next = await collect({ topics: [topic], group });
      await until('both messages', () => next.messages.length >= 2);
      expect(firstTimes(numbersOf(next.messages))).toEqual([1, 2]);
    });
  }
}
