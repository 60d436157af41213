import { randomUUID } from 'node:crypto';
import { Client, DatabaseError } from 'pg';

export interface FreshDatabase {
  /** `postgres://…` */
  readonly url: string;
  /** Closes every connection to it and removes it. */
  drop(): Promise<void>;
}

const OBJECT_IN_USE = '55006';

/** An empty database of the caller's own, with all migrations applied, on the server of the test run. */
export async function freshDatabase(): Promise<FreshDatabase> {
  const server = process.env.PLIMSOLL_TEST_SERVER_URL;
  const template = process.env.PLIMSOLL_TEST_TEMPLATE;
  if (!server || !template) throw new Error('There is no test server: freshDatabase works in specs, after test/support/global-setup.ts.');
  const name = `spec_${randomUUID().replaceAll('-', '')}`;
  await createFrom(server, name, template);
  return { url: urlOf(server, name), drop: () => dropDatabase(server, name) };
}

/** Makes the database that the others are cloned from, and gives back its name. */
export async function createTemplate(server: string, prepare: (url: string) => Promise<unknown>): Promise<string> {
  const name = `template_${randomUUID().replaceAll('-', '')}`;
  await createFrom(server, name, 'template0');
  await prepare(urlOf(server, name));
  return name;
}

export async function dropDatabase(server: string, name: string): Promise<void> {
  await asAdministrator(server, (client) => client.query(`drop database if exists ${name} with (force)`));
}

async function createFrom(server: string, name: string, template: string): Promise<void> {
  await asAdministrator(server, async (client) => {
    const deadline = Date.now() + 30_000;
    for (;;) {
      try {
        await client.query(`create database ${name} template ${template}`);
        return;
      } catch (error) {
        // Another worker is cloning the template at this moment.
        if (!(error instanceof DatabaseError) || error.code !== OBJECT_IN_USE || Date.now() > deadline) throw error;
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    }
  });
}

async function asAdministrator<T>(server: string, work: (client: Client) => Promise<T>): Promise<T> {
  const client = new Client({ connectionString: server });
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

function urlOf(server: string, database: string): string {
  const url = new URL(server);
  url.pathname = `/${database}`;
  return url.href;
}
