import { connect, createServer, type AddressInfo } from 'node:net';

/** Ports of 127.0.0.1 that nobody listens on now. */
export async function freePorts(count: number): Promise<number[]> {
  const servers = await Promise.all(
    Array.from({ length: count }, async () => {
      const server = createServer();
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      return server;
    }),
  );
  const ports = servers.map((server) => (server.address() as AddressInfo).port);
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}

/** Waits until somebody listens on a port of 127.0.0.1. @throws after a minute, or at once when `failed` says why it never will */
export async function untilListening(port: number, failed: () => string | undefined = () => undefined): Promise<void> {
  const deadline = Date.now() + 60_000;
  while (!(await listens(port))) {
    const why = failed() ?? (Date.now() > deadline ? `nobody listens on port ${port} after a minute` : undefined);
    if (why) throw new Error(`Kafka did not start: ${why}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

function listens(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
    socket.once('connect', () => socket.destroy());
  });
}
