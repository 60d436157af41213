// Preloaded into every service that a step starts (`node --import`). It claims the launch, and says in each answer which published package is
// really running: read from where the process was started and the lock file, not from what the step was told.
import { readFileSync } from 'node:fs';
import http from 'node:http';
import { dirname, join } from 'node:path';
import { claimLaunch } from './processes.mjs';
import { publishedPackage } from './published-package.mjs';
import { root } from './services.mjs';

const EXIT_WRONG_PORT = 98;
const port = Number(process.env.PLIMSOLL_LAUNCH_PORT);
const folder = dirname(process.argv[1]);
const published = publishedPackage(process.env.PLIMSOLL_PACKAGE);
const installed = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
if (
  folder !== join(root, 'node_modules', published.alias) ||
  installed.name !== published.name ||
  installed.version !== published.version
) {
  throw new Error(`${folder} holds ${installed.name} ${installed.version}; the lock file says ${published.name} ${published.version}.`);
}

claimLaunch({ digest: published.digest, port });

const emit = http.Server.prototype.emit;
http.Server.prototype.emit = function emitWithDigest(event, ...args) {
  if (event === 'listening' && this.address().port !== port) {
    // Some servers take another port where theirs is taken; then nobody would find this one, or worse, would take somebody else for it.
    console.error(`The port ${port} is taken.`);
    process.exit(EXIT_WRONG_PORT);
  }
  if (event === 'request') args[1].setHeader('x-plimsoll-digest', published.digest);
  return emit.call(this, event, ...args);
};
