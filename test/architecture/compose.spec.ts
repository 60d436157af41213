import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parse } from 'yaml';
import { readConfiguration } from '../../src/configuration.ts';

const ROOT = resolve(__dirname, '../..');
const textOf = (path: string): string => readFileSync(join(ROOT, path), 'utf8');

interface Service {
  readonly image?: string;
  readonly build?: { readonly context: string; readonly dockerfile: string };
  readonly network_mode?: string;
  readonly environment?: Readonly<Record<string, string>>;
  readonly ports?: readonly string[];
  readonly volumes?: readonly string[];
  readonly healthcheck?: { readonly test: readonly string[] };
  readonly depends_on?: Readonly<Record<string, { readonly condition: string }>>;
}

const compose = parse(textOf('docker-compose.yml'), { strict: true, uniqueKeys: true }) as {
  readonly services: Readonly<Record<string, Service>>;
  readonly volumes: Readonly<Record<string, unknown>>;
};
const services = Object.entries(compose.services);
const { plimsoll } = compose.services;

/** `${NAME:-default}` as Compose fills it in where NAME is not set. */
const filledIn = (text: string): string => text.replace(/\$\{\w+:-([^}]*)\}/g, '$1');
const environment = Object.fromEntries(Object.entries(plimsoll?.environment ?? {}).map(([name, value]) => [name, filledIn(value)]));

describe('docker-compose.yml', () => {
  it('has Plimsoll, its event store, its message broker and its database', () => {
    expect(services.map(([name]) => name).sort()).toEqual(['eventstore', 'kafka', 'plimsoll', 'postgres']);
  });

  it.each(services)('%s has an image pinned by a version', (_name, { image }) => {
    expect(image).toMatch(/^[a-z0-9./-]+:\d+\.\d+[a-z0-9.-]*$/);
  });

  it.each(services)('%s is reachable from this machine only', (_name, service) => {
    for (const port of service.ports ?? []) expect(port).toMatch(/^127\.0\.0\.1:\d+:\d+$/);
    expect(service.network_mode).toBeUndefined();
  });

  it.each(services)('%s says when it is healthy, and what it keeps outlives it', (_name, service) => {
    expect(service.healthcheck?.test.length ?? (service.build && textOf(service.build.dockerfile).includes('\nHEALTHCHECK '))).toBeTruthy();
    expect(service.volumes?.length).toBeGreaterThan(0);
    for (const volume of service.volumes ?? []) expect(Object.keys(compose.volumes)).toContain(volume.split(':')[0]);
  });

  it('starts Plimsoll when the others are healthy', () => {
    const others = services.map(([name]) => name).filter((name) => name !== 'plimsoll');
    expect(plimsoll?.depends_on).toEqual(Object.fromEntries(others.map((name) => [name, { condition: 'service_healthy' }])));
  });

  it('gives Plimsoll only variables that it reads, and a configuration that it starts with', () => {
    const read = new Set(textOf('src/configuration.ts').match(/(?<=')[A-Z][A-Z_]+(?=')/g));
    expect(Object.keys(environment).filter((name) => !read.has(name))).toEqual([]);
    expect(readConfiguration(environment)).toMatchObject({
      host: '0.0.0.0',
      port: 3000,
      databaseUrl: 'postgres://plimsoll:plimsoll@postgres:5432/plimsoll',
      eventStoreUrl: 'esdb://eventstore:2113?tls=false',
      kafka: { brokers: ['kafka:9092'] },
    });
  });

  it('points Plimsoll to the other services, on the ports that they listen on', () => {
    const { DATABASE_URL = '', EVENTSTORE_URL = '', KAFKA_BROKERS = '' } = environment;
    const ports = { postgres: 5432, eventstore: 2113, kafka: 9092 };
    const expected = Object.entries(ports).map(([name, port]) => `${name}:${port}`);
    expect([new URL(DATABASE_URL).host, new URL(EVENTSTORE_URL).host, KAFKA_BROKERS]).toEqual(expected);
    expect(Object.keys(compose.services)).toEqual(expect.arrayContaining(Object.keys(ports)));
  });

  it('has Kafka send every client on to an address that it can reach', () => {
    const { KAFKA_LISTENERS = '', KAFKA_ADVERTISED_LISTENERS = '' } = compose.services.kafka?.environment ?? {};
    expect(KAFKA_ADVERTISED_LISTENERS).toBe('CLIENT://kafka:9092,MACHINE://127.0.0.1:9094');
    expect(KAFKA_LISTENERS).toContain('CLIENT://:9092,MACHINE://:9094');
    expect(compose.services.kafka?.ports).toEqual(['127.0.0.1:9094:9094']);
  });

  it('lets the embedded issuer serve beyond loopback by a word of its own, without which Plimsoll would not start', () => {
    expect(environment.PLIMSOLL_OPEN_ISSUER).toBe('true');
    expect(() => readConfiguration({ ...environment, PLIMSOLL_OPEN_ISSUER: 'false' })).toThrow('OIDC_ISSUER');
  });
});

describe('deploy/Dockerfile', () => {
  const lines = textOf('deploy/Dockerfile').replaceAll('\\\n', ' ').split('\n');
  const of = (instruction: string): string[] =>
    lines.filter((line) => line.startsWith(`${instruction} `)).map((line) => line.slice(instruction.length + 1));

  it('builds on the Node that the project runs on, pinned', () => {
    const major = textOf('.nvmrc').trim();
    for (const from of of('FROM')) expect(from).toMatch(new RegExp(`^node:${major}\\.\\d+-[a-z]+-slim( AS [a-z-]+)?$`));
  });

  it('runs as nobody special, without what only building needs', () => {
    expect(of('USER')).toEqual(['node']);
    const final = lines.slice(lines.findLastIndex((line) => line.startsWith('FROM ')));
    expect(final.join('\n')).toContain('COPY --from=runtime-dependencies');
    expect(of('RUN')).toContain('npm ci --omit=dev');
  });

  it('copies only what is there and is let through', () => {
    const ignore = textOf('deploy/Dockerfile.dockerignore').split('\n');
    const copied = of('COPY')
      .filter((line) => !line.startsWith('--from'))
      .flatMap((line) => line.split(/\s+/).slice(0, -1));
    for (const path of copied) {
      expect(existsSync(join(ROOT, path)) ? '' : `${path} is not there`).toBe('');
      expect(ignore).toContain(`!${path.split('/')[0]}`);
    }
  });

  it('starts the program that npm start starts', () => {
    const { scripts } = JSON.parse(textOf('package.json')) as { scripts: Record<string, string> };
    expect(scripts.start).toBe(`npm run --silent build && exec ${(JSON.parse(of('CMD')[0] ?? '[]') as string[]).join(' ')}`);
  });
});
