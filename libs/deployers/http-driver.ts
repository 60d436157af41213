import { createHash } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import {
  httpsOrLoopback,
  strictRequest,
  StrictRequestError,
  type StrictResponse,
  webhookSigner,
  type WebhookSigner,
} from '#libs/strict-http';
import { malformed, type Driver, type StepOutcome, type StepResult, type StepRun } from './driver.ts';
import { notTaken, StepLog } from './step-log.ts';

export interface HttpTarget {
  /** Where steps are POSTed; https, or http on loopback. */
  readonly url: string;
  /** The Standard Webhooks secret shared with the target: base64, with or without `whsec_`. */
  readonly secret: string;
  /** Milliseconds for the whole step with retries and polling; default five minutes. */
  readonly timeoutMs?: number;
  /** Milliseconds for one request; default ten seconds. */
  readonly requestTimeoutMs?: number;
  /** Milliseconds before the first retry, doubling up to sixteen times as much; default 500. */
  readonly retryMs?: number;
  /** How often the step is sent at most; default five. */
  readonly sends?: number;
  /** Milliseconds between polls where the answer names no Retry-After; default 1000. */
  readonly pollMs?: number;
}

export interface HttpDriverConfig {
  readonly targets: Readonly<Record<string, HttpTarget>>;
}

const ACTION = /^([a-z0-9-]{1,100})\/([a-z0-9-]{1,100})$/;
const MAX_ANSWER_BYTES = 65_536;
/** Statuses that ask for another try. Everything else below 500 is final. */
const RETRIED = new Set([408, 425, 429]);

/**
 * POSTs steps to named targets of the configuration (action `<target>/<action>`), signed after the Standard Webhooks specification
 * (https://www.standardwebhooks.com, HMAC-SHA256), with the same `Idempotency-Key` and `webhook-id` at every try.
 *
 * The target answers 200 with `{ "outcome": "succeeded" | "failed" | "unknown", "summary"?, "output"? }`, or 202 with a `Location` on its own
 * origin that answers the same way when it is done and 202 until then. A 200 that names no outcome is not taken for success.
 * @throws Error at once where the configuration is wrong: a URL that is neither https nor loopback, or a secret that can't be read.
 */
export function httpDriver(config: HttpDriverConfig): Driver {
  const targets = new Map(Object.entries(config.targets).map(([name, target]) => [name, new Target(name, target)]));
  return {
    name: 'http',
    async run(step, signal) {
      const wrong = malformed(step);
      if (wrong) return notTaken(wrong);
      if (signal.aborted) return notTaken('The step was given up before it began.', 'unknown');
      const [, name = '', action = ''] = ACTION.exec(step.action) ?? [];
      if (name === '') return notTaken('The action is not <target>/<action> in small letters, digits and hyphens.');
      const target = targets.get(name);
      if (!target) return notTaken(`No target "${name}" is configured for the http driver.`);
      return target.take(step, action, signal);
    },
  };
}

class Target {
  private readonly url: URL;
  private readonly sign: WebhookSigner;

  constructor(
    name: string,
    private readonly config: HttpTarget,
  ) {
    this.url = new URL(config.url);
    if (!httpsOrLoopback(this.url)) throw new Error(`The target "${name}" is neither https nor on loopback.`);
    this.sign = webhookSigner(config.secret);
  }

  async take(step: StepRun, action: string, signal: AbortSignal): Promise<StepOutcome> {
    const log = new StepLog();
    const deadline = AbortSignal.timeout(this.config.timeoutMs ?? 300_000);
    const until = AbortSignal.any([signal, deadline]);
    const gaveUp = () => (signal.aborted ? 'the step was given up' : `no outcome came within ${this.config.timeoutMs ?? 300_000} ms`);
    try {
      const sent = await this.send(step, action, log, until);
      const answer = sent.status === 202 ? await this.poll(sent, step, log, until) : sent;
      const { outcome, summary, output } = verdictOf(answer);
      return log.outcome(outcome, summary, output);
    } catch (error) {
      if (error instanceof Verdict) return log.outcome(error.outcome, error.message);
      if (until.aborted) return log.outcome('unknown', `The target's work is not known: ${gaveUp()}.`);
      return log.outcome('unknown', `The target's work is not known: ${error instanceof Error ? error.message : 'the request failed'}`);
    }
  }

  /** Sends the step until somebody answers for good. */
  private async send(step: StepRun, action: string, log: StepLog, until: AbortSignal): Promise<StrictResponse> {
    const { deploymentId, attempt, idempotencyKey, fencingToken, input } = step;
    const data = { deploymentId, step: step.step, attempt, idempotencyKey, fencingToken, action, input };
    const sends = this.config.sends ?? 5;
    for (let send = 1; ; send += 1) {
      const body = JSON.stringify({ type: 'plimsoll.step.run', timestamp: new Date().toISOString(), data });
      const why = await this.ask(this.url, 'POST', step, body, log, until).then(
        (answer) => (isRetried(answer.status) ? answer : { done: answer }),
        (error: unknown) => {
          if (error instanceof StrictRequestError && error.failure !== 'refused-url' && error.failure !== 'aborted') return error;
          throw error;
        },
      );
      if ('done' in why) return why.done;
      if (send >= sends) {
        const last = why instanceof StrictRequestError ? why.message : `the answer was ${why.status}.`;
        throw new Verdict('unknown', `The target did not take the step in ${sends} tries, the last of which may have reached it: ${last}`);
      }
      const wait =
        (why instanceof StrictRequestError ? undefined : retryAfterMs(why)) ?? (this.config.retryMs ?? 500) * 2 ** Math.min(send - 1, 4);
      await delay(wait, undefined, { signal: until });
    }
  }

  /** Asks the target's Location until it is done. A lost poll says nothing of the work, so it is asked again until the deadline. */
  private async poll(accepted: StrictResponse, step: StepRun, log: StepLog, until: AbortSignal): Promise<StrictResponse> {
    const at = this.pollUrl(accepted.headers.location);
    let wait = retryAfterMs(accepted);
    for (;;) {
      await delay(wait ?? this.config.pollMs ?? 1_000, undefined, { signal: until });
      const answer = await this.ask(at, 'GET', step, '', log, until).catch((error: unknown) => {
        if (until.aborted || !(error instanceof StrictRequestError)) throw error;
        return undefined;
      });
      wait = answer ? retryAfterMs(answer) : undefined;
      if (answer && answer.status !== 202 && !isRetried(answer.status)) {
        if (answer.status >= 300)
          throw new Verdict('unknown', `The target took the step, but answers ${answer.status} when asked how it went.`);
        return answer;
      }
    }
  }

  private pollUrl(location: string | undefined): URL {
    const at = location !== undefined && URL.canParse(location, this.url.href) ? new URL(location, this.url) : undefined;
    if (!at) throw new Verdict('unknown', 'The target took the step, but names no Location where it can be asked how it went.');
    if (at.origin !== this.url.origin)
      throw new Verdict('unknown', 'The target took the step, but its Location is on another origin, which is not asked.');
    return at;
  }

  private async ask(
    url: URL,
    method: 'POST' | 'GET',
    step: StepRun,
    body: string,
    log: StepLog,
    signal: AbortSignal,
  ): Promise<StrictResponse> {
    const sentAt = new Date();
    // The same at every try, and free of the dot that parts the signed content.
    const id = `msg_${createHash('sha256').update(step.idempotencyKey).digest('hex').slice(0, 32)}`;
    log.add(`${method} ${url.pathname}\n`);
    try {
      const answer = await strictRequest(url, {
        method,
        ...(method === 'POST' ? { body } : {}),
        headers: {
          accept: 'application/json',
          ...(method === 'POST' ? { 'content-type': 'application/json' } : {}),
          'idempotency-key': step.idempotencyKey,
          ...this.sign(id, sentAt, body),
        },
        timeoutMs: this.config.requestTimeoutMs ?? 10_000,
        maxBytes: MAX_ANSWER_BYTES,
        allow: httpsOrLoopback,
        signal,
      });
      log.add(`${answer.status}\n`);
      log.add(answer.body);
      log.add('\n');
      return answer;
    } catch (error) {
      log.add(`${error instanceof StrictRequestError ? error.failure : 'failed'}\n`);
      throw error;
    }
  }
}

/** Ends a step early with an outcome. */
class Verdict extends Error {
  constructor(
    readonly outcome: StepResult,
    message: string,
  ) {
    super(message);
  }
}

function isRetried(status: number): boolean {
  return status >= 500 || RETRIED.has(status);
}

/** Retry-After in seconds, within a minute; undefined where there is none, or a date. */
function retryAfterMs(answer: StrictResponse): number | undefined {
  const seconds = Number(answer.headers['retry-after'] ?? NaN);
  return Number.isFinite(seconds) && seconds >= 0 ? Math.min(seconds, 60) * 1_000 : undefined;
}

function verdictOf(answer: StrictResponse): { outcome: StepResult; summary: string; output?: unknown } {
  const { status } = answer;
  if (status >= 300 && status < 400) return { outcome: 'failed', summary: `The target answered ${status}; redirects are not followed.` };
  const body = jsonOf(answer);
  const summary = typeof body?.['summary'] === 'string' ? body['summary'] : undefined;
  if (status >= 400)
    return { outcome: 'failed', summary: summary ?? detailOf(body) ?? `The target refused the step with status ${status}.` };
  const outcome = body?.['outcome'];
  if (outcome !== 'succeeded' && outcome !== 'failed' && outcome !== 'unknown') {
    return { outcome: 'unknown', summary: `The target answered ${status}, but its answer names no outcome.` };
  }
  return { outcome, summary: summary ?? `The target says: ${outcome}.`, output: body?.['output'] };
}

function jsonOf(answer: StrictResponse): Record<string, unknown> | undefined {
  if (answer.truncated) return undefined;
  try {
    const value: unknown = JSON.parse(answer.body.toString('utf8'));
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}

/** The sentence of an RFC 9457 problem. */
function detailOf(body: Record<string, unknown> | undefined): string | undefined {
  return typeof body?.['detail'] === 'string' ? body['detail'] : undefined;
}
