// The proxy of one site: sends each request to the slot that is live, and measures what comes back. It listens on loopback, and on a second
// loopback port for its control, which needs the token of the site's folder (mode 0600).
//   GET  /health                 that it runs
//   GET  /route                  where traffic goes, and how many requests are under way by slot
//   POST /route                  sends it elsewhere: { slot, port, digest, fencingToken, key }; the same key twice changes nothing the second time
//   GET  /samples?since=<ms>     counts by second, slot and digest: the measured error rate
import { timingSafeEqual } from 'node:crypto';
import { readFileSync } from 'node:fs';
import http from 'node:http';
import { join } from 'node:path';
import { readJson, writeJson } from './files.mjs';
import { claimLaunch, self } from './processes.mjs';

const EXIT_PORT_TAKEN = 98;
const UPSTREAM_TIMEOUT_MS = 30_000;
const KEPT_SECONDS = 3_600;
const REMEMBERED_KEYS = 500;
/** Upper bounds of the latency histogram in milliseconds; one more count holds what is slower. */
const LATENCY_BOUNDS_MS = [1, 2, 5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000];
/** Of one connection, not of the message (RFC 9110, 7.6.1). */
const HOP_BY_HOP = new Set([
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);
const NOWHERE = { slot: 'none', digest: 'none' };

const folder = process.env.PLIMSOLL_PROXY_FOLDER;
claimLaunch({});

const startedAt = Date.now();
const token = Buffer.from(`Bearer ${readFileSync(join(folder, 'control-token'), 'utf8')}`);
let { route, fencingToken, switched } = readJson(join(folder, 'route.json')) ?? { route: undefined, fencingToken: 0, switched: [] };
const inFlight = {};
const buckets = new Map();

// ---- traffic

function forward(request, response) {
  const target = route; // read once: a switch in between concerns the next request
  const began = performance.now();
  const { slot, digest } = target ?? NOWHERE;
  inFlight[slot] = (inFlight[slot] ?? 0) + 1;
  let measured = false;
  const measure = (status, observedDigest) => {
    if (measured) return;
    measured = true;
    inFlight[slot] -= 1;
    count(slot, digest, status, performance.now() - began, observedDigest);
  };
  const fail = (status, sentence) => {
    if (response.headersSent) response.destroy();
    else
      response
        .writeHead(status, { 'content-type': 'text/plain', 'x-plimsoll-digest': digest, 'x-plimsoll-slot': slot })
        .end(`${sentence}\n`);
    measure(status);
  };
  if (!target) return fail(503, 'No slot is live.');

  const headers = { ...withoutHopByHop(request), 'x-forwarded-for': request.socket.remoteAddress, 'x-forwarded-proto': 'http' };
  // A new connection each time: one kept alive may be closed by the service just as it is used, which would be measured as an error.
  const upstream = http.request({ host: '127.0.0.1', port: target.port, method: request.method, path: request.url, headers, agent: false });
  upstream.setTimeout(UPSTREAM_TIMEOUT_MS, () => {
    fail(504, 'The service did not answer in time.');
    upstream.destroy();
  });
  upstream.on('response', (answer) => {
    const observed = answer.headers['x-plimsoll-digest'];
    response.writeHead(answer.statusCode, { ...withoutHopByHop(answer), 'x-plimsoll-digest': observed ?? digest, 'x-plimsoll-slot': slot });
    answer.pipe(response);
    answer.on('error', () => fail(502));
    response.on('finish', () => measure(answer.statusCode, observed));
  });
  upstream.on('error', () => fail(502, 'The service is not there.'));
  response.on('close', () => {
    if (!measured) {
      measure(499); // the client went away
      upstream.destroy();
    }
  });
  request.pipe(upstream);
}

function withoutHopByHop(message) {
  const named = String(message.headers.connection ?? '')
    .toLowerCase()
    .split(/\s*,\s*/);
  return Object.fromEntries(Object.entries(message.headers).filter(([name]) => !HOP_BY_HOP.has(name) && !named.includes(name)));
}

// ---- measurement

function count(slot, digest, status, latencyMs, observedDigest) {
  const second = Math.floor(Date.now() / 1_000);
  const key = `${second} ${slot} ${digest}`;
  let bucket = buckets.get(key);
  if (!bucket) {
    bucket = {
      second,
      slot,
      digest,
      requests: 0,
      errors: 0,
      mismatches: 0,
      statuses: {},
      latencyMs: { sum: 0, max: 0, counts: Array(LATENCY_BOUNDS_MS.length + 1).fill(0) },
    };
    buckets.set(key, bucket);
    for (const [old, { second: at }] of buckets) {
      if (at > second - KEPT_SECONDS) break; // in the order they were made
      buckets.delete(old);
    }
  }
  bucket.requests += 1;
  if (status >= 500) bucket.errors += 1;
  if (observedDigest !== undefined && observedDigest !== digest) bucket.mismatches += 1;
  bucket.statuses[status] = (bucket.statuses[status] ?? 0) + 1;
  bucket.latencyMs.sum += latencyMs;
  bucket.latencyMs.max = Math.max(bucket.latencyMs.max, latencyMs);
  const bound = LATENCY_BOUNDS_MS.findIndex((limit) => latencyMs <= limit);
  bucket.latencyMs.counts[bound === -1 ? LATENCY_BOUNDS_MS.length : bound] += 1;
}

function samples(since) {
  const now = Date.now();
  const kept = [...buckets.values()].filter(({ second }) => (second + 1) * 1_000 > since);
  const answer = kept.map((bucket) => ({ ...bucket, complete: (bucket.second + 1) * 1_000 <= now }));
  return { now, startedAt, latencyBoundsMs: LATENCY_BOUNDS_MS, buckets: answer };
}

// ---- control

async function answerControl(request) {
  const given = Buffer.from(request.headers.authorization ?? '');
  if (given.length !== token.length || !timingSafeEqual(given, token)) return [401, { detail: 'The control token is missing or wrong.' }];
  const url = new URL(request.url, 'http://control');
  switch (`${request.method} ${url.pathname}`) {
    case 'GET /health':
      return [200, { ...self(), startedAt }];
    case 'GET /route':
      return [200, { route, fencingToken, inFlight }];
    case 'GET /samples': {
      const since = Number(url.searchParams.get('since') ?? '0');
      return Number.isFinite(since) ? [200, samples(since)] : [400, { detail: '"since" is a time in milliseconds since 1970.' }];
    }
    case 'POST /route':
      return switchTo(await readBody(request));
    default:
      return [404, { detail: 'There is /health, /route and /samples.' }];
  }
}

function switchTo({ slot, port, digest, fencingToken: given, key }) {
  if (
    typeof slot !== 'string' ||
    !Number.isInteger(port) ||
    typeof digest !== 'string' ||
    !Number.isSafeInteger(given) ||
    typeof key !== 'string'
  ) {
    return [400, { detail: 'A route has slot, port, digest, fencingToken and key.' }];
  }
  if (given < fencingToken) return [409, { fenced: true, fencingToken }];
  // The key is kept in the same file as the route: what is remembered as done is done, and the other way round.
  const before = switched.find((done) => done.key === key);
  if (before) return [200, before.result];
  const result = {
    slot,
    port,
    digest,
    previousSlot: route?.slot === slot ? (route.previousSlot ?? null) : (route?.slot ?? null),
    switchedAt: new Date().toISOString(),
  };
  const next = { route: result, fencingToken: given, switched: [...switched, { key, result }].slice(-REMEMBERED_KEYS) };
  writeJson(join(folder, 'route.json'), next);
  ({ route, fencingToken, switched } = next);
  return [200, result];
}

async function readBody(request) {
  let text = '';
  for await (const chunk of request.setEncoding('utf8')) {
    text += chunk;
    if (text.length > 65_536) break;
  }
  try {
    return JSON.parse(text) ?? {};
  } catch {
    return {};
  }
}

// ---- life

function listen(server, port) {
  return new Promise((resolve) => {
    server.once('error', (error) => {
      console.error(error.message);
      process.exit(EXIT_PORT_TAKEN);
    });
    server.listen(port, '127.0.0.1', () => resolve(server.address().port));
  });
}

const traffic = http.createServer(forward);
const controls = http.createServer((request, response) => {
  void answerControl(request)
    .catch((error) => [500, { detail: error.message }])
    .then(([status, body]) =>
      response.writeHead(status, { 'content-type': 'application/json', connection: 'close' }).end(JSON.stringify(body)),
    );
});

process.once('SIGTERM', () => {
  traffic.close(() => process.exit(0)); // requests under way end first
  traffic.closeIdleConnections();
  controls.close();
  setTimeout(() => process.exit(0), 2_500).unref();
});

const controlPort = await listen(controls, 0);
const port = await listen(traffic, Number(process.env.PLIMSOLL_PROXY_PORT));
writeJson(join(folder, 'proxy.json'), { ...self(), port, controlPort });
