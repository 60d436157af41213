import { EventStoreDBClient } from '@eventstore/db-client';

export interface SharedClient {
  readonly client: EventStoreDBClient;
  /** Gives the client back; the last user to do so ends its connections. */
  release(): Promise<void>;
}

const clients = new Map<string, { readonly client: EventStoreDBClient; users: number }>();

/**
 * The one client of this process for a connection string. Connections are multiplexed, and the client keeps state per
 * process, not per instance: more clients would only get in each other's way.
 *
 * @throws Error the connection string is not one, or it switches `throwOnAppendFailure` off
 */
export function shareClient(connectionString: string): SharedClient {
  const shared = clients.get(connectionString) ?? { client: createClient(connectionString), users: 0 };
  clients.set(connectionString, shared);
  shared.users++;
  let released = false;
  return {
    client: shared.client,
    async release() {
      if (released) return;
      released = true;
      if (--shared.users > 0) return;
      clients.delete(connectionString);
      await disposed(shared.client);
    },
  };
}

/** How long the client may take to end its streams, milliseconds. */
const DISPOSAL_MS = 2_000;

/**
 * Cancels every stream of the client and waits for their ends, but not for ever: one that was cancelled with something still unread
 * in it never says that it has ended (client 6.2.1).
 */
async function disposed(client: EventStoreDBClient): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<void>((resolve) => (timer = setTimeout(resolve, DISPOSAL_MS)));
  await Promise.race([client.dispose(), late]);
  clearTimeout(timer);
}

function createClient(connectionString: string): EventStoreDBClient {
  // Switched off, a refused append resolves with a revision that is made up (client 6.2.1).
  if (/[?&]throwOnAppendFailure=false(&|$)/i.test(connectionString)) {
    throw new Error(
      'The EventStoreDB connection string must not say throwOnAppendFailure=false: refused appends would pass for stored ones.',
    );
  }
  const client = parse(connectionString);
  appendOneByOne(client);
  return client;
}

function parse(connectionString: string): EventStoreDBClient {
  try {
    return EventStoreDBClient.connectionString(connectionString);
  } catch {
    // The client's own error carries the string, and with it a password, into the logs.
    throw new Error('The EventStoreDB connection string can not be read; it looks like esdb://user:password@host:2113?tls=true.');
  }
}

/**
 * Appends by `Append` and never by `BatchAppend`. The batch call is shared by all appends of the process: its failure rejects
 * every append in flight, an answer that comes after that throws in an event handler and ends the process, and no append has a
 * deadline. The switch is protected in client 6.2.1; the version is pinned, and a spec beside this file fails where it stops working.
 */
function appendOneByOne(client: EventStoreDBClient): void {
  const internals = client as unknown as { supports: () => Promise<boolean> };
  internals.supports = async () => false;
}
