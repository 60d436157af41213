import type { MigrationInterface, QueryRunner } from 'typeorm';

/** The ledger of `src/ledger`: every event as a leaf of a Merkle tree, the tree's nodes, and what was signed of it. */
export class Ledger1767226430000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      create table ledger_leaf (
        -- Dense, from 0: the leaf's place in the tree.
        sequence bigint primary key,
        -- Of the event in the log: rising, not dense.
        position bigint not null unique,
        event_id uuid not null,
        stream   text collate "C" not null,
        revision int not null,
        hash     bytea not null check (length(hash) = 32)
      )
    `);
    await runner.query('create index ledger_leaf_event_id on ledger_leaf (event_id)');
    // Of the nodes above the leaves only those of every eighth level: those between come from at most 128 hashes.
    await runner.query(`
      create table ledger_node (
        level smallint not null check (level > 0 and level % 8 = 0),
        index bigint not null,
        hash  bytea not null check (length(hash) = 32),
        primary key (level, index)
      )
    `);
    await runner.query(`
      create table ledger_tree (
        singleton boolean primary key default true check (singleton),
        size     bigint not null,
        -- The roots of its perfect subtrees from the left, 32 bytes each.
        frontier bytea not null,
        root     bytea not null check (length(root) = 32),
        -- Of the last event that is a leaf; -1 before the first.
        position bigint not null
      )
    `);
    await runner.query(`
      create table ledger_checkpoint (
        size           bigint primary key,
        root           bytea not null check (length(root) = 32),
        note           text not null,
        signed_at      timestamptz not null,
        -- What was in the log and under no signature until then: how many leaves, and how old the oldest was.
        window_events  bigint not null,
        window_seconds double precision not null,
        published_at   timestamptz
      )
    `);
    await runner.query('create index ledger_checkpoint_unpublished on ledger_checkpoint (size) where published_at is null');
    await runner.query(`
      create table ledger_signer (
        singleton boolean primary key default true check (singleton),
        -- The one key that signs for this log, as C2SP notes write it.
        verifier text not null,
        -- Why nothing is signed now: code, detail, since.
        alarm    jsonb
      )
    `);
  }

  async down(): Promise<void> {
    throw new Error('Migrations only go forward.');
  }
}
