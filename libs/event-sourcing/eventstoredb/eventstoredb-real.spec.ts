import { spawnSync } from 'node:child_process';
import { GenericContainer, Wait, type StartedTestContainer } from 'testcontainers';
import { eventLogContract } from '#libs/event-sourcing/testing';
import { appendAround } from '../../../test/support/eventstore/append-around.ts';
import { EventStoreDbEventLog } from './index.ts';

/** The newest line of servers that the client is made for. */
const IMAGE = 'eventstore/eventstore:24.10';
const PORT = 2113;

const given = process.env.EVENTSTORE_URL;
const docker = !given && spawnSync('docker', ['info', '--format', '{{.ServerVersion}}'], { timeout: 10_000, stdio: 'ignore' }).status === 0;

// The image may have to be fetched first.
if (docker) jest.setTimeout(300_000);

if (given || docker) {
  describe(`the event log in a real EventStoreDB (${given ? 'EVENTSTORE_URL' : IMAGE})`, () => {
    let container: StartedTestContainer | undefined;

    let connectionString = given ?? '';

    eventLogContract(
      async () => {
        if (!given) {
          container = await startContainer();
          connectionString = `esdb://${container.getHost()}:${container.getMappedPort(PORT)}?tls=false`;
        }
        return new EventStoreDbEventLog({ connectionString });
      },
      (event) => appendAround(connectionString, event),
    );

    afterAll(async () => {
      await container?.stop();
    });
  });
} else {
  // Nothing but Docker brings this server, so that CI too goes on without it; the contract holds over gRPC in any case, see the spec beside this one.
  const missing =
    'SKIPPED: no EventStoreDB: set EVENTSTORE_URL or run Docker. CI does not fail for it, the contract ran against the test server.';
  console.warn(missing);
  describe('the event log in a real EventStoreDB', () => {
    it.skip(missing, () => undefined);
  });
}

async function startContainer(): Promise<StartedTestContainer> {
  return new GenericContainer(IMAGE)
    .withEnvironment({ EVENTSTORE_INSECURE: 'true', EVENTSTORE_MEM_DB: 'true', EVENTSTORE_RUN_PROJECTIONS: 'None' })
    .withExposedPorts(PORT)
    .withWaitStrategy(Wait.forHttp('/health/live', PORT).forStatusCode(204))
    .withStartupTimeout(120_000)
    .start();
}
