// Preloaded into a service (`node --import`), so that a demonstration has a release that is really broken: after a warm-up, a fixed share of
// the requests is answered with 500. It counts, it does not roll dice: the same traffic fails the same way every time.
import http from 'node:http';

const share = Number(process.env.PLIMSOLL_FAULT_SHARE ?? '0');
const warmUp = Number(process.env.PLIMSOLL_FAULT_AFTER_REQUESTS ?? '0');
if (!(share >= 0 && share <= 1) || !(warmUp >= 0))
  throw new Error('The fault needs a share from 0 to 1 and a warm-up of 0 or more requests.');

let requests = 0;
const emit = http.Server.prototype.emit;
http.Server.prototype.emit = function emitWithFault(event, ...args) {
  if (event !== 'request') return emit.call(this, event, ...args);
  requests += 1;
  const counted = requests - warmUp;
  const fails = counted > 0 && Math.floor(counted * share) > Math.floor((counted - 1) * share);
  if (!fails) return emit.call(this, event, ...args);
  const [, response] = args;
  response.writeHead(500, { 'content-type': 'text/plain' }).end('The shop is out of order.\n');
  return true;
};
