import { createHash } from 'node:crypto';
import { backoffMs, pause } from '../backoff.ts';
import type { Consumption, ConsumeOptions, MessageBus, OutgoingMessage, ReceivedMessage } from '../message-bus.ts';

interface Member {
  readonly options: ConsumeOptions;
  readonly stop: AbortController;
  /** Pumps at work, by `topic/partition`. */
  readonly pumps: Map<string, Promise<void>>;
}

interface Group {
  readonly members: Member[];
  /** Next offset by `topic/partition`. */
  readonly offsets: Map<string, number>;
  /** `topic/partition` that a pump holds: one handler at a time, also while members come and go. */
  readonly held: Set<string>;
}

const RETRY = { firstMs: 5, maxMs: 100 };

/** The message bus of tests: the same contract as the real ones, kept in memory, gone with the process. */
export class MemoryMessageBus implements MessageBus {
  private readonly topics = new Map<string, ReceivedMessage[][]>();
  private readonly groups = new Map<string, Group>();

  constructor(private readonly partitions = 4) {}

  async publish(topic: string, messages: readonly OutgoingMessage[]): Promise<void> {
    const logs = this.logsOf(topic);
    for (const message of messages) {
      const partition = createHash('sha256').update(message.key).digest().readUInt32BE() % this.partitions;
      const log = logs[partition]!;
      log.push({
        topic,
        partition,
        offset: BigInt(log.length),
        key: message.key,
        value: Buffer.from(message.value as string),
        headers: { ...message.headers },
        publishedAt: new Date(),
      });
    }
    for (const group of this.groups.values()) this.assign(group);
  }

  async consume(options: ConsumeOptions): Promise<Consumption> {
    const group: Group = this.groups.get(options.group) ?? { members: [], offsets: new Map(), held: new Set() };
    this.groups.set(options.group, group);
    const member: Member = { options, stop: new AbortController(), pumps: new Map() };
    group.members.push(member);
    const stop = async (): Promise<void> => {
      member.stop.abort();
      if (group.members.includes(member)) group.members.splice(group.members.indexOf(member), 1);
      await Promise.all(member.pumps.values());
      this.assign(group);
    };
    options.signal?.addEventListener('abort', () => void stop(), { once: true });
    if (options.signal?.aborted) await stop();
    this.assign(group);
    return { stop };
  }

  async close(): Promise<void> {
    const members = [...this.groups.values()].flatMap((group) => group.members);
    for (const member of members) member.stop.abort();
    await Promise.all(members.flatMap((member) => [...member.pumps.values()]));
    this.groups.clear();
  }

  private logsOf(topic: string): ReceivedMessage[][] {
    const logs = this.topics.get(topic) ?? Array.from({ length: this.partitions }, () => []);
    this.topics.set(topic, logs);
    return logs;
  }

  /** Starts a pump for every partition that has something to read and nobody reading it. */
  private assign(group: Group): void {
    for (const topic of new Set(group.members.flatMap((member) => member.options.topics))) {
      const members = group.members.filter((member) => member.options.topics.includes(topic) && !member.stop.signal.aborted);
      this.logsOf(topic).forEach((log, partition) => {
        const place = `${topic}/${partition}`;
        const member = members[partition % members.length];
        if (!member || group.held.has(place) || (group.offsets.get(place) ?? 0) >= log.length) return;
        group.held.add(place);
        const pump = this.pump(group, member, place, log).finally(() => {
          group.held.delete(place);
          member.pumps.delete(place);
          this.assign(group);
        });
        member.pumps.set(place, pump);
      });
    }
  }

  private async pump(group: Group, member: Member, place: string, log: readonly ReceivedMessage[]): Promise<void> {
    // A member that comes takes its share when the others have put their message down.
    const membersThen = group.members.length;
    await Promise.resolve();
    for (let failures = 0; !member.stop.signal.aborted && group.members.length === membersThen;) {
      const offset = group.offsets.get(place) ?? 0;
      const message = log[offset];
      if (!message) return;
      try {
        await member.options.handler(message);
        group.offsets.set(place, offset + 1);
        failures = 0;
      } catch (error) {
        member.options.onError?.(error, message);
        await pause(backoffMs(++failures, RETRY), member.stop.signal);
      }
    }
  }
}
