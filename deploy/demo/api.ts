/** A person (or service) at Plimsoll's REST door, with a token of the embedded issuer. */
export interface Client {
  readonly who: string;
  post(path: string, body: unknown, headers?: Record<string, string>): Promise<Answer>;
  /** Waits until views have what this demonstration wrote last. */
  get(path: string, headers?: Record<string, string>): Promise<Answer>;
}

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- answers of many shapes, read where they are used
  readonly body: any;
}

/** Highest position that any command of this run was answered with: what was written is what is read. */
let newest = -1n;

export const newestPosition = (): bigint => newest;

export function api(base: string): (subject: string, roles: readonly string[]) => Promise<Client> {
  return async (subject, roles) => {
    const issued = await ask(`${base}/v1/dev/token`, { method: 'POST', body: JSON.stringify({ subject, roles, ttlSeconds: 3600 }) });
    if (issued.status !== 200) throw new Error(`No token for ${subject}: ${issued.status} ${issued.text}`);
    const authorization = `Bearer ${issued.body.token as string}`;
    return {
      who: subject,
      post: (path, body, headers = {}) => {
        const text = typeof body === 'string';
        return ask(`${base}${path}`, {
          method: 'POST',
          body: text ? body : JSON.stringify(body),
          headers: { authorization, ...(text ? { 'content-type': 'application/xml' } : {}), ...headers },
        });
      },
      get: (path, headers = {}) =>
        ask(`${base}${path}`, {
          headers: { authorization, ...(newest >= 0n ? { 'plimsoll-min-position': String(newest) } : {}), ...headers },
        }),
    };
  };
}

async function ask(url: string, init: RequestInit): Promise<Answer> {
  const response = await fetch(url, {
    ...init,
    headers: { ...(init.body ? { 'content-type': 'application/json' } : {}), ...(init.headers as Record<string, string> | undefined) },
  });
  const text = await response.text();
  const position = response.headers.get('plimsoll-position');
  if (position && BigInt(position) > newest) newest = BigInt(position);
  const json = response.headers.get('content-type')?.includes('json') ?? false;
  return { status: response.status, headers: response.headers, text, body: json ? (JSON.parse(text) as unknown) : undefined };
}

/** The answer, if it is a success; else an error that says what Plimsoll said. */
export function accepted(answer: Answer, what: string): Answer {
  if (answer.status >= 200 && answer.status < 300) return answer;
  throw new Error(`${what} was refused (${answer.status}): ${answer.text}`);
}

/** Polls until it holds. @throws Error when it does not within the time */
export async function until<T>(what: string, seconds: number, look: () => Promise<T | undefined>): Promise<T> {
  const deadline = Date.now() + seconds * 1000;
  for (;;) {
    const found = await look();
    if (found !== undefined) return found;
    if (Date.now() > deadline) throw new Error(`${what}: not within ${seconds} seconds.`);
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}
