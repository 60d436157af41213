import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Pool } from 'pg';
import { BEFORE_ALL, derivedId } from '#libs/event-sourcing';
import { MemoryEventLog } from '#libs/event-sourcing/memory';
import { testEvent } from '#libs/event-sourcing/testing';
import { consistencyProof, leafHash, parseSigner, formatSigner, type Hash, type Seen } from '#libs/ledger';
import type * as LedgerModule from '#libs/ledger';
import { MemoryMessageBus } from '#libs/messaging/memory';

import type * as ConfirmDeploymentModule from '../../../src/deployments/deployment/confirm-deployment.ts';
import type * as RunStepModule from '../../../src/deployments/deployment/run-step.ts';
import type * as StartDeploymentModule from '../../../src/deployments/deployment/start-deployment.ts';
import type * as ReserveEnvironmentModule from '../../../src/environments/environment/reserve-environment.ts';
import type * as DeclareCalendarModule from '../../../src/governance/calendar/declare-calendar.ts';
import type * as CheckpointFileModule from '../../../src/ledger/checkpoint-file.ts';
import type * as CheckpointSignerModule from '../../../src/ledger/checkpoint-signer.ts';
import type * as RecordLeavesModule from '../../../src/ledger/record-leaves.ts';
import { freshDatabase } from '../../support/database.ts';
import { logKey, signedCheckpoint } from '../../support/exports.ts';
import { endOfFreezeRace, freezeRace, type FreezeRaceCommands } from '../../support/freeze-race.ts';
import type { Build } from './build.ts';
import type { Attempt, Scenario } from './scenario.ts';

/** Orders of a freeze and a deployment that are tried. */
const SEEDS = Array.from({ length: 400 }, (_, seed) => seed);

function commandsOf(build: Build): FreezeRaceCommands {
  return {
    start: build.load<typeof StartDeploymentModule>('src/deployments/deployment/start-deployment.ts').startDeploymentCommand,
    reserve: build.load<typeof ReserveEnvironmentModule>('src/environments/environment/reserve-environment.ts').reserveEnvironmentCommand,
    confirm: build.load<typeof ConfirmDeploymentModule>('src/deployments/deployment/confirm-deployment.ts').confirmDeploymentCommand,
    lease: build.load<typeof RunStepModule>('src/deployments/deployment/run-step.ts').leaseStepCommand,
    declareCalendar: build.load<typeof DeclareCalendarModule>('src/governance/calendar/declare-calendar.ts').declareCalendarCommand,
  };
}

/** A freeze that is declared between the confirmation's reading and its writing. */
export const freezeRaced: Scenario = {
  legitimate: async ({ build }) => {
    for (const seed of SEEDS) if (endOfFreezeRace(await freezeRace(seed, commandsOf(build))) === 'ran') return;
    throw new Error('No deployment ran that was confirmed before the freeze.');
  },
  attack: async ({ build }) => {
    for (const seed of SEEDS) {
      const end = endOfFreezeRace(await freezeRace(seed, commandsOf(build)));
      if (end === 'ran though frozen before') return { succeeded: true, what: `seed ${seed}: ${end}` };
    }
    return { succeeded: false, what: `none of ${SEEDS.length} orders` };
  },
};

const NOW = '2026-03-02T10:00:00.000Z';

async function appendTo(log: MemoryEventLog, from: number, to: number, salt: string): Promise<void> {
  for (let n = from; n < to; n++) {
    const event = testEvent(n);
    const id = derivedId('weakened', String(n), salt);
    const stream = `thing-${n % 5}`;
    await log.append(stream, (await log.readStream(stream)).revision, [
      { ...event, id, metadata: { ...event.metadata, commandId: id, recordedAt: NOW } },
    ]);
  }
}

/** A ledger in a real database, with its signer, and the file that the signer keeps beside it. */
async function ledgerOf(build: Build): Promise<{
  readonly record: (log: MemoryEventLog) => Promise<void>;
  readonly sign: (log: MemoryEventLog) => Promise<string>;
  readonly forget: () => Promise<void>;
  readonly close: () => Promise<void>;
}> {
  const { recordLeaves } = build.load<typeof RecordLeavesModule>('src/ledger/record-leaves.ts');
  const { CheckpointFile } = build.load<typeof CheckpointFileModule>('src/ledger/checkpoint-file.ts');
  const { CheckpointSigner } = build.load<typeof CheckpointSignerModule>('src/ledger/checkpoint-signer.ts');
  const database = await freshDatabase();
  const pool = new Pool({ connectionString: database.url });
  pool.on('error', () => undefined);
  const folder = await mkdtemp(join(tmpdir(), 'plimsoll-weakened-'));
  const file = await CheckpointFile.open(join(folder, 'checkpoints.ndjson'));
  const alarms: string[] = [];
  return {
    record: async (log) => {
      const client = await pool.connect();
      await client.query('begin');
      await recordLeaves(log).transactional(await log.readAll({ after: BEFORE_ALL, maxCount: 1000 }), client, { epoch: 0 } as never);
      await client.query('commit');
      client.release();
    },
    /** What was signed last, or the alarm. */
    sign: async (log) => {
      const bus = new MemoryMessageBus();
      const before = alarms.length;
      await new CheckpointSigner({
        pool,
        log,
        bus,
        signer: logKey(),
        file,
        everyEvents: 1,
        everySeconds: 1,
        now: () => NOW,
        onAlarm: ({ code }) => alarms.push(code),
      }).tick('now');
      return alarms[before] ?? `signed ${file.last?.size}`;
    },
    forget: async () => void (await pool.query('truncate ledger_leaf, ledger_node, ledger_tree, ledger_checkpoint, ledger_signer')),
    close: async () => {
      await file.close();
      await pool.end();
      await database.drop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** The database is put back to an earlier backup, and grows again to more than was ever signed. */
export const rollbackSigned: Scenario = {
  legitimate: async ({ build }) => {
    const ledger = await ledgerOf(build);
    try {
      const log = new MemoryEventLog();
      for (const [from, to] of [
        [0, 40],
        [40, 60],
      ] as const) {
        await appendTo(log, from, to, '');
        await ledger.record(log);
        const came = await ledger.sign(log);
        if (came !== `signed ${to}`) throw new Error(`What goes on was not signed: ${came}.`);
      }
    } finally {
      await ledger.close();
    }
  },
  attack: async ({ build }): Promise<Attempt> => {
    const ledger = await ledgerOf(build);
    try {
      const log = new MemoryEventLog();
      await appendTo(log, 0, 40, '');
      await ledger.record(log);
      await ledger.sign(log);
      const regrown = new MemoryEventLog();
      await appendTo(regrown, 0, 20, '');
      await appendTo(regrown, 20, 60, 'another history');
      await ledger.forget();
      await ledger.record(regrown);
      const came = await ledger.sign(regrown);
      return { succeeded: came === 'signed 60', what: came };
    } finally {
      await ledger.close();
    }
  },
};

const leaves = (count: number, fork = ''): Hash[] => Array.from({ length: count }, (_, n) => leafHash(n < 10 ? `${n}` : `${n}${fork}`));

/** What a witness answers to a checkpoint that comes after one of twenty leaves, and is said to go on from it. */
async function cosigned(build: Build, next: Hash[]): Promise<Attempt> {
  const { witnessCheckpoint } = build.load<typeof LedgerModule>('libs/ledger/index.ts');
  let seen: Seen | undefined;
  const options = {
    signer: parseSigner(formatSigner('witness.example', 'cosignature/v1', Buffer.alloc(32, 2))),
    logs: [logKey().verifier],
    store: {
      latest: async () => seen,
      successions: async () => [],
      replace: async (_origin: string, _previous: Seen | undefined, replaced: Seen) => {
        seen = replaced;
        return true;
      },
    },
    now: () => 1_800_000_000,
  };
  await witnessCheckpoint(options, { oldSize: 0, proof: [], checkpoint: signedCheckpoint(leaves(20), 20, logKey()) });
  const checkpoint = signedCheckpoint(next, next.length, logKey());
  const answer = await witnessCheckpoint(options, { oldSize: 20, proof: consistencyProof(next, 20), checkpoint });
  return { succeeded: answer.signed, what: answer.signed ? 'cosigned' : answer.refusal };
}

/** A checkpoint that the log has signed, of a tree that parts from the one that was witnessed. */
export const forkCosigned: Scenario = {
  legitimate: async ({ build }) => {
    const { succeeded, what } = await cosigned(build, leaves(30));
    if (!succeeded) throw new Error(`What goes on was not cosigned: ${what}.`);
  },
  attack: ({ build }) => cosigned(build, leaves(30, ' of another history')),
};
