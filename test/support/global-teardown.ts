import { rmSync } from 'node:fs';
import { dropDatabase } from './database.ts';
import type { TestServer } from './global-setup.ts';

export default async function globalTeardown(): Promise<void> {
  const server = (globalThis as { plimsollTestServer?: TestServer }).plimsollTestServer;
  if (!server) return dropDatabase(process.env.PLIMSOLL_TEST_SERVER_URL!, process.env.PLIMSOLL_TEST_TEMPLATE!);
  await server.postgres.stop();
  rmSync(server.folder, { recursive: true, force: true });
}
