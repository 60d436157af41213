import type { StreamSlice } from '#libs/event-sourcing';

/** So many streams are one statement at most: one that is long does not hold up more than these. */
const MOST = 32;

interface Asked {
  readonly answer: Promise<StreamSlice>;
  readonly resolve: (slice: StreamSlice) => void;
  readonly reject: (error: unknown) => void;
}

/** Gathers what is asked for in one turn of the program, and asks for it together; a stream that is asked for twice is read once. */
export class ReadTogether {
  private waiting = new Map<string, Asked>();

  constructor(
    /** Gives the slices in the order of the streams, each of which is named once. */
    private readonly readAll: (streams: readonly string[]) => Promise<readonly StreamSlice[]>,
  ) {}

  read(stream: string): Promise<StreamSlice> {
    const known = this.waiting.get(stream);
    if (known) return known.answer;
    let resolve!: Asked['resolve'];
    let reject!: Asked['reject'];
    const answer = new Promise<StreamSlice>((done, failed) => {
      resolve = done;
      reject = failed;
    });
    // Sent when all that can go on without an answer has gone on: whoever asks until then gets what is there after asking.
    if (this.waiting.size === 0) process.nextTick(() => this.flush());
    this.waiting.set(stream, { answer, resolve, reject });
    if (this.waiting.size >= MOST) this.flush();
    return answer;
  }

  private flush(): void {
    const asked = [...this.waiting];
    this.waiting = new Map();
    if (asked.length > 0) void this.send(asked);
  }

  private async send(asked: readonly (readonly [string, Asked])[]): Promise<void> {
    try {
      const slices = await this.readAll(asked.map(([stream]) => stream));
      for (const [i, [, { resolve }]] of asked.entries()) resolve(slices[i]!);
    } catch (error) {
      for (const [, { reject }] of asked) reject(error);
    }
  }
}
