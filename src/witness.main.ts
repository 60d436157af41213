import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { parseArgs } from 'node:util';
import {
  MalformedKey,
  MalformedNote,
  MAX_NOTE_LENGTH,
  openSignerFile,
  parseVerifier,
  parseWitnessRequest,
  WitnessFolder,
  witnessCheckpoint,
  type WitnessOptions,
  type WitnessRefusal,
} from '#libs/ledger';

const HELP = `A witness of Plimsoll's ledger, or of any log with C2SP checkpoints: it signs what goes on from what it signed before, and nothing else.
Run it where those who run Plimsoll have no access.

Usage: node dist/src/witness.main.js --key FILE --name NAME --state FOLDER --log VERIFIER [--log VERIFIER …] [--host 127.0.0.1] [--port 3900]

  --key     its signing key; made there, for NAME, where there is none
  --name    of the witness, such as witness.example.com; needed where the key is made
  --state   where it remembers what it signed; lose it, and a fork passes once
  --log     the key of a log that it watches, name+hash+base64 (\`verifier\` in the answer of GET /v1/ledger)

It answers POST /add-checkpoint (c2sp.org/tlog-witness): 200 with a line of a signature; 409 with the size it saw last, where the proof begins
elsewhere or the log was rolled back or forked; 403 not signed by the log; 404 no log of that origin; 422 the proof is wrong; 400 malformed.
Exit codes: 0 stopped when told to, 1 failed, 2 wrong arguments.`;

/** A proof of 128 hashes, and a note. */
const MAX_BODY = MAX_NOTE_LENGTH + 16 * 1024;

const STATUS: Readonly<Record<WitnessRefusal, number>> = {
  malformed: 400,
  unsigned: 403,
  'unknown-log': 404,
  behind: 409,
  rollback: 409,
  fork: 409,
  'bad-proof': 422,
};

class WrongArguments extends Error {}

interface Arguments {
  readonly witness: WitnessOptions;
  readonly host: string;
  readonly port: number;
}

async function readArguments(): Promise<Arguments> {
  let values;
  try {
    ({ values } = parseArgs({
      options: {
        key: { type: 'string' },
        name: { type: 'string' },
        state: { type: 'string' },
        log: { type: 'string', multiple: true },
        host: { type: 'string', default: '127.0.0.1' },
        port: { type: 'string', default: '3900' },
        help: { type: 'boolean', default: false },
      },
    }));
  } catch (error) {
    throw new WrongArguments((error as Error).message);
  }
  if (values.help) {
    console.log(HELP);
    process.exit(0);
  }
  const { key, name, state, log, host, port } = values;
  if (!key || !state || !log) throw new WrongArguments('--key, --state and --log must be there.');
  if (!/^\d{1,5}$/.test(port) || Number(port) > 65_535) throw new WrongArguments('--port is a whole number from 0 to 65535.');
  const nameOf = (): string => {
    if (name) return name;
    throw new WrongArguments(`There is no key in ${key}: say --name for one to be made.`);
  };
  try {
    const signer = await openSignerFile(key, nameOf, 'cosignature/v1');
    if (signer.verifier.kind !== 'cosignature/v1') throw new WrongArguments(`The key in ${key} is that of a log, not of a witness.`);
    const logs = log.map(parseVerifier);
    const now = (): number => Math.floor(Date.now() / 1000);
    return { witness: { signer, logs, store: new WitnessFolder(state), now }, host, port: Number(port) };
  } catch (error) {
    if (error instanceof MalformedKey) throw new WrongArguments(error.message);
    throw error;
  }
}

async function answer(witness: WitnessOptions, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const say = (status: number, text: string, type = 'text/plain; charset=utf-8'): void =>
    void response.writeHead(status, { 'content-type': type }).end(text);
  if (request.url !== '/add-checkpoint') return say(404, 'There is POST /add-checkpoint, and nothing else.\n');
  if (request.method !== 'POST') return say(405, 'Send it by POST.\n');
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > MAX_BODY) {
      response.setHeader('connection', 'close');
      return say(413, `A request has at most ${MAX_BODY} bytes.\n`);
    }
    chunks.push(chunk);
  }
  try {
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(Buffer.concat(chunks));
    const answered = await witnessCheckpoint(witness, parseWitnessRequest(text));
    if (answered.signed) return say(200, `${answered.cosignature}\n`);
    console.error(JSON.stringify({ at: new Date().toISOString(), ...answered }));
    const status = STATUS[answered.refusal];
    if (status === 409 && answered.seenSize !== undefined) return say(409, `${answered.seenSize}\n`, 'text/x.tlog.size');
    say(status, `${answered.refusal}: ${answered.detail}\n`);
  } catch (error) {
    if (error instanceof MalformedNote || error instanceof TypeError) return say(400, `malformed: ${error.message}\n`);
    throw error;
  }
}

async function main(): Promise<void> {
  const { witness, host, port } = await readArguments();
  const server = createServer({ requestTimeout: 10_000 }, (request, response) => {
    answer(witness, request, response).catch((error: unknown) => {
      console.error(error);
      if (response.headersSent) response.destroy();
      else response.writeHead(500).end();
    });
  });
  server.once('error', (error) => {
    console.error(error.message);
    process.exit(1);
  });
  server.listen(port, host, () => {
    const { address, port: taken } = server.address() as AddressInfo;
    console.log(`The witness ${witness.signer.verifier.text} is ready on http://${address}:${taken}`);
  });
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => {
      server.close(() => process.exit(0));
      server.closeIdleConnections();
    });
  }
}

// What nobody caught ends a witness, by Node's own rule and with its stack: what it signed is on the disk before it is said, so that dying loses
// nothing, and going on without knowing could sign twice. A request's own errors are caught at the request.
main().catch((error: unknown) => {
  const wrong = error instanceof WrongArguments;
  console.error(wrong ? `${error.message}\n\n${HELP}` : error);
  process.exit(wrong ? 2 : 1);
});
