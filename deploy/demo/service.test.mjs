// The tests of the demonstration's service: they start the published package on a free port and ask it over HTTP.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createServer } from 'node:net';
import { fileURLToPath } from 'node:url';
import { after, before, test } from 'node:test';

const root = fileURLToPath(new URL('../..', import.meta.url));
let service;
let base;

before(async () => {
  const port = await freePort();
  base = `http://127.0.0.1:${port}`;
  const program = `${root}/node_modules/${process.env.PLIMSOLL_DEMO_PACKAGE}/bin.js`;
  service = spawn(process.execPath, [program, `${root}/deploy/demo/site`, '--host', '127.0.0.1', '--port', String(port), '--quiet'], {
    stdio: 'ignore',
  });
  for (const deadline = Date.now() + 20_000; Date.now() < deadline;) {
    if (
      await fetch(base).then(
        () => true,
        () => false,
      )
    )
      return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error('The service did not come up.');
});

after(() => service?.kill());

test('serves the home page', async () => {
  const answer = await fetch(base);
  assert.equal(answer.status, 200);
  assert.match(answer.headers.get('content-type') ?? '', /text\/html/);
});

test('says that it does not have what it does not have', async () => {
  assert.equal((await fetch(`${base}/no-such-page.txt`)).status, 404);
});

test('does not serve what lies outside its folder', async () => {
  assert.notEqual((await fetch(`${base}/..%2f..%2fpackage.json`)).status, 200);
});

async function freePort() {
  const server = createServer();
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address();
  await new Promise((resolve) => server.close(resolve));
  return port;
}
