import { spawnSync } from 'node:child_process';
import { MavenKafka, mavenCanRun } from './maven-kafka.ts';
import { freePorts, untilListening } from './ports.ts';

export interface RunningKafka {
  readonly brokers: string[];
  /** Kills the broker without a warning and starts it again on the same port and data; undefined where the broker is not ours to kill. */
  readonly killAndRestart?: (whileDown?: () => Promise<void>) => Promise<void>;
  stop(): Promise<void>;
}

const IMAGE = 'apache/kafka:4.1.1';

type Source = { readonly from: 'given'; readonly brokers: string[] } | { readonly from: 'docker' | 'maven' };

/**
 * A real Apache Kafka for specs: the one of `KAFKA_BROKERS` (comma-separated), or one in Docker, or one from Maven Central on the
 * Java of this machine. Where none can be had it says so and gives undefined; with `CI=true` it throws instead.
 */
export async function startKafka(): Promise<RunningKafka | undefined> {
  const source = sourceOrSkip();
  return source && (await startFrom(source));
}

/** A `describe` with a Kafka that is started before its first test and stopped after its last; skipped, aloud, where none can be had. */
export function describeWithKafka(title: string, body: (kafka: () => RunningKafka) => void): void {
  const source = sourceOrSkip();
  (source ? describe : describe.skip)(title, () => {
    let running: RunningKafka | undefined;
    // The first time on a machine, the broker is downloaded.
    beforeAll(async () => {
      running = await startFrom(source!);
    }, 600_000);
    afterAll(async () => {
      await running?.stop();
    });
    body(() => running!);
  });
}

function sourceOrSkip(): Source | undefined {
  const brokers = process.env.KAFKA_BROKERS?.split(',').filter((broker) => broker !== '') ?? [];
  if (brokers.length > 0) return { from: 'given', brokers };
  if (dockerAnswers()) return { from: 'docker' };
  if (mavenCanRun()) return { from: 'maven' };
  skipAloud('no Kafka: set KAFKA_BROKERS, or run Docker, or install Java 17 and Maven.');
  return undefined;
}

/** Says what is missing; with `CI=true` skipping is failing. */
export function skipAloud(what: string): void {
  if (process.env.CI === 'true') throw new Error(`SKIPPED: ${what}`);
  console.warn(`SKIPPED: ${what}`);
}

async function startFrom(source: Source): Promise<RunningKafka> {
  if (source.from === 'given') return { brokers: source.brokers, stop: async () => undefined };
  return await (source.from === 'docker' ? startContainer() : startFromMaven());
}

function dockerAnswers(): boolean {
  return spawnSync('docker', ['info', '--format', '{{.ServerVersion}}'], { timeout: 10_000, stdio: 'ignore' }).status === 0;
}

async function startFromMaven(): Promise<RunningKafka> {
  const kafka = await MavenKafka.create();
  await kafka.start();
  return {
    brokers: [kafka.broker],
    killAndRestart: async (whileDown) => {
      await kafka.kill();
      await whileDown?.();
      await kafka.start();
    },
    stop: () => kafka.remove(),
  };
}

async function startContainer(): Promise<RunningKafka> {
  // Fixed, because brokers tell clients their own address, and because Docker would choose another port for a restart.
  const [port] = await freePorts(1);
  const { GenericContainer, Wait } = await import('testcontainers');
  const container = await new GenericContainer(IMAGE)
    .withEnvironment({
      KAFKA_NODE_ID: '1',
      KAFKA_PROCESS_ROLES: 'broker,controller',
      KAFKA_LISTENERS: 'OUTSIDE://:9092,CONTROLLER://:9093',
      KAFKA_ADVERTISED_LISTENERS: `OUTSIDE://127.0.0.1:${port}`,
      KAFKA_LISTENER_SECURITY_PROTOCOL_MAP: 'OUTSIDE:PLAINTEXT,CONTROLLER:PLAINTEXT',
      KAFKA_INTER_BROKER_LISTENER_NAME: 'OUTSIDE',
      KAFKA_CONTROLLER_LISTENER_NAMES: 'CONTROLLER',
      KAFKA_CONTROLLER_QUORUM_VOTERS: '1@localhost:9093',
      KAFKA_AUTO_CREATE_TOPICS_ENABLE: 'false',
      KAFKA_OFFSETS_TOPIC_REPLICATION_FACTOR: '1',
      KAFKA_TRANSACTION_STATE_LOG_REPLICATION_FACTOR: '1',
      KAFKA_TRANSACTION_STATE_LOG_MIN_ISR: '1',
      KAFKA_SHARE_COORDINATOR_STATE_TOPIC_REPLICATION_FACTOR: '1',
      KAFKA_SHARE_COORDINATOR_STATE_TOPIC_MIN_ISR: '1',
      KAFKA_GROUP_INITIAL_REBALANCE_DELAY_MS: '0',
    })
    .withExposedPorts({ container: 9092, host: port! })
    .withWaitStrategy(Wait.forLogMessage(/Kafka Server started/))
    .start();
  const docker = (command: string): void => {
    const { status, stderr } = spawnSync('docker', [command, container.getId()], { encoding: 'utf8', timeout: 60_000 });
    if (status !== 0) throw new Error(`docker ${command} failed: ${stderr}`);
  };
  return {
    brokers: [`127.0.0.1:${port}`],
    killAndRestart: async (whileDown) => {
      docker('kill');
      await whileDown?.();
      docker('start');
      await untilListening(port!);
    },
    stop: async () => {
      await container.stop();
    },
  };
}
