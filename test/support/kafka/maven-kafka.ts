import { execFile, spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { createHash, randomUUID } from 'node:crypto';
import { closeSync, existsSync, openSync, readFileSync } from 'node:fs';
import { mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { freePorts, untilListening } from './ports.ts';

const run = promisify(execFile);
const POM = join(__dirname, 'pom.xml');

export function mavenCanRun(): boolean {
  const works = (command: string, flag: string): boolean => spawnSync(command, [flag], { stdio: 'ignore', timeout: 60_000 }).status === 0;
  return works('java', '-version') && (existsSync(jarsFolder()) || works('mvn', '-version'));
}

/** One folder for each content of the pom, so that a new version brings new jars. */
function jarsFolder(): string {
  const pom = createHash('sha256').update(readFileSync(POM)).digest('hex').slice(0, 12);
  return join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'plimsoll', `kafka-${pom}`);
}

/** Downloads Kafka's jars once for a machine; renamed into place when complete, so that several may do it at once. */
async function ensureJars(): Promise<string> {
  const folder = jarsFolder();
  if (existsSync(folder)) return folder;
  const partial = `${folder}.${randomUUID()}`;
  await mkdir(partial, { recursive: true });
  const args = ['-B', '-q', '-f', POM, 'dependency:copy-dependencies', '-DincludeScope=runtime', `-DoutputDirectory=${partial}`];
  await run('mvn', args, { timeout: 8 * 60_000, maxBuffer: 16 * 1024 * 1024 });
  await rename(partial, folder).catch(async (error: unknown) => {
    await rm(partial, { recursive: true, force: true });
    if (!existsSync(folder)) throw error;
  });
  return folder;
}

/** One broker and controller in a temporary folder, on free ports of 127.0.0.1. */
export class MavenKafka {
  private child: ChildProcess | undefined;

  private constructor(
    readonly broker: string,
    private readonly port: number,
    private readonly folder: string,
    private readonly classpath: string,
  ) {}

  static async create(): Promise<MavenKafka> {
    const jars = await ensureJars();
    const folder = await mkdtemp(join(tmpdir(), 'plimsoll-kafka-'));
    const [port, controllerPort] = (await freePorts(2)) as [number, number];
    await writeFile(join(folder, 'server.properties'), properties(folder, port, controllerPort));
    const classpath = join(jars, '*');
    const id = Buffer.from(randomUUID().replaceAll('-', ''), 'hex').toString('base64url');
    // With an equals sign: an id may begin with a hyphen, and would pass for an option.
    await run('java', [
      '-cp',
      classpath,
      'kafka.tools.StorageTool',
      'format',
      `--cluster-id=${id}`,
      '-c',
      join(folder, 'server.properties'),
    ]);
    return new MavenKafka(`127.0.0.1:${port}`, port, folder, classpath);
  }

  async start(): Promise<void> {
    const log = openSync(join(this.folder, 'server.log'), 'a');
    // The shell waits for its standard input to end, which it does even when this process is killed, and then kills the broker.
    const script = 'exec 3<&0; java "$@" 3<&- & broker=$!; (cat <&3; kill -KILL $broker) >/dev/null 2>&1 & wait $broker';
    const java = [
      '-Xmx384m',
      '-XX:TieredStopAtLevel=1',
      '-XX:+UseSerialGC',
      '-cp',
      this.classpath,
      'kafka.Kafka',
      join(this.folder, 'server.properties'),
    ];
    this.child = spawn('sh', ['-c', script, 'kafka', ...java], { stdio: ['pipe', log, log] });
    closeSync(log);
    let failed: string | undefined;
    this.child.once('error', (error) => (failed = error.message));
    this.child.once('exit', () => (failed = this.tail()));
    await untilListening(this.port, () => failed);
  }

  /** As `kill -9` does. */
  async kill(): Promise<void> {
    const child = this.child;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const exited = new Promise((resolve) => child.once('exit', resolve));
    child.stdin?.end();
    await exited;
  }

  async remove(): Promise<void> {
    await this.kill();
    await rm(this.folder, { recursive: true, force: true });
  }

  private tail(): string {
    return readFileSync(join(this.folder, 'server.log'), 'utf8').slice(-2_000);
  }
}

function properties(folder: string, port: number, controllerPort: number): string {
  const settings = {
    'process.roles': 'broker,controller',
    'node.id': '1',
    'controller.quorum.voters': `1@127.0.0.1:${controllerPort}`,
    listeners: `PLAINTEXT://127.0.0.1:${port},CONTROLLER://127.0.0.1:${controllerPort}`,
    'advertised.listeners': `PLAINTEXT://127.0.0.1:${port}`,
    'listener.security.protocol.map': 'PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT',
    'controller.listener.names': 'CONTROLLER',
    'log.dirs': join(folder, 'data'),
    'auto.create.topics.enable': 'false',
    'offsets.topic.replication.factor': '1',
    'offsets.topic.num.partitions': '4',
    'transaction.state.log.replication.factor': '1',
    'transaction.state.log.min.isr': '1',
    'share.coordinator.state.topic.replication.factor': '1',
    'share.coordinator.state.topic.min.isr': '1',
    'group.initial.rebalance.delay.ms': '0',
  };
  return Object.entries(settings)
    .map(([name, value]) => `${name}=${value}\n`)
    .join('');
}
