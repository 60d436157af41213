import { loopbackOnly, strictRequest, StrictRequestError, type AllowUrl, type StrictResponse } from '#libs/strict-http';

/** What is asked of a running service, and what it has to answer. */
export interface SmokeCheck {
  readonly name: string;
  readonly method: 'GET' | 'HEAD';
  /** Begins with one slash; stays on the suite's origin. */
  readonly path: string;
  readonly expectStatus: number;
  /** Looked for in the first 256 KB of the body. */
  readonly expectBodyIncludes?: string;
  /** The name in any case, the value exactly. */
  readonly expectHeader?: { readonly name: string; readonly value: string };
}

export interface SmokeOptions {
  /** Whether the configuration allows asking there; default loopback addresses only. */
  readonly allow?: AllowUrl;
  /** Milliseconds for one check; default 5,000. */
  readonly checkTimeoutMs?: number;
  /** Milliseconds for the whole suite; default 60,000. What was not asked by then is inconclusive. */
  readonly deadlineMs?: number;
  readonly signal?: AbortSignal;
}

export interface SmokeCheckOutcome {
  readonly name: string;
  readonly outcome: 'pass' | 'fail' | 'inconclusive';
  readonly detail: string;
  /** Whole milliseconds. */
  readonly durationMs: number;
}

export interface SmokeResult {
  /** `fail` where one check fails; else `inconclusive` where one is, or where there is none; else `pass`. */
  readonly outcome: 'pass' | 'fail' | 'inconclusive';
  readonly reason: string;
  readonly checks: readonly SmokeCheckOutcome[];
  /** From the header `x-plimsoll-digest`; absent where no answer had it, or where answers differed. */
  readonly observedDigest?: string;
  /** Every digest that was seen, sorted: more than one means that several versions answer. */
  readonly observedDigests: readonly string[];
}

export const DIGEST_HEADER = 'x-plimsoll-digest';
export const SMOKE_MAX_CHECKS = 100;
const MAX_BODY_BYTES = 262_144;
/** The shapes that a digest may have; anything else in the header is not one, and is not passed on. */
const DIGEST = /^sha(?:256:[0-9a-f]{64}|384:[0-9a-f]{96}|512:[0-9a-f]{128})$/;

/**
 * Asks a service each check in turn, following no redirect. It never throws and never rejects: who can't be reached fails, what comes too late
 * for the whole suite's deadline is inconclusive, and so is an address that may not be asked.
 * @param baseUrl http or https; paths are taken from its origin
 */
export async function runSmoke(baseUrl: string, checks: readonly SmokeCheck[], options: SmokeOptions = {}): Promise<SmokeResult> {
  const digests = new Set<string>();
  const allow = options.allow ?? loopbackOnly;
  const refusal = refusalOf(baseUrl, checks, allow);
  if (refusal !== undefined) return { outcome: 'inconclusive', reason: refusal, checks: [], observedDigests: [] };

  const deadline = AbortSignal.timeout(options.deadlineMs ?? 60_000);
  const until = options.signal ? AbortSignal.any([options.signal, deadline]) : deadline;
  const outcomes: SmokeCheckOutcome[] = [];
  for (const check of checks) {
    const began = performance.now();
    const { outcome, detail } = until.aborted ? NOT_ASKED : await ask(check, new URL(baseUrl), allow, options, until, digests);
    outcomes.push({ name: check.name, outcome, detail, durationMs: Math.round(performance.now() - began) });
  }

  const observedDigests = [...digests].sort();
  const [observedDigest] = observedDigests;
  return { ...verdictOf(outcomes), checks: outcomes, ...(observedDigests.length === 1 ? { observedDigest } : {}), observedDigests };
}

type Judged = Pick<SmokeCheckOutcome, 'outcome' | 'detail'>;

const NOT_ASKED: Judged = { outcome: 'inconclusive', detail: "Not asked: the suite's time was over." };

function refusalOf(baseUrl: string, checks: readonly SmokeCheck[], allow: AllowUrl): string | undefined {
  if (checks.length === 0) return 'The suite has no checks, so it says nothing.';
  if (checks.length > SMOKE_MAX_CHECKS) return `The suite has ${checks.length} checks; ${SMOKE_MAX_CHECKS} are accepted.`;
  if (!URL.canParse(baseUrl)) return 'The base URL is not a URL.';
  const base = new URL(baseUrl);
  if (base.protocol !== 'http:' && base.protocol !== 'https:') return 'The base URL is neither http nor https.';
  if (!allow(base)) return `The configuration does not allow smoke tests of ${base.host}.`;
  return undefined;
}

async function ask(
  check: SmokeCheck,
  base: URL,
  allow: AllowUrl,
  options: SmokeOptions,
  until: AbortSignal,
  digests: Set<string>,
): Promise<Judged> {
  if (check.method !== 'GET' && check.method !== 'HEAD') return { outcome: 'fail', detail: 'A check is a GET or a HEAD.' };
  const url = check.path.startsWith('/') && URL.canParse(check.path, base.href) ? new URL(check.path, base) : undefined;
  if (url?.origin !== base.origin)
    return { outcome: 'fail', detail: 'The path does not begin with one slash, or leads to another origin.' };
  try {
    const answer = await strictRequest(url, {
      method: check.method,
      timeoutMs: options.checkTimeoutMs ?? 5_000,
      maxBytes: MAX_BODY_BYTES,
      allow,
      signal: until,
    });
    const digest = answer.headers[DIGEST_HEADER];
    if (typeof digest === 'string' && DIGEST.test(digest)) digests.add(digest);
    return judge(check, answer);
  } catch (error) {
    if (until.aborted) return { outcome: 'inconclusive', detail: "No answer before the suite's time was over." };
    return { outcome: 'fail', detail: error instanceof StrictRequestError ? error.message : 'The request could not be sent.' };
  }
}

function judge(check: SmokeCheck, answer: StrictResponse): Judged {
  if (answer.status !== check.expectStatus)
    return { outcome: 'fail', detail: `The status is ${answer.status} instead of ${check.expectStatus}.` };
  if (check.expectHeader) {
    const { name, value } = check.expectHeader;
    const given = answer.headers[name.toLowerCase()];
    if (String(given ?? '') !== value || given === undefined)
      return { outcome: 'fail', detail: `The header ${name} is ${given === undefined ? 'absent' : 'another'}.` };
  }
  if (check.expectBodyIncludes !== undefined && !answer.body.toString('utf8').includes(check.expectBodyIncludes)) {
    // What was cut off can't be said to lack the text.
    if (answer.truncated) return { outcome: 'inconclusive', detail: `The text is not in the first ${MAX_BODY_BYTES} bytes of the body.` };
    return { outcome: 'fail', detail: 'The body lacks the expected text.' };
  }
  return { outcome: 'pass', detail: `Status ${answer.status}, as expected.` };
}

function verdictOf(outcomes: readonly SmokeCheckOutcome[]): Pick<SmokeResult, 'outcome' | 'reason'> {
  for (const outcome of ['fail', 'inconclusive'] as const) {
    const such = outcomes.filter((check) => check.outcome === outcome);
    const [first] = such;
    if (first)
      return { outcome, reason: `${such.length} of ${outcomes.length} checks: ${outcome}; first "${first.name}": ${first.detail}` };
  }
  return { outcome: 'pass', reason: `All ${outcomes.length} checks passed.` };
}
