import { createHash } from 'node:crypto';
import type { Manifest } from '#libs/audit-export';
import type { FindingName } from '../../src/auditor/findings.ts';
import type { Random } from '../faults/random.ts';

/** The lines of an export's files, as they may be changed. */
export interface ExportLines {
  events: string[];
  leaves: string[];
  checkpoints: string[];
  manifest: string[];
}

/** A way to tamper with an export: what it changes, and by which name the verifier must call it. */
export interface Tampering {
  readonly what: string;
  readonly name: FindingName;
  /** Whether it could be done here, and what it did. */
  apply(lines: ExportLines, random: Random): string | undefined;
}

interface Event {
  stream: string;
  revision: number;
  created: string;
  id: string;
  metadata: { recordedAt: string; actor: string };
}
const read = (line: string): Event => JSON.parse(line) as Event;
const uuid = (random: Random): string => {
  const hex = createHash('sha256').update(String(random.next())).digest('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-5${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
};
const at = (random: Random, lines: readonly string[]): number => random.whole(0, lines.length - 1);

/** Replaces one character of a text by another of its kind, so that the line stays what its format says. */
function otherCharacter(text: string, random: Random): string {
  const place = random.whole(0, text.length - 1);
  const old = text[place]!;
  const choices = [...(/\d/.test(old) ? '123456789' : 'abcdefghijkl')].filter((c) => c !== old);
  return text.slice(0, place) + random.pick(choices) + text.slice(place + 1);
}

export const exportTamperings: readonly Tampering[] = [
  {
    what: 'somebody else did it',
    name: 'edit',
    apply: ({ events }, random) => {
      const n = at(random, events);
      events[n] = events[n]!.replace(/"actor":"([^"]+)"/, (_all, actor: string) => `"actor":"${otherCharacter(actor, random)}"`);
      return `actor of line ${n + 1}`;
    },
  },
  {
    what: 'a word in the data is another',
    name: 'edit',
    apply: ({ events }, random) => {
      const n = at(random, events);
      const line = events[n]!;
      const words = [...line.slice(0, line.indexOf(',"id":"')).matchAll(/:"([^"\\]{3,})"/g)].slice(1);
      if (words.length === 0) return undefined;
      const word = random.pick(words);
      const from = word.index + 2;
      const text = word[1]!;
      events[n] = line.slice(0, from) + otherCharacter(text, random) + line.slice(from + text.length);
      return `“${text}” in line ${n + 1}`;
    },
  },
  {
    what: 'an event of a stream that goes on is gone',
    name: 'deletion',
    apply: ({ events }, random) => {
      const all = events.map(read);
      const choices = all.flatMap((e, n) => (all.some((later, m) => m > n && later.stream === e.stream) ? [n] : []));
      if (choices.length === 0) return undefined;
      const n = random.pick(choices);
      events.splice(n, 1);
      return `line ${n + 1}`;
    },
  },
  {
    what: 'the end of the log is gone',
    name: 'truncation',
    apply: ({ events }, random) => {
      const count = random.whole(1, Math.min(20, events.length - 1));
      events.splice(-count);
      return `the last ${count}`;
    },
  },
  {
    what: 'the end of a stream is gone',
    name: 'truncation',
    apply: ({ events }, random) => {
      const all = events.map(read);
      const { stream } = random.pick(all);
      const own = all.flatMap((e, n) => (e.stream === stream ? [n] : []));
      const gone = new Set(own.slice(-random.whole(1, own.length)));
      events.splice(0, events.length, ...events.filter((_line, n) => !gone.has(n)));
      return `${gone.size} of ${stream}`;
    },
  },
  {
    what: 'an event that never was',
    name: 'insertion',
    apply: ({ events }, random) => {
      const [from, to] = [at(random, events), random.whole(0, events.length)];
      const { id, created } = read(events[from]!);
      // A time that fits where it is put.
      const time = read(events[Math.max(0, to - 1)]!).created;
      events.splice(to, 0, events[from]!.replaceAll(id, uuid(random)).replaceAll(created, time));
      return `before line ${to + 1}, like line ${from + 1}`;
    },
  },
  {
    what: 'an event twice',
    name: 'insertion',
    apply: ({ events }, random) => {
      const n = at(random, events);
      events.splice(random.whole(n + 1, events.length), 0, events[n]!);
      return `line ${n + 1}`;
    },
  },
  {
    what: 'two events have changed places',
    name: 'reordering',
    apply: ({ events }, random) => {
      const [a, b] = [at(random, events), at(random, events)];
      if (a === b) return undefined;
      [events[a], events[b]] = [events[b]!, events[a]!];
      return `lines ${a + 1} and ${b + 1}`;
    },
  },
  {
    what: 'an event is elsewhere',
    name: 'reordering',
    apply: ({ events }, random) => {
      const [from, to] = [at(random, events), random.whole(0, events.length - 1)];
      if (from === to) return undefined;
      events.splice(to, 0, ...events.splice(from, 1));
      return `line ${from + 1} to ${to + 1}`;
    },
  },
  {
    what: 'an event claims an earlier time',
    name: 'back-dating',
    apply: ({ events }, random) => {
      const n = at(random, events);
      const { created } = read(events[n]!);
      const span = random.pick([1, 500, 60_000, 86_400_000, 90 * 86_400_000]);
      const claimed = new Date(Date.parse(created) - random.whole(1, span)).toISOString();
      events[n] = events[n]!.replaceAll(created, claimed);
      return `line ${n + 1}: ${created} to ${claimed}`;
    },
  },
  {
    what: 'checkpoints are gone from the end',
    name: 'rollback',
    apply: ({ checkpoints }, random) => {
      if (checkpoints.length === 0) return undefined;
      const count = random.whole(1, checkpoints.length);
      checkpoints.splice(-count);
      return `${count}`;
    },
  },
  {
    what: 'an old checkpoint is the newest again',
    name: 'rollback',
    apply: ({ checkpoints }, random) => {
      if (checkpoints.length < 2) return undefined;
      checkpoints.push(checkpoints[random.whole(0, checkpoints.length - 2)]!);
      return 'appended';
    },
  },
  {
    what: 'a checkpoint says another size or root',
    name: 'forged-checkpoint',
    apply: ({ checkpoints }, random) => {
      if (checkpoints.length === 0) return undefined;
      const n = at(random, checkpoints);
      const { note } = JSON.parse(checkpoints[n]!) as { note: string };
      const [origin, size, root = '', ...rest] = note.split('\n');
      const other = random.chance(0.5)
        ? [origin, String(Number(size) + 1), root]
        : [origin, size, Buffer.from(sha(root)).toString('base64')];
      checkpoints[n] = JSON.stringify({ note: [...other, ...rest].join('\n') });
      return `checkpoint ${n + 1}`;
    },
  },
  {
    what: 'history and its leaves are written anew',
    name: 'fork',
    apply: ({ events, leaves, checkpoints }, random) => {
      const last = Number((JSON.parse(checkpoints.at(-1) ?? '{"note":"\\n0"}') as { note: string }).note.split('\n')[1]);
      const first = Number((JSON.parse(leaves[0]!) as unknown[])[0]);
      if (last <= first) return undefined;
      const n = random.whole(0, Math.min(last - first, events.length) - 1);
      events[n] = events[n]!.replace(/"actor":"([^"]+)"/, (_all, actor: string) => `"actor":"${otherCharacter(actor, random)}"`);
      const leaf = JSON.parse(leaves[n]!) as string[];
      leaf[4] = createHash('sha256').update('\0').update(events[n]!).digest('hex');
      leaves[n] = JSON.stringify(leaf);
      return `line ${n + 1}`;
    },
  },
];

const leafTampering = (what: string, field: number): Tampering => ({
  what,
  name: 'edit',
  apply: ({ leaves }, random) => {
    const n = at(random, leaves);
    const leaf = JSON.parse(leaves[n]!) as string[];
    leaf[field] = otherCharacter(leaf[field]!, random);
    leaves[n] = JSON.stringify(leaf);
    return `line ${n + 1}: ${leaf[field]}`;
  },
});

const manifestTampering = (what: string, change: (manifest: Manifest, random: Random) => Partial<Manifest>): Tampering => ({
  what,
  name: 'malformed',
  apply: ({ manifest }, random) => {
    const was = JSON.parse(manifest.join('\n')) as Manifest;
    const changed = change(was, random);
    manifest.splice(0, manifest.length, JSON.stringify({ ...was, ...changed }));
    return JSON.stringify(changed);
  },
});

/** What no hash holds, and what else is there belies. */
export const claimTamperings: readonly Tampering[] = [
  leafTampering('a leaf is of another event', 2),
  leafTampering('a leaf has another id', 3),
  manifestTampering('the manifest names another log', ({ origin }, random) => ({ origin: otherCharacter(origin, random) })),
  manifestTampering('the manifest counts other events', ({ events }, random) => ({ events: events + random.whole(1, 9) })),
];

function sha(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
