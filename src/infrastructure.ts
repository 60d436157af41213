import { randomBytes, randomUUID } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { Pool } from 'pg';
import { plimsollCodec } from '#libs/contracts';
import { startEmbeddedPostgres, type EmbeddedPostgres } from '#libs/embedded-postgres';
import type { EventCodec, EventLog } from '#libs/event-sourcing';
import { EventStoreDbEventLog } from '#libs/event-sourcing/eventstoredb';
import { PostgresEventLog } from '#libs/event-sourcing/postgres';
import { PostgresIdempotencyStore } from '#libs/http';
import { EmbeddedIssuer, TokenVerifier } from '#libs/identity';
import { openSignerFile, readSignerFile, type Signer } from '#libs/ledger';
import type { MessageBus } from '#libs/messaging';
import { openMasterKeyFile, PostgresSubjectKeys, readMasterKeyFile, TextKeeper, type MasterKey } from '#libs/privacy';
import { KafkaMessageBus } from '#libs/messaging/kafka';
import { PostgresMessageBus } from '#libs/messaging/postgres';
import { bootName, SubscriptionRegistry } from '#libs/subscriptions';
import { migrate } from '../migrations/migrate.ts';
import type { Configuration } from './configuration.ts';
import { CheckpointFile } from './ledger/checkpoint-file.ts';

/** What stands behind the ports, as the configuration says; no code outside the adapters knows which it is. */
export interface Infrastructure {
  readonly databaseUrl: string;
  readonly pool: Pool;
  readonly log: EventLog;
  readonly codec: EventCodec;
  readonly bus: MessageBus;
  readonly idempotency: PostgresIdempotencyStore;
  readonly subjectKeys: PostgresSubjectKeys;
  /** Seals text about persons, and opens it. */
  readonly texts: TextKeeper;
  readonly verifier: TokenVerifier;
  /** Absent where an issuer is configured. */
  readonly issuer?: EmbeddedIssuer;
  /** What signs the ledger's checkpoints, and where it keeps them beside the database; in the role publisher alone. */
  readonly ledger?: { readonly signer: Signer; readonly predecessor?: Signer; readonly file: CheckpointFile };
  readonly registry: SubscriptionRegistry;
  close(): Promise<void>;
}

export interface Progress {
  info(message: string): void;
  warn(message: string): void;
}

/** Opens everything in the order of need; what fails says what it was about. What was opened before a failure is closed again. */
export async function openInfrastructure(configuration: Configuration, progress: Progress): Promise<Infrastructure> {
  const opened: (() => Promise<void>)[] = [];
  let closing = false;
  const close = async (): Promise<void> => {
    closing = true;
    for (const closeOne of opened.splice(0).reverse()) await closeOne();
  };
  try {
    const embedded = configuration.databaseUrl ? undefined : await openEmbeddedPostgres(configuration, progress);
    if (embedded) opened.push(() => embedded.stop());
    const databaseUrl = configuration.databaseUrl ?? embedded?.url ?? '';

    const applied = await migrate(databaseUrl);
    if (applied.length > 0) progress.info(`Database schema brought up to date: ${applied.join(', ')}.`);

    // One connection for each projection and process at work, and some for queries.
    const pool = new Pool({ connectionString: databaseUrl, max: 24, application_name: bootName(randomUUID()) });
    pool.on('error', (error) => {
      // Whoever stops Plimsoll with its database need not be told that both have stopped.
      if (!closing) progress.warn(`An idle database connection broke: ${error.message}`);
    });
    opened.push(() => pool.end());

    const log = configuration.eventStoreUrl
      ? new EventStoreDbEventLog({ connectionString: configuration.eventStoreUrl, onAlarm: (message) => progress.warn(message) })
      : new PostgresEventLog({ url: databaseUrl });
    opened.push(() => log.close());

    const { kafka } = configuration;
    const bus: MessageBus = kafka
      ? new KafkaMessageBus({
          brokers: [...kafka.brokers],
          clientId: 'plimsoll',
          ssl: kafka.ssl,
          ...(kafka.sasl ? { sasl: { mechanism: 'scram-sha-512', ...kafka.sasl } } : {}),
        })
      : new PostgresMessageBus({ pool, onError: (error) => progress.warn(`The message bus was interrupted: ${String(error)}`) });
    opened.push(() => bus.close());

    const master = await openMasterKey(configuration);
    const subjectKeys = new PostgresSubjectKeys(pool, master);
    await subjectKeys.checkMaster();

    const idempotency = new PostgresIdempotencyStore({ url: databaseUrl, secret: master.derive('idempotency') });
    opened.push(() => idempotency.close());

    const issuer = configuration.issuers ? undefined : await openEmbeddedIssuer(configuration);
    const verifier = new TokenVerifier(configuration.issuers ?? (issuer ? [issuer.configuration()] : []));

    const ledger = configuration.roles.includes('publisher') ? await openLedger(configuration) : undefined;
    if (ledger) opened.push(() => ledger.file.close());

    return {
      databaseUrl,
      pool,
      log,
      codec: plimsollCodec(),
      bus,
      idempotency,
      subjectKeys,
      texts: new TextKeeper(subjectKeys),
      verifier,
      ...(issuer ? { issuer } : {}),
      ...(ledger ? { ledger } : {}),
      registry: new SubscriptionRegistry(),
      close,
    };
  } catch (error) {
    await close().catch(() => undefined);
    throw error;
  }
}

async function openEmbeddedPostgres({ dataDir }: Configuration, progress: Progress): Promise<EmbeddedPostgres> {
  await mkdir(dataDir, { recursive: true });
  progress.info(`Starting the embedded Postgres in ${join(dataDir, 'postgres')} (set DATABASE_URL to use another one).`);
  return await startEmbeddedPostgres({ dataDir: join(dataDir, 'postgres') });
}

async function openMasterKey({ dataDir, subjectKeyFile }: Configuration): Promise<MasterKey> {
  return subjectKeyFile ? readMasterKeyFile(subjectKeyFile) : await openMasterKeyFile(join(dataDir, 'subject-master-key'));
}

async function openEmbeddedIssuer({ dataDir }: Configuration): Promise<EmbeddedIssuer> {
  await mkdir(dataDir, { recursive: true });
  return await EmbeddedIssuer.open({ folder: dataDir });
}

async function openLedger({
  dataDir,
  ledger: { keyFile, previousKeyFile },
}: Configuration): Promise<{ signer: Signer; predecessor?: Signer; file: CheckpointFile }> {
  const folder = join(dataDir, 'ledger');
  // No two logs may have one origin, so the embedded default's is drawn.
  const name = (): string => `plimsoll.local/${randomBytes(8).toString('hex')}`;
  const predecessor = previousKeyFile ? readSignerFile(previousKeyFile) : undefined;
  const signer =
    keyFile && !predecessor
      ? readSignerFile(keyFile)
      : await openSignerFile(keyFile ?? join(folder, 'signing-key'), () => predecessor?.verifier.name ?? name());
  return { signer, ...(predecessor ? { predecessor } : {}), file: await CheckpointFile.open(join(folder, 'checkpoints.ndjson')) };
}
