import type { Answer, Intent, Journal } from './journal.ts';
import type { Server } from './server.ts';
import { pause, waitUntil } from './waiting.ts';

/** Longer than any recovery. */
const PATIENCE_MS = 120_000;
const REQUEST_TIMEOUT_MS = 10_000;

/** Programs approve nothing: who approves is a person, and what measures and reports is none. */
const PERSON = ['developer', 'release-manager', 'approver', 'deployer', 'policy-editor', 'sre'];
const rolesOf = (subject: string): readonly string[] => (/service|pipeline/.test(subject) ? ['service'] : PERSON);

/** One person with a token, who does not give up: what gets no answer is asked again under the same key. */
export class Client {
  private token: string | undefined;
  private count = 0;

  constructor(
    readonly subject: string,
    private readonly server: Server,
    private readonly journal: Journal,
    private readonly keys: string,
  ) {}

  /** As authors of artifacts are named. */
  get account(): string {
    return `plimsoll-embedded|${this.subject}`;
  }

  /** Carries a command out, or has it refused; either is in the journal. */
  async command(path: string, body: unknown, governed = true): Promise<Intent> {
    const intent = this.journal.begin({ key: `${this.keys}-${++this.count}`, path, body, governed });
    const { response, json } = await this.post(intent);
    const commandId = response.headers.get('plimsoll-command-id') ?? undefined;
    if (response.ok) intent.answer = answerOf(response, json, commandId ?? '');
    else
      intent.refusal = { status: response.status, commandId, type: String(json.type).split('/').at(-1) ?? '', detail: String(json.detail) };
    return intent;
  }

  /** Delivers an event of the outside. @throws Error it was not understood */
  async deliver(event: unknown): Promise<void> {
    const { response, json } = await this.post({ key: `${this.keys}-${++this.count}`, path: '/v1/events', body: event, unknown: 0 });
    const [taken] = Array.isArray(json) ? (json as { disposition: string; receiptId: string; position: string }[]) : [];
    if (!response.ok || taken?.disposition !== 'understood')
      throw new Error(`An outside event was not understood: ${JSON.stringify(json)}`);
    this.journal.receipts.push({ receiptId: taken.receiptId, position: BigInt(taken.position) });
  }

  /** A command that nothing speaks against. @throws Error it was refused */
  async must(path: string, body: unknown, governed = true): Promise<Answer> {
    const { answer, refusal } = await this.command(path, body, governed);
    if (!answer) throw new Error(`POST ${path} was refused: ${refusal?.status} ${refusal?.type}: ${refusal?.detail}`);
    return answer;
  }

  /** @throws Error it can't be read */
  async read<T>(path: string): Promise<T> {
    const { response, json } = await this.untilAnswered(async (url) => {
      const answer = await fetch(`${url}${path}`, { headers: await this.headers(url), signal: AbortSignal.timeout(REQUEST_TIMEOUT_MS) });
      return { response: answer, json: (await answer.json()) as Record<string, unknown> };
    });
    if (!response.ok) throw new Error(`GET ${path} was answered ${response.status}: ${String(json.detail)}`);
    return json as T;
  }

  private async post(intent: Omit<Intent, 'governed'>): Promise<{ response: Response; json: Record<string, unknown> }> {
    return await this.untilAnswered(async (url) => {
      const response = await fetch(`${url}${intent.path}`, {
        method: 'POST',
        headers: { ...(await this.headers(url)), 'content-type': 'application/json', 'idempotency-key': intent.key },
        body: JSON.stringify(intent.body),
        signal: AbortSignal.timeout(REQUEST_TIMEOUT_MS),
      });
      return { response, json: (await response.json()) as Record<string, unknown> };
    }, intent);
  }

  private async untilAnswered<A extends { response: Response }>(
    ask: (url: string) => Promise<A>,
    intent?: Pick<Intent, 'path' | 'unknown'>,
  ): Promise<A> {
    const deadline = performance.now() + PATIENCE_MS;
    for (;;) {
      await waitUntil(() => this.server.url !== undefined, PATIENCE_MS, 'the server to come back');
      try {
        const answered = await ask(this.server.url ?? '');
        const { status, headers } = answered.response;
        // In flight, or taking too much: the server knows of it and asks to come again.
        const later = (status === 409 || status === 429) && headers.has('retry-after');
        if (!later && status < 500) return answered;
        if (status >= 500 && intent) intent.unknown++;
      } catch {
        if (intent) intent.unknown++;
      }
      if (performance.now() > deadline) throw new Error(`No answer to ${intent?.path ?? 'a query'} in two minutes.`);
      await pause(50);
    }
  }

  private async headers(url: string): Promise<Record<string, string>> {
    this.token ??= await newToken(url, this.subject);
    return { authorization: `Bearer ${this.token}` };
  }
}

async function newToken(url: string, subject: string): Promise<string> {
  const response = await fetch(`${url}/v1/dev/token`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ subject, roles: rolesOf(subject), ttlSeconds: 86_400 }),
    signal: AbortSignal.timeout(REQUEST_TIMEOUT_MS),
  });
  if (!response.ok) throw new Error(`No token: ${response.status} ${await response.text()}`);
  return ((await response.json()) as { token: string }).token;
}

function answerOf(response: Response, json: Record<string, unknown>, commandId: string): Answer {
  return {
    status: response.status,
    commandId,
    id: String(json.id),
    stream: String(json.stream),
    revision: Number(json.revision),
    position: BigInt(String(json.position)),
    repeated: json.repeated === true || response.headers.has('idempotency-replayed'),
  };
}
